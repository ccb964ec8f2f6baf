"""The shape of a cloud of latents: how many directions it uses, how far it spreads, how straight motion runs in it."""

import torch
from torch import Tensor


def effective_rank(latents: Tensor) -> float:
    """exp of the entropy of the normalised singular values of (K, D), between 1 and D (RankMe, arXiv 2210.02885)."""
    values = torch.linalg.svdvals(latents - latents.mean(dim=0))
    share = values / values.sum().clamp(min=1e-12)
    return float(torch.exp(-(share * (share + 1e-12).log()).sum()))


def variation(latents: Tensor) -> float:
    """Spread of the latents (K, D) around their mean as a share of their size, in [0, 1]: 0 where all are the same."""
    around = (latents - latents.mean(dim=0)).pow(2).sum(dim=1).mean()
    return float((around / latents.pow(2).sum(dim=1).mean().clamp(min=1e-12)).sqrt())


def straightness(latents: Tensor) -> float:
    """Mean cosine between a step and the next one in the latent space, (B, T, D) with T >= 3: 1 on straight lines.

    Of a random walk it is 0. Steps of a body at rest have no direction and are left out (arXiv 2603.12231).
    """
    steps = latents[:, 1:] - latents[:, :-1]
    lengths = steps.norm(dim=-1)
    moving = lengths > 0.01 * lengths.mean()
    both = moving[:, 1:] & moving[:, :-1]
    cosines = torch.nn.functional.cosine_similarity(steps[:, 1:], steps[:, :-1], dim=-1)
    return float(cosines[both].mean())
