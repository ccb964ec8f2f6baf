"""Surprise is told window by window, by whoever expects something, and by those who know nothing."""

import numpy as np
import pytest
import torch

from envs.physics.clips import ClipPair
from housecat.physics.watching import WATCHERS, watch_pairs, watched
from tests.contracts.test_methods import small
from worldmodel.methods.registry import METHODS
from worldmodel.model import Encoder, LatentWorldModel, PatchEncoder


class Brightness(LatentWorldModel):
    """Sees how bright two frames are, and expects that it goes on changing as it did."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        super().__init__(2, 2, 1, torch.float32)

    def latents(self, frames: torch.Tensor) -> torch.Tensor:
        bright = frames.float().mean(dim=(2, 3, 4))
        return torch.stack([bright[:, :-1], bright[:, 1:]], dim=-1)

    def fit_pixels(self, frames: torch.Tensor) -> None: ...

    def imagine(self, z: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        steps = torch.arange(1, actions.shape[-2] + 1)[:, None]
        return z[..., None, :] + steps * (z[..., 1:] - z[..., :1])[..., None, :]


def clip(levels: list[int]) -> np.ndarray:
    return np.repeat(np.array(levels, np.uint8), 16 * 16 * 3).reshape(len(levels), 16, 16, 3)


STEADY, BROKEN = clip([0, 10, 20, 30, 40, 50, 60, 70]), clip([0, 10, 20, 30, 40, 80, 90, 100])


def test_what_goes_on_as_it_did_surprises_nobody_who_expects_it_and_a_break_does_where_it_is():
    found = watched(Brightness(), Brightness(), np.stack([STEADY, BROKEN]), 1)
    steady, broken = found["trained"]
    assert len(steady) == len(broken) == 6  # the windows end with the frames 2 to 7
    assert max(steady) == 0 and broken[:3] == steady[:3] and int(np.argmax(broken)) in (3, 4)
    assert found["copied"][0] == pytest.approx([100.0] * 6)
    assert found["frames"][1] == pytest.approx([10 / 255] * 4 + [40 / 255] + [10 / 255] * 2, rel=1e-4)


def test_frames_farther_ahead_are_told_from_the_same_context():
    found = watched(Brightness(), Brightness(), BROKEN[None], 3)
    assert (
        len(found["trained"][0]) == 4 and found["trained"][0][0] == 0 < found["trained"][0][1]
    )  # frames 2 to 4, 3 to 5
    assert len(found["copied"][0]) == 4 and len(found["frames"][0]) == 5


def test_pairs_are_watched_in_their_order_whatever_their_length():
    short = ClipPair("x", 0, STEADY[:6], BROKEN[:6], 5)
    pairs = [ClipPair("x", 0, STEADY, BROKEN, 5), short, ClipPair("x", 1, BROKEN, STEADY, 5)]
    found = watch_pairs(Brightness(), Brightness(), {}, pairs, 1)
    assert found["group"] == [0, 0, 1] and found["at"] == [5, 5, 5]
    assert [len(one) for one in found["possible"]["trained"]] == [6, 4, 6]
    assert max(found["possible"]["trained"][0]) < max(found["impossible"]["trained"][0])
    assert found["possible"]["trained"][2] == found["impossible"]["trained"][0]
    assert all(
        len(found["cues"][side]) == 3 and set(found[side]) == set(WATCHERS) for side in ("possible", "impossible")
    )


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_surprised_by_each_window_and_later_frames_change_no_earlier_window(name):
    _, model, frames = small(name)
    frames = torch.cat([frames, frames.flip(1), frames], dim=1)
    later = frames.clone()
    later[:, -1] = 255 - later[:, -1]
    found = [watched(model, model, one.numpy(), 2) for one in (frames, later)]
    for who in ("trained", "copied"):
        first, second = (np.array(one[who]) for one in found)
        assert first.shape[0] == 3 and np.isfinite(first).all() and (first >= 0).all()
        assert first[:, :-1] == pytest.approx(second[:, :-1], rel=1e-3) and (first[:, -1] != second[:, -1]).all()


def test_copying_compares_the_features_of_patches_where_there_are_some():
    class Halves(PatchEncoder):
        """Two patches, whose mean never changes."""

        device = torch.device("cpu")

        def tokens(self, frames: torch.Tensor) -> torch.Tensor:
            bright = frames.float().mean(dim=(2, 3, 4))
            return torch.stack([bright, -bright], dim=2)[..., None]

        def fit_pixels(self, frames: torch.Tensor) -> None: ...

    model: Encoder = Halves(1, 2, 1, torch.float32)
    assert not model.latents(torch.from_numpy(STEADY[None])).any()
    assert watched(model, model, STEADY[None], 1)["copied"][0] == pytest.approx([100.0] * 7)


def test_frames_that_clips_share_at_the_same_time_are_watched_once_and_the_curves_are_those_of_each_clip_alone():
    class Counting(Brightness):
        frames = 0

        def latents(self, frames: torch.Tensor) -> torch.Tensor:
            self.frames += frames.shape[1]
            return super().latents(frames)

    rng = np.random.default_rng(0)
    one, two = rng.integers(256, size=(2, 40, 8, 8, 3), dtype=np.uint8)
    clips = np.stack([one, two, np.concatenate([one[:20], two[20:]]), np.concatenate([two[:20], one[20:]]), one])
    model, other = Counting(), Brightness()
    found = watched(model, other, clips, 2)
    assert found == {name: [watched(other, other, clip[None], 2)[name][0] for clip in clips] for name in WATCHERS}
    assert model.frames == 2 * 40 + 2 * 6  # a window is of four frames: those before the 20th, and those from it on
    known = {}
    assert watched(other, model, clips, 2, known) == watched(other, model, clips, 2, known) == found
    assert model.frames == 2 * (2 * 40 + 2 * 6), "what is known of the untrained network is not watched again"


def test_what_is_said_of_a_clip_does_not_depend_on_how_much_it_shares_with_others():
    rng = np.random.default_rng(0)
    one, two = rng.integers(256, size=(2, 12, 8, 8, 3), dtype=np.uint8)
    two[5:8] = one[5:8]
    model = Brightness()
    for places in [(0, 3), (3, 6), (5, 8), (7, 11), (11, 12), (0, 12)]:
        mixed = one.copy()
        mixed[slice(*places)] = two[slice(*places)]
        spliced = np.concatenate([one[: places[0]], two[places[0] :]])
        found = watched(model, model, [one, two, mixed, spliced], 1)
        assert found == {
            name: [watched(model, model, [c], 1)[name][0] for c in (one, two, mixed, spliced)] for name in found
        }


def test_a_pair_may_have_clips_of_two_lengths():
    found = watch_pairs(Brightness(), Brightness(), {}, [ClipPair("x", 0, STEADY, BROKEN[:6], None)], 1)
    assert [len(found[side]["trained"][0]) for side in ("possible", "impossible")] == [6, 4]
