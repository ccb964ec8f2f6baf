"""Every encoder slides over a clip: a latent depends on its own context, all of it, and on nothing else."""

import pytest
import torch

from tests.worldmodel.conftest import SIZE, SquareClips, make_model
from worldmodel.networks import rotary
from worldmodel.networks.encoders import LONG, Block, PixelScale, VideoTransformer, positions_3d

ENCODERS = ["keypoints", "vit", "cnn"]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_window_of_a_clip_has_the_latent_of_the_window_alone(encoder: str, clips: SquareClips) -> None:
    model, frames = make_model(encoder), torch.from_numpy(clips.frames)
    whole = model.latents(frames)
    assert whole.shape == (8, 10 - 4 + 1, 16)
    assert torch.allclose(whole[:, 2], model.latents(frames[:, 2:6])[:, 0], atol=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_each_frame_of_the_context_and_no_other_changes_the_latent(encoder: str, clips: SquareClips) -> None:
    model, frames = make_model(encoder), torch.from_numpy(clips.frames)
    before = model.latents(frames)[:, 3]
    for changed in range(10):
        other = frames.clone()
        other[:, changed] = 255 - other[:, changed]
        moved = (model.latents(other)[:, 3] - before).abs().max() > 1e-4
        assert bool(moved) == (3 <= changed <= 6), f"frame {changed}"


@pytest.mark.parametrize("encoder", ENCODERS)
def test_standing_still_is_a_context_of_one_frame_over_and_over(encoder: str, clips: SquareClips) -> None:
    model, frames = make_model(encoder), torch.from_numpy(clips.frames[:, 0])
    repeated = frames[:, None].repeat(1, 4, 1, 1, 1)
    assert torch.allclose(model.still(frames), model.latents(repeated)[:, 0], atol=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_recording_has_the_latents_of_its_contexts_and_of_each_frame_at_rest(
    encoder: str, clips: SquareClips
) -> None:
    model, frames = make_model(encoder), torch.from_numpy(clips.frames[1])
    moving, still = model.recording(frames)
    assert torch.allclose(moving, model.latents(frames[None])[0], atol=1e-5)
    assert torch.allclose(still, model.still(frames[3:]), atol=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_order_of_frames_matters(encoder: str, clips: SquareClips) -> None:
    model, frames = make_model(encoder), torch.from_numpy(clips.frames[:, :4])
    assert not torch.allclose(model.latents(frames), model.latents(frames.flip(1)), atol=1e-3)


def test_positions_equal_a_slow_reference_and_never_repeat() -> None:
    positions = positions_3d(2, 3, 4, 20)
    assert positions.shape == (24, 20)
    assert len({tuple(row.tolist()) for row in positions}) == 24
    time, row, column = 1, 2, 3
    share = 2 * (20 // 6)
    slow: list[float] = []
    for place, size in ((time, 20 - 2 * share), (row, share), (column, share)):
        rates = [100.0 ** (-k / (size // 2)) for k in range(size // 2)]
        slow += [float(torch.sin(torch.tensor(place * rate))) for rate in rates]
        slow += [float(torch.cos(torch.tensor(place * rate))) for rate in rates]
    assert torch.allclose(positions[(time * 3 + row) * 4 + column], torch.tensor(slow), atol=1e-5)


def test_patches_are_cut_where_they_lie() -> None:
    encoder = VideoTransformer(SIZE, context=2, latent=4, patch=8, width=12, depth=1, heads=2)
    frames = torch.full((1, 2, SIZE, SIZE, 3), 128, dtype=torch.uint8)
    before = encoder.tubelets(frames)
    frames[0, 1, 8:16, 24:32] = 255
    changed = (encoder.tubelets(frames) - before).abs().amax(dim=-1)[0, 0] > 1e-6
    assert changed.nonzero().flatten().tolist() == [1 * 4 + 3], "only the patch in row 1, column 3"


def test_pixel_scale_standardises_pictures_and_motion(clips: SquareClips) -> None:
    scale, frames = PixelScale(SIZE), torch.from_numpy(clips.frames)
    scale.fit(frames)
    newest, motion = scale.pairs(frames)
    assert 0.8 < newest.pow(2).mean().sqrt() < 1.2
    assert motion.pow(2).mean().sqrt() == pytest.approx(1.0, abs=1e-3)
    before = newest * scale.scale - motion * scale.motion + scale.mean
    assert torch.allclose(before, frames[:, :-1].float(), atol=1e-2), "the older frame can be recovered"


@pytest.mark.parametrize("bad", [{"context": 3}, {"patch": 5}, {"heads": 5}])
def test_sizes_that_do_not_divide_are_refused(bad: dict[str, int]) -> None:
    good = {"size": SIZE, "context": 4, "latent": 4, "patch": 8, "width": 12, "depth": 1, "heads": 2}
    with pytest.raises(ValueError, match="video transformer"):
        VideoTransformer(**(good | bad))


@torch.no_grad()
@pytest.mark.parametrize("count", [LONG // 8, LONG])
def test_attention_is_that_of_two_matrix_products_for_all_tokens_and_for_the_newest(count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    block, tokens = Block(16, 2), torch.randn(3, count, 16, generator=generator)
    angles = torch.randn(1, count, 4, generator=generator)
    query, key, value = (
        block.query_key_value(block.attention_norm(tokens)).view(3, count, 3, 2, 8).permute(2, 0, 3, 1, 4)
    )
    query, key = (rotary.turn(one, angles[:, None]) for one in (query, key))
    seen = (query @ key.transpose(-1, -2) / 8**0.5).softmax(-1) @ value
    found = tokens + block.attention_out(seen.transpose(1, 2).flatten(2))
    found = found + block.feed(block.feed_norm(found))
    assert torch.allclose(block(tokens, angles), found, atol=1e-5)
    assert torch.allclose(block(tokens, angles, 5), found[:, -5:], atol=1e-5)
