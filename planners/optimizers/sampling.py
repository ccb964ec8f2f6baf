"""What optimisers that draw candidates share: settings, noise that persists, results that no batch changes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from planners.interface import Generators
from planners.settings import setting

SAMPLERS = ("cem", "icem", "mppi", "predictive_sampling", "cem_gradient")  # whose candidates are a mean and noise


@dataclass(frozen=True)
class SamplingSettings:
    """How candidates are drawn."""

    samples: int = setting(
        64,
        "candidate action sequences in an iteration",
        2,
        1e5,
        only=("optimizer", *SAMPLERS, "cma_es", "categorical", "random_shooting"),
    )
    iterations: int = setting(
        3,
        "iterations at every control step",
        1,
        1000,
        only=("optimizer", *SAMPLERS, "cma_es", "categorical", "random_shooting"),
    )
    noise: float = setting(
        0.7,
        "spread of the first candidates, as a share of half the action range",
        0.001,
        10,
        only=("optimizer", *SAMPLERS, "cma_es", "gradient"),
    )
    persistence: float = setting(
        0.7,
        "correlation of a candidate's noise from one control step to the next",
        0,
        0.999,
        only=("optimizer", *SAMPLERS, "gradient"),
    )


def check_sampling(settings: SamplingSettings) -> None:
    """Raises ValueError where an optimiser with these settings cannot search."""
    if settings.samples < 2 or settings.iterations < 1:
        raise ValueError(f"samples must be 2 or more, iterations 1; got {settings.samples} and {settings.iterations}")
    if settings.noise <= 0 or not 0 <= settings.persistence < 1:
        found = f"{settings.noise} and {settings.persistence}"
        raise ValueError(f"noise must be above 0 and persistence in [0, 1); got {found}")


def require_generators(start: Tensor, generators: Generators) -> None:
    """Raises ValueError where not each of the environments of start (B, H, A) has a generator of its own."""
    if len(generators) != len(start):
        raise ValueError(f"{len(start)} environments need as many random generators; got {len(generators)}")


def noise(like: Tensor, draws: tuple[int, ...], persistence: float, generators: Generators) -> Tensor:
    """Standard normal noise for actions like (B, H, A), correlated along the horizon: (B, *draws, H, A)."""
    horizon, action = like.shape[1:]
    mix = persistent(horizon, persistence)
    shape = (*draws, action, horizon)
    drawn = [torch.randn(shape, generator=one, device=one.device) @ mix.to(one.device) for one in generators]
    return torch.stack(drawn).transpose(-1, -2).contiguous().to(like)


def persistent(horizon: int, persistence: float) -> Tensor:
    """The matrix (H, H) that turns white noise (..., H) into a first-order autoregressive process: `noise @ matrix`.

    The variance stays 1; the values of neighbouring steps correlate by `persistence`.
    """
    step = torch.arange(horizon)
    lag = step[None, :] - step[:, None]
    fresh = torch.full((horizon, 1), (1 - persistence**2) ** 0.5)
    fresh[0] = 1
    return torch.where(lag >= 0, persistence ** lag.clamp(min=0), 0.0) * fresh


def singly(compute: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """`compute` of tensors (B, ...); on the CPU one environment at a time: a sum's last bits depend on the batch."""
    if tensors[0].device.type != "cpu":
        return compute(*tensors)
    return torch.cat([compute(*each) for each in zip(*(one.split(1) for one in tensors), strict=True)])


def best_of(actions: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """The candidates (B, H, A) of actions (B, N, H, A) with the least of scores (B, N), and that; NaN is the most."""
    least, index = scores.nan_to_num(nan=torch.inf).min(dim=1)
    return actions[torch.arange(len(index), device=index.device), index], least


def better(old: tuple[Tensor, Tensor] | None, new: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Of two plans (B, H, A) with their scores (B,), in each environment the better one."""
    if old is None:
        return new
    wins = new[1] < old[1]
    return torch.where(wins[:, None, None], new[0], old[0]), torch.where(wins, new[1], old[1])
