"""Short trainings on the moving square, and what is measured of them on clips never seen."""

from dataclasses import replace

import numpy as np
import torch

from tests.worldmodel.conftest import square_clips
from tests.worldmodel.test_training import SETTINGS
from worldmodel.diagnosis.measures import Labelled, diagnose
from worldmodel.method import Method
from worldmodel.training import start, update


def square_labelled(seed: int, length: int) -> Labelled:
    clips = square_clips(np.random.default_rng(seed), 160, length)
    positions = {"position": torch.from_numpy(clips.states)}
    return Labelled(torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), positions)


def learn(method: Method, updates: int, frames: int = 6, rate: float = 2e-3) -> dict[str, float]:
    """Trains the method in place on batches of 16 clips; the measurements are three steps open-loop."""
    settings = replace(SETTINGS, updates=updates, learning_rate=rate)
    run = start(method, settings)
    method.fit_pixels(torch.from_numpy(square_clips(np.random.default_rng(1), 64, 2).frames))
    method.train()
    for _ in range(updates):
        update(run, square_clips(run.rng, 16, frames), settings)
    method.eval()
    length = method.model.context + 3
    return diagnose(method.model, square_labelled(98, length), square_labelled(99, length))
