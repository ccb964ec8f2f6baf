"""Success rates with their intervals, path efficiency, paired comparison and percentiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

Z95 = 1.959963984540054  # standard normal quantile of a two-sided 95 % interval


@dataclass(frozen=True)
class Rate:
    """A share of successes; it never travels without its 95 % interval."""

    value: float  # in [0, 1]
    low: float  # 95 % bound
    high: float  # 95 % bound
    n: int  # trials

    @classmethod
    def of(cls, outcomes: Sequence[bool]) -> "Rate":
        """The rate of a list of outcomes, with Wilson's score interval (JASA 22, 1927).

        Unlike value +- 1.96 standard errors it stays within [0, 1] and does not shrink to a point at 0 % or 100 %.

        Raises ValueError: no outcomes.
        """
        n, won = len(outcomes), sum(bool(outcome) for outcome in outcomes)
        if n == 0:
            raise ValueError("a success rate needs at least one episode")
        return cls(won / n, *_wilson(won, n, Z95), n)

    @classmethod
    def of_trainings(cls, outcomes: Sequence[Sequence[bool]]) -> "Rate":
        """The rate of one method over several trainings, each with its plays; the interval is about further trainings.

        Plays of one training succeed and fail together, so three trainings say little however often each is played.
        Each is one number: its rate y on the scale asin(sqrt((won + 3/8) / (n + 3/4))), on which chance alone has the
        variance 1 / (4n + 2) whatever the rate (Anscombe, Biometrika 35, 1948). Their mean has Student's interval with
        one degree of freedom less than there are trainings (the analysis of cluster-randomised trials: Donner and Klar
        2000). Trainings that happen to agree would make that too narrow, even a point; so the interval is never less
        than Wilson's of all plays, which it is for one training.

        Raises ValueError: no trainings, or one without outcomes.
        """
        if not all(len(one) for one in outcomes):
            raise ValueError("a success rate over trainings needs at least one episode of each")
        pooled = cls.of([outcome for one in outcomes for outcome in one])
        if len(outcomes) == 1:
            return pooled
        scaled = [math.asin(math.sqrt((sum(map(bool, one)) + 0.375) / (len(one) + 0.75))) for one in outcomes]
        count = len(scaled)
        margin = float(stdtrit(count - 1, 0.975) * np.std(scaled, ddof=1)) / math.sqrt(count)
        mean = float(np.mean(scaled))
        low, high = max(0.0, mean - margin), min(math.pi / 2, mean + margin)
        return cls(pooled.value, min(pooled.low, math.sin(low) ** 2), max(pooled.high, math.sin(high) ** 2), pooled.n)


@dataclass(frozen=True)
class Comparison:
    """Two planners on the same pairs."""

    only_first: int  # pairs that only the first solved
    only_second: int  # pairs that only the second solved
    p: float  # exact two-sided McNemar: chance of a split at least as uneven if both were equally good


def compare_paired(first: Sequence[bool], second: Sequence[bool]) -> Comparison:
    """Exact McNemar test (Psychometrika 12, 1947) of outcomes on the same pairs in the same order.

    Raises ValueError: the lists differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"a paired comparison needs the same pairs: {len(first)} and {len(second)} outcomes given")
    only_first = sum(bool(a) and not b for a, b in zip(first, second, strict=True))
    only_second = sum(bool(b) and not a for a, b in zip(first, second, strict=True))
    split = only_first + only_second
    tail = sum(math.comb(split, k) for k in range(min(only_first, only_second) + 1)) / 2**split
    return Comparison(only_first, only_second, min(1.0, 2 * tail))


def difference_paired(first: Sequence[bool], second: Sequence[bool], level: float = 0.95) -> tuple[float, float, float]:
    """How much higher the second rate of success is, on the same pairs in the same order, and bounds of it.

    Wilson's intervals of both, put together with the correlation of their outcomes (Newcombe, Statistics in Medicine
    17, 1998, method 10). Raises ValueError: the lists differ in length, or are empty.
    """
    both = list(zip(map(bool, first), map(bool, second), strict=True))
    n, z = len(both), float(ndtri((1 + level) / 2))
    if n == 0:
        raise ValueError("a difference needs at least one pair")
    won = [sum(one[player] for one in both) for player in (0, 1)]
    (p, p_low, p_high), (q, q_low, q_high) = ((one / n, *_wilson(one, n, z)) for one in won)
    apart = both.count((True, False)) * both.count((False, True))
    alike = both.count((True, True)) * both.count((False, False)) - apart
    spread = math.sqrt(math.prod(one * (n - one) for one in won))
    correlation = (max(alike - n / 2, 0.0) if alike > 0 else alike) / spread if spread else 0.0  # for continuity

    def margin(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one**2 - 2 * correlation * one * other + other**2))

    return q - p, q - p - margin(q - q_low, p_high - p), q - p + margin(q_high - q, p - p_low)


def _wilson(won: int, n: int, z: float) -> tuple[float, float]:
    """Bounds of a rate, for a two-sided normal quantile."""
    value = won / n
    centre = value + z**2 / (2 * n)
    margin = z * math.sqrt(value * (1 - value) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # At the ends the bound is exactly 0 or 1; rounding must not put it a hair beside the value.
    return 0.0 if won == 0 else (centre - margin) / scale, 1.0 if won == n else (centre + margin) / scale


def path_efficiency(success: bool, shortest: float, travelled: float) -> float:
    """One episode's term of SPL (arXiv 1807.06757): 0 if it failed, else shortest / max(travelled, shortest).

    Both lengths in the same unit. The mean over episodes is success weighted by path length.
    """
    return shortest / max(travelled, shortest) if success and shortest > 0 else float(success)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` percent of the values lie, interpolated. ValueError if there are none."""
    if len(values) == 0:
        raise ValueError("a percentile needs at least one value")
    return float(np.percentile(np.asarray(values, np.float64), share))
