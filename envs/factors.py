"""Factors of variation: what of a world may differ from one episode to the next, how much, and in which unit.

A value belongs to one factor and is one number, so that an episode's values are a small dictionary that is recorded
with it. Ranges say what values are drawn from: `{"light": (0.5, 1.0)}`; to hold something out, train in one range and
test in another. What is in no range stands at its default.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.files import shortened
from envs.simulation.variant import Variant

KINDS = {
    "colour": "colours of what is drawn",
    "light": "strength and colour of the lights",
    "camera": "where the camera stands",
    "texture": "patterns",
    "distractors": "shapes that are drawn and that nothing runs into",
    "screen": "a screen before the camera, behind which things are hidden; pictures of goals are drawn without it",
    "physics": "masses, friction, gravity, damping, strength, sizes",
}

Ranges = dict[str, tuple[float, float]]  # by name: lowest and highest value


@dataclass(frozen=True)
class Factor:
    """One thing that can be varied."""

    name: str
    kind: str  # of KINDS
    meaning: str  # in a few words
    unit: str
    default: float  # changes nothing
    low: float  # least value that is allowed
    high: float  # greatest
    apply: Callable[[Variant, float], None]  # makes the change

    def described(self) -> dict[str, Any]:
        """For JSON: kind, meaning, unit, default, low, high."""
        return {key: getattr(self, key) for key in ("kind", "meaning", "unit", "default", "low", "high")}


def checked_values(values: Mapping[str, Any], factors: Mapping[str, Factor]) -> dict[str, float]:
    """Values of factors as floats.

    Raises ValueError: there is no such factor, or its value is no number or out of bounds.
    """
    return {name: _checked(name, value, factors) for name, value in values.items()}


def checked_ranges(asked: Any, factors: Mapping[str, Factor]) -> Ranges:
    """The ranges that ``asked`` stands for.

    ``asked``: None or "none"; "all"; kinds, e.g. "colour, light" or a list of them: their factors over their whole
    ranges; or a mapping of factors to [low, high] or to one number.

    Raises ValueError: it is none of these, a factor does not exist, or a range is empty or out of bounds.
    """
    if isinstance(asked, Mapping):
        return {str(name): _range(str(name), value, factors) for name, value in asked.items()}
    words = [] if asked is None else asked.split(",") if isinstance(asked, str) else asked
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"factors are {_HOW}, got {shortened(asked)}")
    kinds = {word.strip() for word in words} - {"none", ""}
    if unknown := sorted(kinds - {"all", *KINDS}):
        raise ValueError(f"there is no kind of factors {shortened(unknown[0])}: factors are {_HOW}")
    return {f.name: (f.low, f.high) for f in factors.values() if "all" in kinds or f.kind in kinds}


def sample_factors(ranges: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> dict[str, float]:
    """A value for each range, drawn evenly; the order in which they are listed makes no difference."""
    return {name: float(rng.uniform(*ranges[name])) for name in sorted(ranges)}


_HOW = f"none, all, some of {', '.join(KINDS)}, or ranges like {{light: [0.5, 1.0]}}"


def _range(name: str, value: Any, factors: Mapping[str, Factor]) -> tuple[float, float]:
    ends = value if isinstance(value, list | tuple) else (value, value)
    if len(ends) != 2:
        raise ValueError(f"the range of factor '{name}' is [low, high] or one number, got {shortened(value)}")
    low, high = (_checked(name, end, factors) for end in ends)
    if low > high:
        raise ValueError(f"the range of factor '{name}' is empty: {low:g} is above {high:g}")
    return low, high


def _checked(name: str, value: Any, factors: Mapping[str, Factor]) -> float:
    if name not in factors:
        name = name[:100]
        near = difflib.get_close_matches(name, factors, n=1)
        guess = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(factors) or 'none'}"
        raise ValueError(f"this world has no factor '{name}': {guess}")
    factor = factors[name]
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not factor.low <= value <= factor.high:
        raise ValueError(
            f"factor '{name}' is a number from {factor.low:g} to {factor.high:g} {factor.unit}, got {shortened(value)}"
        )
    return float(value)
