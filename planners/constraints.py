"""What an imagined path must not do: quadratic penalties, or the augmented Lagrangian (Nocedal and Wright, 17.3).

A violation is 0 where the path keeps to it and about 1 where it could hardly break it more, so that one weight suits
metres, radians and actions. Quantities such as places are read from latents by whoever makes a constraint.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from planners.settings import setting

Read = Callable[[Tensor], Tensor]
"""Latents (..., *Z) -> a quantity (..., Q)."""

Violation = Callable[[Tensor, Tensor], Tensor]
"""Latents (N, H, *Z) and actions (N, H, A) of one environment -> (N,), 0 or more."""


def keep_out(read: Read, low: Sequence[float], high: Sequence[float]) -> Violation:
    """Keeps a quantity out of the box from `low` to `high` (Q,): how deep its worst step is in it, of half its size."""

    def violation(latents: Tensor, actions: Tensor) -> Tensor:
        centre, half = _box(latents, low, high)
        return (1 - ((read(latents) - centre) / half).abs()).amin(dim=-1).clamp(min=0).amax(dim=-1)

    return violation


def keep_within(read: Read, low: Sequence[float], high: Sequence[float]) -> Violation:
    """Keeps a quantity in the box from `low` to `high` (Q,): how far its worst step is outside, of half its size."""

    def violation(latents: Tensor, actions: Tensor) -> Tensor:
        centre, half = _box(latents, low, high)
        return (((read(latents) - centre) / half).abs() - 1).amax(dim=-1).clamp(min=0).amax(dim=-1)

    return violation


def change_at_most(most: float) -> Violation:
    """Keeps each action's change to the next one to `most`, of the same unit: how far the worst exceeds it."""

    def violation(latents: Tensor, actions: Tensor) -> Tensor:
        if actions.shape[-2] < 2:
            return actions.new_zeros(len(actions))
        return (actions.diff(dim=-2).abs().flatten(start_dim=-2).amax(dim=-1) - most).clamp(min=0)

    return violation


@dataclass(frozen=True)
class ConstraintSettings:
    """What a plan must not do, as the model foresees it."""

    keep_out: Any = setting(None, "places to stay out of, by quantity: {pusher: {center: [0.1, 0], radius: 0.05}}")
    keep_within: Any = setting(None, "places to stay in, by quantity: {pusher: {low: [-0.2, -0.2], high: [0.2, 0.2]}}")
    most_change: float | None = setting(None, "most that an action may differ from the one before it", 1e-4, 2)
    constraint_weight: float = setting(100.0, "of half the square of what a plan violates", 1e-6, 1e9)
    constraint_rounds: int = setting(
        3, "searches for a plan, with multipliers raised in between; 1: penalties only. They share the budget", 1, 100
    )

    @property
    def constrained(self) -> bool:
        """Whether anything is forbidden."""
        return any(one is not None for one in (self.keep_out, self.keep_within, self.most_change))


@dataclass(frozen=True)
class Constraints:
    """Violations that a planner keeps down.

    `weight`: of half their squares. `rounds`: searches for a plan; after each the multipliers are raised by
    what the plan found violates; 1: penalties only.
    """

    violations: tuple[Violation, ...]
    weight: float = 100.0
    rounds: int = 3

    def __post_init__(self) -> None:
        if self.weight <= 0 or self.rounds < 1:
            raise ValueError(f"weight must be above 0 and rounds at least 1; got {self.weight} and {self.rounds}")

    def of(self, latents: Tensor, actions: Tensor) -> Tensor:
        """How much is violated: latents (B, N, H, *Z), actions (B, N, H, A) -> (B, N, C).

        Environment by environment, so that the last bits are the same in every batch.
        """
        each = zip(latents, actions, strict=True)
        return torch.stack([torch.stack([one(*row) for one in self.violations], dim=-1) for row in each])

    def added(self, violated: Tensor, multipliers: Tensor) -> Tensor:
        """What is added to the energy: violated (B, N, C), multipliers (B, C) -> (B, N)."""
        return (violated * (multipliers[:, None] + self.weight / 2 * violated)).sum(dim=-1)

    def raised(self, multipliers: Tensor, violated: Tensor) -> Tensor:
        """Multipliers (B, C) after a search that found a plan that violates (B, C)."""
        return multipliers + self.weight * violated


def _box(like: Tensor, low: Sequence[float], high: Sequence[float]) -> tuple[Tensor, Tensor]:
    least, most = like.new_tensor(low), like.new_tensor(high)
    return (most + least) / 2, (most - least) / 2
