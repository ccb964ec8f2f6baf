"""Principal components: the directions in which features vary, by how much they vary along them."""

import torch
from torch import Tensor

_ROWS = 8192  # that are held in float64 at a time: there may be a latent for every frame of all recordings


def principal(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Of rows (K, n) about their mean: orthonormal directions (n, count) and the variances along them (count,).

    Those that vary most come first; float64. Wide rows have no more than K - 1 of them, found by way of (K, K).
    """
    mean, (total, width) = rows.mean(dim=0, dtype=torch.float64), rows.shape
    if width > total:
        centred = (rows - mean).float()
        count = min(count, total - 1)
        variances, vectors = torch.linalg.eigh((centred @ centred.T).double() / total)
        variances, vectors = variances[-count:].flip(0).clamp(min=1e-12), vectors[:, -count:].flip(1)
        return (centred.T @ (vectors / (variances * total).sqrt()).float()).double(), variances
    covariance = rows.new_zeros(width, width, dtype=torch.float64)
    for some in rows.split(_ROWS):
        centred = some.double() - mean
        covariance.addmm_(centred.T, centred)
    variances, directions = torch.linalg.eigh(covariance / total)
    return directions[:, -count:].flip(1), variances[-count:].flip(0)
