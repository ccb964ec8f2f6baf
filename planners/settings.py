"""How a setting is declared: default, meaning and range in one place."""

from dataclasses import field
from typing import Any


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
