"""The hierarchical planner: a graph of landmarks says which latent to aim at next, a flat planner gets there.

Search on a graph of temporal distances: Eysenbach et al. 2019 (arXiv 1906.05253); giving up edges that turn out to lead
nowhere: Emmons et al. 2020 (arXiv 2003.06417).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from planners.interface import Distance, Generators, Memory, Plan, Planner
from planners.subgoals.landmarks import Landmarks
from planners.subgoals.routes import Pursuit, Rules, advance, begin


@dataclass(frozen=True)
class _Pursued:
    """Of one environment: its goal (D,), on the CPU, and the pursuit of it."""

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
        self.flat, self.landmarks, self.distance, self.horizon = flat, landmarks, distance, flat.horizon
        self.rules = Rules(near, reach, patience, execute)
        self._edges = landmarks.edges.cpu().numpy()
        self._steps = landmarks.steps.double().cpu().numpy()

    @torch.no_grad()
    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`; latents are vectors."""
        latents = self.landmarks.latents
        known = self._pursuits(target, memory or [None] * len(z))
        away = self._ask(z, torch.cat([latents.expand(len(z), -1, -1), target[:, None]], dim=1))
        now = [
            replace(one, pursuit=advance(one.pursuit, steps[:-1], float(steps[-1]), self.rules))
            for one, steps in zip(known, away, strict=True)
        ]
        chosen = torch.tensor([one.pursuit.subgoal for one in now])
        index = chosen.to(z.device)
        plan = self.flat(z, torch.where(index[:, None] >= 0, latents[index.clamp(min=0)], target), start, generators)
        return replace(plan, subgoal=chosen, memory=tuple(now))

    def _pursuits(self, target: Tensor, before: Sequence[_Pursued | None]) -> list[_Pursued]:
        """What is known on the way to the goals (B, D); those that are new are joined to the graph."""
        goals, latents = target.cpu(), self.landmarks.latents
        known = {row: one for row, one in enumerate(before) if one is not None and torch.equal(one.goal, goals[row])}
        new = [row for row in range(len(goals)) if row not in known]
        if new:
            asked, every = target[new], latents.expand(len(new), -1, -1)
            for row, there, back in zip(new, self._ask(every, asked), self._ask(asked, every), strict=True):
                known[row] = _Pursued(goals[row], begin(self._edges, self._steps, there, back, self.rules.reach))
        return [known[row] for row in range(len(goals))]

    def _ask(self, z: Tensor, target: Tensor) -> NDArray[np.float64]:
        """Steps (B, M) from z to target, one (B, D) and the other (B, M, D); on the CPU one environment at a time."""
        if z.device.type == "cpu":
            steps = torch.stack([self.distance.steps(*each) for each in zip(z, target, strict=True)])
        else:
            z, target = (each[:, None] if each.ndim == 2 else each for each in (z, target))
            steps = self.distance.steps(z, target)
        return steps.double().cpu().numpy()
