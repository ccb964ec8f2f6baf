"""Rotary positions in three dimensions: attention sees where tokens lie relative to each other (V-JEPA 2).

Neighbouring channels form pairs, and each pair is turned by an angle that grows with the place: a third of the pairs
with the tubelet, a third with the row, a third with the column; channels left over are not turned. Published in
RoFormer (arXiv 2104.09864) and V-JEPA 2 (arXiv 2506.09985), whose released code turns the two halves of a pair
by different angles; here both have the same, so that products of queries and keys depend on differences of places only.
"""

import torch
from torch import Tensor

SLOWEST = 100.0  # the last pair turns this much slower than the first; 10,000 in large models, whose grids are larger


def angles(places: Tensor, size: int) -> Tensor:
    """Angle of each pair: places (..., 3), channels of an attention head -> (..., size // 2) in radians."""
    pairs = size // 6
    rates = SLOWEST ** (-torch.arange(pairs, device=places.device) / max(pairs, 1))
    turned = (places[..., None] * rates).flatten(-2)
    rest = turned.new_zeros(*turned.shape[:-1], size // 2 - 3 * pairs)
    return torch.cat([turned, rest], dim=-1)


def turn(channels: Tensor, angle: Tensor) -> Tensor:
    """Turns each pair (2i, 2i + 1) of channels (..., size) by angle (..., size // 2)."""
    even, odd = channels.unflatten(-1, (-1, 2)).unbind(dim=-1)
    cos, sin = angle.cos().to(channels.dtype), angle.sin().to(channels.dtype)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
