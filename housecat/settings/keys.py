"""How a setting is declared: its meaning, its range, its choices."""

from dataclasses import field
from typing import Any


def key(meaning: str, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()) -> Any:
    """A setting; numbers must be in [low, high], texts among the choices, members of a list likewise."""
    return field(metadata={"meaning": meaning, "low": low, "high": high, "choices": choices})


def section(meaning: str) -> Any:
    """A group of settings."""
    return field(metadata={"meaning": meaning})
