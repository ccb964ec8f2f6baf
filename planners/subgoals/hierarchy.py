"""The hierarchical planner: a graph of landmarks says which latent to aim at next, a flat planner gets there.

Search on a graph of temporal distances: Eysenbach et al. 2019 (arXiv 1906.05253); giving up edges that turn out to lead
nowhere: Emmons et al. 2020 (arXiv 2003.06417).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from planners.interface import Distance, Plan, Planner
from planners.subgoals.landmarks import Landmarks
from planners.subgoals.routes import Pursuit, Rules, advance, begin


@dataclass(frozen=True)
class _Pursued:
    """Of one environment: its goal (D,) and the pursuit of it."""

    goal: Tensor
    pursuit: Pursuit


class Hierarchy:
    """Aims at landmarks on the shortest way to the goal, near the goal at the goal itself; itself a planner.

    Where the graph knows no way to the goal, it is the flat planner.

    Args:
        flat: plans towards the target that is chosen.
        landmarks: where it may lie.
        distance: steps from one latent to another.
        near: control steps to the goal at which the goal itself becomes the target.
        reach: control steps; a landmark farther away is not aimed at. About what `flat` can look ahead.
        patience: control steps without progress, after which the way is given up for the rest of the episode.
        execute: control steps from one call of this planner to the next.
    """

    def __init__(
        self,
        flat: Planner,
        landmarks: Landmarks,
        distance: Distance,
        near: float,
        reach: float,
        patience: int = 12,
        execute: int = 1,
    ) -> None:
        if near < 0 or reach <= 0 or patience < 1 or execute < 1:
            raise ValueError(
                "near must be 0 or more, reach above 0, patience and execute at least 1; got "
                f"{near}, {reach}, {patience} and {execute}"
            )
        self.flat, self.landmarks, self.distance = flat, landmarks, distance
        self.rules = Rules(near, reach, patience, execute)
        self._edges = landmarks.edges.cpu().numpy()
        self._steps = landmarks.steps.double().cpu().numpy()

    @property
    def horizon(self) -> int:
        """H, control steps that a plan spans."""
        return self.flat.horizon

    @torch.inference_mode()
    def __call__(
        self,
        z: Tensor,
        target: Tensor,
        start: Tensor | None,
        generators: Sequence[torch.Generator],
        memory: Sequence[Any] | None = None,
    ) -> Plan:
        """See `planners.interface.Planner`; latents are vectors."""
        before = memory or [None] * len(z)
        now = [self._pursue(*each) for each in zip(z, target, before, strict=True)]
        latents = self.landmarks.latents
        chosen = [one.pursuit.subgoal for one in now]
        aims = torch.stack([latents[i] if i >= 0 else goal for i, goal in zip(chosen, target, strict=True)])
        plan = self.flat(z, aims, start, generators)
        return replace(plan, subgoal=torch.tensor(chosen), memory=tuple(now))

    def _pursue(self, z: Tensor, goal: Tensor, before: _Pursued | None) -> _Pursued:
        """The target for z (D,) on the way to goal (D,); distances are asked for one environment at a time."""
        if before is None or not torch.equal(before.goal, goal):
            latents = self.landmarks.latents
            to_goal, from_goal = self._ask(latents, goal), self._ask(goal, latents)
            pursuit = begin(self._edges, self._steps, to_goal, from_goal, self.rules.reach)
        else:
            pursuit = before.pursuit
        away = self._ask(z, torch.cat([self.landmarks.latents, goal[None]]))
        return _Pursued(goal, advance(pursuit, away[:-1], float(away[-1]), self.rules))

    def _ask(self, z: Tensor, target: Tensor) -> Any:
        return self.distance.steps(z, target).double().cpu().numpy()
