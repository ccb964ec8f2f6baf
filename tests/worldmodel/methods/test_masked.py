"""Masked prediction: what is hidden stays hidden, the teacher follows, collapse is told, a tiny run learns."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.worldmodel.conftest import SIZE, SquareClips, square_clips
from tests.worldmodel.test_training import PRETRAINING, SETTINGS
from worldmodel.diagnosis import measures
from worldmodel.losses import objectives
from worldmodel.losses.masking import LONG_RANGE, SHORT_RANGE, change_between, newest, places, tubes
from worldmodel.method import Method
from worldmodel.methods import ijepa, vjepa
from worldmodel.methods.masked import Grid, MaskedEncoder, NetSettings, TeacherSettings, gather
from worldmodel.methods.vjepa import VideoEncoder
from worldmodel.progress import TrainingError, TrainingFolder
from worldmodel.stages.end_to_end import train

NETS = {"width": 32, "depth": 2, "heads": 2, "patch": 8, "predictor_width": 32, "predictor_depth": 2}
METHODS = ["ijepa", "vjepa"]


def make(
    name: str, momentum: float = 0.9, context: float = 0.0, future: float = 0.0
) -> ijepa.ImageJEPA | vjepa.VideoJEPA:
    torch.manual_seed(0)
    method: ijepa.ImageJEPA | vjepa.VideoJEPA
    if name == "ijepa":
        masking = ijepa.BlockMaskingSettings(0.5, 1.0)
        method = ijepa.ImageJEPA(ijepa.IJepaSettings(NetSettings(**NETS), TeacherSettings(momentum), masking, SIZE))
    else:
        nets = vjepa.VideoNetSettings(**NETS, context=4)
        asked = vjepa.TubeMaskingSettings(0.5, momentum, context, future)
        method = vjepa.VideoJEPA(vjepa.VJepaSettings(nets, TeacherSettings(momentum), asked, SIZE))
    method.fit_pixels(torch.from_numpy(square_clips(np.random.default_rng(1), 32, 4).frames))
    return method


def stripes(rng: np.random.Generator, batch: int, length: int) -> SquareClips:
    """Stripes all over the picture that drift: any part of it tells the rest. States: sine and cosine of the phase."""
    start, speed, upright = (
        rng.uniform(0, 2 * np.pi, (batch, 1)),
        rng.uniform(-1, 1, (batch, 1)),
        rng.random(batch) < 0.5,
    )
    phase = start + speed * np.arange(length)
    wave = np.sin(np.arange(SIZE) * 2 * np.pi / 20 + phase[..., None])
    picture = np.where(upright[:, None, None, None], wave[..., None, :], wave[..., :, None])
    frames = np.repeat((128 + 90 * np.broadcast_to(picture, (batch, length, SIZE, SIZE)))[..., None], 3, axis=-1)
    actions = np.zeros((batch, length - 1, 2), np.float32)
    return SquareClips(frames.astype(np.uint8), actions, np.stack([np.sin(phase), np.cos(phase)], axis=-1))


def few(seed: int, draw: Callable[[np.random.Generator, int, int], SquareClips] = square_clips) -> measures.Labelled:
    clips = draw(np.random.default_rng(seed), 64, 6)
    positions = {"position": torch.from_numpy(clips.states)}
    return measures.Labelled(torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), positions)


def loss(method: Method, clips: SquareClips, seed: int = 0) -> torch.Tensor:
    terms = method.terms(
        torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), torch.Generator().manual_seed(seed)
    )
    return torch.stack(list(terms.values())).sum()


@pytest.mark.parametrize("name", METHODS)
def test_features_belong_to_patches_and_a_window_has_those_of_the_window_alone(name: str, clips: SquareClips) -> None:
    model, frames = make(name).model, torch.from_numpy(clips.frames)
    tokens = model.tokens(frames)
    assert tokens.shape == (8, 10 - model.context + 1, 16, 32)
    assert torch.allclose(tokens[:, 3], model.tokens(frames[:, 3 : 3 + model.context])[:, 0], atol=1e-5)
    assert torch.allclose(model.latents(frames), tokens.mean(dim=2), atol=1e-6)
    assert list(model.layers(frames))[-2:] == ["patches", "latent"]
    assert torch.equal(model.layers(frames)["patches"], tokens)


@pytest.mark.parametrize("tubelet", [1, 2])
def test_pixels_of_a_token_come_from_its_own_place(tubelet: int) -> None:
    encoder = MaskedEncoder(NetSettings(**NETS), Grid(SIZE, 8, 4, tubelet), True, False, torch.float32)
    clip = torch.full((1, 4, SIZE, SIZE, 3), 100, dtype=torch.uint8)
    before = encoder.cut(clip)
    clip[0, 3, 8:16, 24:32] = 200
    changed = (encoder.cut(clip) - before).abs().amax(dim=-1)[0] > 1e-6
    assert changed.nonzero().flatten().tolist() == [(4 // tubelet - 1) * 16 + 1 * 4 + 3]


@pytest.mark.parametrize("name", METHODS)
def test_what_is_hidden_never_reaches_the_encoder(name: str, clips: SquareClips) -> None:
    method = make(name)
    pixels = method.model.cut(torch.from_numpy(clips.frames[:, : method.model.context]))
    context = torch.arange(0, method.model.every, 3)[None].expand(len(pixels), -1)
    before = method.encoder(pixels, context)
    hidden = torch.ones(method.model.every, dtype=torch.bool)
    hidden[context[0]] = False
    pixels[:, hidden] = 7.0
    assert torch.equal(method.encoder(pixels, context), before)
    pixels[:, 0] = 7.0
    assert not torch.allclose(method.encoder(pixels, context), before, atol=1e-3)


def test_a_picture_is_what_the_first_two_frames_of_a_still_clip_are_by_themselves() -> None:
    model, frames = make("vjepa").model, torch.from_numpy(square_clips(np.random.default_rng(3), 3, 2).frames[:, 0])
    still = model.cut(frames[:, None].expand(-1, 4, -1, -1, -1))
    alone = objectives.normalised(model(still, torch.arange(16).expand(3, -1)))
    assert torch.allclose(model.pictures(frames), alone, atol=1e-6)
    image = make("ijepa").model
    assert torch.allclose(image.pictures(frames), image.tokens(frames[:, None])[:, 0], atol=1e-6)


@pytest.mark.parametrize("turning", [True, False])
def test_all_tokens_in_another_order_have_the_same_features(turning: bool) -> None:
    torch.manual_seed(0)
    encoder = MaskedEncoder(NetSettings(**NETS), Grid(SIZE, 8, 4, 2), turning, False, torch.float32)
    pixels, order = torch.randn(2, 32, 2 * 64 * 3), torch.randperm(32).expand(2, -1)
    assert torch.allclose(encoder(pixels, order), gather(encoder(pixels), order), atol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_predictions_differ_from_place_to_place(name: str) -> None:
    method = make(name)
    context, targets = torch.arange(0, 6)[None], torch.arange(6, 16)[None]
    predicted, _ = method.encoder.predictor(torch.randn(1, 6, 32), context, targets)
    assert torch.cdist(predicted[0], predicted[0]).fill_diagonal_(1.0).min() > 1e-4


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_teaches_encoder_and_predictor_and_never_the_teacher(name: str, clips: SquareClips) -> None:
    method = make(name)
    loss(method, clips).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in method.encoder.parameters())
    assert all(p.grad is None and not p.requires_grad for p in method.model.parameters())


@pytest.mark.parametrize(("name", "expected"), [("ijepa", 0.9 + 0.25 * 0.1), ("vjepa", 0.9)])
def test_the_teacher_moves_by_the_scheduled_share(name: str, expected: float) -> None:
    method = make(name)
    for part in ("embed", "predictor.enter"):
        slow, fast = (one.get_submodule(part).weight for one in (method.model, method.encoder))
        before = slow.clone()
        with torch.no_grad():
            fast.add_(1.0)
        method.after_update(0.25)
        assert torch.allclose(slow, before + (1 - expected), atol=1e-6)
        with torch.no_grad():
            fast.copy_(slow)


@torch.no_grad()
def test_both_mask_sets_are_used_and_their_errors_averaged(clips: SquareClips) -> None:
    terms = make("vjepa").terms(torch.from_numpy(clips.frames), torch.zeros(0), torch.Generator().manual_seed(0))
    assert set(terms) == {"prediction_short", "prediction_long"}
    # Targets are normalised and an untrained prediction is small: the mean absolute error of a normal variable is 0.8.
    assert 0.6 < float(sum(terms.values())) < 1.2


@torch.no_grad()
def test_the_error_of_a_clip_is_the_mean_absolute_one_and_that_of_its_context_falls_with_the_distance() -> None:
    method = make("vjepa", context=0.5)
    assert isinstance(method, vjepa.VideoJEPA)
    clips, encoder, grid = (
        torch.from_numpy(square_clips(np.random.default_rng(3), 2, 4).frames),
        method.encoder,
        (2, 4, 4),
    )
    generator = torch.Generator().manual_seed(0)
    pixels, where = method.model.cut(clips), places(*grid)
    truth = objectives.normalised(method.model(pixels))
    terms = method.terms(clips, torch.zeros(0), torch.Generator().manual_seed(0))
    for name, blocks in (("short", SHORT_RANGE), ("long", LONG_RANGE)):
        change = change_between(clips, *grid[1:])
        masks = tubes(blocks, 2, grid, generator, change, 0.5)
        found, _ = encoder.errors(pixels, truth, masks)
        predicted, known = encoder.predictor(encoder(pixels, masks.context), masks.context, masks.targets[:, 0])
        total = 0.0
        for b in range(2):
            slow = (predicted[b] - truth[b, masks.targets[b, 0]]).abs().mean()
            assert torch.allclose(found[b], slow, atol=1e-6)
            for k, token in enumerate(masks.context[b]):
                nearest = min(float((where[token] - where[other]).norm()) for other in masks.targets[b, 0])
                total += float((known[b, k] - truth[b, token]).abs().mean()) / nearest**0.5
        assert float(terms[f"prediction_{name}"]) == pytest.approx(float(found.mean()) / 2, rel=1e-4)
        mean = total / 2 / masks.context.shape[1]
        assert float(terms[f"context_{name}"]) == pytest.approx(0.5 * mean / 2, rel=1e-4)


@torch.no_grad()
def test_the_future_is_told_from_the_past_alone_and_surprise_is_the_error_in_it(clips: SquareClips) -> None:
    method, frames, actions = make("vjepa", future=3.0), torch.from_numpy(clips.frames[:, :4]), torch.zeros(0)
    model, known = method.model, torch.arange(16).expand(8, -1)
    truth = objectives.normalised(model(model.cut(frames)))
    predicted, _ = model.predictor(model(model.cut(frames), known), known, known + 16)
    error = (predicted - truth[:, 16:]).abs().mean(dim=(1, 2))
    surprise = model.surprise(frames, actions)
    assert surprise is not None and torch.allclose(surprise, error[:, None], atol=1e-5)
    assert torch.allclose(model.watch(frames, actions)[1], model.tokens(frames).flatten(2), atol=1e-5)
    terms = method.terms(frames, actions, torch.Generator().manual_seed(0))  # the teacher is still the encoder's equal
    assert float(terms["prediction_future"]) == pytest.approx(3 * float(error.mean()), rel=1e-4)
    windows = [model.surprise(torch.from_numpy(clips.frames[:, k : k + 4]), actions) for k in range(3)]
    longer = model.surprise(torch.from_numpy(clips.frames[:, :6]), actions)
    assert longer is not None
    assert torch.allclose(longer, torch.cat([one for one in windows if one is not None], dim=1), atol=1e-5)


def test_what_knows_of_no_earlier_frames_is_never_surprised(clips: SquareClips) -> None:
    frames = torch.from_numpy(clips.frames)
    assert make("ijepa").model.surprise(frames, torch.zeros(0)) is None
    short = VideoEncoder(NetSettings(**NETS), Grid(SIZE, 8, 2, 2), True, False, torch.float32)
    assert short.surprise(frames, torch.zeros(0)) is None


def test_a_tiny_run_tells_the_future_from_a_past_and_not_from_another_order(tmp_path: Path) -> None:
    method = make("vjepa", momentum=1.0, future=2.0)
    assert isinstance(method, vjepa.VideoJEPA)
    settings = replace(
        SETTINGS, updates=250, length=2, horizon=1, measure_every=250, save_every=250, learning_rate=5e-3
    )
    train(method, stripes, few(98, stripes), few(99, stripes), settings, PRETRAINING, TrainingFolder(tmp_path, method))
    frames = torch.from_numpy(stripes(np.random.default_rng(50), 64, 4).frames)
    errors = []
    for seen in (frames, frames[:, [1, 3, 0, 2]]):
        pixels = method.model.cut(seen)
        truth = objectives.normalised(method.model(pixels))
        errors.append(method.encoder.errors(pixels, truth, newest(64, method.model.grid.shape))[0])
    assert float((errors[1] > errors[0]).float().mean()) > 0.8


def test_spread_is_that_of_patches_where_something_happens() -> None:
    class Corner(MaskedEncoder):
        """The first 6 of 64 patches say how bright the picture is, the others which patch they are."""

        def tokens(self, frames: torch.Tensor) -> torch.Tensor:
            base = torch.arange(64.0)[:, None].expand(*frames.shape[:2], 64, 32).clone()
            base[:, :, :6] = frames.float().mean(dim=(2, 3, 4))[..., None, None]
            return base

    model = Corner(NetSettings(**{**NETS, "patch": 4}), Grid(SIZE, 4, 1, 1), False, False, torch.float32)
    frames = torch.tensor([0, 20], dtype=torch.uint8).view(2, 1, 1, 1, 1).expand(2, 1, SIZE, SIZE, 3)
    moving = measures.spread_of(model, frames, model.latents(frames).flatten(0, 1))
    assert torch.allclose(moving, torch.full((32,), 200**0.5), atol=1e-4)
    still = measures.spread_of(model, frames * 0, model.latents(frames).flatten(0, 1))
    assert still.abs().max() < 1e-6, "features that only tell patches apart are collapsed"


@pytest.mark.parametrize("kind", [ijepa.ImageJEPA, vjepa.VideoJEPA])
def test_features_that_are_pulled_together_raise_the_alarm(kind: type[Method], tmp_path: Path) -> None:
    class Pulled(kind):  # type: ignore[valid-type, misc]
        """Both sides of the prediction learn, and nothing else holds them: a constant is the best solution."""

        def terms(
            self, frames: torch.Tensor, actions: torch.Tensor, generator: torch.Generator
        ) -> dict[str, torch.Tensor]:
            features = objectives.normalised(self.encoder(self.model.cut(frames[:, : self.model.context])))
            return {"prediction": (features - features.flip(0)).pow(2).mean()}

    method = make("ijepa" if kind is ijepa.ImageJEPA else "vjepa", momentum=0.0)
    method.__class__ = Pulled
    settings = replace(SETTINGS, updates=200, length=2, horizon=1, measure_every=25, save_every=200, learning_rate=1e-2)
    with pytest.raises(TrainingError, match="collapsed at update .*lower train.learning_rate, or set objective"):
        train(method, square_clips, few(98), few(99), settings, PRETRAINING, TrainingFolder(tmp_path, method))


@pytest.mark.parametrize("name", METHODS)
def test_a_tiny_run_fills_gaps_better_than_any_constant(name: str, tmp_path: Path) -> None:
    # The teacher stands still: with a moving one, targets are nearly constant for the first hundreds of updates.
    method, held_out = make(name, momentum=1.0), stripes(np.random.default_rng(50), 64, 4)
    settings = replace(
        SETTINGS, updates=250, length=2, horizon=1, measure_every=250, save_every=250, learning_rate=5e-3
    )
    train(method, stripes, few(98, stripes), few(99, stripes), settings, PRETRAINING, TrainingFolder(tmp_path, method))
    with torch.no_grad():
        learnt = loss(method, held_out)
        method.encoder.predictor = Constant(method, held_out)  # type: ignore[assignment]
        constant = loss(method, held_out)
    assert learnt < 0.9 * constant, f"{learnt:.3f} {constant:.3f}"


class Constant(nn.Module):
    """Predicts for each place what the teacher sees there on average."""

    def __init__(self, method: ijepa.ImageJEPA | vjepa.VideoJEPA, clips: SquareClips) -> None:
        super().__init__()
        model, frames = method.model, torch.from_numpy(clips.frames)
        whole = frames.flatten(0, 1)[:, None] if model.context == 1 else frames
        self.mean = objectives.normalised(model(model.cut(whole))).mean(dim=0)

    def forward(self, seen: torch.Tensor, context: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, None]:
        return self.mean[targets], None


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="model.patch=5 must divide the frame size 32, model.context=4 be a multiple"):
        Grid(SIZE, 5, 4, 2)
    with pytest.raises(ValueError, match="model.context=3 be a multiple of 2"):
        Grid(SIZE, 8, 3, 2)
    with pytest.raises(ValueError, match="width 30 must be a multiple of twice the 4 heads"):
        MaskedEncoder(
            NetSettings(**{**NETS, "width": 30, "heads": 4}), Grid(SIZE, 8, 1, 1), False, False, torch.float32
        )
