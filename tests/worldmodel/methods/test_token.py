"""The autoregressive school: its latent is codes, its predictions are causal, its terms teach what they should."""

from dataclasses import replace

import pytest
import torch

from housecat.runs.wiring import training_plan
from housecat.settings.config import load_config
from tests.worldmodel.conftest import SIZE, SquareClips
from tests.worldmodel.square_runs import learned
from worldmodel.methods.default import make_encoder
from worldmodel.methods.token import Token, TokenNetSettings, TokenSettings
from worldmodel.networks.decoders import DecoderSettings
from worldmodel.networks.quantizer import QuantizerSettings

SMALL = TokenSettings(
    TokenNetSettings(context=2, width=32, depth=1, heads=2, patch=8, predictor_width=32, predictor_depth=1),
    QuantizerSettings(codes=128, size=8, decay=0.95, commitment=0.25),
    DecoderSettings(width=8, pictures=3),
    SIZE,
    2,
)


def make(settings: TokenSettings = SMALL) -> Token:
    torch.manual_seed(0)
    return Token(settings)


def terms(method: Token, clips: SquareClips) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return method.terms(torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), generator)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_encoder_has_the_budget_of_the_default_methods_transformer() -> None:
    plan = training_plan(load_config(["method=token"]), frame_size=64, action_dim=2)
    default = make_encoder(training_plan(load_config(["model=vit"]), 64, 2).settings.model, 64)
    model = Token(plan.settings).model
    assert count(model.encoder.blocks) == count(default.blocks)
    assert count(model.encoder) < count(default)
    assert model.shape == (3, 16, 16), "three frames of 4 x 4 tokens"


def test_the_latent_is_the_vectors_of_the_codes_of_the_last_frames(clips: SquareClips) -> None:
    model, frames = make().model, torch.from_numpy(clips.frames)
    latents = model.latents(frames)
    assert latents.shape == (8, 10 - 2 + 1, 2 * 16 * 8)
    vectors, places = latents.unflatten(-1, model.shape), model.places(frames)
    for time in (0, 1):
        nearest = torch.cdist(places[:, 3 + time], model.quantizer.vectors[None]).argmin(dim=-1)
        assert torch.equal(vectors[:, 3, time], model.quantizer.vectors[nearest])


def test_a_still_picture_is_one_frame_repeated(clips: SquareClips) -> None:
    model, frames = make().model, torch.from_numpy(clips.frames[:, 4])
    repeated = model.latents(frames[:, None].expand(-1, 2, -1, -1, -1))[:, 0]
    assert torch.allclose(model.still(frames), repeated)


def test_the_mean_over_codes_is_imagined_and_the_nearest_code_is_read() -> None:
    model = make().model
    z, actions = torch.randn(3, model.latent), torch.randn(3, 4, 2)
    imagined = model.imagine(z, actions).unflatten(-1, model.shape)
    history = z.unflatten(-1, model.shape)
    for step in range(4):
        read = model.quantizer.vectors[model.quantizer.nearest(history)]
        chances = model.logits(read, actions[:, step]).softmax(dim=-1)
        newest = torch.einsum("bpc,cs->bps", chances, model.quantizer.vectors)
        assert torch.allclose(imagined[:, step, 1], newest, atol=1e-5)
        assert torch.equal(imagined[:, step, 0], history[:, 1]), "the oldest frame leaves"
        history = imagined[:, step]


def test_a_later_action_never_changes_an_earlier_prediction() -> None:
    model = make().model
    z, actions = torch.randn(2, model.latent), torch.randn(2, 5, 6, 2)
    before = model.rollout(z, actions)
    actions[:, :, 4] += 1
    after = model.rollout(z, actions)
    assert torch.equal(before[:, :, :4], after[:, :, :4])
    assert not torch.equal(before[:, :, 4], after[:, :, 4])


def test_many_at_once_are_imagined_as_one_by_one() -> None:
    model = make().model
    z, actions = torch.randn(2, 3, model.latent), torch.randn(2, 3, 4, 2)
    together = model.imagine(z, actions)
    assert together.shape == (2, 3, 4, model.latent)
    assert torch.allclose(together[1, 2], model.imagine(z[1, 2:], actions[1, 2:])[0], atol=1e-5)


def test_the_loss_of_prediction_is_that_of_the_next_frames_codes(clips: SquareClips) -> None:
    method = make()
    found = terms(method, clips)["prediction"]
    model, frames = method.model, torch.from_numpy(clips.frames)
    index = model.quantizer.nearest(model.places(frames))
    slow = []
    for newest in range(1, 9):
        history = model.quantizer.vectors[index[:, newest - 1 : newest + 1]]
        chances = model.logits(history, torch.from_numpy(clips.actions)[:, newest]).log_softmax(dim=-1)
        slow.append(-chances.gather(-1, index[:, newest + 1, :, None]).mean())
    assert torch.allclose(found, torch.stack(slow).mean(), atol=1e-5)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("prediction", {"predictor", "sharpness"}),
        ("commitment", {"encoder", "enter"}),
        ("reconstruction", {"encoder", "enter", "decoder"}),
    ],
)
def test_each_term_teaches_its_own_part(term: str, expected: set[str], clips: SquareClips) -> None:
    method = make()
    terms(method, clips)[term].backward()
    parameters = method.model.named_parameters()
    assert {name.split(".")[0] for name, one in parameters if one.grad is not None} == expected


def test_a_place_is_drawn_where_it_was_cut() -> None:
    model = make().model
    vectors = torch.randn(1, 16, 8)
    before = model.draw(vectors)
    vectors[0, 1 * 4 + 3] += 1
    changed = (model.draw(vectors) - before).abs().amax(dim=-1)[0]
    assert changed[8:16, 24:32].min() > 0, "row 1, column 3"
    assert changed[:, :12].max() == 0 and changed[24:].max() == 0


def test_it_learns_to_imagine_better_than_copying() -> None:
    numbers = learned(make(replace(SMALL, decoder=DecoderSettings(8, 2))), 120, rate=3e-3)
    assert numbers["probe_position"] > 0.9
    assert numbers["open_loop_ratio"] < 0.9


@torch.no_grad()
@pytest.mark.parametrize("ahead", [1, 2])
def test_it_is_surprised_by_codes_that_it_held_unlikely(clips: SquareClips, ahead: int) -> None:
    model, frames = make().model, torch.from_numpy(clips.frames[:2])
    actions = torch.from_numpy(clips.actions[:2])
    found, z, used = model.surprise(frames, actions, ahead), model.latents(frames), actions[:, model.context - 1 :]
    assert found.shape == (2, frames.shape[1] - model.context + 1 - ahead)
    start = z[:, 1] if ahead == 1 else model.imagine(z[:, 1], used[:, 1:2])[:, -1]
    likely = model.logits(start.view(-1, *model.shape), used[:, ahead]).log_softmax(dim=-1)
    codes = model.quantizer.nearest(model.places(frames))[:, model.context + ahead]
    assert torch.allclose(found[:, 1], -likely.gather(2, codes[..., None])[..., 0].mean(dim=1), rtol=1e-3)
