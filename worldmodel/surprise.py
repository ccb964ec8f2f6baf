"""How far a model's imagination is usually off by: what a surprise is measured against."""

import torch
from torch import Tensor

from worldmodel.model import LatentWorldModel

_SELDOM = 0.999  # of the steps of recordings that a model has not learnt from, the share that surprises it less


@torch.no_grad()
def surprising(model: LatentWorldModel, frames: Tensor, actions: Tensor) -> float:
    """The root mean square error of the next latent, imagined from the true one, that one step in a thousand exceeds.

    Args:
        frames: uint8 (B, T, h, w, 3), T at least the context and one more.
        actions: (B, T-1, A), between the frames.
    """
    errors = []
    for seen, taken in zip(frames.split(16), actions.split(16), strict=True):
        latents = model.latents(seen.to(model.device))
        steps = taken[:, model.context - 1 :, None].to(model.device)
        ahead = model.imagine(latents[:, :-1], steps)[..., 0, :]
        errors.append((ahead.float() - latents[:, 1:]).square().mean(dim=-1).sqrt().flatten().cpu())
    return float(torch.cat(errors).double().quantile(_SELDOM))
