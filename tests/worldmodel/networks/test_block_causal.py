"""The predictor over time steps: what each step may see, and that nothing is computed otherwise with a cache."""

import pytest
import torch

from worldmodel.networks.block_causal import BlockCausalPredictor


def make_predictor(window: int = 3, depth: int = 2) -> BlockCausalPredictor:
    torch.manual_seed(0)
    predictor = BlockCausalPredictor(grid=2, channels=5, action_dim=2, width=16, depth=depth, heads=2, window=window)
    torch.nn.init.normal_(predictor.leave.weight)
    torch.nn.init.normal_(predictor.unknown)
    return predictor.eval().requires_grad_(False)


def test_an_untrained_predictor_copies_what_it_saw_last() -> None:
    predictor = BlockCausalPredictor(grid=2, channels=5, action_dim=2, width=16, depth=2, heads=2, window=3)
    patches, actions = torch.randn(3, 5, 4, 5), torch.randn(3, 4, 2)
    assert torch.equal(predictor(patches, actions), patches[:, 1:])


@pytest.mark.parametrize("known", [6, 4])
def test_steps_with_a_cache_predict_what_all_steps_at_once_predict(known: int) -> None:
    predictor = make_predictor()
    patches, actions = torch.randn(3, 7, 4, 5), torch.randn(3, 6, 2)
    at_once = predictor(patches, actions[:, 6 - known :])
    cache = []
    for time in range(6):
        action = actions[:, time] if time >= 6 - known else None
        step, cache = predictor.step(patches[:, time], patches[:, time + 1], action, time, cache)
        if action is not None:
            assert torch.allclose(step, at_once[:, time - (6 - known)], atol=1e-5)


def test_a_later_step_never_changes_an_earlier_prediction() -> None:
    predictor = make_predictor()
    patches, actions = torch.randn(2, 7, 4, 5), torch.randn(2, 6, 2)
    before = predictor(patches, actions)
    patches[:, 5] += 1
    actions[:, 4] += 1
    after = predictor(patches, actions)
    assert torch.equal(before[:, :4], after[:, :4])
    assert ((before - after)[:, 4:].abs().amax(dim=(2, 3)) > 1e-3).all(), "the steps that saw it do change"


def test_one_layer_sees_as_many_steps_as_its_window_and_no_more() -> None:
    predictor = make_predictor(window=3, depth=1)
    patches, actions = torch.randn(2, 7, 4, 5), torch.randn(2, 6, 2)
    before = predictor(patches, actions)
    actions[:, 1] += 1
    moved = (predictor(patches, actions) - before).abs().amax(dim=(0, 2, 3)) > 1e-4
    assert moved.tolist() == [False, True, True, True, False, False]


def test_every_patch_sees_the_action_the_speed_and_every_other_patch() -> None:
    predictor = make_predictor(depth=1)
    patches, actions = torch.randn(2, 2, 4, 5), torch.randn(2, 1, 2)
    before = predictor(patches, actions)
    assert ((predictor(patches, actions + 1) - before).abs().amax(dim=-1) > 1e-4).all()
    for frame in (0, 1):  # the frame before, and this one
        moved = patches.clone()
        moved[:, frame, 0] += 1
        assert ((predictor(moved, actions) - before)[:, :, 1:].abs().amax(dim=-1) > 1e-4).all()


def test_only_the_distance_in_time_counts() -> None:
    predictor = make_predictor()
    patches, actions = torch.randn(2, 4, 4, 5), torch.randn(2, 3, 2)
    late, cache = None, []
    for time in range(3):
        late, cache = predictor.step(patches[:, time], patches[:, time + 1], actions[:, time], 7 + time, cache)
    assert torch.allclose(late, predictor(patches, actions)[:, -1], atol=1e-5)


@pytest.mark.parametrize(("width", "heads"), [(16, 3), (20, 4)])
def test_a_width_that_cannot_be_split_among_the_heads_is_refused(width: int, heads: int) -> None:
    with pytest.raises(ValueError, match="dynamics.width"):
        BlockCausalPredictor(grid=2, channels=5, action_dim=2, width=width, depth=1, heads=heads, window=3)
