"""The numbers reported of a model equal what is known of latents made for the purpose."""

import math

import pytest
import torch
from torch import nn

from tests.worldmodel.conftest import SquareClips, make_model
from worldmodel.diagnosis import measures


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
