"""Subgoals without a graph: recorded latents drawn anew for each plan, of which the distance says which leads on.

Aimed at is the one from which the goal is nearest among those within reach (cf. subgoals that a value function scores:
Chane-Sane et al. 2021, arXiv 2107.00541; Nasiriany et al. 2019, arXiv 1911.08453). It is as good as the distance is
over the whole way, where a graph of landmarks asks for short distances only.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from planners.interface import Distance, Generators, Memory, Plan, Planner
from planners.settings import setting

_LEAST_GAIN = 1.0  # control steps by which a subgoal must bring the goal nearer


@dataclass(frozen=True)
class SampledSettings:
    """How subgoals are drawn."""

    drawn: int = setting(64, "recorded latents drawn as subgoals for each plan", 1, 1e4)


@dataclass(frozen=True)
class _Aimed:
    """Of one environment: its goal (D,), on the CPU, and what was aimed at, (D,)."""

    goal: Tensor
    subgoal: Tensor


class Sampled:
    """Aims at a drawn latent within reach that is nearest to the goal, or at the goal itself; itself a planner.

    The goal itself is the target within `near`, and where no latent brings it nearer. What was aimed at before is among
    the candidates, so that the target changes for a better one only.

    Args:
        flat: plans towards the target that is chosen.
        latents: (M, D), where subgoals may lie.
        distance: steps from one latent to another.
        near, reach: control steps; see `planners.subgoals.routes.Rules`.
        drawn: candidates for each plan.
    """

    def __init__(
        self, flat: Planner, latents: Tensor, distance: Distance, near: float, reach: float, drawn: int = 64
    ) -> None:
        if near < 0 or reach <= 0 or drawn < 1 or len(latents) < 1:
            raise ValueError(
                "near must be 0 or more, reach above 0, and there must be latents to draw from; got "
                f"{near}, {reach}, {drawn} of {len(latents)}"
            )
        self.flat, self.latents, self.distance, self.horizon = flat, latents, distance, flat.horizon
        self.near, self.reach, self.drawn = near, reach, min(drawn, len(latents))

    @torch.no_grad()
    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`; latents are vectors."""
        goals, count = target.cpu(), len(self.latents)
        order = [torch.randperm(count, generator=one, device=one.device)[: self.drawn] for one in generators]
        candidates = self.latents[torch.stack(order).to(z.device)]
        before = [
            one.subgoal if one is not None and torch.equal(one.goal, goal) else first
            for one, goal, first in zip(memory or [None] * len(z), goals, candidates[:, 0], strict=True)
        ]
        asked = z, target, torch.cat([torch.stack(before)[:, None], candidates], dim=1)
        if z.device.type == "cpu":  # the last bits of a distance may depend on how many are computed together
            aims = torch.cat([self._aim(*(one[None] for one in row)) for row in zip(*asked, strict=True)])
        else:
            aims = self._aim(*asked)
        plan = self.flat(z, aims, start, generators)
        return replace(plan, memory=tuple(_Aimed(*one) for one in zip(goals, aims, strict=True)))

    def _aim(self, z: Tensor, goal: Tensor, candidates: Tensor) -> Tensor:
        """What is aimed at, (B, D), from z towards goal (B, D): one of the candidates (B, K, D), or the goal."""
        straight = self.distance.steps(z, goal)
        away = self.distance.steps(z[:, None], candidates)
        left = self.distance.steps(candidates, goal[:, None]).where(away <= self.reach, torch.inf)
        least, best = left.min(dim=1)
        on = (straight > self.near) & (least < straight - _LEAST_GAIN)
        return torch.where(on[:, None], candidates[torch.arange(len(z), device=z.device), best], goal)
