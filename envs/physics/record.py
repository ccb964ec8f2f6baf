"""The training set: possible scenes as a recording like any other, whose states name what is to be read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.data.build import build
from envs.data.episodes import Episode
from envs.data.manifest import identity
from envs.data.processes import Make
from envs.data.store import EpisodeStore
from envs.physics.scenario import DT, FRAMES, HALF, Scenario
from envs.physics.scenes import KINDS, pushed, scenario
from envs.physics.stage import Motion, draw, simulate
from envs.simulation.backend import renderer_name
from envs.streams import stream

# Quantities of a state, by how many numbers each is: places and velocities of both bodies, then of the first one alone,
# then what holds for the whole scene.
PARTS = {"place": 4, "velocity": 4, "momentum": 2}
PARTS |= dict.fromkeys(("gravity", "friction", "mass", "restitution", "drag", "incline"), 1)
_SHOWN = (*KINDS, "occluder", "occluder")  # what is hidden is hard to learn: three in ten scenes hide something


def spec_of(size: int) -> dict[str, Any]:
    """The description of the scenes at this size of frames, pixels: recorded, for nobody plays in them."""
    about = {"family": "recorded", "name": "physics", "frame_size": size, "dt": DT}
    return {**about, "actions": {"low": [-1.0], "high": [1.0]}, "states": sum(PARTS.values()), "parts": PARTS}


def record(
    out: Path, scenes: int, size: int, seed: int, pushes: float = 0.0, workers: int = 1, progress: bool = True
) -> EpisodeStore:
    """Records so many possible scenes in the folder ``out``; see `envs.data.build.build`, also for the errors.

    ``pushes``: share of the scenes in which the action, one number, pushes a body; elsewhere it is 0.
    """
    origin = {"command": "physics record", "pushes": pushes}
    about = identity(spec_of(size), DT, renderer_name(), origin, seed, FRAMES - 1)
    return build(out, about, Scenes(seed, size, pushes), scenes, workers, progress)


@dataclass(frozen=True)
class Scenes:
    """A source of episodes: one possible scene each."""

    seed: int
    size: int
    pushes: float

    def begin(self) -> Make:
        """See `envs.data.processes.EpisodeSource`."""

        def make(index: int) -> tuple[Episode, dict[str, float]]:
            rng = stream(self.seed, "physical scenes", index)
            acted = rng.random() < self.pushes
            one = pushed(rng, FRAMES) if acted else scenario(str(rng.choice(_SHOWN)), rng)
            motion, actions = simulate(one), np.zeros((FRAMES - 1, 1), np.float32)
            if one.pushes:
                actions[:, 0] = one.pushes
            factors = dict(zip(list(PARTS)[3:], one.numbers(), strict=True)) | {"kind": one.kind}
            frames, states = draw(one, motion.places, self.size), states_of(one, motion)
            return Episode(frames, actions, states, seed=(self.seed, index), factors=factors), {}

        return make


def states_of(one: Scenario, motion: Motion) -> np.ndarray:
    """What PARTS names, ``(T, 16)``; what is far out of the picture counts as at its edge, and at rest."""
    places, speeds = motion.places[:, [0, 1, 3, 4]], motion.speeds[:, [0, 1, 3, 4]]
    seen = np.repeat(np.abs(places[:, ::2]) < 2 * HALF, 2, axis=1)
    speeds = np.where(seen, speeds, 0.0)
    whole = np.broadcast_to(one.numbers(), (len(places), 6))
    momentum = whole[:, 2:3] * speeds[:, :2]
    return np.concatenate([np.clip(places, -2 * HALF, 2 * HALF), speeds, momentum, whole], axis=1)
