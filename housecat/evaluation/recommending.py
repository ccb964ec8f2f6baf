"""With which planner a trained model is best played: found out on calibration pairs, on which nothing is judged.

Landmarks lead through long mazes and make pushing worse: which of both a world is, is measured, for each training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.statistics import Rate

CANDIDATES = ("hierarchy", "flat_distance")  # of equals the first
PAIRS = 12  # at most: as many as tell them apart where it matters


def rank(results: Sequence[EpisodeResult]) -> tuple[float, float, float]:
    """How well it went on calibration pairs; lower is better: success, then SPL, then distance left."""
    success, spl = (float(np.mean([getattr(one, name) for one in results])) for name in ("success", "spl"))
    return -success, -spl, float(np.mean([one.final or 0.0 for one in results]))


def candidates(planners: Sequence[str], calibration: int) -> tuple[str, ...]:
    """Who is compared, where these planners are judged and there are so many calibration pairs; empty: no choice."""
    return CANDIDATES if calibration and set(CANDIDATES) <= set(planners) else ()


def recommendation(tried: Mapping[str, Sequence[EpisodeResult]]) -> dict[str, Any]:
    """`recommended` of `results.json`: the planner, and how each candidate did on the same pairs."""
    rates = {name: asdict(Rate.of([one.success for one in results])) for name, results in tried.items()}
    return {"planner": min(tried, key=lambda name: rank(tried[name])), "tried": rates}
