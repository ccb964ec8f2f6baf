"""Energies: how good an imagined path is, lower is better. They add and scale: `a + 0.1 * b` is an energy again."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from planners.interface import Distance, Energy


class Composable(ABC):
    """An energy that can be added to others and scaled.

    On the CPU environments are evaluated one by one: the last bits of a matrix product or of a sum may depend on how
    many rows are computed together, and a closed loop amplifies them. Elsewhere all are evaluated at once.
    """

    def __call__(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        """Latents (B, N, H, *Z), actions (B, N, H, A), target (B, *Z) -> energy (B, N)."""
        if latents.device.type != "cpu":
            return self.of(latents, actions, target)
        return torch.stack([self.of(*each) for each in zip(latents, actions, target, strict=True)])

    @abstractmethod
    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        """The energy in one environment: latents (N, H, *Z), actions (N, H, A), target (*Z) -> (N,).

        Or in many, with B in front of each.
        """

    def __add__(self, other: Energy) -> "Composable":
        return WeightedSum([(1.0, self), (1.0, composable(other))])

    __radd__ = __add__

    def __mul__(self, weight: float) -> "Composable":
        return WeightedSum([(weight, self)])

    __rmul__ = __mul__


class FunctionEnergy(Composable):
    """Any function of latents (B, N, H, *Z), actions (B, N, H, A) and target (B, *Z) that returns (B, N)."""

    def __init__(self, function: Energy) -> None:
        self.function = function

    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        if actions.ndim == 4:
            return self.function(latents, actions, target)
        return self.function(latents[None], actions[None], target[None])[0]


def composable(energy: Energy) -> Composable:
    """An energy, or a function that is one, as something that can be added and scaled."""
    return energy if isinstance(energy, Composable) else FunctionEnergy(energy)


class WeightedSum(Composable):
    """Energies added up, each with its weight."""

    def __init__(self, terms: Sequence[tuple[float, Composable]]) -> None:
        self.terms = list(terms)

    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        total = latents.new_zeros(actions.shape[:-2])
        for weight, energy in self.terms:
            total = total + weight * energy.of(latents, actions, target)
        return total


class OverPath(Composable):
    """A cost of single latents, averaged over the imagined path.

    `path`: H weights, 0 or more, of the latents after each action; they are scaled to a sum of 1. What weighs nothing
    is not computed. None: all alike.
    """

    def __init__(self, path: Sequence[float] | None = None) -> None:
        if path is not None and (min(path) < 0 or sum(path) <= 0):
            raise ValueError(f"path weights must be 0 or more, and not all of them 0; got {list(path)}")
        self.path = path

    @abstractmethod
    def cost(self, latents: Tensor, target: Tensor) -> Tensor:
        """Latents (..., N, H, D), whatever shape they had made flat, target (D,) or (..., 1, 1, D) -> (..., N, H)."""

    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        batch, horizon = actions.ndim - 3, actions.shape[-2]
        latents, target = latents.flatten(start_dim=batch + 2), target.flatten(start_dim=batch)
        if batch:
            target = target[:, None, None]
        if self.path is None:
            return self.cost(latents, target).mean(dim=-1)
        if len(self.path) != horizon:
            raise ValueError(f"{len(self.path)} path weights for a horizon of {horizon} steps")
        used = [step for step, weight in enumerate(self.path) if weight > 0]
        weights = latents.new_tensor([self.path[step] / sum(self.path) for step in used])
        return (self.cost(latents[..., used, :], target) * weights).sum(dim=-1)


class LatentDistance(OverPath):
    """Root of the mean squared difference between the imagined latents and the target, which may have any shape.

    Not its square: that is flat about the target, where what else is added decides where the body comes to rest.
    """

    def cost(self, latents: Tensor, target: Tensor) -> Tensor:
        difference = latents - target
        return torch.linalg.vector_norm(difference, dim=-1) / difference.shape[-1] ** 0.5


class TemporalDistance(OverPath):
    """Control steps that are left from the imagined latents to the target; for latents that are vectors.

    `path` is as in `OverPath`.
    """

    def __init__(self, distance: Distance, path: Sequence[float] | None = None) -> None:
        super().__init__(path)
        self.distance = distance

    def cost(self, latents: Tensor, target: Tensor) -> Tensor:
        return self.distance.steps(latents, target)


class ActionEffort(Composable):
    """Mean squared action: prefers to act less where it makes no difference."""

    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        return actions.square().flatten(start_dim=-2).mean(dim=-1)
