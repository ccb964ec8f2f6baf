"""How large a bench is: `suite=smoke|standard|full`, and what the settings `bench.*` change about it."""

from dataclasses import dataclass, fields, replace

from housecat.settings.benching import BenchConfig
from planners.optimizers.registry import OPTIMIZERS


@dataclass(frozen=True)
class Suite:
    """What is played; each field is the setting of that name."""

    planners: tuple[str, ...]
    optimizers: tuple[str, ...]
    calls: tuple[int, ...]  # predictor steps of a plan; optimisers are tuned at the middle one
    seeds: tuple[int, ...]
    pairs: int
    calibration: int
    trials: int


_ALL = tuple(OPTIMIZERS)
SUITES = {
    "smoke": Suite(("random", "flat_distance"), ("cem", "mppi", "random_shooting"), (256,), (0,), 6, 3, 2),
    "standard": Suite(("random", "flat_distance", "hierarchy"), _ALL, (1024,), (0,), 100, 16, 4),
    "full": Suite(("random", "flat_distance", "hierarchy"), _ALL, (64, 256, 1024, 4096, 16384), (0, 1, 2), 100, 24, 6),
}


def suite_of(name: str, asked: BenchConfig) -> Suite:
    """The suite of this name with what is asked for in place of its own. KeyError: there is none."""
    given = {one.name: getattr(asked, one.name) for one in fields(Suite)}
    return replace(SUITES[name], **{key: value for key, value in given.items() if value is not None})
