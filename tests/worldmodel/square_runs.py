"""Short trainings on the moving square, and what is measured of them on clips never seen."""

from dataclasses import replace

import numpy as np
import torch

from tests.worldmodel.conftest import square_clips
from tests.worldmodel.test_training import SETTINGS
from worldmodel.diagnosis.measures import Labelled, diagnose
from worldmodel.method import Method
from worldmodel.stages.end_to_end import end_to_end
from worldmodel.training import learn


def square_labelled(seed: int, length: int) -> Labelled:
    clips = square_clips(np.random.default_rng(seed), 160, length)
    positions = {"position": torch.from_numpy(clips.states)}
    return Labelled(torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), positions)


def learned(method: Method, updates: int, frames: int = 6, rate: float = 2e-3) -> dict[str, float]:
    """Trains the method in place on batches of 16 clips; the measurements are three steps open-loop."""
    settings = replace(
        SETTINGS, updates=updates, batch=16, length=frames - method.model.context + 1, learning_rate=rate
    )
    method.fit_pixels(torch.from_numpy(square_clips(np.random.default_rng(1), 64, 2).frames))
    learn(end_to_end(method, square_clips, settings))
    length = method.model.context + 3
    return diagnose(method.model, square_labelled(98, length), square_labelled(99, length))
