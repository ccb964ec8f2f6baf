"""Markdown of figures: tables, numbers, and shares that never travel without their interval."""

from collections.abc import Iterable
from typing import Any


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; an empty cell where nothing is known."""
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def number(value: float | None) -> str:
    """Three digits that count, and all those of a whole number."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def rate(success: dict[str, Any] | None) -> str:
    """A share of successes; never without its interval where the file has one."""
    if success is None:
        return ""
    value, low, high = (f"{100 * success[key]:.0f}" for key in ("value", "low", "high"))
    return f"{value} % ({low} to {high})"
