"""Planning on two levels: the second imagines far ahead on a slow clock, its first step is what the first aims at.

Macro-actions are searched by CEM within what the data's were; the first predicted place becomes the subgoal of a flat
planner; near the goal the flat planner finishes (HWM, arXiv 2604.03208; H-JEPA, arXiv 2610.06805).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from planners.interface import Distance, Energy, Generators, Memory, Optimizer, Plan, Planner, UpperModel
from planners.settings import setting

_TURNING_BACK = 1.5  # times `near`: so far off the goal is given up as a target again


@dataclass(frozen=True)
class _Memory:
    """Of one environment, between control steps."""

    goal: Tensor  # (D,), on the CPU
    near: bool  # whether the goal itself is aimed at
    macros: Tensor  # (H, M), the last plan on level 2
    subgoal: Tensor  # (D,) of that plan
    age: int  # control steps since that plan
    ahead: int  # control steps that have gone by since its first macro-action began


@dataclass(frozen=True)
class TwoLevelSettings:
    """How level 2 is searched."""

    upper_horizon: int = setting(8, "steps of level 2 imagined by hjepa", 1, 200)
    upper_samples: int = setting(64, "candidate sequences of macro-actions in an iteration", 2, 1e5)
    upper_elites: int = setting(8, "best of them; less than planner.upper_samples", 1, 1e5)
    upper_iterations: int = setting(4, "iterations of CEM on level 2", 1, 1000)
    upper_every: int = setting(2, "control steps from one plan on level 2 to the next", 1, 1000)
    upper_energy: str = setting("temporal", "what level 2 minimises", choices=("temporal", "latent"))


class TwoLevels:
    """Aims at the first place that level 2 predicts on its way to the goal, near the goal at the goal; a planner.

    Args:
        flat: plans towards the target that is chosen; it should look ahead at least `upper.stride` control steps.
        upper: the model of level 2.
        energy: judges the places that level 2 imagined, as level-1 latents; macro-actions stand in for actions.
        optimizer: searches macro-actions.
        distance: steps from one latent to another.
        horizon: steps of level 2.
        near: control steps to the goal at which the goal itself becomes the target.
        every: control steps from one plan on level 2 to the next; at most the stride, or the subgoal would be passed.
        execute: control steps from one call of this planner to the next.
    """

    def __init__(
        self,
        flat: Planner,
        upper: UpperModel,
        energy: Energy,
        optimizer: Optimizer,
        distance: Distance,
        horizon: int,
        near: float,
        every: int = 1,
        execute: int = 1,
    ) -> None:
        if horizon < 1 or near < 0 or execute < 1 or not 1 <= every <= upper.stride:
            raise ValueError(
                "horizon and execute must be at least 1, near 0 or more, every between 1 and the stride of "
                f"{upper.stride} control steps; got {horizon}, {execute}, {near} and {every}"
            )
        self.flat, self.upper, self.energy, self.optimizer, self.distance = flat, upper, energy, optimizer, distance
        self.steps, self.near, self.every, self.execute = horizon, near, every, execute
        self.horizon = flat.horizon

    @torch.no_grad()
    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`; latents are vectors."""
        goals = target.cpu()
        known = [self._aged(*each) for each in zip(goals, memory or [None] * len(z), strict=True)]
        near = self._are_near(z, target, known)
        asked = [
            row for row, one in enumerate(known) if not near[row] and (one is None or one.near or one.age >= self.every)
        ]
        now = [one or self._begin(*goal) for one, goal in zip(known, zip(goals, target, strict=True), strict=True)]
        calls = 0
        for rows in [[row] for row in asked] if z.device.type == "cpu" else [asked] if asked else []:
            here, there, own = z[rows], target[rows], [generators[row] for row in rows]
            decided, needed = self._decide(here, there, own, [now[row] for row in rows])
            now = [decided[rows.index(row)] if row in rows else one for row, one in enumerate(now)]
            calls += needed * len(rows)
        now = [replace(one, near=close) for one, close in zip(now, near, strict=True)]
        aims = torch.stack([goal if one.near else one.subgoal for one, goal in zip(now, target, strict=True)])
        plan = self.flat(z, aims, start, generators)
        return replace(plan, calls=plan.calls + round(calls / len(z)), memory=tuple(now))

    def _aged(self, goal: Tensor, before: _Memory | None) -> _Memory | None:
        """What is still known in this control step; nothing where the goal is another one."""
        if before is None or not torch.equal(before.goal, goal):
            return None
        return replace(before, age=before.age + self.execute, ahead=before.ahead + self.execute)

    def _are_near(self, z: Tensor, goal: Tensor, before: Sequence[_Memory | None]) -> list[bool]:
        if z.device.type == "cpu":
            steps = [float(self.distance.steps(*each)) for each in zip(z, goal, strict=True)]
        else:
            steps = self.distance.steps(z, goal).tolist()
        wide = [_TURNING_BACK if one is not None and one.near else 1.0 for one in before]
        return [away <= self.near * factor for away, factor in zip(steps, wide, strict=True)]

    def _begin(self, goal: Tensor, target: Tensor) -> _Memory:
        middle = (self.upper.macro_low + self.upper.macro_high) / 2
        return _Memory(goal, True, middle.expand(self.steps, -1), target, 0, 0)

    def _decide(
        self, z: Tensor, goal: Tensor, generators: Generators, before: Sequence[_Memory]
    ) -> tuple[list[_Memory], int]:
        """Plans on level 2 from z (B, D) towards goals (B, D), and the predictor steps that each took."""
        gone = [min(one.ahead // self.upper.stride, self.steps) for one in before]
        kept = [torch.cat([one.macros[n:], one.macros[-1:].expand(n, -1)]) for one, n in zip(before, gone, strict=True)]
        y, calls = self.upper.lift(z), 0

        def score(macros: Tensor) -> Tensor:
            nonlocal calls
            calls += macros.shape[1] * macros.shape[2]
            return self.energy(self.upper.ground(self.upper.rollout(y, macros)), macros, goal)

        low, high = self.upper.macro_low, self.upper.macro_high
        macros = self.optimizer(score, torch.stack(kept), low, high, generators)[0]
        subgoals = self.upper.ground(self.upper.rollout(y, macros[:, None, :1])[:, 0, 0])
        decided = [
            _Memory(one.goal, False, macros[row], subgoals[row], 0, one.ahead - gone[row] * self.upper.stride)
            for row, one in enumerate(before)
        ]
        return decided, calls + 1
