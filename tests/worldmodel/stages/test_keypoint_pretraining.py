"""What patches look like is told from keypoints: all of it where they are on the things, nothing where they are not."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.worldmodel.conftest import SIZE, SquareClips, make_model, small_settings, square_clips
from worldmodel.methods.default import Default
from worldmodel.networks.keypoints import KeypointEncoder
from worldmodel.stages.dense_prediction import DensePrediction
from worldmodel.stages.keypoint_pretraining import PretrainingSettings, placing_parameters, pretraining
from worldmodel.training import learn

SETTINGS = PretrainingSettings(updates=120, batch=32, learning_rate=5e-3, seed=0)


def fitted(frames: torch.Tensor) -> tuple[KeypointEncoder, DensePrediction]:
    torch.manual_seed(0)
    encoder = KeypointEncoder(SIZE, context=2, latent=16, patch=4, width=8, keypoints=4)
    encoder.pixels.fit(frames)
    return encoder, DensePrediction(encoder, frames, torch.Generator().manual_seed(0))


def keypoint_model() -> Default:
    torch.manual_seed(0)
    settings = small_settings("keypoints")
    method = Default(replace(settings, model=replace(settings.model, patch=4, width=8)))
    method.fit_pixels(torch.from_numpy(square_clips(np.random.default_rng(1), 32, 6).frames))
    return method


def pretrained(method: Default, settings: PretrainingSettings) -> float:
    """Pre-trains the method in place; the share of looks that is left untold at last."""
    stage, seen = pretraining(method.model, square_clips, settings), []
    assert stage is not None
    learn(replace(stage, measure=lambda done, terms: seen.append(terms["untold"]) or ""))
    return seen[0]


def test_the_mean_alone_leaves_the_whole_error(clips: SquareClips) -> None:
    frames = torch.from_numpy(clips.frames)
    encoder, dense = fitted(frames)
    pictures = encoder.pictures(frames.flatten(0, 1))
    for codes in (dense.own, dense.mixed):
        torch.nn.init.zeros_(codes)
    assert dense.error(encoder, frames).item() == pytest.approx(1.0)
    targets = dense.targets(pictures)
    assert targets.mean(dim=0).abs().max() < 1e-4
    assert torch.allclose(targets.var(dim=(0, 1)), torch.ones(8), atol=0.3)


def test_a_code_is_painted_about_its_keypoint_and_nowhere_else(clips: SquareClips) -> None:
    frames = torch.from_numpy(clips.frames[:1, :1])
    encoder, dense = fitted(torch.from_numpy(clips.frames))
    torch.nn.init.zeros_(dense.mixed)
    torch.nn.init.zeros_(dense.own)
    dense.own.data[2, 5] = 1.0
    told = dense.told(encoder, encoder.pictures(frames[0]))[0].T
    point = encoder.points(frames)[0, 0, 2, :2]
    away = (encoder.places - point).square().sum(dim=1)
    assert int(told[5].argmax()) == int(away.argmin())
    assert torch.allclose(told[5], (-away / (2 * dense.widths[2].exp() ** 2)).exp(), atol=1e-6)
    assert told[[0, 1, 2, 3, 4, 6, 7]].abs().max() == 0


def test_targets_stay_what_they_were_while_the_encoder_learns(clips: SquareClips) -> None:
    frames = torch.from_numpy(clips.frames)
    encoder, dense = fitted(frames)
    pictures = encoder.pictures(frames.flatten(0, 1))
    before = dense.targets(pictures)
    dense.error(encoder, frames).backward()
    assert encoder.maps.weight.grad.abs().sum() > 0, "it says where to look"
    assert encoder.features[0].weight.grad.abs().sum() > 0, "and what to look for"
    for weights in [*encoder.features.parameters(), *encoder.maps.parameters()]:
        weights.data.add_(1.0)
    assert torch.equal(dense.targets(pictures), before)


def test_keypoints_find_a_thing_that_no_action_moves() -> None:
    """A square that jumps from frame to frame tells no action and is told by none: its looks alone want a keypoint."""
    method = keypoint_model()
    encoder = method.model.encoder
    untrained = pretrained(copy.deepcopy(method), replace(SETTINGS, updates=1))
    told = pretrained(method, SETTINGS)
    assert told < 0.6 < untrained
    unseen = square_clips(np.random.default_rng(1), 64, 2)
    points = encoder.points(torch.from_numpy(unseen.frames)).detach().flatten(0, 1)[..., :2]
    places = torch.from_numpy(unseen.states).flatten(0, 1).float()
    best = max(
        abs(float(torch.corrcoef(torch.stack([points[:, k, axis], places[:, axis]]))[0, 1]))
        for k in range(encoder.keypoints)
        for axis in range(2)
    )
    assert best > 0.98


def test_only_what_decides_where_keypoints_are_is_changed() -> None:
    method = keypoint_model()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    pretrained(method, replace(SETTINGS, updates=2))
    changed = {name for name, value in method.state_dict().items() if not torch.equal(value, before[name])}
    looking = {id(p) for p in placing_parameters(method.model.encoder)}
    assert changed == {name for name, value in method.named_parameters() if id(value) in looking}
    assert all(p.grad is None for p in method.parameters())


def test_the_same_seed_looks_at_the_same_whatever_was_drawn_before() -> None:
    found = []
    for seed, drawn in ((0, 0), (0, 5), (1, 0)):
        method = keypoint_model()
        torch.randn(drawn)
        pretrained(method, replace(SETTINGS, updates=3, seed=seed))
        found.append(method.model.encoder.maps.weight.detach().clone())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize("encoder", ["vit", "cnn"])
def test_what_sees_otherwise_and_what_is_asked_for_no_updates_has_no_such_stage(encoder: str) -> None:
    assert pretraining(make_model(encoder), square_clips, SETTINGS) is None
    assert pretraining(keypoint_model().model, square_clips, replace(SETTINGS, updates=0)) is None
