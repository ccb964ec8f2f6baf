"""Trouble on request: what goes wrong between a player and its world, drawn anew for every episode.

What happens to one episode depends on its own random numbers only, and one kind of trouble draws the same ones whatever
else is asked for.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from envs.vector import WorldVector
from envs.world import World
from worldmodel.settings import setting


@dataclass(frozen=True)
class Trouble:
    """Trouble while planners play, drawn for each episode from the seed; nothing unless asked for."""

    action_noise: float = setting(0.0, "standard deviation of noise on every action, of actions in [-1, 1]", 0, 2)
    delay: float = setting(0.0, "ms until an action acts, rounded up to whole control steps; zeros before", 0, 1e4)
    dropped: float = setting(0.0, "share of the frames that get lost: the last one is seen again", 0, 1)
    pushes: float = setting(0.0, "pushes in a second on average, at most one in a control step", 0, 100)
    push: float = setting(0.5, "what a push adds to the velocities, in a random direction: m/s and rad/s", 0, 100)
    camera: int = setting(
        0, "pixels by which the camera is off, each episode in another direction, since the goal was seen", 0, 256
    )

    def asked(self) -> dict[str, float]:
        """What is asked for, by name; nothing: all goes well."""
        given = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) > 0}
        return {name: value for name, value in given.items() if name != "push" or "pushes" in given}


class TroubledVector(WorldVector):
    """Worlds side by side in which things go wrong.

    ``rngs``: B random generators, one of each world.
    """

    def __init__(self, worlds: Sequence[World], trouble: Trouble, rngs: Sequence[np.random.Generator]) -> None:
        super().__init__(worlds)
        self.trouble, self.rngs = trouble, list(rngs)
        self._seen = np.zeros(0, np.uint8)
        self.pushed = np.zeros(self.num_envs, bool)  # in the last control step

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """See `WorldVector`; no frame is lost yet."""
        frames, infos = super().reset(seed=seed, options=options)
        self._shifts = [_direction(rng, 2) * self.trouble.camera for rng in self.rngs]
        nothing = np.zeros((self.num_envs, self.worlds[0].scene.action_dim))
        self._sent = deque([nothing] * math.ceil(self.trouble.delay / 1000 / self.worlds[0].dt - 1e-9))
        self._seen = self._off(frames)
        return self._seen.copy(), infos

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """See `WorldVector`; the infos tell the truth."""
        self._sent.append(np.array(actions, np.float64))
        acting = self._sent.popleft()
        lost = np.zeros(self.num_envs, bool)
        for i, (world, rng) in enumerate(zip(self.worlds, self.rngs, strict=True)):
            acting[i] = np.clip(acting[i] + self.trouble.action_noise * rng.standard_normal(len(acting[i])), -1, 1)
            pushed, lost[i] = rng.random(2) < (self.trouble.pushes * world.dt, self.trouble.dropped)
            self.pushed[i] = pushed and not self._reached[i]
            if self.pushed[i]:
                state, moving = world.state(), world.scene.velocities
                state[moving] += self.trouble.push * _direction(rng, moving.stop - moving.start)
                world.set_state(state)
        frames, rewards, reached, over, infos = super().step(acting)
        self._seen = np.where(lost[:, None, None, None], self._seen, self._off(frames))
        return self._seen.copy(), rewards, reached, over, infos

    def _off(self, frames: np.ndarray) -> np.ndarray:
        return np.stack([shifted_picture(one, shift) for one, shift in zip(frames, self._shifts, strict=True)])


def shifted_picture(frame: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A frame (h, w, 3) moved by whole pixels (down, right); what comes into view repeats the edge."""
    rows, columns = (np.clip(np.arange(n) - round(by), 0, n - 1) for n, by in zip(frame.shape[:2], shift, strict=True))
    return frame[rows][:, columns]


def _direction(rng: np.random.Generator, count: int) -> np.ndarray:
    drawn = rng.standard_normal(count)
    return drawn / np.linalg.norm(drawn)
