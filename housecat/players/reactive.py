"""A policy as a planner of one control step, which imagines nothing."""

from collections.abc import Callable

import torch
from torch import Tensor

from planners.interface import Generators, Memory, Plan, WorldModel


class Reactive:
    """Does what `policy` says: latents (B, D) and goals (B, D) -> actions (B, A), within the bounds of `model`."""

    horizon = 1

    def __init__(self, policy: Callable[[Tensor, Tensor], Tensor], model: WorldModel) -> None:
        self.policy, self.model = policy, model

    @torch.no_grad()
    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`; one environment at a time, so that no batch changes an action."""
        each = [self.policy(*pair) for pair in zip(z.split(1), target.split(1), strict=True)]
        actions = torch.clamp(torch.cat(each), self.model.action_low, self.model.action_high)[:, None]
        return Plan(actions, z[:, None], z.new_zeros(len(z)), target, 0, torch.full((len(z),), -1))
