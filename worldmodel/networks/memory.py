"""Short-term memory: what was seen and is hidden now stays in the latent (that module in LeCun 2022, A Path Towards
Autonomous Machine Intelligence)."""

import torch
from torch import Tensor, nn

WIDTH = 384
_TRUSTING = 2.0  # logit of the gain at first: what is seen is believed


class MemoryFilter(nn.Module):
    """A filter over latents: what was imagined is corrected by what is seen, as far as that can be believed.

    The gain, how far each dimension is believed, is learnt, as in KalmanNet (Revach et al. 2022, arXiv 2107.10043), and
    so is what is to be mended where it is not: a latent's dimensions speak of hidden and of seen things at once.

    `latent`: D.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, latent: int, width: int = WIDTH) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))
        self.enter = nn.Linear(3 * latent, width)
        self.hidden = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())
        self.leave = nn.Linear(width, 2 * latent)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, expected: Tensor, seen: Tensor) -> Tensor:
        """Latents that were imagined, and that are seen, both (..., D) -> what is remembered (..., D)."""
        ahead, now = ((one - self.center) / self.scale for one in (expected, seen))
        entered = nn.functional.gelu(self.enter(torch.cat([ahead, now, now - ahead], dim=-1)))
        gain, mended = self.leave(entered + self.hidden(entered)).chunk(2, dim=-1)
        believed = torch.sigmoid(gain + _TRUSTING)
        return expected + believed * (seen - expected) + (1 - believed) * mended * self.scale


def memory_from(tensors: dict[str, Tensor], latent: int) -> MemoryFilter:
    """From its weights, for latents of `latent` numbers. Raises ValueError: they are of others."""
    memory = MemoryFilter(latent).to(next(iter(tensors.values())).device)
    try:
        memory.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"memory of other latents than those of {latent} numbers") from error
    if not all(one.isfinite().all() for one in tensors.values()):
        raise ValueError("memory that holds what is no finite number")
    return memory.requires_grad_(False).eval()
