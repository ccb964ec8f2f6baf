"""Vectors become codes of a learnt book, and gradients pass as if they had not (VQ-VAE, arXiv 1711.00937).

The book follows what is encoded by moving averages (appendix A.1 there); a code that nothing uses any more begins anew
at something that was just encoded (Jukebox, arXiv 2005.00341).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worldmodel.settings import setting

DEAD = 0.03  # of an equal share of all rows


@dataclass(frozen=True)
class QuantizerSettings:
    """The book of codes that frames are written in."""

    codes: int = setting(512, "codes in the book", 2, 65536)
    size: int = setting(16, "of the vector of a code", 2, 1024)
    decay: float = setting(0.99, "of the moving averages that the book follows", 0, 0.9999)
    commitment: float = setting(0.25, "weight of the distance of what is encoded from its code", 0, 1e6)


class Quantizer(nn.Module):
    """The book: `vectors` (codes, size), the mean of what was lately given to each code."""

    vectors: Tensor
    share: Tensor
    total: Tensor

    def __init__(self, settings: QuantizerSettings) -> None:
        super().__init__()
        self.decay = settings.decay
        self.register_buffer("vectors", torch.randn(settings.codes, settings.size))
        self.register_buffer("share", torch.zeros(settings.codes))  # moving average of the rows given to each code
        self.register_buffer("total", torch.zeros(settings.codes, settings.size))  # and of their sum

    def nearest(self, rows: Tensor) -> Tensor:
        """Index of the code nearest to each row: (..., size) -> (...) int64."""
        return self.closeness(rows).argmax(dim=-1)

    def closeness(self, rows: Tensor) -> Tensor:
        """Minus the squared distance of rows to all codes: (..., size) -> (..., codes), without the row's own part."""
        return 2 * rows @ self.vectors.T - self.vectors.pow(2).sum(dim=-1)

    @torch.no_grad()
    def follow(self, rows: Tensor, index: Tensor, generator: torch.Generator) -> None:
        """Moves the book towards rows (K, size) that were given to the codes index (K,).

        With decay g, code c: share = g * share + (1 - g) * n_c, total = g * total + (1 - g) * sum of its rows, and the
        vector is total / share. A code whose share is under `DEAD` of an equal one begins anew at a row, drawn by its
        squared distance from its code: most rows may be empty background, which needs no second code.
        """
        lost = (rows - self.vectors[index]).pow(2).sum(dim=-1)
        counts = torch.bincount(index, minlength=len(self.share)).to(rows.dtype)
        self.share.lerp_(counts, 1 - self.decay)
        self.total.lerp_(torch.zeros_like(self.total).index_add_(0, index, rows), 1 - self.decay)
        least = DEAD * len(rows) / len(self.share)
        dead = self.share < least
        drawn = torch.multinomial(lost.cpu() + 1e-6, len(self.share), replacement=True, generator=generator)
        self.share[dead] = 1.1 * least  # not used again within some updates, it is soon dead again
        self.total[dead] = 1.1 * least * rows[drawn.to(rows.device)][dead]
        self.vectors.copy_(self.total / self.share[:, None])


def straight_through(rows: Tensor, codes: Tensor) -> Tensor:
    """The codes (..., size), with gradients that go to the rows (..., size) as if they were them."""
    return rows + (codes - rows).detach()
