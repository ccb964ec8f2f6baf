"""Principal components: the directions in which features vary, by how much they vary along them."""

import torch
from torch import Tensor


def principal(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Of rows (K, n) about their mean: orthonormal directions (n, count) and the variances along them (count,).

    Those that vary most come first; float64.
    """
    centred = rows.double() - rows.double().mean(dim=0)
    variances, directions = torch.linalg.eigh(centred.T @ centred / len(centred))
    return directions[:, -count:].flip(1), variances[-count:].flip(0)
