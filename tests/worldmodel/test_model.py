"""The face that planners see: rollouts in order of time, the same result in every batch, both precisions alike."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from tests.worldmodel.conftest import SquareClips, make_model
from worldmodel.networks.predictors import GatedPredictor, ResidualPredictor, rollout


@dataclass(frozen=True)
class Seen:
    frames: torch.Tensor
    actions: torch.Tensor


def context(clips: SquareClips, length: int = 4) -> Seen:
    return Seen(torch.from_numpy(clips.frames[:, :length]), torch.from_numpy(clips.actions[:, : length - 1]))


def test_a_later_action_never_changes_an_earlier_prediction() -> None:
    model = make_model()
    z, actions = torch.randn(2, 16), torch.randn(2, 5, 6, 2)
    before = model.rollout(z, actions)
    actions[:, :, 4] += 1
    after = model.rollout(z, actions)
    assert torch.equal(before[:, :, :4], after[:, :, :4])
    assert not torch.allclose(before[:, :, 4:], after[:, :, 4:])


def test_layers_that_multiply_learn_what_is_a_product_in_fewer_updates() -> None:
    """What a push does to how far a thing turns: where it is pushed, times how hard."""

    def left_after_learning(predictor: nn.Module) -> float:
        rng = torch.Generator().manual_seed(2)
        optimizer = torch.optim.Adam(predictor.parameters(), lr=3e-3)
        for _ in range(150):
            z, action = torch.randn(256, 4, generator=rng), torch.randn(256, 2, generator=rng)
            turned = z + 0.5 * z.roll(1, dims=1) * action.repeat(1, 2)
            loss = (predictor(z, action) - turned).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    torch.manual_seed(0)
    gated, residual = GatedPredictor(4, 2, width=32, depth=2), ResidualPredictor(4, 2, width=32, depth=2)
    assert left_after_learning(gated) < 0.5 * left_after_learning(residual)


def test_a_rollout_is_the_predictor_applied_step_by_step() -> None:
    torch.manual_seed(0)
    predictor = ResidualPredictor(latent=3, action=2, width=8, depth=2)
    z, actions = torch.randn(4, 3), torch.randn(4, 3, 2)
    imagined = rollout(predictor, z, actions)
    for step in range(3):
        z = predictor(z, actions[:, step])
        assert torch.allclose(imagined[:, step], z)


def test_an_environment_imagines_and_encodes_bit_for_bit_alike_in_every_batch(clips: SquareClips) -> None:
    model, seen = make_model(), context(clips)
    z = model.encode(seen)
    actions = torch.randn(8, 20, 5, 2)
    imagined = model.rollout(z, actions)
    alone = model.encode(Seen(seen.frames[3:4], seen.actions[3:4]))
    assert torch.equal(alone[0], z[3])
    assert torch.equal(model.rollout(alone, actions[3:4])[0], imagined[3])


def test_only_the_newest_frames_are_encoded_and_too_few_are_refused(clips: SquareClips) -> None:
    model = make_model()
    longer = context(clips, 7)
    assert torch.equal(model.encode(longer), model.encode(Seen(longer.frames[:, 3:], longer.actions[:, 3:])))
    with pytest.raises(ValueError, match="encodes 4 frames"):
        model.encode(context(clips, 3))


def test_bf16_imagines_what_fp32_imagines(clips: SquareClips) -> None:
    exact, fast = make_model(), make_model(precision=torch.bfloat16)
    z, z_fast = exact.encode(context(clips)), fast.encode(context(clips))
    assert (z - z_fast).pow(2).mean().sqrt() < 0.02 * z.std()
    actions = torch.randn(8, 16, 5, 2)
    moved = exact.rollout(z, actions) - z[:, None, None]
    difference = exact.rollout(z, actions) - fast.rollout(z, actions)
    assert difference.pow(2).mean().sqrt() < 0.05 * moved.pow(2).mean().sqrt()
