"""Files that may be anybody's: plain ones of bounded size are opened, and what is in them must be what is expected.

What is wrong comes as one line that names the file, the entry, what was found, what was expected and what to do.
"""

import os
import re
import reprlib
import stat
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import yaml
from msgspec import UNSET, Meta, UnsetType

BY_HAND, BY_PROGRAMS = 1_000_000, 200_000_000  # bytes of a file, at most, by who writes such files

# Kinds of entries; NaN and infinity keep no bounds.
Number = Annotated[float, Meta(ge=-1e12, le=1e12)]
Positive = Annotated[float, Meta(gt=0, le=1e12)]
Least0 = Annotated[float, Meta(ge=0, le=1e12)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=10**9)]
Text = Annotated[str, Meta(max_length=4096)]
Maybe = UnsetType  # an entry that need not be there: `Count | Maybe`

_DEPTH = 20  # of lists in lists
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the former, where it is there, is ten times as fast
_WORDS = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "array": "a list"}
_WORDS |= {"object": "a list of `key: value`", "null": "nothing"}
_QUOTES = reprlib.Repr()
_QUOTES.maxstring = _QUOTES.maxother = 60


def record(closed: bool = False, **entries: Any) -> Any:
    """The kind of a mapping with these entries; ``closed``: and no others."""
    fields = [(name, kind, UNSET) if Maybe in get_args(kind) else (name, kind) for name, kind in entries.items()]
    return msgspec.defstruct("record", fields, kw_only=True, forbid_unknown_fields=closed)


def many(kind: Any, least: int = 0, most: int = 10**8) -> Any:
    """The kind of a list."""
    return Annotated[list[kind], Meta(min_length=least, max_length=most)]


def by_name(kind: Any, key: Any = str) -> Any:
    """The kind of a mapping of anything."""
    return dict[key, kind]


def check(found: Any, kind: Any) -> Any:
    """``found``, what JSON or YAML says, as it is; ValueError tells the entry that is not of that ``kind``."""
    try:
        msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise ValueError(_in_words(str(error), found)) from error
    return found


def shortened(value: Any) -> str:
    """``value`` as it may be quoted in a message, however large it is."""
    try:
        text = _QUOTES.repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= 100 else f"{text[:100]}..."


def read_plain(path: Path, limit: int, folder: Path | None = None) -> bytes:
    """The content of a regular file of at most ``limit`` bytes, not outside ``folder``; OSError or ValueError else."""
    if folder is not None:
        require_inside(path, folder)
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # a pipe would wait for somebody who writes
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is no regular file")
        content = file.read(min(limit, about.st_size) + 1)  # that much memory is taken before a byte is read
    if len(content) > limit:
        raise ValueError(f"it has more than the {limit:,} bytes that such a file may have")
    return content


def require_inside(path: Path, folder: Path) -> None:
    """Raises ValueError where ``path``, all links followed, is not in ``folder``."""
    place, folder = path.resolve(), folder.resolve()
    if folder.parent.name == "snapshots":  # of the cache of the Hugging Face Hub, whose files are links to their blobs
        folder = folder.parent.parent
    if not place.is_relative_to(folder):
        raise ValueError(f"it leads out of its folder, to {shortened(str(place))}")


def from_json(content: bytes | str, kind: Any) -> Any:
    """What JSON says; ValueError where it is damaged, holds NaN or is not of that ``kind``."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"it is damaged, no JSON ({error})") from error
    return check(found, kind)


def read_json(path: Path, kind: Any, error: type[Exception], advice: str) -> Any:
    """What a JSON file says, which is of that ``kind``; links may not lead out of its folder.

    Raises FileNotFoundError: there is none; ``error``, with ``advice`` at its end: it is not what is expected.
    """
    try:
        return from_json(read_plain(path, BY_PROGRAMS, path.parent), kind)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as reason:
        raise error(f"{path}: {getattr(reason, 'strerror', None) or reason}: {advice}") from reason


def from_yaml(text: str) -> Any:
    """What YAML says; ValueError where it is none, uses aliases or lies deep."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"*{event.anchor} stands for what is written elsewhere: write it out")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEPTH:
                raise ValueError(f"lists lie in lists, more than {_DEPTH} deep")
        return yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ValueError(f"it is not YAML: {' '.join(str(error).split())[:200]}") from error


def _in_words(text: str, found: Any) -> str:
    """One line of what msgspec says, with the value that it says it of."""
    text, _, place = text.partition(" - at ")
    entry = place.replace("`", "").replace("$.", "").replace("$", "") or "it"
    text = re.sub(r"`(\w+)`", lambda name: _WORDS.get(name[1], name[0]), text)
    if text.startswith("Object missing"):
        return f"{entry} lacks {text.split('`')[1]}"
    if text.startswith("Object contains"):
        return f"{entry} has the entry {text.split('`')[1]}, which is not known"
    if not text.startswith("Expected"):
        return f"{entry}: {text[0].lower()}{text[1:]}"
    try:
        for name, index in re.findall(r"\.([^.\[\]`]+)|\[([^\]]*)\]", place):
            found = found[name] if name else found[int(index)]
        value = "another" if place.startswith("`key`") else shortened(found)
    except (KeyError, IndexError, TypeError, ValueError):  # an entry whose name holds a dot, or is not told
        value = text.partition(", got ")[2] or "another"
    return f"{entry} is {value}, expected {text.removeprefix('Expected ').partition(', got ')[0]}"
