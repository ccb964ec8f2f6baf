"""How a setting is declared: default, meaning and range in one place; and settings read back from a checkpoint."""

from dataclasses import field, fields, is_dataclass
from typing import Any, get_type_hints


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

    Raises KeyError: a value is missing.
    """
    types = get_type_hints(kind)
    return kind(
        **{
            one.name: from_json(types[one.name], values[one.name])
            if is_dataclass(types[one.name])
            else values[one.name]
            for one in fields(kind)
        }
    )
