"""Whether a learned distance tells the truth: its order, and how far it is off near and far."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import spearmanr


@dataclass(frozen=True)
class Bin:
    """Pairs of about the same true distance; all in control steps."""

    low: float  # true steps, inclusive
    high: float  # true steps, exclusive
    count: int  # pairs
    true: float  # mean
    predicted: float  # mean
    bias: float  # mean of predicted minus true
    spread: float  # standard deviation of that


@dataclass(frozen=True)
class Calibration:
    """Predicted against true control steps."""

    rank: float  # Spearman's correlation, in [-1, 1]; nan where either does not vary
    bins: tuple[Bin, ...]  # those with at least two pairs, from near to far


def calibrate(predicted: ArrayLike, true: ArrayLike, edges: Sequence[float]) -> Calibration:
    """Holds predicted steps (n,) against true steps (n,).

    Args:
        edges: of the bins of true steps, rising.

    Raises ValueError: the lengths differ, or fewer than two pairs are given.
    """
    told, truth = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if told.shape != truth.shape or told.ndim != 1 or len(told) < 2:
        raise ValueError(f"predicted and true steps must be (n,), n at least 2; got {told.shape} and {truth.shape}")
    varies = np.ptp(told) > 0 and np.ptp(truth) > 0
    rank = float(spearmanr(told, truth).statistic) if varies else float("nan")
    bins = []
    for low, high in itertools.pairwise(edges):
        among = (truth >= low) & (truth < high)
        if among.sum() >= 2:
            error = told[among] - truth[among]
            means = float(truth[among].mean()), float(told[among].mean())
            bins.append(Bin(low, high, int(among.sum()), *means, float(error.mean()), float(error.std())))
    return Calibration(rank, tuple(bins))
