"""Small models and clips of a moving square, so that the tests of this package need no simulator."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from worldmodel.methods.default import Default, DefaultSettings, ModelSettings, ObjectiveSettings, VectorModel

SIZE = 32
torch.set_num_threads(1)  # test workers share the cores


@dataclass(frozen=True)
class SquareClips:
    """A 6-pixel square that actions move: frames (B, T, 32, 32, 3), actions (B, T-1, 2), states (B, T, 2) in pixels."""

    frames: np.ndarray
    actions: np.ndarray
    states: np.ndarray


def square_clips(rng: np.random.Generator, batch: int, length: int) -> SquareClips:
    actions = rng.uniform(-1, 1, (batch, length - 1, 2)).astype(np.float32)
    states = np.empty((batch, length, 2))
    states[:, 0] = rng.uniform(6, 26, (batch, 2))
    for t in range(1, length):
        states[:, t] = np.clip(states[:, t - 1] + 3 * actions[:, t - 1], 4, 28)
    axis = np.arange(SIZE) + 0.5
    near = np.clip(3.5 - np.abs(axis - states[..., None]), 0, 1)
    picture = near[..., 1, :, None] * near[..., 0, None, :]
    frames = np.repeat((40 + 200 * picture).astype(np.uint8)[..., None], 3, axis=-1)
    return SquareClips(frames, actions, states)


OBJECTIVE = ObjectiveSettings("variance_covariance", 1.0, 1.0, 2.0, 0.1, 0.1, 0.9)


def small_settings(
    encoder: str = "vit", context: int = 4, objective: ObjectiveSettings = OBJECTIVE, horizon: int = 3
) -> DefaultSettings:
    model = ModelSettings(encoder, 16, context, 32, 1, 2, 8, 4, "places", "residual", 64, 1)
    return DefaultSettings(model, objective, horizon, SIZE, 2)


def make_model(encoder: str = "vit", context: int = 4, precision: torch.dtype = torch.float32) -> VectorModel:
    torch.manual_seed(0)
    model = Default(small_settings(encoder, context), precision).model
    clips = square_clips(np.random.default_rng(1), 32, 6)
    model.fit_pixels(torch.from_numpy(clips.frames))
    return model.eval().requires_grad_(False)


@pytest.fixture
def clips() -> SquareClips:
    return square_clips(np.random.default_rng(0), 8, 10)
