"""The numbers reported of a model equal what is known of latents made for the purpose."""

import math

import pytest
import torch
from torch import Tensor, nn

from tests.worldmodel.conftest import SquareClips, make_model
from worldmodel.diagnosis import measures
from worldmodel.model import LatentWorldModel


def test_rank_counts_the_directions_that_are_used() -> None:
    rows = torch.randn(2000, 6, generator=torch.Generator().manual_seed(0))
    assert measures.effective_rank(rows) == pytest.approx(6, abs=0.1)
    assert measures.effective_rank(rows[:, :1] @ torch.ones(1, 6)) == pytest.approx(1, abs=0.01)


def test_a_probe_reads_a_linear_target_and_no_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(3000, 5, generator=generator)
    targets = torch.stack([rows @ torch.arange(5.0), torch.randn(3000, generator=generator), torch.ones(3000)], dim=1)
    r2 = measures.explained(measures.fit_linear(rows[:2000], targets[:2000])(rows[2000:]), targets[2000:])
    assert r2[0] > 0.999
    assert abs(r2[1]) < 0.05
    assert r2[2].isnan(), "a constant target can't be judged"


def test_a_predictor_that_changes_nothing_is_as_good_as_copying(clips: SquareClips) -> None:
    model = make_model()
    nn.init.zeros_(model.predictor.leave.weight)
    nn.init.zeros_(model.predictor.leave.bias)
    result = measures.open_loop(model, torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), 4)
    assert result["ratio"] == pytest.approx(1.0, rel=1e-5)


def test_a_predictor_that_is_off_scores_worse_than_copying(clips: SquareClips) -> None:
    model = make_model()
    nn.init.constant_(model.predictor.leave.bias, 1.0)
    result = measures.open_loop(model, torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), 4)
    assert result["ratio"] > 1


def test_what_never_varies_leaves_the_probe_of_the_rest_alone_and_unknown_stays_unknown(clips: SquareClips) -> None:
    frames, actions = torch.from_numpy(clips.frames), torch.from_numpy(clips.actions)
    moved = torch.randn(*frames.shape[:2], 1, generator=torch.Generator().manual_seed(0))
    both = torch.cat([moved, torch.ones_like(moved)], dim=-1)
    measured = {"alone": moved, "both": both, "unknown": torch.full_like(both, torch.nan)}
    part = measures.Labelled(frames, actions, measured)
    found = measures.diagnose(make_model(), part, part, imagination=False)
    assert found["probe_both"] == pytest.approx(found["probe_alone"])
    assert math.isnan(found["probe_unknown"]) and math.isfinite(found["probe_both"])


class Newest(LatentWorldModel):
    """Sees three frames; its latent is the brightness of the newest, which an action raises by itself."""

    def __init__(self) -> None:
        super().__init__(context=3, latent=1, action_dim=1, precision=torch.float32)
        self.weight = nn.Parameter(torch.ones(()))

    def latents(self, frames: Tensor) -> Tensor:
        return frames[:, 2:, 0, 0, :1].float()

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        return z[..., None, :] + actions.cumsum(dim=-2)

    def fit_pixels(self, frames: Tensor) -> None:
        """Nothing to take."""


def brightness(seed: int, sign: float) -> measures.Labelled:
    """Clips whose actions raise the brightness of the next frame; what is measured is the brightness times `sign`."""
    actions = torch.randint(-9, 10, (60, 9, 1), generator=torch.Generator().manual_seed(seed)).float()
    bright = 120 + torch.cat([torch.zeros(60, 1, 1), actions.cumsum(dim=1)], dim=1)
    frames = bright[..., None, None].expand(-1, -1, 4, 4, 3).to(torch.uint8)
    return measures.Labelled(frames, actions, {"light": sign * bright})


def test_latents_are_held_against_what_was_measured_in_their_newest_frame_and_the_actions_after_it() -> None:
    found = measures.diagnose(Newest(), brightness(0, 1.0), brightness(1, 1.0))
    assert found["probe_light"] > 0.999
    assert found["open_loop_imagined"] == 0 < found["open_loop_copied"]


def test_a_probe_is_judged_where_it_was_not_fitted() -> None:
    found = measures.diagnose(Newest(), brightness(0, 1.0), brightness(1, -1.0))
    assert found["probe_light"] < 0, "what was learnt there is the opposite of what holds here"
