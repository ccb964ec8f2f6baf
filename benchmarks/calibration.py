"""Whether a learned distance tells the truth on recordings that training has not seen: its order, and how far it is
off near and far."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.stats import spearmanr

from envs.data.store import EpisodeStore
from envs.world import World
from worldmodel.distances.distance import LearnedDistance
from worldmodel.model import Encoder

EDGES = (0.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0)  # control steps


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


@torch.no_grad()
def judge_distance(
    model: Encoder,
    distance: LearnedDistance,
    store: EpisodeStore,
    world: World,
    rng: np.random.Generator,
    goals: int = 40,
    starts: int = 50,
) -> Calibration:
    """Compares predicted with true steps, from recorded frames in motion to recorded frames as pictures at rest.

    True are the steps along the shortest way at top speed; nobody is faster, and starting and turning come on top, so
    a good distance is a little longer. Half of the starts come from the goal's own recording, where pairs are near.

    Args:
        store: recordings of `world` that neither model nor distance was trained on.
        goals, starts: goals, and starts for each of them.
    """
    return calibrate(*recorded_pairs(model, distance, store, world, rng, goals, starts), EDGES)


@torch.no_grad()
def recorded_pairs(
    model: Encoder,
    distance: LearnedDistance,
    store: EpisodeStore,
    world: World,
    rng: np.random.Generator,
    goals: int,
    starts: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and true steps of such pairs, (goals * starts,) each; see `judge_distance`."""
    told, true = [], []
    for _ in range(goals):
        own = int(rng.integers(len(store)))
        z_goal, state = _frame(model, store, own, rng, still=True)
        others = [own if rng.random() < 0.5 else int(rng.integers(len(store))) for _ in range(starts)]
        from_where = [_frame(model, store, index, rng, still=False) for index in others]
        told.append(distance.steps(torch.stack([z for z, _ in from_where]), z_goal).cpu().numpy())
        true.append(world.task.distances(np.stack([here for _, here in from_where]), state) / world.task.speed)
    return np.concatenate(told), np.concatenate(true)


def _frame(
    model: Encoder, store: EpisodeStore, index: int, rng: np.random.Generator, still: bool
) -> tuple[torch.Tensor, np.ndarray]:
    """The latent (D,) and the simulator state (S,) of a frame drawn from a recording."""
    episode = store.episode(index)
    last = int(rng.integers(model.context - 1, len(episode.states)))
    seen = torch.from_numpy(np.array(episode.frames[last - model.context + 1 : last + 1])).to(model.device)
    z = model.still(seen[-1:])[0] if still else model.latents(seen[None])[0, -1]
    return z, episode.states[last]
