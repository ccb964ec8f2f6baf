"""Numbers about a world model: spread and rank of its latents, what a probe reads from them, how far it can imagine."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel.model import Encoder, PatchEncoder, WorldModel
from worldmodel.predictors import from_every_start, windows


def effective_rank(latents: Tensor) -> float:
    """exp of the entropy of the normalised singular values of (K, D), between 1 and D (RankMe, arXiv 2210.02885)."""
    values = torch.linalg.svdvals(latents - latents.mean(dim=0))
    share = values / values.sum().clamp(min=1e-12)
    return float(torch.exp(-(share * (share + 1e-12).log()).sum()))


def ridge_r2(train: Tensor, train_targets: Tensor, test: Tensor, test_targets: Tensor, weight: float = 1e-3) -> Tensor:
    """R2 (n,) on the test rows of a linear probe with ridge penalty: inputs (K, D), targets (K, n).

    A target that does not vary has R2 = nan: nothing can be said about it.
    """
    mean, scale = train.mean(dim=0), train.std(dim=0).clamp(min=1e-6)
    train, test = ((rows - mean) / scale for rows in (train, test))
    train, test = (torch.cat([rows, torch.ones(len(rows), 1)], dim=1).double() for rows in (train, test))
    penalty = weight * len(train) * torch.eye(train.shape[1], dtype=torch.float64)
    penalty[-1, -1] = 0
    solution = torch.linalg.solve(train.T @ train + penalty, train.T @ train_targets.double())
    total = (test_targets - test_targets.mean(dim=0)).pow(2).sum(dim=0)
    left = (test_targets - test @ solution).pow(2).sum(dim=0)
    return torch.where(total > 1e-9, 1 - left / total, torch.nan)


@torch.no_grad()
def open_loop(model: WorldModel, frames: Tensor, actions: Tensor, horizon: int) -> dict[str, float]:
    """Imagination against copying: squared latent error after `horizon` steps over that of leaving the latent as it is.

    frames uint8 (B, T, h, w, 3) with T >= context + horizon, actions (B, T-1, A). Below 1: it imagines better.
    """
    latents = model.latents(frames)
    used = actions[:, model.context - 1 :]
    imagined = from_every_start(model, latents, used, horizon)[:, :, -1].float()
    starts = imagined.shape[1]
    target = windows(latents, starts, horizon, 1)[:, :, -1]
    error = (imagined - target).pow(2).mean()
    copied = (latents[:, :starts] - target).pow(2).mean()
    return {"imagined": float(error), "copied": float(copied), "ratio": float(error / copied.clamp(min=1e-12))}


@torch.no_grad()
def latents_of(model: Encoder, frames: Tensor, chunk: int = 32) -> Tensor:
    """Latents of many clips in chunks that bound the memory: (B, T, h, w, 3) -> (B, T - context + 1, D)."""
    return torch.cat([model.latents(part) for part in frames.split(chunk)])


@torch.no_grad()
def spread_of(model: Encoder, frames: Tensor, latents: Tensor, share: float = 0.1) -> Tensor:
    """Standard deviation of each feature from state to state (D,): near 0 where they have collapsed.

    Of a `PatchEncoder`, in the tenth of the patches that vary most: a mean over patches hardly moves where most of them
    show a background, and features that tell one patch from another say nothing about the state.
    frames uint8 (B, T, h, w, 3), latents (K, D) of them.
    """
    if not isinstance(model, PatchEncoder):
        return latents.std(dim=0)
    tokens = torch.cat([model.tokens(part).flatten(0, 1) for part in frames.split(32)])
    each = tokens.std(dim=0)  # (P, D)
    most = each.mean(dim=1).topk(max(1, round(share * len(each)))).indices
    return each[most].mean(dim=0)


@dataclass(frozen=True)
class Labelled:
    """Clips with what the simulator says of them; tensors on the CPU."""

    frames: Tensor  # (B, T, h, w, 3) uint8
    actions: Tensor  # (B, T-1, A)
    measured: dict[str, Tensor]  # (B, T, n) each: position, velocity, ...


@torch.no_grad()
def diagnose(model: Encoder, seen: Labelled, unseen: Labelled, horizon: int) -> dict[str, float]:
    """All of these: linear probes are fitted on recordings used in training, all is judged on held-out ones."""
    latents = {name: latents_of(model, part.frames).flatten(0, 1) for name, part in (("fit", seen), ("test", unseen))}
    spread = spread_of(model, unseen.frames, latents["test"])
    result = {"std_mean": float(spread.mean()), "std_min": float(spread.min()), "rank": effective_rank(latents["test"])}
    for name in unseen.measured:
        fit, test = (part.measured[name][:, model.context - 1 :].flatten(0, 1).float() for part in (seen, unseen))
        result[f"probe_{name}"] = float(ridge_r2(latents["fit"], fit, latents["test"], test).mean())
    if not isinstance(model, WorldModel):
        return result
    length = model.context + horizon
    imagination = open_loop(model, unseen.frames[:, :length], unseen.actions[:, : length - 1], horizon)
    return result | {f"open_loop_{name}": value for name, value in imagination.items()}
