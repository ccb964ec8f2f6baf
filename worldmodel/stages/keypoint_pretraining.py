"""Keypoints trained to look at all that is there, before the world model is: by dense prediction, on single frames.

A latent that has to predict itself and the actions has no need of things that the robot seldom touches, nor of a
second joint where the first one tells most: keypoints that are on them by chance stay, others never come there. Beside
the other terms, dense prediction changes little of that; before them, it decides where they begin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from worldmodel.model import Encoder
from worldmodel.networks.keypoints import KeypointEncoder
from worldmodel.settings import setting
from worldmodel.stages.dense_prediction import DensePrediction
from worldmodel.streams import stream, torch_stream
from worldmodel.training import TrainingStage, parameters

KEYPOINTS = ("model.encoder", "keypoints")  # the settings are for models that see by keypoints
_FITTED = 256  # frames that the targets are standardised by
_CODES = 5.0  # times the encoder's learning rate: codes, which are linear and begin near 0, learn faster


@dataclass(frozen=True)
class PretrainingSettings:
    """Training of the keypoints by themselves, before all else: to tell from them what each patch looks like."""

    updates: int = setting(200, "updates; 0: none, keypoints begin at random", 0, 1e7, only=KEYPOINTS)
    batch: int = setting(64, "frames in an update", 1, 65536, only=KEYPOINTS)
    learning_rate: float = setting(2e-3, "of the keypoints, constant", 1e-8, 1, only=KEYPOINTS)
    seed: int = 0


def pretraining(
    model: Encoder, sample: Callable[[np.random.Generator, int, int], Any], settings: PretrainingSettings
) -> TrainingStage | None:
    """What finds the keypoints of `model`; None where it sees otherwise than by keypoints, or for no updates.

    `sample(rng, batch, length)` returns clips of `length` frames. The loss is the share of looks that keypoints leave
    untold; what comes of it depends on the weights, the clips and the settings only.
    """
    encoder = next((part for part in model.modules() if isinstance(part, KeypointEncoder)), None)
    if encoder is None or not settings.updates:
        return None
    found, rng = encoder, stream(settings.seed, "pretraining clips")

    def drawn(rng: np.random.Generator, batch: int) -> Tensor:
        return torch.as_tensor(sample(rng, batch, 1).frames).to(model.device)

    with model.autocast():
        dense = DensePrediction(found, drawn(rng, _FITTED), torch_stream(settings.seed, "dense prediction"))
    codes = [p for p in dense.parameters() if p.requires_grad]

    def loss(rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        frames = drawn(rng, settings.batch)
        with model.autocast():
            return {"untold": dense.error(found, frames)}

    return TrainingStage(
        "pretraining",
        dense,
        [parameters(placing_parameters(found)), parameters(codes, scale=_CODES)],
        loss,
        settings.updates,
        lambda step: settings.learning_rate,
        f"lower pretraining.learning_rate (now {settings.learning_rate:g})",
        rng,
        torch.Generator(),
        betas=(0.9, 0.999),
    )


def placing_parameters(encoder: KeypointEncoder) -> list[nn.Parameter]:
    """What decides where its keypoints are."""
    return [*encoder.features.parameters(), *encoder.maps.parameters(), encoder.sharpness]
