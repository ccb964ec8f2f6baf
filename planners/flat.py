"""The flat planner: world model, energy and optimiser make a planner towards one target."""

import torch
from torch import Tensor

from planners.interface import Energy, Generators, Memory, Optimizer, Plan, WorldModel


class Flat:
    """Plans `horizon` control steps ahead, straight towards the target.

    Args:
        model: imagines what actions lead to, and knows their bounds.
        horizon: H, control steps.
    """

    def __init__(self, model: WorldModel, energy: Energy, optimizer: Optimizer, horizon: int) -> None:
        if horizon < 1:
            raise ValueError(f"horizon must be at least 1 control step; got {horizon}")
        self.model, self.energy, self.optimizer, self.horizon = model, energy, optimizer, horizon

    @torch.no_grad()
    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`; it remembers nothing."""
        low, high = self.model.action_low, self.model.action_high
        if start is None:
            start = ((low + high) / 2).expand(len(z), self.horizon, -1)
        calls = 0
        candidates = latents = torch.empty(0)

        def imagine(actions: Tensor) -> Tensor:
            nonlocal calls, candidates, latents
            calls += actions.shape[1] * actions.shape[2]
            candidates, latents = actions, self.model.rollout(z, actions)
            return latents

        actions, energy = self.optimizer(
            lambda asked: self.energy(imagine(asked), asked, target), start, low, high, generators
        )
        # An optimiser that asked for the score of its result last has had its path imagined already.
        if not torch.equal(candidates, actions[:, None]):
            imagine(actions[:, None])
        return Plan(actions, latents[:, 0], energy, target, calls, torch.full((len(z),), -1))
