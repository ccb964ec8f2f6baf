"""Keypoints are where things are, whatever is learnt of what to look for."""

from dataclasses import replace

import pytest
import torch

from tests.worldmodel.conftest import SIZE, SquareClips, make_model, small_settings
from worldmodel.methods.default import Default, DefaultSettings
from worldmodel.networks.keypoints import PLACE_GAIN, KeypointEncoder

STEP = 2 * 3**0.5 / (SIZE / 4 - 1)  # from one patch to the next


def bright_spot(kind: str = "places") -> KeypointEncoder:
    """An encoder whose first map is high where the picture is bright, and whose second is even everywhere."""
    encoder = KeypointEncoder(SIZE, context=2, latent=8, patch=4, width=4, keypoints=2, kind=kind)
    first, *others = encoder.features[::2]
    torch.nn.init.zeros_(first.weight)
    first.weight.data[0] = 1.0
    for layer in others:
        torch.nn.init.dirac_(layer.weight)
    for layer in (first, *others):  # where GELU is nearly the identity
        torch.nn.init.constant_(layer.bias, 5.0)
    for values, peak in ((encoder.maps.weight, 1.0), (encoder.maps.bias, 0.0)):
        torch.nn.init.zeros_(values)
        values.data[0].flatten()[0] = peak
    return encoder


def picture(rows: slice, columns: slice) -> torch.Tensor:
    frame = torch.full((1, 1, SIZE, SIZE, 3), 100, dtype=torch.uint8)
    frame[0, 0, rows, columns] = 255
    return frame


def test_a_keypoint_is_where_the_thing_is_and_moves_with_it() -> None:
    encoder = bright_spot()
    points = [encoder.points(picture(slice(r, r + 4), slice(c, c + 4)))[0, 0] for r, c in [(4, 8), (4, 12), (20, 12)]]
    assert torch.allclose(points[1][0, :2] - points[0][0, :2], torch.tensor([STEP, 0.0]), atol=0.02 * STEP)
    assert torch.allclose(points[2][0, :2] - points[1][0, :2], torch.tensor([0.0, 4 * STEP]), atol=0.02 * STEP)
    assert all(one[1, :2].abs().max() < 1e-5 for one in points), "a map that is even everywhere says: the middle"


def test_between_two_patches_a_keypoint_moves_by_less_than_a_patch() -> None:
    encoder = bright_spot()
    frames = torch.cat([picture(slice(8, 20), slice(8 + t, 20 + t)) for t in range(5)], dim=1)
    across = encoder.points(frames)[0, :, 0, 0].diff()
    assert (across > 0).all()
    assert (across < 0.6 * STEP).all()


def test_second_moments_tell_which_way_a_long_thing_lies() -> None:
    encoder = bright_spot()
    across, along = slice(12, 16), slice(4, 28)
    lying, standing = (encoder.points(picture(*both))[0, 0, 0, 2:] for both in [(across, along), (along, across)])
    assert lying[0] > 10 * lying[2].abs(), "xx"
    assert standing[2] > 10 * standing[0].abs(), "yy"
    assert torch.allclose(lying[0], standing[2], atol=1e-4)
    assert lying[1].abs() < 1e-3, "xy"
    elsewhere = encoder.points(picture(slice(24, 28), along))[0, 0, 0, 2:]
    assert torch.allclose(elsewhere, lying, atol=0.05), "about the keypoint, wherever that is"


def test_brightness_and_contrast_of_a_map_do_not_move_a_keypoint() -> None:
    encoder = bright_spot()
    frame = picture(slice(8, 14), slice(10, 20))
    before = encoder.points(frame)[0, 0, 0]
    encoder.maps.weight.data[0] *= 3
    encoder.maps.bias.data[0] += 5
    assert torch.allclose(encoder.points(frame)[0, 0, 0], before, atol=1e-3)


def test_the_last_dimensions_are_the_newest_keypoints_and_no_gradient_passes_them(clips: SquareClips) -> None:
    model, frames = make_model("keypoints"), torch.from_numpy(clips.frames)
    encoder = model.encoder.requires_grad_(True)
    latents = model.latents(frames)
    assert encoder.fixed == 2 * encoder.keypoints
    newest = encoder.points(frames)[:, model.context - 1 :, :, :2].flatten(2)
    assert torch.allclose(latents[..., -encoder.fixed :], PLACE_GAIN * newest, atol=1e-5)
    fixed, learned = (
        torch.autograd.grad(part.sum(), encoder.features[0].weight, allow_unused=True, retain_graph=True)[0]
        for part in (latents[..., -encoder.fixed :] + 0 * latents.sum(), model.learned(latents))
    )
    assert not fixed.any() and learned.any()


def test_nothing_is_learned_from_what_is_given(clips: SquareClips) -> None:
    torch.manual_seed(0)
    method = Default(small_settings("keypoints"))
    frames, actions = torch.from_numpy(clips.frames), torch.from_numpy(clips.actions)[:, method.model.context - 1 :]
    latents = method.model.latents(frames).detach()
    other = torch.cat([method.model.learned(latents), torch.randn_like(latents[..., -method.model.fixed :])], dim=-1)
    first, second = (method.terms_of(one, frames, actions, torch.Generator()) for one in (latents, other))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other[..., 0] += torch.arange(other.shape[1])
    assert not torch.equal(
        method.terms_of(other, frames, actions, torch.Generator())["prediction"], first["prediction"]
    )


def bar(row: int, column: int, standing: bool) -> torch.Tensor:
    """A frame with a bright bar, 15 by 5 pixels, about this middle."""
    high, wide = (7, 2) if standing else (2, 7)
    return picture(slice(row - high, row + high + 1), slice(column - wide, column + wide + 1))


def test_what_is_seen_at_a_keypoint_is_the_mean_of_the_features_under_its_weights() -> None:
    encoder = bright_spot("components")
    frame = picture(slice(8, 12), slice(12, 16))
    seen = encoder.points(frame)[0, 0, :, 5:]
    features = encoder.features(encoder.pixels.still(frame)[0].permute(0, 3, 1, 2))[0]
    assert torch.allclose(seen[0], features[:, 2, 3], atol=0.01 * float(features.detach().std())), "the bright patch"
    assert torch.allclose(seen[1], features.mean(dim=(1, 2)), atol=1e-4), "an even map sees the mean"
    assert torch.equal(bright_spot().points(frame)[0, 0], encoder.points(frame)[0, 0, :, :5])


def test_settled_keypoints_tell_how_a_thing_is_turned_as_loudly_as_where_it_is() -> None:
    torch.manual_seed(0)
    encoder = KeypointEncoder(SIZE, context=4, latent=64, patch=4, width=16, keypoints=16, kind="components")
    rng = torch.Generator().manual_seed(3)
    places = torch.randint(8, SIZE - 8, (200, 2), generator=rng).tolist()
    frames = torch.cat([bar(*place, standing=bool(i % 2)) for i, place in enumerate(places)])
    contexts = frames.expand(-1, encoder.context, -1, -1, -1)

    def turning_against_moving() -> float:
        """How far what is fixed changes when the bar is turned, over how far when it moves by eight pixels."""
        lying, standing, moved = (
            encoder.fixed_of(encoder.points(bar(*place)))[0, 0]
            for place in ((16, 12, False), (16, 12, True), (16, 20, False))
        )
        return float((standing - lying).norm() / (moved - lying).norm())

    before, learned = turning_against_moving(), encoder(contexts)[..., : -encoder.fixed]
    encoder.finalise(frames)
    assert turning_against_moving() > max(1.0, 1.5 * before)
    kept = encoder.fixed_of(encoder.points(frames)).flatten(0, 1).var(dim=0, unbiased=False)
    assert (kept < 1.01).all() and (kept > 0.99).sum() >= encoder.fixed - 1
    assert torch.equal(encoder(contexts)[..., : -encoder.fixed], learned), "what is learned is as it was"


def components() -> DefaultSettings:
    settings = small_settings("keypoints")
    return replace(settings, model=replace(settings.model, fixed="components"))


def test_the_default_method_settles_only_where_components_are_asked_for(clips: SquareClips) -> None:
    frames = torch.from_numpy(clips.frames)
    for fixed in ("places", "components"):
        method = Default(components() if fixed == "components" else small_settings("keypoints"))
        before = method.model.latents(frames)
        method.finalise(frames)
        assert torch.equal(method.model.latents(frames), before) == (fixed == "places")


@pytest.mark.parametrize(
    ("bad", "said"), [({"patch": 5}, "patch 5"), ({"latent": 4}, "latent 4 must be above the 4 numbers")]
)
def test_sizes_that_do_not_fit_are_refused(bad: dict[str, int], said: str) -> None:
    good = {"size": SIZE, "context": 2, "latent": 8, "patch": 4, "width": 4, "keypoints": 2}
    with pytest.raises(ValueError, match=said):
        KeypointEncoder(**(good | bad))
