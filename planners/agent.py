"""The control loop: camera frames in, actions out; keeps what has been seen and the plan that is under way."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from planners.interface import Context, Distance, Generators, Plan, Planner, ShortTermMemory, WorldModel
from planners.targets import Aim, Targets, aimed


class Agent:
    """Acts in B environments at once, none of which influences another.

    Args:
        generators: B random generators, one of each environment.
        execute: control steps from one plan to the next.
        judge: how far latents (B, *Z) are from targets (B, *Z), (B,): what plans foresaw is held against what came.
        distance: says which of several targets is nearest; None: how far apart latents are.
        short_term: keeps what is hidden now; None: only what is seen counts.
    """

    def __init__(
        self,
        planner: Planner,
        model: WorldModel,
        generators: Generators,
        execute: int = 1,
        judge: Callable[[Tensor, Tensor], Tensor] | None = None,
        distance: Distance | None = None,
        short_term: ShortTermMemory | None = None,
    ) -> None:
        if not 1 <= execute <= planner.horizon:
            raise ValueError(f"execute must be between 1 and the horizon of {planner.horizon} steps; got {execute}")
        self.planner, self.model, self.generators, self.execute = planner, model, list(generators), execute
        self.judge, self.distance, self.short_term = judge, distance, short_term
        self.last_plan: Plan | None = None  # B rows; the row of an environment that is left out stays as it was
        self.seen: Tensor | None = None  # (n, *Z) where those were that the last plan was made for
        self._targets: Tensor | None = None  # (B, K, *Z)
        self._order = "any"  # in which they are to be reached
        self._aims: list[Aim] = []  # B of them
        self._frames: Tensor | None = None  # (B, context, h, w, 3) uint8, the newest last
        self._actions = self._standing_still()  # (B, context-1, A) between these frames
        self._kept: Tensor | None = None  # (B, *Z) in short-term memory
        self._taken: Tensor | None = None  # (B, A) since then
        self._memory: list[Any] = []  # B entries, of the planner
        self._done = 0  # actions of the last plan that have been taken

    @torch.no_grad()
    def reset(self, goals: NDArray[np.uint8] | Targets) -> None:
        """Begins an episode towards goals seen in frames uint8 (B, h, w, 3) and meant to stand still, or `Targets`."""
        asked = goals if isinstance(goals, Targets) else Targets(goals[:, None])
        count = len(self.generators)
        if len(asked.shown) != count:
            raise ValueError(f"{count} environments need as many goal frames; got {len(asked.shown)}")
        self._actions = self._standing_still()
        if isinstance(asked.shown, Tensor):
            self._targets = asked.shown
        else:
            each = [Context(self._repeated(asked.shown[:, k]), self._actions) for k in range(asked.shown.shape[1])]
            self._targets = torch.stack([self.model.encode(one) for one in each], dim=1)
        self._order, self._aims = asked.order, [Aim()] * count
        self._frames, self._kept, self.last_plan = None, None, None
        self._memory = [None] * count

    @torch.no_grad()
    def act(self, frames: NDArray[np.uint8], active: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """The actions (B, A) to take, now that the camera shows frames uint8 (B, h, w, 3).

        `active`: (B,) bool, False for environments that are finished: they are left out of the planning and get zeros.
        None: all are active.
        """
        self._see(frames)
        rows = np.arange(len(frames)) if active is None else np.flatnonzero(active)
        actions = torch.zeros(len(frames), len(self.model.action_low), device=self._actions.device)
        if len(rows):
            if self.last_plan is None or self._done == self.execute:
                self.last_plan = self._plan(rows.tolist())
                self._done = 0
            actions[rows] = self.last_plan.actions[rows, self._done]
            self._done += 1
        self._taken = actions
        self._actions = torch.cat([self._actions, actions[:, None]], dim=1)[:, 1:]
        return actions.cpu().numpy()

    @torch.no_grad()
    def plan(self, frames: NDArray[np.uint8]) -> Plan:
        """What would be planned for all environments at frames uint8 (B, h, w, 3); all stays as if it had not been."""
        kept, states = dict(vars(self)), [one.get_state() for one in self.generators]
        self._memory, self._aims = list(self._memory), list(self._aims)
        try:
            self._see(frames)
            return self._plan(list(range(len(frames))))
        finally:
            vars(self).update(kept)
            for generator, state in zip(self.generators, states, strict=True):
                generator.set_state(state)

    def _see(self, frames: NDArray[np.uint8]) -> None:
        if self._frames is None:
            self._frames = self._repeated(frames)
        else:
            newest = torch.from_numpy(np.array(frames)).to(self._frames.device)
            self._frames = torch.cat([self._frames[:, 1:], newest[:, None]], dim=1)
        if self.short_term is not None:
            seen = self.model.encode(Context(self._frames, self._actions))
            if self._kept is None or self._taken is None:
                self._kept = seen
            else:
                self._kept = self.short_term(self._kept, self._taken, seen)

    def _plan(self, rows: list[int]) -> Plan:
        if self._targets is None or self._frames is None:
            raise RuntimeError("the agent has no goal yet: call reset(goals) before act(frames)")
        z = self.seen = self._now(rows)
        start = None if self.last_plan is None else shifted(self.last_plan.actions[rows], self._done)
        generators = [self.generators[row] for row in rows]
        plan = self.planner(z, self._aimed_at(z, rows), start, generators, [self._memory[row] for row in rows])
        if self.judge is not None:
            plan = replace(plan, foreseen=self._foreseen(z, rows, self.judge))
        for row, memory in zip(rows, plan.memory or [None] * len(rows), strict=True):
            self._memory[row] = memory
        return self._for_all(plan, rows)

    def _now(self, rows: list[int]) -> Tensor:
        """Where the environments in these rows are, (n, *Z)."""
        if self._kept is not None:
            return self._kept[rows]
        assert self._frames is not None
        return self.model.encode(Context(self._frames[rows], self._actions[rows]))

    def _foreseen(self, z: Tensor, rows: list[int], judge: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        if self.last_plan is None:
            return torch.full((len(rows), 2), torch.nan, device=z.device)
        target = self.last_plan.target[rows]
        return torch.stack([judge(one, target) for one in (self.last_plan.imagined[rows, self._done - 1], z)], dim=1)

    def _aimed_at(self, z: Tensor, rows: list[int]) -> Tensor:
        """Which targets (n, *Z) the environments in these rows aim at from z (n, *Z)."""
        assert self._targets is not None
        for here, row in zip(z, rows, strict=True):
            targets = self._targets[row]
            if len(targets) == 1:
                self._aims[row] = Aim(0)
                continue
            apart = (
                (here - targets).flatten(1).norm(dim=1) if self.distance is None else self.distance.steps(here, targets)
            )
            self._aims[row] = aimed(self._aims[row], apart.double().cpu().numpy(), self._order)
        return torch.stack([self._targets[row, self._aims[row].index] for row in rows])

    def _for_all(self, plan: Plan, rows: list[int]) -> Plan:
        """The plan of some environments, put into the rows of the last plan for all."""
        count = len(self.generators)
        if len(rows) == count:
            return plan
        merged = {}
        for name in ("actions", "imagined", "energy", "target", "subgoal", "foreseen"):
            new = getattr(plan, name)
            if new is None:
                continue
            old = new.new_zeros(count, *new.shape[1:]) if self.last_plan is None else getattr(self.last_plan, name)
            merged[name] = old.index_copy(0, torch.tensor(rows, device=old.device), new)
        if plan.decided is not None:
            before = self.last_plan.decided if self.last_plan is not None else None
            decided = list(before or [None] * count)
            for row, one in zip(rows, plan.decided, strict=True):
                decided[row] = one
            merged["decided"] = tuple(decided)
        return replace(plan, **merged, memory=tuple(self._memory))

    def _repeated(self, frames: NDArray[np.uint8]) -> Tensor:
        """One frame each, as if nothing had moved: (B, h, w, 3) -> (B, context, h, w, 3)."""
        seen = torch.from_numpy(np.array(frames)).to(self.model.action_low.device)
        return seen[:, None].repeat(1, self.model.context, 1, 1, 1)

    def _standing_still(self) -> Tensor:
        low = self.model.action_low
        return torch.zeros(len(self.generators), self.model.context - 1, len(low), device=low.device)


class RandomAgent:
    """Acts at random, evenly over the bounds: what any agent has to beat.

    Between `low` and `high` (A,), with B random generators, one of each environment.
    """

    def __init__(self, low: Tensor, high: Tensor, generators: Generators) -> None:
        self.low, self.high, self.generators = low.cpu(), high.cpu(), list(generators)
        self.last_plan: Plan | None = None  # it never has one

    def reset(self, goals: NDArray[np.uint8] | Targets) -> None:
        """Takes no notice of the goals."""

    def act(self, frames: NDArray[np.uint8], active: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Actions (B, A); zeros where `active` (B,) is False. Takes no notice of the frames (B, h, w, 3)."""
        rows = np.arange(len(frames)) if active is None else np.flatnonzero(active)
        actions = torch.zeros(len(frames), len(self.low))
        for row in rows.tolist():
            drawn = torch.rand(len(self.low), generator=self.generators[row], device=self.generators[row].device)
            actions[row] = self.low + (self.high - self.low) * drawn.cpu()
        return actions.numpy()


def shifted(actions: Tensor, steps: int) -> Tensor:
    """Actions (B, H, A) without the first `steps`, the last one repeated instead: where the next search starts."""
    return torch.cat([actions[:, steps:], actions[:, -1:].expand(-1, steps, -1)], dim=1)
