"""V-JEPA 2-AC: the encoder stays as it is, actions decide what is imagined, and a goal is a picture at rest."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.worldmodel.conftest import SIZE, SquareClips, small_settings, square_clips
from worldmodel import checkpoint
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.methods.ijepa import IJepaSettings as ImageSettings
from worldmodel.methods.ijepa import ImageJEPA
from worldmodel.methods.registry import METHODS
from worldmodel.methods.vjepa2_ac import DynamicsSettings, VJepa2AC, VJepa2ACSettings
from worldmodel.networks.frozen import Pooled
from worldmodel.settings import from_json
from worldmodel.share.export import export
from worldmodel.stages.predictor_finetuning import FinetuningSettings, finetuning
from worldmodel.training import learn

REHEARSAL = FinetuningSettings(updates=150, batch=32, horizon=3, learning_rate=3e-3, seed=0)


def image_settings() -> ImageSettings:
    model = {"width": 16, "depth": 1, "heads": 2, "patch": 8, "predictor_width": 16, "predictor_depth": 1}
    return from_json(
        ImageSettings,
        {
            "model": model,
            "objective": {"momentum": 0.9},
            "masking": {"motion": 0.5, "last_momentum": 0.9, "context": 0.0, "future": 0.0},
            "frame_size": SIZE,
        },
    )


def make_method(past: int = 2) -> VJepa2AC:
    torch.manual_seed(0)
    asked = image_settings()
    encoder = ImageJEPA(asked).model
    settings = VJepa2ACSettings(DynamicsSettings(4, 8, past, 4, 32, 2, 2), checkpoint.description("ijepa", asked), 2)
    method = VJepa2AC(settings)
    frames = torch.from_numpy(square_clips(np.random.default_rng(1), 32, 6).frames)
    encoder.fit_pixels(frames)
    method.adopt(encoder)
    method.fit_pixels(frames)
    return method


def encoded(method: VJepa2AC, clips: SquareClips) -> LatentEpisodes:
    """The latents of all clips, end to end."""
    model = method.model
    each = [model.recording(torch.from_numpy(frames)) for frames in clips.frames]
    moving, still = (torch.cat(parts) for parts in zip(*each, strict=True))
    steps = clips.frames.shape[1] - model.context + 1
    last = (torch.arange(len(clips.frames)) * steps + steps - 1).repeat_interleave(steps)
    taken = torch.from_numpy(clips.actions)[:, model.context - 1 :]
    return LatentEpisodes(moving, still, last, torch.nn.functional.pad(taken, (0, 0, 0, 1)).flatten(0, 1))


@pytest.fixture(scope="module")
def trained() -> tuple[VJepa2AC, dict[str, torch.Tensor]]:
    method = make_method()
    before = {name: value.clone() for name, value in method.model.pooled.state_dict().items()}
    clips = square_clips(np.random.default_rng(0), 200, 8)
    learn(finetuning(method.requires_grad_(False), encoded(method, clips), REHEARSAL))
    return method.eval(), before


def test_what_is_frozen_does_not_move(trained: tuple[VJepa2AC, dict[str, torch.Tensor]]) -> None:
    method, before = trained
    for name, value in method.model.pooled.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(p.requires_grad for p in make_method().model.pooled.parameters())


def test_a_recording_is_encoded_as_its_clips_and_pictures_are() -> None:
    model, frames = make_method().model, torch.from_numpy(square_clips(np.random.default_rng(4), 1, 6).frames[0])
    moving, still = model.recording(frames)
    assert torch.allclose(moving, model.latents(frames[None])[0], atol=1e-6)
    assert torch.allclose(still, model.still(frames[1:]), atol=1e-6)


@torch.no_grad()
def test_the_loss_is_that_of_steps_from_true_pasts_and_that_of_steps_from_imagined_ones() -> None:
    method = make_method()
    model, clips = method.model, square_clips(np.random.default_rng(8), 3, 6)
    torch.nn.init.normal_(model.predictor.leave.weight)
    latents, actions = model.latents(torch.from_numpy(clips.frames)), torch.from_numpy(clips.actions)[:, 1:]
    patches = model.pooled(torch.from_numpy(clips.frames))
    forced = torch.stack(  # what was imagined before is thrown away
        [model.predictor(patches[:, : k + 2], actions[:, : k + 1])[:, -1] - patches[:, k + 2] for k in range(4)]
    )
    ahead = model.imagine(latents[:, 0], actions).unflatten(-1, model.shape)[:, :, -1] - patches[:, 2:]
    assert torch.allclose(
        method.finetuning_loss(latents, actions), forced.pow(2).mean() + ahead.pow(2).mean(), rtol=1e-4
    )


def test_an_encoder_that_could_learn_is_frozen() -> None:
    learning = ImageJEPA(image_settings()).encoder
    assert any(p.requires_grad for p in learning.parameters())
    assert not any(p.requires_grad for p in Pooled(learning, 4, 8).parameters())


def test_it_learns_what_actions_do(trained: tuple[VJepa2AC, dict[str, torch.Tensor]]) -> None:
    model = trained[0].model
    clips = square_clips(np.random.default_rng(5), 64, 6)
    latents = model.latents(torch.from_numpy(clips.frames))
    actions = torch.from_numpy(clips.actions)[:, 1:]
    true = model.imagine(latents[:, 0], actions[:, :2])[:, -1]
    shuffled = model.imagine(latents[:, 0], actions[:, :2].roll(1, dims=0))[:, -1]
    errors = [float((one - latents[:, 2]).abs().mean()) for one in (true, shuffled, latents[:, 0])]
    assert errors[0] < errors[1], "actions of another clip lead elsewhere"
    assert errors[0] < 0.85 * errors[2], "better than copying"


def test_one_at_a_time_is_all_at_once(trained: tuple[VJepa2AC, dict[str, torch.Tensor]]) -> None:
    model = trained[0].model
    z, actions = torch.randn(2, model.latent), torch.randn(2, 3, 4, 2).clamp(-1, 1)
    both = model.rollout(z, actions)
    assert both.shape == (2, 3, 4, model.latent)
    assert torch.equal(both[1:], model.rollout(z[1:], actions[1:]))
    step = model.imagine(z[0], actions[0, 0, :1])
    assert torch.allclose(both[0, 0, 0], step[0], atol=1e-5)


def test_a_later_action_never_changes_what_is_imagined_before_it(
    trained: tuple[VJepa2AC, dict[str, torch.Tensor]],
) -> None:
    model = trained[0].model
    z, actions = torch.randn(2, model.latent), torch.rand(2, 3, 5, 2) * 2 - 1
    before = model.rollout(z, actions)
    actions[:, :, 3] *= -1
    after = model.rollout(z, actions)
    assert torch.equal(before[:, :, :3], after[:, :, :3])
    assert not torch.allclose(before[:, :, 3:], after[:, :, 3:])


def test_what_is_imagined_step_by_step_is_what_the_predictor_says_of_the_whole_past(
    trained: tuple[VJepa2AC, dict[str, torch.Tensor]],
) -> None:
    model = trained[0].model
    z, actions = torch.randn(3, model.latent), torch.rand(3, 6, 2) * 2 - 1
    seen = z.view(3, *model.shape)
    for step in range(6):  # without a cache: all that was seen and imagined so far, anew at every step
        seen = torch.cat([seen, model.predictor(seen, actions[:, : step + 1])[:, -1:]], dim=1)
    expected = torch.stack([seen[:, k + 1 : k + 3].flatten(1) for k in range(6)], dim=1)
    assert torch.allclose(model.imagine(z, actions), expected, atol=1e-4)


@torch.no_grad()
def test_a_past_that_many_plans_share_is_as_good_as_a_copy_for_each() -> None:
    model = make_method(past=4).model
    torch.nn.init.normal_(model.predictor.leave.weight, std=0.1)
    z, actions = torch.randn(2, model.latent), torch.rand(2, 5, 6, 2) * 2 - 1
    imagined = model.rollout(z, actions)
    assert torch.allclose(model.imagine(z, actions[:, 0]), imagined[:, 0], atol=1e-4), "two pasts are not shared"
    for row in range(2):
        copies = z[row].repeat(5, 1)
        assert torch.allclose(imagined[row], model.imagine(copies, actions[row]), atol=1e-4)
        seen = copies.view(5, *model.shape)
        for step in range(6):
            seen = torch.cat([seen, model.predictor(seen, actions[row, :, : step + 1])[:, -1:]], dim=1)
        assert torch.allclose(imagined[row, :, -1].view(5, *model.shape), seen[:, -4:], atol=1e-4)


def test_its_programs_are_the_model_for_batches_that_were_not_tried(tmp_path: Path) -> None:
    model = make_method(past=4).model.eval().requires_grad_(False)
    torch.nn.init.normal_(model.predictor.leave.weight, std=0.1)
    made = {one.name: one for one in export(model, SIZE, 3, tmp_path)}
    assert made["predictor"].equal
    z, actions = torch.randn(7, model.latent), torch.rand(7, 3, 2) * 2 - 1
    imagine = torch.export.load(made["predictor"].file).module()
    assert torch.allclose(imagine(z, actions), model.imagine(z, actions), atol=1e-4)


def test_a_goal_is_the_same_picture_over_and_over(trained: tuple[VJepa2AC, dict[str, torch.Tensor]]) -> None:
    model = trained[0].model
    frames = torch.from_numpy(square_clips(np.random.default_rng(6), 3, 2).frames[:, 0])
    parts = model.still(frames).view(3, *model.shape)
    assert torch.equal(parts[:, 0], parts[:, 1])


def test_a_checkpoint_rebuilds_the_frozen_encoder() -> None:
    method = make_method()
    described = checkpoint.description("vjepa2_ac", method.settings)
    entry = METHODS["vjepa2_ac"]
    again = entry.make(from_json(entry.settings, described["settings"]), torch.float32)
    again.model.load_state_dict(method.model.state_dict())
    frames = torch.from_numpy(square_clips(np.random.default_rng(7), 2, 3).frames)
    assert torch.equal(again.model.latents(frames), method.model.latents(frames))


def test_an_encoder_without_patches_is_refused() -> None:
    described = checkpoint.description("default", small_settings("cnn", 2))
    with pytest.raises(ValueError, match="method default makes no encoder with features of patches"):
        VJepa2AC(VJepa2ACSettings(DynamicsSettings(4, 8, 2, 4, 32, 2, 2), described, 2))
