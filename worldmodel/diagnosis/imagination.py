"""How far a world model can imagine: open-loop error step by step, beside two ways of knowing nothing.

Copying leaves the latent as it is. Shuffled actions are those of another clip: a model that does no worse with them
does not listen to actions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel.model import LatentWorldModel
from worldmodel.networks.predictors import from_every_start, windows


@torch.no_grad()
def open_loop(model: LatentWorldModel, frames: Tensor, actions: Tensor, horizon: int) -> dict[str, float]:
    """Imagination against copying: squared latent error after `horizon` steps over that of leaving the latent as it is.

    frames uint8 (B, T, h, w, 3) with T >= context + horizon, actions (B, T-1, A). Below 1: it imagines better.
    """
    latents = model.latents(frames.to(model.device))
    used = actions[:, model.context - 1 :].to(model.device)
    imagined = from_every_start(model, latents, used, horizon)[:, :, -1].float()
    starts = imagined.shape[1]
    target = windows(latents, starts, horizon, 1)[:, :, -1]
    error = (imagined - target).pow(2).mean()
    copied = (latents[:, :starts] - target).pow(2).mean()
    return {"imagined": float(error), "copied": float(copied), "ratio": float(error / copied.clamp(min=1e-12))}


@dataclass(frozen=True)
class Futures:
    """From every start s in clips: what came, and what was imagined of it. All (B, S, H, D) but the first."""

    start: Tensor  # (B, S, D) the latent that all begin from
    came: Tensor  # latents of the frames that were recorded
    imagined: Tensor  # with the recorded actions
    shuffled: Tensor  # with those of another clip

    def guesses(self) -> dict[str, Tensor]:
        """Each guess at what came, by name, (B, S, H, D)."""
        copied = self.start[:, :, None].expand_as(self.came)
        return {"imagined": self.imagined, "copied": copied, "shuffled": self.shuffled}


@torch.no_grad()
def futures(
    model: LatentWorldModel, latents: Tensor, actions: Tensor, horizon: int, generator: torch.Generator
) -> Futures:
    """Imagines from every start: latents (B, T, D), actions (B, T-1, A) between them, B >= 2, T > horizon."""
    starts, device = latents.shape[1] - horizon, model.device
    shift = int(torch.randint(1, len(actions), (1,), generator=generator))  # every clip gets another one's actions
    ways = (actions, actions.roll(shift, dims=0))
    imagined, shuffled = (
        from_every_start(model, latents.to(device), way.to(device), horizon).float().cpu() for way in ways
    )
    latents = latents.cpu()
    return Futures(latents[:, :starts], windows(latents, starts, horizon, 1), imagined, shuffled)


def latent_errors(found: Futures) -> dict[str, Tensor]:
    """Squared error of each guess after each step, (B, H): the mean over starts, the sum over dimensions."""
    return {name: (guess - found.came).pow(2).sum(-1).mean(1) for name, guess in found.guesses().items()}


@dataclass(frozen=True)
class Physical:
    """Errors in the unit of a measured quantity, over those starts from which it really moves."""

    errors: dict[str, Tensor]  # by guess, and "read": of the probe on the latents that came; (H,)
    moved: Tensor  # (H,) mean distance from the start
    starts: int  # from which it moves far enough to count
    of: int  # starts in all


def physical_errors(
    found: Futures, read: Callable[[Tensor], Tensor], truth: Tensor, spread: float, least: float = 0.1
) -> Physical | None:
    """Errors of one quantity as a probe reads it from imagined latents.

    Args:
        read: latents (..., D) -> the quantity (..., n).
        truth: the quantity, (B, T, n), at the times of the latents that `found` was made of.
        spread: how far the quantity ranges in the recordings.
        least: a start counts if the quantity moves by more than this share of `spread` within the horizon.

    Returns:
        None: it hardly ever moves.
    """
    starts, horizon = found.came.shape[1], found.came.shape[2]
    came = windows(truth, starts, horizon, 1)
    way = (came - truth[:, :starts, None]).norm(dim=-1)  # (B, S, H)
    moves = way[:, :, -1] > least * spread
    if int(moves.sum()) < 20:
        return None
    guesses = {**found.guesses(), "read": found.came}
    errors = {name: (read(guess) - came).norm(dim=-1)[moves].mean(dim=0) for name, guess in guesses.items()}
    return Physical(errors, way[moves].mean(dim=0), int(moves.sum()), moves.numel())
