"""Settings out of files, as if they stood on the command line: `config=FILE` of one's own and `preset=NAME` of ours.

A file says `train: {updates: 300}` or `train.updates: 300`, `world: medium`, and may hold settings of several commands:
each takes those that it reads.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from housecat.errors import UsageError
from housecat.settings.groups import GROUPS, config_folder, group_choices
from housecat.settings.overrides import suggestion
from housecat.settings.own_code import is_reference
from housecat.settings.schema import settings

SOURCES = ("preset", "config")  # a later one wins over an earlier one, and what is written by hand over both


def expanded(arguments: list[str], reads: Callable[[str], bool]) -> list[str]:
    """The arguments with the settings of the files that they name in front of all others.

    `reads`: whether the command reads a setting. Raises UsageError: a file is not there, or says what is no setting.
    """
    asked = dict(argument.split("=", 1) for argument in arguments if argument.partition("=")[0] in SOURCES)
    found: list[str] = []
    for source in (one for one in SOURCES if one in asked):
        found += [f"{name}={text}" for name, text in _file(source, asked[source]) if reads(name)]
    return found + [argument for argument in arguments if argument.partition("=")[0] not in SOURCES]


def _file(source: str, name: str) -> Iterator[tuple[str, str]]:
    from envs.files import BY_HAND, from_yaml, read_plain  # loads mujoco

    path = config_folder() / "preset" / f"{name}.yaml" if source == "preset" else Path(name)
    if source == "preset" and name not in group_choices("preset"):
        raise UsageError(f"preset={name} is unknown: there is {', '.join(group_choices('preset'))}")
    try:
        content = from_yaml(read_plain(path, BY_HAND).decode()) or {}
        if not isinstance(content, Mapping):
            raise ValueError("expected lines like `train.updates: 300`")
    except (OSError, ValueError) as error:
        raise UsageError(f"{source}={name}: {getattr(error, 'strerror', None) or error}") from error
    yield from _words(content, "", f"{source}={name}")


def _words(content: Mapping, section: str, place: str) -> Iterator[tuple[str, str]]:
    for key, value in content.items():
        name = f"{section}{key}"
        known = settings()
        there = name in known or name in GROUPS or any(one.startswith(f"{name}.") for one in known)
        if name in SOURCES or not (there or section == "goal."):  # there any name may be a quantity's
            raise UsageError(f"{place}: there is no setting '{name[:60]}'{suggestion(name, known)}")
        if isinstance(value, Mapping) and name not in known and section != "goal.":
            yield from _words(value, f"{name}.", place)
        else:
            text = _text(value)
            if any(map(is_reference, text.split(","))):  # whoever wrote the file, nothing in it is run
                raise UsageError(f"{place}: {name} names code, which runs only if you write it on the command line")
            yield name, text


def _text(value: Any) -> str:
    """A value as it is written on a command line."""
    if isinstance(value, str):
        return value
    return yaml.safe_dump(value, default_flow_style=True, width=float("inf")).removesuffix("\n...\n").strip()
