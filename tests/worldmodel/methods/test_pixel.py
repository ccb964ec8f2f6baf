"""The generative school in pixels: what is drawn is compared with the right frames, and nothing else teaches."""

from dataclasses import replace

import pytest
import torch

from tests.worldmodel.conftest import SIZE, SquareClips, make_model, small_settings
from tests.worldmodel.square_runs import learned
from worldmodel.methods.pixel import Pixel, PixelSettings
from worldmodel.networks.decoders import DecoderSettings, PictureDecoder, choose

SMALL = PixelSettings(small_settings("keypoints").model, DecoderSettings(8, 3), 3, SIZE, 2)


def make(settings: PixelSettings = SMALL) -> Pixel:
    torch.manual_seed(0)
    return Pixel(settings)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_encoder_has_the_budget_of_the_default_methods() -> None:
    def count(encoder: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in encoder.parameters())

    assert count(make().model.encoder) == count(make_model("keypoints").encoder)


@pytest.mark.parametrize(("cell", "grid"), [(4, 8), (8, 4), (16, 2)])
def test_a_cell_of_the_grid_draws_its_own_part_of_the_picture(cell: int, grid: int) -> None:
    torch.manual_seed(0)
    decoder = PictureDecoder(5, 4, cell)
    features = torch.randn(1, 5, grid, grid)
    before = decoder(features)
    assert before.shape == (1, SIZE, SIZE, 3)
    features[0, :, 0, 0] += 1
    changed = ((decoder(features) - before).abs().amax(dim=-1)[0] > 0).nonzero()
    assert changed[:, 0].min() == 0 and changed[:, 1].min() == 0
    assert changed.max() < 2 * cell + 4, "neighbours overlap, and no more"


def test_a_cell_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="power of 2, got 12"):
        PictureDecoder(5, 4, 12)


def test_frames_are_drawn_by_the_generator_and_say_where_they_come_from() -> None:
    values = torch.arange(40.0).view(4, 10)
    drawn, index = choose(values, 50, generator())
    assert torch.equal(drawn, values.gather(1, index))
    assert torch.equal(index, choose(values, 50, generator())[1])
    assert len(index.unique()) == 10


def test_pictures_of_imagined_latents_are_compared_with_the_frames_of_those_steps(clips: SquareClips) -> None:
    """With a latent that is the time of its newest frame and pictures that show the latent, every error is 0."""
    method = make()
    model, times = method.model, torch.arange(10.0)
    frames = times.view(1, 10, 1, 1, 1).expand(2, 10, SIZE, SIZE, 3).to(torch.uint8)
    model.encoder.pixels.mean.zero_()
    model.encoder.pixels.scale.fill_(1.0)
    model.latents = lambda _: times[None, 3:, None].expand(2, -1, 16)  # type: ignore[method-assign]
    model.imagine = lambda z, actions: z[..., None, :] + torch.arange(1.0, 4)[:, None]  # type: ignore[method-assign]
    model.draw = lambda z: z[..., :1, None, None].expand(*z.shape[:-1], SIZE, SIZE, 3)  # type: ignore[method-assign]
    found = method.terms(frames, torch.zeros(2, 9, 2), generator())
    assert found["reconstruction"] == 0
    assert found["prediction"] == 0
    assert found["dynamics"] == 0


def test_later_frames_teach_as_pictures_and_never_through_the_encoder(clips: SquareClips) -> None:
    method = make(replace(SMALL, decoder=DecoderSettings(8, 60)))
    latents = method.model.latents(torch.from_numpy(clips.frames)).detach().requires_grad_(True)
    method.model.latents = lambda _: latents  # type: ignore[method-assign]
    frames, actions = torch.from_numpy(clips.frames), torch.from_numpy(clips.actions)
    method.terms(frames, actions, generator())["prediction"].backward()
    touched = latents.grad.abs().amax(dim=(0, 2)) > 0
    assert touched.tolist() == [True] * 4 + [False] * 3, "the last three latents are no start, and no target"


def test_the_error_between_latents_teaches_the_dynamics_alone(clips: SquareClips) -> None:
    method = make()
    method.terms(torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), generator())["dynamics"].backward()
    taught = {name.split(".")[0] for name, parameter in method.model.named_parameters() if parameter.grad is not None}
    assert taught == {"predictor"}


def test_an_encoder_whose_latents_hardly_differ_at_first_is_taught_too(clips: SquareClips) -> None:
    """Gradients are scaled down together: where one part has nearly all of them, the others learn nothing."""
    method = make(replace(SMALL, model=small_settings("cnn").model))
    method.fit_pixels(torch.from_numpy(clips.frames))
    assert method.model.latents(torch.from_numpy(clips.frames)).std(dim=(0, 1)).mean() < 0.02
    terms = method.terms(torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), generator())
    torch.stack(list(terms.values())).sum().backward()
    norms = torch.nn.utils.get_total_norm

    def norm(part: torch.nn.Module) -> float:
        return float(norms([one.grad for one in part.parameters() if one.grad is not None]))

    assert norm(method.model.encoder) > 1e-6 * norm(method.model)  # Adam takes what is below 1e-8 for nothing


def test_latents_are_pressed_to_be_small_only_as_training_goes_on(clips: SquareClips) -> None:
    method = make()
    frames, actions = torch.from_numpy(clips.frames), torch.from_numpy(clips.actions)
    assert method.terms(frames, actions, generator())["size"] == 0
    method.after_update(0.5)
    half = method.terms(frames, actions, generator())["size"]
    method.after_update(1.0)
    assert torch.allclose(method.terms(frames, actions, generator())["size"], 2 * half)
    assert half > 0
    assert "progress" in method.state_dict(), "a resumed run goes on with it"


def test_it_learns_to_draw_and_to_imagine_better_than_copying(clips: SquareClips) -> None:
    method = make(replace(SMALL, decoder=DecoderSettings(16, 2)))
    numbers = learned(method, 140, frames=7, rate=4e-3)
    assert numbers["probe_position"] > 0.9
    assert numbers["open_loop_ratio"] < 0.8
    frames = torch.from_numpy(clips.frames)
    with torch.no_grad():
        error = float(method.error(method.model.latents(frames), frames[:, 3:]))
    assert error < 0.8, "1: the mean picture"


@torch.no_grad()
def test_it_is_surprised_by_what_it_draws_otherwise_than_it_comes(clips: SquareClips) -> None:
    model, frames = make().model, torch.from_numpy(clips.frames[:2])
    actions = torch.from_numpy(clips.actions[:2])
    found, latents = model.surprise(frames, actions, 2), model.latents(frames)
    pictures, context = model.encoder.pixels.still(frames), model.context
    assert found.shape == (2, frames.shape[1] - context + 1 - 2)
    for window in (0, 3):
        used = actions[:, context - 1 + window :][:, :2]
        drawn = model.draw(model.imagine(latents[:, window], used)[:, -1])
        error = (drawn - pictures[:, context - 1 + window + 2]).pow(2).mean(dim=(1, 2, 3))
        assert torch.allclose(found[:, window], error, rtol=1e-3)
