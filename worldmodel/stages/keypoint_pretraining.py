"""Keypoints trained to look at all that is there, before the world model is: by dense prediction, on single frames.

A latent that has to predict itself and the actions has no need of things that the robot seldom touches, nor of a
second joint where the first one tells most: keypoints that are on them by chance stay, others never come there. Beside
the other terms, dense prediction changes little of that; before them, it decides where they begin.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import trange

from worldmodel.model import Encoder
from worldmodel.networks.keypoints import KeypointEncoder
from worldmodel.stages.dense_prediction import DensePrediction
from worldmodel.streams import stream, torch_stream

_FITTED = 256  # frames that the targets are standardised by
_CODES = 5.0  # times the encoder's learning rate: codes, which are linear and begin near 0, learn faster


@dataclass(frozen=True)
class PretrainingSettings:
    """How keypoints learn to look, before anything else is learnt."""

    updates: int  # 0: not at all
    batch: int  # B, frames in an update
    learning_rate: float  # of the keypoints
    seed: int


def pretrain(
    model: Encoder,
    sample: Callable[[np.random.Generator, int, int], Any],
    settings: PretrainingSettings,
    progress: bool = False,
) -> float | None:
    """Trains what finds the keypoints of `model` in place; returns the share of looks that they leave untold at last.

    `sample(rng, batch, length)` returns clips of `length` frames. The result depends on the weights, the clips and the
    settings only. None is returned, and nothing done, where the model sees otherwise than by keypoints.
    """
    encoder = next((part for part in model.modules() if isinstance(part, KeypointEncoder)), None)
    if encoder is None or not settings.updates:
        return None
    rng, device = stream(settings.seed, "pretraining clips"), model.device
    frames = torch.as_tensor(sample(rng, _FITTED, 1).frames).to(device)
    with model.autocast():
        dense = DensePrediction(encoder, frames, torch_stream(settings.seed, "dense prediction"))
    codes = [p for p in dense.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(
        [
            {"params": placing_parameters(encoder), "lr": settings.learning_rate},
            {"params": codes, "lr": _CODES * settings.learning_rate},
        ],
        fused=True,
    )
    untold = math.nan
    for _ in trange(settings.updates, desc="pretrain", unit="update", disable=not progress):
        frames = torch.as_tensor(sample(rng, settings.batch, 1).frames).to(device)
        with model.autocast():
            error = dense.error(encoder, frames)
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        untold = float(error.detach())
    optimizer.zero_grad()
    return untold


def placing_parameters(encoder: KeypointEncoder) -> list[nn.Parameter]:
    """What decides where its keypoints are."""
    return [*encoder.features.parameters(), *encoder.maps.parameters(), encoder.sharpness]
