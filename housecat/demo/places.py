"""Where in the world latents are: a linear reading, fitted on the landmarks, whose recorded states are known.

It is for people who look; no planner reads it.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from envs.world import World
from planners.subgoals.landmarks import Landmarks
from worldmodel.diagnosis.probes import fit_linear

_ABOVE = 0.02  # of the view's side: what lies in the plane is drawn so far above the floor
NOWHERE = np.empty((0, 3))


def placed(world: World, states: np.ndarray) -> np.ndarray:
    """Where what has to reach the goal is in states (n, S): (n, 3), m; (0, 3) where that has no place."""
    found = np.asarray(world.located(np.asarray(states)), np.float64).reshape(len(states), -1)
    if not np.isfinite(found).all():
        return NOWHERE
    view = world.scene.view
    height = np.full(len(found), view.centre[2] + _ABOVE * view.extent)
    return found if found.shape[1] == 3 else np.column_stack([found, height])


def places_of(world: World, landmarks: Landmarks | None) -> Callable[[Tensor], np.ndarray]:
    """Reads places (n, 3), m, off latents (n, D) as the landmarks have them; (0, 3) where none can be read."""
    there = NOWHERE
    if landmarks is not None and landmarks.states.shape[1] == world.scene.state_dim and landmarks.latents.ndim == 2:
        there = placed(world, landmarks.states.cpu().numpy())
    if landmarks is None or not len(there):
        return lambda latents: NOWHERE
    reading, kind = fit_linear(landmarks.latents.float().cpu(), torch.from_numpy(there).float()), landmarks.latents[0]

    def read(latents: Tensor) -> np.ndarray:
        fits = latents.shape[1:] == kind.shape
        return reading(latents.float().cpu()).double().numpy() if fits else NOWHERE

    return read
