"""As much wall time for every method: how many updates that makes, and that a comparison can go on with the same."""

import json
from pathlib import Path

import pytest

from housecat.runs.budget import Speed, seconds_apart, speeds_of, updates_within
from housecat.runs.speed import random_clips
from housecat.runs.wiring import training_plan
from housecat.settings.config import load_config

TINY = "model.latent=10 model.width=8 model.keypoints=4 model.predictor_width=16 train.batch=2 precision=fp32".split()


def test_updates_and_finetuning_together_take_the_time_given() -> None:
    speed = Speed(frames=1000.0, update=0.5, finetuning=0.1, apart=0.0)
    given = updates_within(60.0, speed, finetuning=200)
    assert given == {"train.updates": 80, "finetuning.updates": 200}
    assert given["train.updates"] * speed.update + given["finetuning.updates"] * speed.finetuning == pytest.approx(60.0)


def test_finetuning_takes_half_of_the_time_at_most() -> None:
    assert updates_within(60.0, Speed(1000.0, 0.5, 0.1, 0.0), finetuning=10_000) == {
        "train.updates": 60,
        "finetuning.updates": 300,
    }


def test_the_time_of_what_is_trained_apart_is_taken_from_the_updates() -> None:
    assert updates_within(60.0, Speed(1000.0, 0.5, 0.1, 10.0), finetuning=200)["train.updates"] == 60


def test_what_finetunes_nothing_has_all_the_time_and_the_slowest_makes_one_update() -> None:
    assert updates_within(60.0, Speed(1000.0, 0.5, 0.0, 0.0), finetuning=500)["train.updates"] == 120
    assert updates_within(60.0, Speed(1.0, 90.0, 0.0, 0.0), finetuning=500)["train.updates"] == 1


def test_speeds_are_measured_once_and_include_the_training_of_a_frozen_encoder(tmp_path: Path) -> None:
    kept = tmp_path / "speeds.json"
    plans = {
        name: training_plan(load_config([*TINY, f"method={name}", "model.heads=2"]), 64, 2)
        for name in ("vjepa", "vjepa2_ac")
    }
    first = speeds_of(plans, kept)
    assert speeds_of(plans, kept) == first
    alone = speeds_of({"vjepa": plans["vjepa"]}, tmp_path / "alone.json")["vjepa"]
    assert alone.finetuning == 0 < first["vjepa2_ac"].finetuning
    assert alone.apart == first["vjepa2_ac"].apart == 0
    # Its updates are those of its encoder: what it learns itself it learns on frozen latents.
    clips = random_clips(plans["vjepa"], context=4)
    assert first["vjepa2_ac"].frames * first["vjepa2_ac"].update == pytest.approx(clips.count)
    assert 0.3 < first["vjepa2_ac"].update / first["vjepa"].update < 3
    default = training_plan(load_config(TINY), 64, 2)
    found = speeds_of({**plans, "default": default}, kept)["default"]
    assert found.finetuning > 0
    assert found.apart > 0
    two_levels = training_plan(load_config([*TINY, "method=hjepa", "pretraining.updates=0"]), 64, 2)
    assert seconds_apart(two_levels) > 0
    assert seconds_apart(training_plan(load_config([*TINY, "pretraining.updates=0"]), 64, 2)) == 0
    assert set(json.loads(kept.read_text())) == {"vjepa", "vjepa2_ac", "default"}
