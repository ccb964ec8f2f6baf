"""Numbers about a model while it trains: spread and rank of its latents, what a probe reads, how far it imagines."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel.diagnosis.geometry import effective_rank
from worldmodel.diagnosis.imagination import open_loop
from worldmodel.diagnosis.probes import explained, fit_linear
from worldmodel.model import Encoder, LatentWorldModel, PatchEncoder

_PENALTIES = (1e-3,)  # of probes along with training: one, so that lines of the log compare


@torch.no_grad()
def latents_of(model: Encoder, frames: Tensor, chunk: int = 32) -> Tensor:
    """Latents of many clips in chunks that bound the memory: (B, T, h, w, 3) -> (B, T - context + 1, D)."""
    return torch.cat([model.latents(part.to(model.device)) for part in frames.split(chunk)])


@torch.no_grad()
def spread_of(model: Encoder, frames: Tensor, latents: Tensor, share: float = 0.1) -> Tensor:
    """Standard deviation of each feature from state to state (D,): near 0 where they have collapsed.

    Of a `PatchEncoder`, in the tenth of the patches that vary most: a mean over patches hardly moves where most of them
    show a background, and features that tell one patch from another say nothing about the state.
    frames uint8 (B, T, h, w, 3), latents (K, D) of them.
    """
    if not isinstance(model, PatchEncoder):
        return latents.std(dim=0)
    tokens = torch.cat([model.tokens(part.to(model.device)).flatten(0, 1) for part in frames.split(32)])
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
def diagnose(model: Encoder, seen: Labelled, unseen: Labelled, imagination: bool = True) -> dict[str, float]:
    """All of these: linear probes are fitted on recordings used in training, all is judged on held-out ones.

    What the recordings do not tell, because the simulator's states are unknown or never vary, is not a number.
    Imagination, where it is asked for, runs open-loop from the first latent of a clip to its last.
    """
    latents = {name: latents_of(model, part.frames).flatten(0, 1) for name, part in (("fit", seen), ("test", unseen))}
    spread = spread_of(model, unseen.frames, latents["test"])
    result = {"std_mean": float(spread.mean()), "std_min": float(spread.min()), "rank": effective_rank(latents["test"])}
    for name in unseen.measured:
        known = (part.measured[name][:, model.context - 1 :].flatten(0, 1).float() for part in (seen, unseen))
        fit, test = (each.to(model.device) for each in known)
        probe = fit_linear(latents["fit"], fit, _PENALTIES)
        result[f"probe_{name}"] = float(explained(probe(latents["test"]), test).nanmean())  # of what varies
    if not (imagination and isinstance(model, LatentWorldModel)):
        return result
    horizon = unseen.frames.shape[1] - model.context
    imagined = open_loop(model, unseen.frames, unseen.actions, horizon)
    return result | {f"open_loop_{name}": value for name, value in imagined.items()}
