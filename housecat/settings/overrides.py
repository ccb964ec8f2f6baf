"""`key=value` as a user writes it: the key looked up, the value turned into the type that the key has."""

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

from housecat.errors import UsageError
from housecat.settings.declared import Setting
from housecat.settings.groups import OUTSIDE
from housecat.settings.own_code import is_reference

SHORT = {"path": "world.path", "goal": "goal.picture", "port": "demo.port"}


@dataclass(frozen=True)
class Overrides:
    """What the command line asks for."""

    groups: dict[str, str]  # {"world": "medium"}: which file of a group
    values: dict[str, Any]  # {"train.updates": 900}: single settings


def parse(arguments: list[str], groups: dict[str, list[str]], settings: dict[str, Setting]) -> Overrides:
    """Reads `key=value` arguments.

    Args:
        groups: the files to choose from, by group.
        settings: all single settings.

    Raises UsageError: a key or a group's file does not exist, or a value has the wrong type.
    """
    found = Overrides({}, {})
    for argument in arguments:
        if not _is_text(argument):
            raise UsageError(f"{argument!a} holds bytes that are no text (UTF-8): write another name")
        name, equals, text = argument.partition("=")
        name = full_name(name)
        if not equals or not name:
            raise UsageError(f"expected key=value, got '{argument}'{_as_setting(argument, [*groups, *settings])}")
        if name in ("world", "method") and is_reference(text):
            key = "method.name"
            if name == "world":
                found.groups[name], key = "python", "world.factory"
            found.values[key] = text
        elif name in groups:
            # world=dm_control/cheetah/run: the file of the group says where worlds of that kind come from.
            group, slash, _ = text.partition("/")
            outside = name == "world" and bool(slash) and group in OUTSIDE
            found.groups[name] = group if outside else _choice(name, text, groups[name])
            if outside:
                found.values["world.name"] = text
        elif name in settings:
            found.values[name] = _value(settings[name], text)
        elif name.startswith("goal.") and "goal.part" in settings:  # a quantity of the world, which is not known yet
            before = found.values.get("goal.part")
            more = {name.removeprefix("goal."): _structure(settings["goal.part"], text.strip())}
            found.values["goal.part"] = {**before, **more} if isinstance(before, dict) else more
        else:
            raise UsageError(f"there is no setting '{name}'{suggestion(name, [*groups, *settings])}")
    return found


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def full_name(name: str) -> str:
    """The key that a user means, who may write `path` for `world.path`."""
    return SHORT.get(name.strip(), name.strip())


def names_world(keys: Iterable[str]) -> bool:
    """Whether these keys, which a user wrote, say which world."""
    return any(key.partition(".")[0] == "world" for key in keys)


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest known one, or where to find them all."""
    known = list(known)
    near = [name for name in known if name.startswith(word + ".")][:3]
    # `updates` for `train.updates`: the last part alone is what people remember.
    near = near or [name for name in known if name.rpartition(".")[2] == word.rpartition(".")[2]]
    near = near or difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f": did you mean {' or '.join(near)}?" if near else ": `housecat COMMAND --help` lists them all"


def _as_setting(argument: str, names: list[str]) -> str:
    flag = argument.lstrip("-").replace("-", "_")
    if argument.startswith("-") and flag in names:
        return f": write {flag}=VALUE"
    return ": settings are written like seed=1 or out=DIR"


def _choice(group: str, text: str, files: list[str]) -> str:
    if text in files:
        return text
    if group == "world" and text.endswith(".txt"):
        raise UsageError(f"world={text}: to load your own maze write world=pointmaze world.layout={text}")
    if group == "world" and text.endswith((".xml", ".mjcf", ".urdf")):
        raise UsageError(f"world={text}: to load a robot of your own write world=mjcf path={text}")
    near = difflib.get_close_matches(text, files, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"{group}={text} is unknown: {guess}there are {', '.join(files)}")


def _value(setting: Setting, text: str) -> Any:
    text = text.strip()
    if setting.optional and text == "null":
        return None
    if not text:
        raise UsageError(f"{setting.name}= has no value{': null stands for none' if setting.optional else ''}")
    if setting.type is Any:
        return _structure(setting, text)
    members = get_args(setting.type)
    if members:
        inside = text.removeprefix("[").removesuffix("]").strip()
        return tuple(_scalar(setting, members[0], part.strip()) for part in inside.split(",")) if inside else ()
    return _scalar(setting, setting.type, text)


def _structure(setting: Setting, text: str) -> Any:
    """Words, numbers, lists and mappings, as YAML has them."""
    from envs.files import from_yaml, shortened  # heavier than most command lines need

    try:
        return from_yaml(text)
    except ValueError as error:
        what = f"{setting.name}={shortened(text)}"
        raise UsageError(f"{what} cannot be read ({error}): write it like {{light: [0.5, 1.0]}}") from None


def _scalar(setting: Setting, kind: type, text: str) -> Any:
    words = {int: "a whole number", float: "a number"}
    if kind is str:
        return text
    try:
        value = kind(text) + kind(0)  # minus zero is zero
        if kind is float and not math.isfinite(value):
            raise ValueError
    except ValueError:
        raise UsageError(f"{setting.name} must be {words[kind]}, got '{shortened(text)}'") from None
    return value


def shortened(value: Any) -> str:
    """A value as a message shows it: not all of a number of hundreds of digits."""
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:20]}... of {len(text)} characters"
