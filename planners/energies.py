"""Energies: how good an imagined path is, lower is better. They add and scale: `a + 0.1 * b` is an energy again."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from planners.interface import Distance, Energy
from planners.settings import setting

AGGREGATES: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda costs: costs.mean(dim=-1),
    "minimum": lambda costs: costs.amin(dim=-1),
    "final": lambda costs: costs[..., -1],
}
NORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    # Not its square: that is flat about the target, where what else is added decides where the body comes to rest.
    "l2": lambda z, target: torch.linalg.vector_norm(z - target, dim=-1) / z.shape[-1] ** 0.5,
    "l1": lambda z, target: (z - target).abs().mean(dim=-1),
    "cosine": lambda z, target: 1 - torch.cosine_similarity(z, target, dim=-1),
}

Predict = Callable[[Tensor, Tensor], Tensor]
"""Latents (..., D) and actions (..., A) -> what each of K predictors takes for the next latent, (K, ..., D)."""


@dataclass(frozen=True)
class EnergySettings:
    """What makes an imagined path good."""

    aggregate: str = setting(
        "mean",
        "of the distance over the imagined path; a mean charges for every step of a way round something",
        choices=tuple(AGGREGATES),
    )
    norm: str = setting(
        "l2", "of the latent distance: root mean square, mean of absolute values, 1 - cosine", choices=tuple(NORMS)
    )
    closeness: float = setting(0.0, "weight of the latent distance beside the temporal one (not flat_latent)", 0, 1e6)
    disagreement: float = setting(
        0.0, "weight of how much an ensemble disagrees on the path; train with ensemble.members", 0, 1e6
    )


def make_energy(asked: EnergySettings, distance: Distance | None, ensemble: Predict | None = None) -> "Composable":
    """The energy that the settings ask for.

    `distance`: None: the latent distance stands in its place. Raises ValueError: disagreement of an ensemble is asked
    for, and there is none.
    """
    energy: Composable = LatentDistance(asked.norm, asked.aggregate)
    if distance is not None:
        steps = TemporalDistance(distance, asked.aggregate)
        energy = steps + asked.closeness * energy if asked.closeness > 0 else steps
    if asked.disagreement > 0:
        if ensemble is None:
            raise ValueError("planner.disagreement needs an ensemble: train with ensemble.members=5, or leave it at 0")
        energy = energy + asked.disagreement * Disagreement(ensemble)
    return energy


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
    """A cost of single latents, aggregated over the imagined path; of "final" no other is computed."""

    def __init__(self, aggregate: str = "mean") -> None:
        if aggregate not in AGGREGATES:
            raise ValueError(f"a path is aggregated by {', '.join(AGGREGATES)}; got {aggregate}")
        self.aggregate = aggregate

    @abstractmethod
    def cost(self, latents: Tensor, target: Tensor) -> Tensor:
        """Latents (..., N, H, D), whatever shape they had made flat, target (D,) or (..., 1, 1, D) -> (..., N, H)."""

    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        batch = actions.ndim - 3
        latents, target = latents.flatten(start_dim=batch + 2), target.flatten(start_dim=batch)
        if batch:
            target = target[:, None, None]
        if self.aggregate == "final":
            latents = latents[..., -1:, :]
        return AGGREGATES[self.aggregate](self.cost(latents, target))


class LatentDistance(OverPath):
    """How far the imagined latents, which may have any shape, are from the target: one of NORMS."""

    def __init__(self, norm: str = "l2", aggregate: str = "mean") -> None:
        super().__init__(aggregate)
        if norm not in NORMS:
            raise ValueError(f"norms are {', '.join(NORMS)}; got {norm}")
        self.norm = norm

    def cost(self, latents: Tensor, target: Tensor) -> Tensor:
        return NORMS[self.norm](latents, target)


class TemporalDistance(OverPath):
    """Control steps that are left from the imagined latents to the target; for latents that are vectors."""

    def __init__(self, distance: Distance, aggregate: str = "mean") -> None:
        super().__init__(aggregate)
        self.distance = distance

    def cost(self, latents: Tensor, target: Tensor) -> Tensor:
        return self.distance.steps(latents, target)


class ActionEffort(Composable):
    """Mean squared action: prefers to act less where it makes no difference."""

    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        return actions.square().flatten(start_dim=-2).mean(dim=-1)


class ActionChange(Composable):
    """Mean squared change from one action to the next: prefers smooth motion. 0 for a horizon of one step."""

    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        changes = actions.diff(dim=-2).square().flatten(start_dim=-2)
        return changes.sum(dim=-1) / max(changes.shape[-1], 1)


class Disagreement(Composable):
    """How far apart an ensemble's predictions of the next latent are along the path; for latents that are vectors.

    The standard deviation over the members, root mean square over the latent, mean over the path. The first step is
    not judged: an energy is not told where the path begins.
    """

    def __init__(self, ensemble: Predict) -> None:
        self.ensemble = ensemble

    def of(self, latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        if actions.shape[-2] < 2:
            return actions.new_zeros(actions.shape[:-2])
        ahead = self.ensemble(latents[..., :-1, :], actions[..., 1:, :])
        return ahead.var(dim=0, correction=0).mean(dim=-1).sqrt().mean(dim=-1)
