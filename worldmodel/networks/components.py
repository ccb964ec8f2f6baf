"""Principal components: the directions in which features vary, by how much they vary along them."""

import torch
from torch import Tensor

_ROWS = 8192  # that are held in float64 at a time: there may be a latent for every frame of all recordings


def principal(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Of rows (K, n) about their mean: orthonormal directions (n, count) and the variances along them (count,).

    Those that vary most come first; float64.
    """
    mean = rows.mean(dim=0, dtype=torch.float64)
    covariance = rows.new_zeros(2 * rows.shape[1:], dtype=torch.float64)
    for some in rows.split(_ROWS):
        centred = some.double() - mean
        covariance.addmm_(centred.T, centred)
    variances, directions = torch.linalg.eigh(covariance / len(rows))
    return directions[:, -count:].flip(1), variances[-count:].flip(0)
