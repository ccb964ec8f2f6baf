"""A learned distance on recordings that training has not seen, against the true one."""

import numpy as np
import torch

from envs.data.store import EpisodeStore
from envs.world import World
from worldmodel.distances.calibration import Calibration, calibrate
from worldmodel.distances.distance import LearnedDistance
from worldmodel.model import Encoder

EDGES = (0.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0)  # control steps


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
    told, true = [], []
    for _ in range(goals):
        own = int(rng.integers(len(store)))
        z_goal, state = _frame(model, store, own, rng, still=True)
        others = [own if rng.random() < 0.5 else int(rng.integers(len(store))) for _ in range(starts)]
        from_where = [_frame(model, store, index, rng, still=False) for index in others]
        told.append(distance.steps(torch.stack([z for z, _ in from_where]), z_goal).cpu().numpy())
        true.append(world.task.distances(np.stack([here for _, here in from_where]), state) / world.task.speed)
    return calibrate(np.concatenate(told), np.concatenate(true), EDGES)


def _frame(
    model: Encoder, store: EpisodeStore, index: int, rng: np.random.Generator, still: bool
) -> tuple[torch.Tensor, np.ndarray]:
    """The latent (D,) and the simulator state (S,) of a frame drawn from a recording."""
    episode = store.episode(index)
    last = int(rng.integers(model.context - 1, len(episode.states)))
    seen = torch.from_numpy(np.array(episode.frames[last - model.context + 1 : last + 1])).to(model.device)
    z = model.still(seen[-1:])[0] if still else model.latents(seen[None])[0, -1]
    return z, episode.states[last]
