"""Many worlds side by side, as a Gymnasium vector environment whose frames are those that are recorded."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.world import World


class WorldVector(VectorEnv):
    """B worlds stepped one after another in this process; they share their renderer.

    Nothing resets by itself. A world that has reached its goal stays as it is, unmoved and not drawn again, until
    `reset`; one whose time is up says so and goes on.

    ``worlds``: B of one kind.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012

    def __init__(self, worlds: Sequence[World]) -> None:
        if not worlds:
            raise ValueError("a vector of worlds needs at least one")
        self.worlds = list(worlds)
        self.num_envs = len(self.worlds)
        self.single_observation_space = self.worlds[0].observation_space
        self.single_action_space = self.worlds[0].action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._frames = np.zeros(self.observation_space.shape or (), np.uint8)
        self._reached = np.zeros(self.num_envs, bool)
        self._infos: list[dict[str, Any]] = [{} for _ in self.worlds]

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode in each world and return the first frames ``uint8 (B, h, w, 3)``.

        Args:
            seed: of each world; of one number, world i gets that number plus i.
            options: as for `World.reset`, the same for all or one for each; "reset_mask" ``(B,)`` bool, the same for
                all, leaves the other worlds as they are.

        Raises ValueError: there are not B of them, or an option is wrong.
        """
        numbered = range(self.num_envs)
        seeds = list(seed) if isinstance(seed, Sequence) else [None if seed is None else seed + i for i in numbered]
        each = list(options) if isinstance(options, Sequence) else [options or {} for _ in numbered]
        if len(seeds) != self.num_envs or len(each) != self.num_envs:
            raise ValueError(f"there are {self.num_envs} worlds, got {len(seeds)} seeds and {len(each)} options")
        for i, world in enumerate(self.worlds):
            asked = dict(each[i])
            mask = asked.pop("reset_mask", None)
            if mask is None or mask[i]:
                self._frames[i], self._infos[i] = world.reset(seed=seeds[i], options=asked)
                self._reached[i] = False
        return self._frames.copy(), self._stacked()

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Hold ``actions (B, A)`` for one control step.

        Returns:
            Frames ``uint8 (B, h, w, 3)``, rewards, whether the goal is reached, whether time is up (each ``(B,)``),
            and infos: "state" ``(B, S)``, "distance", "success" ``(B,)``, "factors" (a list), "goal" ``(B, S)`` where
            every world has one.
        """
        rewards, late = np.zeros(self.num_envs), np.zeros(self.num_envs, bool)
        for i in np.flatnonzero(~self._reached):
            self._frames[i], rewards[i], self._reached[i], late[i], self._infos[i] = self.worlds[i].step(actions[i])
        return self._frames.copy(), rewards, self._reached.copy(), late, self._stacked()

    def render(self) -> tuple[np.ndarray, ...]:
        """The people's camera of each world: ``uint8 (256, 256, 3)``."""
        return tuple(world.render() for world in self.worlds)

    def _stacked(self) -> dict[str, Any]:
        infos = self._infos
        stacked: dict[str, Any] = {"factors": [info["factors"] for info in infos]}
        for key in ("state", "distance", "success", "goal"):
            if all(key in info for info in infos):
                stacked[key] = np.stack([info[key] for info in infos])
        return stacked
