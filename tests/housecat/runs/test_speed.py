"""Batches that speed is measured on are those that training draws, and frames are counted once."""

from housecat.runs.speed import random_clips
from housecat.runs.wiring import training_plan
from housecat.settings.config import load_config


def test_random_clips_are_as_long_as_those_of_training() -> None:
    plan = training_plan(load_config(["train.batch=5", "train.length=9", "train.horizon=3"]), 32, 3)
    clips = random_clips(plan, context=4)
    assert clips.frames.shape == (5, 9 + 4 - 1, 32, 32, 3)
    assert clips.actions.shape == (5, 9 + 4 - 2, 3)
    assert clips.count == 5 * 12
