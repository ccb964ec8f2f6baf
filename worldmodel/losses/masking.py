"""Which patches are context and which are predicted: I-JEPA's blocks, V-JEPA's tubes and futures, on small grids too.

Published in I-JEPA (arXiv 2301.08243) and V-JEPA (arXiv 2404.08471). Sizes of blocks are shared by a batch, their
places are not. Where counts differ between the members of a batch, a random subset of each is kept, never the first in
order.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LEAST_CONTEXT = 1 / 16  # of the patches; places are drawn anew where less is left
TRIES = 16  # so often; then all blocks of a picture are put on one place, which always leaves some


@dataclass(frozen=True)
class Blocks:
    """Rectangles on the grid of patches."""

    count: int
    scale: tuple[float, float]  # share of the patches in one of them, least and most
    aspect: tuple[float, float]  # height over width, least and most


IMAGE_TARGETS = Blocks(4, (0.15, 0.2), (0.75, 1.5))
IMAGE_CONTEXT = Blocks(1, (0.85, 1.0), (1.0, 1.0))
SHORT_RANGE = Blocks(8, (0.15, 0.15), (0.75, 1.5))
LONG_RANGE = Blocks(2, (0.7, 0.7), (0.75, 1.5))


@dataclass(frozen=True)
class Masks:
    """Indices of tokens in the order of `places`."""

    context: Tensor  # (B, K) what the encoder sees
    targets: Tensor  # (B, M, L) what is predicted, M groups of L tokens, each group by itself


def image_blocks(
    batch: int, rows: int, columns: int, generator: torch.Generator, change: Tensor | None = None, motion: float = 0.0
) -> Masks:
    """I-JEPA's multi-block masks: four target blocks, and a large context block without what lies in them.

    Args:
        change: (B, rows, columns) how much happens in each patch.
        motion: share of the target blocks that are placed in proportion to the change in them, the others anywhere.
    """
    size = block_size(IMAGE_TARGETS, rows, columns, generator)
    targets = _placed(IMAGE_TARGETS.count, size, _odds(batch, size, (rows, columns), change, motion), generator)
    # No motion here: what is not in a target stays visible, wherever it is.
    around = block_size(IMAGE_CONTEXT, rows, columns, generator)
    seen = _placed(1, around, _odds(batch, around, (rows, columns), None, 0.0), generator)[:, :, 0]
    chosen, free = _first_with_context(targets, seen)
    return Masks(_random_subset(free, generator), _random_subset(chosen, generator))


def tubes(
    blocks: Blocks,
    batch: int,
    grid: tuple[int, int, int],
    generator: torch.Generator,
    change: Tensor | None = None,
    motion: float = 0.0,
) -> Masks:
    """V-JEPA's masks: blocks that last as long as the clip; context is what is in none of them. M = 1.

    Args:
        grid: tubelets, rows, columns.
        change: (B, rows, columns) how much happens in each patch.
        motion: share of the blocks that are placed in proportion to the change in them, the others anywhere.
    """
    times, rows, columns = grid
    size = block_size(blocks, rows, columns, generator)
    placed = _placed(blocks.count, size, _odds(batch, size, (rows, columns), change, motion), generator)
    chosen, free = _first_with_context(placed, torch.ones(batch, TRIES + 1, rows * columns, dtype=torch.bool))
    # Subsets are taken before time comes in, so that a tube stays whole and no tubelet is starved.
    spread = torch.arange(times)[:, None] * rows * columns
    context, target = (_random_subset(part, generator) for part in (free, chosen.any(dim=1)))
    return Masks((context[:, None] + spread).flatten(1), (target[:, None] + spread).flatten(1)[:, None])


def newest(batch: int, grid: tuple[int, int, int], count: int = 1) -> Masks:
    """The newest `count` tubelets are what is predicted, all of them, from all that came before. M = 1.

    `grid`: tubelets, more than `count`, rows, columns.
    """
    times, rows, columns = grid
    index = torch.arange(times * rows * columns).expand(batch, -1)
    known = (times - count) * rows * columns
    return Masks(index[:, :known], index[:, None, known:])


def block_size(blocks: Blocks, rows: int, columns: int, generator: torch.Generator) -> tuple[int, int]:
    """Height and width of the blocks in patches, at most those of the grid.

    Raises ValueError: the grid has fewer than 4 patches either way, so a block might leave nothing to predict from.
    """
    if min(rows, columns) < 4:
        raise ValueError(f"masking needs at least 4x4 patches, there are {rows}x{columns}: use a smaller model.patch")
    low, high = torch.rand(2, generator=generator).tolist()
    scale = blocks.scale[0] + low * (blocks.scale[1] - blocks.scale[0])
    aspect = blocks.aspect[0] + high * (blocks.aspect[1] - blocks.aspect[0])
    area = scale * rows * columns
    height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
    return min(max(height, 1), rows), min(max(width, 1), columns)


def change_between(frames: Tensor, rows: int, columns: int) -> Tensor:
    """How much happens in each patch: mean absolute difference of neighbouring frames.

    frames uint8 (B, T, h, w, 3) with T >= 2 -> (B, rows, columns).
    """
    pixels = frames.float().mean(dim=-1)
    difference = (pixels[:, 1:] - pixels[:, :-1]).abs().mean(dim=1)
    return torch.nn.functional.adaptive_avg_pool2d(difference[:, None], (rows, columns))[:, 0]


def places(times: int, rows: int, columns: int) -> Tensor:
    """Tubelet, row and column of each token (times * rows * columns, 3), float32; time is slowest, column fastest."""
    axes = (torch.arange(n, dtype=torch.float32) for n in (times, rows, columns))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, 2)


def distance_to_targets(masks: Masks, where: Tensor) -> Tensor:
    """From each context token to the nearest target: (B, K), in patches or tubelets; `where` (P, 3) are the places."""
    return torch.cdist(where[masks.context], where[masks.targets.flatten(1)]).amin(dim=-1)


def _odds(batch: int, size: tuple[int, int], grid: tuple[int, int], change: Tensor | None, motion: float) -> Tensor:
    """How likely a block's corner is at each place where it fits: (B, rows - height + 1, columns - width + 1)."""
    even = torch.ones(batch, grid[0] - size[0] + 1, grid[1] - size[1] + 1)
    even = even / even[0].numel()
    if change is None or motion == 0:
        return even
    inside = torch.nn.functional.avg_pool2d(change.cpu().float()[:, None], size, stride=1)[:, 0]
    total = inside.sum(dim=(1, 2), keepdim=True)
    moving = torch.where(total > 0, inside / total.clamp(min=1e-12), even)  # where nothing moves, anywhere
    return (1 - motion) * even + motion * moving


def _placed(count: int, size: tuple[int, int], odds: Tensor, generator: torch.Generator) -> Tensor:
    """Blocks of this height and width, TRIES times: bool (B, TRIES + 1, count, P); in the last one all on one place."""
    batch, down, across = odds.shape
    corner = torch.multinomial(odds.flatten(1), TRIES * count, replacement=True, generator=generator)
    corner = corner.view(batch, TRIES, count)
    corner = torch.cat([corner, corner[:, -1:, :1].expand(-1, -1, count)], dim=1)
    covered = []
    for length, first, room in ((size[0], corner // across, down), (size[1], corner % across, across)):
        line = torch.arange(room + length - 1) - first[..., None]
        covered.append((line >= 0) & (line < length))
    return (covered[0][..., :, None] & covered[1][..., None, :]).flatten(-2)


def _first_with_context(targets: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """The first try that leaves enough context, else the one that leaves most.

    targets bool (B, tries, M, P), seen bool (B, tries, P) -> targets (B, M, P), context (B, P).
    """
    free = seen & ~targets.any(dim=2)
    left, tries = free.sum(dim=-1), free.shape[1]
    enough = max(1, math.ceil(LEAST_CONTEXT * free.shape[-1]))
    best = (left.clamp(max=enough) * tries - torch.arange(tries)).argmax(dim=1)
    each = torch.arange(len(best))
    return targets[each, best], free[each, best]


def _random_subset(chosen: Tensor, generator: torch.Generator) -> Tensor:
    """Indices of as many of the chosen as every row has: bool (..., P) -> (..., K), in ascending order."""
    count = int(chosen.sum(dim=-1).min())
    keys = torch.rand(chosen.shape, generator=generator) + chosen
    return keys.topk(count, dim=-1).indices.sort(dim=-1).values
