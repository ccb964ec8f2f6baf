"""LeWorldModel: its size, its state of stacked latents, where its gradients go, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from housecat.runs.wiring import training_plan
from housecat.settings.config import load_config
from tests.worldmodel.conftest import SIZE, SquareClips, square_clips
from tests.worldmodel.square_runs import learned
from worldmodel.methods.lewm import (
    LeWMNetSettings,
    LeWMObjectiveSettings,
    LeWMSettings,
    LeWorldModel,
    ModulatedBlock,
    PredictorSettings,
    dropped,
)

SMALL = LeWMSettings(
    LeWMNetSettings(context=3, width=32, depth=1, heads=2, patch=8, predictor_width=64, predictor_depth=1),
    PredictorSettings(heads=2, head_size=16, dropout=0.1),
    LeWMObjectiveSettings(1.0, 0.1),
    SIZE,
    2,
)


def make(settings: LeWMSettings = SMALL) -> LeWorldModel:
    torch.manual_seed(0)
    method = LeWorldModel(settings)
    for block in method.model.predictor.blocks:  # as after training: actions matter
        nn.init.normal_(block.modulation.weight, std=0.1)
    return method.eval()


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_configuration_has_the_published_number_of_parameters() -> None:
    plan = training_plan(load_config(["method=lewm"]), frame_size=64, action_dim=2)
    model = LeWorldModel(plan.settings).model
    assert count(model.encoder) == pytest.approx(5.4e6, rel=0.02), "published: about 5 M"
    assert count(model.predictor) == pytest.approx(10.8e6, rel=0.02), "published: about 10 M"
    assert count(model) - count(model.encoder) - count(model.predictor) == 2 * 792_768, "the two projectors"


def test_the_state_is_the_latents_of_the_last_frames_oldest_first(clips: SquareClips) -> None:
    model, frames = make().model, torch.from_numpy(clips.frames)
    single, stacked = model.single(frames), model.latents(frames)
    assert stacked.shape == (8, 10 - 3 + 1, 3 * 32)
    assert torch.equal(stacked[:, 4], single[:, 4:7].flatten(1))


def test_a_still_picture_is_one_latent_repeated(clips: SquareClips) -> None:
    model, frames = make().model, torch.from_numpy(clips.frames)
    still = model.latents(frames[:, 5:6].expand(-1, 3, -1, -1, -1))[:, 0].unflatten(1, (3, 32))
    assert torch.equal(still[:, 0], still[:, 1]) and torch.equal(still[:, 1], still[:, 2])
    assert torch.allclose(model.still(frames[:, 5]), still.flatten(1), atol=1e-5)


def test_imagination_shifts_the_stack_and_predicts_its_end(clips: SquareClips) -> None:
    model = make().model
    z = model.latents(torch.from_numpy(clips.frames))[:, 0]
    actions = torch.from_numpy(clips.actions)[:, 2:6]
    imagined = model.imagine(z, actions).unflatten(-1, (3, 32))
    history = z.unflatten(-1, (3, 32))
    for step in range(4):
        newest = model.next(history, actions[:, step])
        assert torch.allclose(imagined[:, step, -1], newest, atol=1e-6)
        assert torch.equal(imagined[:, step, :-1], history[:, 1:])
        history = imagined[:, step]


def test_many_at_once_are_imagined_as_one_by_one() -> None:
    model = make().model
    z, actions = torch.randn(2, 3, 96), torch.randn(2, 3, 4, 2)
    together = model.imagine(z, actions)
    assert together.shape == (2, 3, 4, 96)
    assert torch.allclose(together[1, 2], model.imagine(z[1, 2:], actions[1, 2:])[0], atol=1e-5)


def test_a_later_action_never_changes_an_earlier_prediction() -> None:
    model = make().model
    z, actions = torch.randn(2, 96), torch.randn(2, 5, 6, 2)
    before = model.rollout(z, actions)
    actions[:, :, 4] += 1
    after = model.rollout(z, actions)
    assert torch.equal(before[:, :, :4], after[:, :, :4])
    assert not torch.allclose(before[:, :, 4:], after[:, :, 4:], atol=1e-4)


def test_a_modulated_block_begins_as_the_identity() -> None:
    block = ModulatedBlock(32, 64, SMALL.lewm)
    tokens = torch.randn(4, 3, 32)
    assert torch.equal(block(tokens, torch.randn(4, 32), None), tokens)


def test_dropout_keeps_the_mean_and_comes_from_its_generator_alone() -> None:
    ones = torch.ones(200, 200)
    thinned = dropped(ones, 0.25, generator())
    assert float(thinned.mean()) == pytest.approx(1.0, abs=0.02)
    assert float((thinned == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert torch.equal(thinned, dropped(ones, 0.25, generator()))
    assert torch.equal(dropped(ones, 0.25, None), ones), "nothing is dropped when planning"


def test_the_prediction_error_teaches_both_what_predicts_and_what_is_predicted(clips: SquareClips) -> None:
    method = make()
    frames, actions = torch.from_numpy(clips.frames[:, :4]), torch.from_numpy(clips.actions[:, :3])
    single = method.model.single(frames).detach().requires_grad_(True)
    method.model.single = lambda _: single  # type: ignore[method-assign]
    method.terms(frames, actions, generator())["prediction"].backward()
    assert (single.grad.abs().amax(dim=(0, 2)) > 0).all(), "no stop-gradient: the last frame is only a target"


def test_there_are_two_terms_weighed_as_asked(clips: SquareClips) -> None:
    frames, actions = torch.from_numpy(clips.frames), torch.from_numpy(clips.actions)
    once = make().terms(frames, actions, generator())
    twice = make(replace(SMALL, objective=LeWMObjectiveSettings(2.0, 0.4))).terms(frames, actions, generator())
    assert set(once) == {"prediction", "sigreg"}
    assert torch.allclose(twice["prediction"], 2 * once["prediction"])
    assert torch.allclose(twice["sigreg"], 4 * once["sigreg"])


def test_it_learns_to_imagine_better_than_copying_and_distances_grow_with_the_way() -> None:
    method = make()
    numbers = learned(method, 120)
    assert numbers["probe_position"] > 0.75
    assert numbers["open_loop_ratio"] < 0.7
    clips = square_clips(np.random.default_rng(7), 32, 10)
    latents = method.model.latents(torch.from_numpy(clips.frames))
    goals = method.model.still(torch.from_numpy(clips.frames[:, -1]))
    away = (latents - goals[:, None]).pow(2).mean(dim=-1).flatten()
    way = torch.from_numpy(np.linalg.norm(clips.states[:, 2:] - clips.states[:, -1:], axis=-1)).flatten()
    ranks = torch.stack([away.argsort().argsort(), way.argsort().argsort()]).double()
    assert float(torch.corrcoef(ranks)[0, 1]) > 0.5
