"""Success over worlds and runs in one number with its interval, and as a profile: Agarwal et al. 2021 (2108.13264).

A run is one trained model on the pairs of one seed; its score is its success rate. Worlds are the strata.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import trim_mean

from envs.streams import stream

Runs = Mapping[str, Sequence[Sequence[bool]]]  # world -> runs -> outcomes of its pairs
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(21))
_REPEATS = 2000


@dataclass(frozen=True)
class Aggregate:
    """What runs in several worlds come to."""

    iqm: float  # mean of the middle half of all runs' success, in [0, 1]
    low: float  # 95 % bound
    high: float  # 95 % bound
    profile: tuple[float, ...]  # share of the runs, worlds alike, whose success is at least each of THRESHOLDS

    @classmethod
    def of(cls, runs: Runs, seed: int = 0) -> "Aggregate":
        """The aggregate of all runs, whose bootstrap draws from `seed`. ValueError where there is no run."""
        rates = [[float(np.mean(outcomes)) for outcomes in world] for world in runs.values()]
        if not rates or not all(rates):
            raise ValueError("an aggregate needs a run in every world")
        low, high = np.percentile(interquartile_mean(resampled(runs, stream(seed, "bootstrap of runs"))), [2.5, 97.5])
        value = float(interquartile_mean(np.concatenate([np.array(world) for world in rates])))
        at_least = [[np.mean([rate >= threshold for rate in world]) for world in rates] for threshold in THRESHOLDS]
        return cls(value, min(value, float(low)), max(value, float(high)), tuple(map(float, map(np.mean, at_least))))


def interquartile_mean(scores: np.ndarray) -> np.ndarray:
    """Scores (..., N) -> the mean (...) of those that are left without the lowest and the highest quarter."""
    return np.asarray(trim_mean(scores, 0.25, axis=-1))


def resampled(runs: Runs, rng: np.random.Generator, repeats: int = _REPEATS) -> np.ndarray:
    """Success rates (repeats, N) of the N runs as they might have been: runs are drawn again, each within its world.

    What pairs say of a run is uncertain as well, and there may be one run only: its rate is drawn from Jeffreys'
    posterior, so that no interval shrinks to a point at 0 % or 100 %.
    """
    found = []
    for world in runs.values():
        won, lost = (np.array([sum(bool(one) is kind for one in each) for each in world]) for kind in (True, False))
        drawn = rng.integers(len(world), size=(repeats, len(world)))
        found.append(rng.beta(won[drawn] + 0.5, lost[drawn] + 0.5))
    return np.concatenate(found, axis=1)
