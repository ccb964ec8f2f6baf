"""What planners are made of: the protocols they rely on and the few records that pass between them.

Axes: B environments, T time, N candidates, H horizon, A action; *Z is the latent's own shape, (D,) if it is a vector.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Context:
    """What has been seen lately."""

    frames: Tensor  # (B, T, h, w, 3) uint8, the newest last
    actions: Tensor  # (B, T-1, A) float32; actions[:, t] led from frame t to frame t+1


class WorldModel(Protocol):
    """Turns camera frames into latents and imagines what actions make of them."""

    context: int  # frames that `encode` needs
    action_low: Tensor  # (A,)
    action_high: Tensor  # (A,)

    def encode(self, context: Context) -> Tensor:
        """The latent now: (B, *Z) float32."""
        ...

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        """From z (B, *Z) under actions (B, N, H, A): the latents after each action, (B, N, H, *Z)."""
        ...


class ShortTermMemory(Protocol):
    """Keeps in the latent what was seen and is hidden now."""

    def __call__(self, kept: Tensor, actions: Tensor, seen: Tensor) -> Tensor:
        """What is kept now (B, *Z): of what was kept before (B, *Z), the actions since (B, A), what is seen (B, *Z)."""
        ...


class UpperModel(Protocol):
    """A second level on a slower clock: latents y of its own, *Y, moved by macro-actions of M numbers."""

    stride: int  # control steps in one of its steps
    macro_low: Tensor  # (M,) bounds within which macro-actions are believable
    macro_high: Tensor  # (M,)

    def lift(self, z: Tensor) -> Tensor:
        """Latents of the first level (B, *Z) -> of the second (B, *Y)."""
        ...

    def rollout(self, y: Tensor, macros: Tensor) -> Tensor:
        """From y (B, *Y) under macro-actions (B, N, H, M): the latents after each of them, (B, N, H, *Y)."""
        ...

    def ground(self, y: Tensor) -> Tensor:
        """Latents of the second level (..., *Y) -> what a goal at that place is on the first, (..., *Z)."""
        ...


class Distance(Protocol):
    """How many control steps apart two latents are; need not be symmetric."""

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        """Expected control steps from z (..., D) to target (..., D), broadcast to (...); 0 or more."""
        ...


class PlanError(ValueError):
    """A part of a planner, such as an optimiser of one's own, does not keep its protocol; one line says what it did."""


Energy = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(latents (B, N, H, *Z), actions (B, N, H, A), target (B, *Z)) -> (B, N); lower is better."""

Generators = Sequence[torch.Generator]
"""One of each of B environments, so that none depends on another."""

Memory = Sequence[Any] | None
"""What a planner keeps of each of B environments from one plan to the next; None: their episodes have just begun."""

Score = Callable[[Tensor], Tensor]
"""Actions (B, N, H, A) -> (B, N); lower is better, and no environment depends on another."""


class Optimizer(Protocol):
    """Looks for the actions with the least score, and knows nothing else about them."""

    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The actions found (B, H, A) and their score (B,).

        Args:
            score: what is minimised. It never sees an action outside the bounds.
            start: (B, H, A), where the search begins; it is left unchanged.
            low, high: bounds of the actions, (A,).
            generators: B random generators; what is found for an environment depends on its own only.
        """
        ...


@dataclass(frozen=True)
class Plan:
    """What a planner means to do, and why. Timing belongs to whoever holds the clock."""

    actions: Tensor  # (B, H, A) within the bounds
    imagined: Tensor  # (B, H, *Z) latent after each action
    energy: Tensor  # (B,) of the actions
    target: Tensor  # (B, *Z) what they aim at: the goal or a subgoal
    calls: int  # predictor steps per environment that the plan took
    subgoal: Tensor  # (B,) int64, the landmark aimed at; -1: none, but the goal or an imagined latent
    memory: tuple[Any, ...] | None = None  # B entries, to be handed back at the next step; for the planner's own eyes
    decided: tuple[Any, ...] | None = (
        None  # B entries, `planners.configurator.Decision`; None: nothing was to be decided
    )
    foreseen: Tensor | None = None  # (B, 2) how far, from `target` of the plan before, it said to be by now, and it is


class Planner(Protocol):
    """Finds actions that lead from a latent towards a goal latent."""

    horizon: int  # H, control steps that a plan spans

    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """Plans for B environments, none of which depends on another.

        Args:
            z: (B, *Z), where the environments are.
            target: (B, *Z), the goals.
            start: (B, H, A), where the search begins; None: in the middle of the bounds.
            memory: `Plan.memory` of the last plan, row by row for these environments; an entry is None where that
                environment's episode has just begun.
        """
        ...
