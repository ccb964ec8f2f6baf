"""The flat planner: world model, energy and optimiser make a planner towards one target."""

from typing import Any

import torch
from torch import Tensor

from planners.interface import Energy, Generators, Memory, Optimizer, Plan, PlanError, WorldModel
from planners.intrinsic import Intrinsic

_ROUNDING = 1e-5


class Flat:
    """Plans `horizon` control steps ahead, straight towards the target.

    Args:
        model: imagines what actions lead to, and knows their bounds.
        horizon: H, control steps.
        intrinsic: what the path is charged for beside the energy, and what it must not do.
    """

    def __init__(
        self,
        model: WorldModel,
        energy: Energy,
        optimizer: Optimizer,
        horizon: int,
        intrinsic: Intrinsic | None = None,
    ) -> None:
        if horizon < 1:
            raise ValueError(f"horizon must be at least 1 control step; got {horizon}")
        self.intrinsic = intrinsic or Intrinsic()
        self.model, self.energy, self.optimizer, self.horizon = model, self.intrinsic.priced(energy), optimizer, horizon

    @torch.no_grad()
    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`; it remembers nothing. The optimiser may differentiate the score.

        Raises PlanError: energy or optimiser return something of another shape, or actions out of bounds.
        """
        low, high = self.model.action_low, self.model.action_high
        if start is None:
            start = ((low + high) / 2).expand(len(z), self.horizon, -1)
        rules, calls = self.intrinsic, 0
        rounds, multipliers = rules.rounds if rules.count else 1, z.new_zeros(len(z), rules.count)
        candidates = latents = torch.empty(0)

        def imagine(actions: Tensor) -> Tensor:
            nonlocal calls, candidates, latents
            calls += actions.shape[1] * actions.shape[2]
            candidates, latents = actions, self.model.rollout(z, actions)
            return latents

        def score(asked: Tensor) -> Tensor:
            found = self.energy(imagine(asked), asked, target)
            if found.shape != asked.shape[:2]:
                raise PlanError(
                    f"the energy returned {tuple(found.shape)}: return (B, N), here {tuple(asked.shape[:2])}"
                )
            return found + rules.added(rules.of(latents, asked), multipliers) if rules.count else found

        for _ in range(rounds):
            with torch.enable_grad():
                found = self.optimizer(score, start, low, high, generators)
            actions, energy = checked(found, start, low, high)
            # An optimiser that asked for the score of its result last has had its path imagined already.
            if not torch.equal(candidates, actions[:, None]):
                imagine(actions[:, None])
            if rounds > 1:
                start, multipliers = actions, rules.raised(multipliers, rules.of(latents, actions[:, None])[:, 0])
        return Plan(actions, latents[:, 0].detach(), energy, target, calls, torch.full((len(z),), -1))


def checked(found: Any, start: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Actions (B, H, A) and their score (B,), if that is what an optimiser returned. Raises PlanError."""
    shapes = [tuple(one.shape) for one in found] if isinstance(found, tuple) else type(found).__name__
    wanted = [tuple(start.shape), tuple(start.shape[:1])]
    if shapes != wanted:
        raise PlanError(f"the optimiser returned {shapes}: return actions {wanted[0]} and their score {wanted[1]}")
    actions, energy = (one.detach() for one in found)
    if not ((actions >= low - _ROUNDING) & (actions <= high + _ROUNDING)).all():  # neither is a NaN
        raise PlanError("the optimiser returned actions out of bounds: clamp them to low and high")
    return actions, energy
