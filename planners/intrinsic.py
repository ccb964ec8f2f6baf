"""The intrinsic cost: what a plan is charged for whatever its goal is; the trainable critic is the temporal distance.

The module of that name in LeCun 2022, A Path Towards Autonomous Machine Intelligence: immutable, set by whoever builds
the agent. Prices are added to the energy: effort and smoothness of the actions. Limits must not be violated: places to
stay out of or within, joints, changes of the action. A violation is 0 where a step keeps to the limit and about 1 where
it could hardly break it more, so that one weight suits metres, radians and actions; it enters as a quadratic penalty,
or by the augmented Lagrangian (Nocedal and Wright, 17.3). Every planner has it: the flat one in its search, the others
because they hand their targets to that one, leave out landmarks and ways that limits forbid (`planners.subgoals`), and
pay for them on the second level.

Forces of contact are not among them: no recording holds them, and what is pressed against a wall looks no different
however hard it is pressed, so that nothing could read them off a latent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from planners.energies import ActionChange, ActionEffort, Composable, FunctionEnergy, composable
from planners.interface import Energy
from planners.settings import setting

Depth = Callable[[Tensor], Tensor]
"""Values (..., Q) of a quantity -> how much they violate a limit (...); 0 or less where they keep to it."""

Limit = Callable[[Tensor], Tensor]
"""The same of latents (..., *Z), off which somebody reads that quantity."""

_GRAZED = 0.1  # so much a place may violate limits before it is no subgoal: quantities are not read more exactly


def out_of(low: Sequence[float], high: Sequence[float]) -> Depth:
    """Stay out of the box from `low` to `high` (Q,): how deep it is entered, of half its size."""

    def depth(values: Tensor) -> Tensor:
        centre, half = _box(values, low, high)
        return (1 - ((values - centre) / half).abs()).amin(dim=-1)

    return depth


def within(low: Sequence[float], high: Sequence[float]) -> Depth:
    """Stay in the box from `low` to `high` (Q,): how far it is left, of half its size."""

    def depth(values: Tensor) -> Tensor:
        centre, half = _box(values, low, high)
        return (((values - centre) / half).abs() - 1).amax(dim=-1)

    return depth


@dataclass(frozen=True)
class IntrinsicSettings:
    """What plans are charged for, and what they must not do, as the model foresees it; whatever the goal is."""

    effort: float = setting(0.0, "weight of the mean squared action", 0, 1e6)
    smoothness: float = setting(0.0, "weight of the mean squared change from one action to the next", 0, 1e6)
    keep_out: Any = setting(
        None,
        "places to stay out of: FILE.png, a camera picture with these painted red, or by quantity, {pusher: FILE.png}, "
        "{pusher: {center: [0.1, 0], radius: 0.05}}",
    )
    keep_out_margin: float = setting(
        0.0, "m by which plans keep clear of these places, for what is read is noisy", 0, 1
    )
    keep_within: Any = setting(None, "places to stay in, by quantity: {pusher: {low: [-0.2, -0.2], high: [0.2, 0.2]}}")
    joint_limits: float | None = setting(
        None, "share of its range that each joint keeps clear of at both ends; null: joints are free", 0, 0.45
    )
    most_change: float | None = setting(None, "most that an action may differ from the one before it", 1e-4, 2)
    constraint_weight: float = setting(100.0, "of half the square of what a plan violates", 1e-6, 1e9)
    constraint_rounds: int = setting(
        3, "searches for a plan, with multipliers raised in between; 1: penalties only. They share the budget", 1, 100
    )

    @property
    def bounded(self) -> bool:
        """Whether there are limits on where things are."""
        return any(one is not None for one in (self.keep_out, self.keep_within, self.joint_limits))

    @property
    def constrained(self) -> bool:
        """Whether there are limits at all."""
        return self.bounded or self.most_change is not None


@dataclass(frozen=True)
class Intrinsic:
    """Prices and limits that hold whatever the goal is.

    `effort`, `smoothness`: weights of these energies. `most_change`: of an action from one step to the next. `weight`:
    of half the squares of violations. `rounds`: searches for a plan; after each the multipliers are raised by what the
    plan found violates; 1: penalties only.
    """

    effort: float = 0.0
    smoothness: float = 0.0
    limits: tuple[Limit, ...] = ()
    most_change: float | None = None
    weight: float = 100.0
    rounds: int = 3

    def __post_init__(self) -> None:
        if self.weight <= 0 or self.rounds < 1:
            raise ValueError(f"weight must be above 0 and rounds at least 1; got {self.weight} and {self.rounds}")

    @property
    def count(self) -> int:
        """C, how many limits there are."""
        return len(self.limits) + (self.most_change is not None)

    def priced(self, energy: Energy) -> Energy:
        """An energy with the prices added to it."""
        for weight, term in ((self.effort, ActionEffort()), (self.smoothness, ActionChange())):
            if weight > 0:
                energy = composable(energy) + weight * term
        return energy

    def barred(self, energy: Composable) -> Composable:
        """An energy of places alone, such as a second level's, with a penalty added where they violate limits."""

        def penalty(latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
            return self.weight / 2 * self._places(latents).square().sum(dim=-1)

        return energy + FunctionEnergy(penalty) if self.limits else energy

    def forbids(self, latents: Tensor) -> Tensor:
        """Whether places (..., *Z) are forbidden as subgoals: (...) bool."""
        worst = torch.stack([limit(latents) for limit in self.limits])
        return (worst > _GRAZED).any(dim=0)

    def of(self, latents: Tensor, actions: Tensor) -> Tensor:
        """How much is violated: latents (B, N, H, *Z), actions (B, N, H, A) -> (B, N, C), of the worst step each.

        Environment by environment, so that the last bits are the same in every batch.
        """
        places = torch.cat([self._places(each[None]) for each in latents])
        if self.most_change is None:
            return places
        worst = actions.new_zeros(actions.shape[:2])
        if actions.shape[2] > 1:
            worst = (actions.diff(dim=2).abs().flatten(start_dim=2).amax(dim=-1) - self.most_change).clamp(min=0)
        return torch.cat([places, worst[..., None]], dim=-1)

    def added(self, violated: Tensor, multipliers: Tensor) -> Tensor:
        """What is added to the energy: violated (B, N, C), multipliers (B, C) -> (B, N)."""
        return (violated * (multipliers[:, None] + self.weight / 2 * violated)).sum(dim=-1)

    def raised(self, multipliers: Tensor, violated: Tensor) -> Tensor:
        """Multipliers (B, C) after a search that found a plan that violates (B, C)."""
        return multipliers + self.weight * violated

    def _places(self, latents: Tensor) -> Tensor:
        """Latents (B, N, H, *Z) -> (B, N, L)."""
        each = [limit(latents).clamp(min=0).amax(dim=-1) for limit in self.limits]
        return torch.stack(each, dim=-1) if each else latents.new_zeros(*latents.shape[:2], 0)


def read_as(read: Callable[[Tensor], Tensor], depth: Depth) -> Limit:
    """A limit on a quantity that `read` reads off latents: (..., *Z) -> (..., Q)."""
    return lambda latents: depth(read(latents))


def _box(like: Tensor, low: Sequence[float], high: Sequence[float]) -> tuple[Tensor, Tensor]:
    least, most = like.new_tensor(low), like.new_tensor(high)
    return (most + least) / 2, (most - least) / 2
