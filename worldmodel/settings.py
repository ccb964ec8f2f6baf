"""How a setting is declared: default, meaning and range in one place; and settings read back from a checkpoint."""

from dataclasses import field, fields, is_dataclass
from typing import Any, get_type_hints

import msgspec

from worldmodel.own_code import is_own

_UNTOLD = 1e7  # bound of a number of which no other is told
OWN = "FILE.py:NAME"  # among the choices of a setting: code of the user's own


def setting(
    default: Any,
    meaning: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
) -> Any:
    """A field that users may set: numbers lie in [low, high], texts among the choices, members of a tuple likewise.

    `only`: another field and the values of it with which this one is read; empty: it is always read.
    """
    told = {"meaning": meaning, "low": low, "high": high, "choices": choices, "only": only}
    return field(default=default, metadata=told)


def from_json(kind: type, values: dict[str, Any]) -> Any:
    """The dataclass `kind` with its nested dataclasses, from what `dataclasses.asdict` made of one.

    Raises ValueError: a value is missing, of another type or out of range.
    """
    _check_ranges(kind, values, "")
    return msgspec.convert(values, kind)


def _check_ranges(kind: type, values: Any, section: str) -> None:
    types = get_type_hints(kind)
    for one in fields(kind):
        if not isinstance(values, dict) or one.name not in values:
            raise ValueError(f"the setting {section}{one.name} is missing")
        value, told = values[one.name], {"low": None, "high": None, "choices": (), **one.metadata}
        if is_dataclass(types[one.name]):
            _check_ranges(types[one.name], value, f"{section}{one.name}.")
            continue
        low = -_UNTOLD if told["low"] is None else told["low"]
        high = _UNTOLD if told["high"] is None else told["high"]
        for member in value if isinstance(value, list) else [value]:
            if isinstance(member, int | float) and not low <= member <= high:
                raise ValueError(f"the setting {section}{one.name} is {member:g}, expected {low:g} to {high:g}")
            own = OWN in told["choices"] and is_own(str(member))
            if told["choices"] and member not in told["choices"] and not own:
                raise ValueError(f"the setting {section}{one.name} is none of {', '.join(told['choices'])}")
