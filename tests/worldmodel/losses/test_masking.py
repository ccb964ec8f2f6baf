"""Masks end on small grids, use every patch as context and as target, never both at once, and starve no one."""

import pytest
import torch

from worldmodel.losses.masking import (
    IMAGE_TARGETS,
    LONG_RANGE,
    SHORT_RANGE,
    Masks,
    block_size,
    change_between,
    distance_to_targets,
    image_blocks,
    places,
    tubes,
)

GRIDS = [(4, 4), (6, 6), (8, 8), (14, 14), (5, 9)]
TIMES = 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(kind: str, grid: tuple[int, int], source: torch.Generator, batch: int = 16) -> Masks:
    if kind == "image":
        return image_blocks(batch, *grid, source)
    return tubes(SHORT_RANGE if kind == "short" else LONG_RANGE, batch, (TIMES, *grid), source)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("kind", ["image", "short", "long"])
def test_context_and_targets_never_overlap_and_neither_is_empty(kind: str, grid: tuple[int, int]) -> None:
    source = generator()
    for _ in range(40):
        masks = draw(kind, grid, source)
        assert masks.context.shape[1] > 0 and masks.targets.shape[2] > 0
        for context, targets in zip(masks.context.tolist(), masks.targets.tolist(), strict=True):
            assert len(set(context)) == len(context)
            for group in targets:
                assert len(set(group)) == len(group)
                assert not set(context) & set(group)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("kinds", [("image",), ("short", "long")])
def test_every_patch_is_context_and_target_in_some_draw(kinds: tuple[str, ...], grid: tuple[int, int]) -> None:
    source, seen, hidden = generator(1), set[int](), set[int]()
    for _ in range(100):
        for kind in kinds:
            masks = draw(kind, grid, source)
            seen |= set(masks.context.flatten().tolist())
            hidden |= set(masks.targets.flatten().tolist())
    every = set(range(grid[0] * grid[1] * (1 if kinds == ("image",) else TIMES)))
    assert seen == every
    assert hidden == every


@pytest.mark.parametrize("grid", [(6, 6), (8, 8), (14, 14)])
def test_image_targets_are_four_rectangles_of_the_published_sizes(grid: tuple[int, int]) -> None:
    source, area = generator(2), grid[0] * grid[1]
    for _ in range(30):
        targets = draw("image", grid, source).targets
        assert targets.shape[1] == 4
        rows, columns = targets // grid[1], targets % grid[1]
        height = rows.amax(-1) - rows.amin(-1) + 1
        width = columns.amax(-1) - columns.amin(-1) + 1
        assert torch.equal(height * width, torch.full_like(height, targets.shape[2])), "a full rectangle"
        assert len(height.unique()) == len(width.unique()) == 1, "one size for the batch"
        assert 0.1 < targets.shape[2] / area < 0.26
    assert len({tuple(block_size(IMAGE_TARGETS, *grid, source)) for _ in range(100)}) > 1


@pytest.mark.parametrize("blocks", [SHORT_RANGE, LONG_RANGE])
def test_tubes_are_the_same_at_all_times(blocks) -> None:
    masks = tubes(blocks, 16, (TIMES, 8, 8), generator(3))
    for part in (masks.context, masks.targets[:, 0]):
        by_time = part.view(16, TIMES, -1)
        assert torch.equal(by_time // 64, torch.arange(TIMES)[:, None].expand_as(by_time))
        assert torch.equal(by_time % 64, (by_time[:, :1] % 64).expand_as(by_time))


def test_long_range_hides_more_than_short_range_and_both_leave_context() -> None:
    source, counts = generator(4), {"short": 0.0, "long": 0.0}
    for _ in range(50):
        for kind in counts:
            masks = draw(kind, (8, 8), source)
            counts[kind] += masks.targets.shape[2] / (TIMES * 64) / 50
            assert masks.context.shape[1] >= TIMES * 64 / 16
    assert counts["short"] + 0.15 < counts["long"] < 0.85


def test_what_is_cut_off_to_make_counts_equal_is_random_and_not_the_end_of_the_picture() -> None:
    # Under point reflection of the grid the masks have the same distribution, so both halves must be kept alike.
    source, share = generator(5), []
    for _ in range(300):
        context = draw("image", (8, 8), source).context
        share.append((context < 32).float().mean())
    mean, error = torch.stack(share).mean(), torch.stack(share).std() / 300**0.5
    assert abs(mean - 0.5) < 4 * error < 0.05


def test_masks_differ_between_members_of_a_batch_and_repeat_with_the_generator() -> None:
    first, again = (draw("image", (8, 8), generator(6)) for _ in range(2))
    assert torch.equal(first.context, again.context) and torch.equal(first.targets, again.targets)
    assert len({tuple(row) for row in first.context.tolist()}) > 8


def test_blocks_go_where_something_moves() -> None:
    change = torch.zeros(256, 8, 8)
    change[:, 0, 7] = 1.0
    hit = {}
    for motion in (0.0, 0.5, 1.0):
        masks = image_blocks(256, 8, 8, generator(7), change, motion)
        hit[motion] = float((masks.targets == 7).any(dim=-1).float().mean())
    assert hit[1.0] == 1.0, "every block covers the only place where something moves"
    assert hit[0.0] < 0.15
    assert abs(hit[0.5] - (hit[0.0] + hit[1.0]) / 2) < 0.06
    still = image_blocks(256, 8, 8, generator(7), torch.zeros(256, 8, 8), 1.0)
    assert len(still.targets.unique()) == 64, "where nothing moves, anywhere"


def test_change_is_measured_in_the_patch_where_it_happens() -> None:
    frames = torch.full((2, 3, 32, 32, 3), 100, dtype=torch.uint8)
    frames[1, 1, 8:16, 24:32] = 110  # appears and goes again: 10 in each of two differences
    change = change_between(frames, 4, 4)
    assert change[0].abs().max() == 0
    assert change[1].nonzero().tolist() == [[1, 3]]
    assert change[1, 1, 3] == pytest.approx(10.0)


def test_the_distance_to_the_nearest_target_equals_a_slow_search() -> None:
    masks = tubes(SHORT_RANGE, 2, (2, 6, 6), generator(8))
    where = places(2, 6, 6)
    assert where[1 * 36 + 2 * 6 + 5].tolist() == [1, 2, 5]
    found = distance_to_targets(masks, where)
    for b in range(2):
        for k, token in enumerate(masks.context[b]):
            slow = min(float((where[token] - where[other]).norm()) for other in masks.targets[b, 0])
            assert float(found[b, k]) == pytest.approx(slow, abs=1e-4)


def test_a_grid_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4x4 patches, there are 2x8: use a smaller model.patch"):
        image_blocks(4, 2, 8, generator())
