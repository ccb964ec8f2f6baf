"""A way to learn, as the training loop sees it: networks, and what is minimised on a batch of clips. One file each."""

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from worldmodel.distances.distance import LatentEpisodes
from worldmodel.losses import objectives
from worldmodel.model import Encoder, LatentWorldModel
from worldmodel.training import TrainingStage


class Method(nn.Module, ABC):
    """Everything that is trained; `model` is what is kept of it: an encoder, or a world model.

    Whatever a resumed run must find again is in the module's parameters and buffers.
    """

    model: Encoder
    against_collapse = "raise objective.variance or objective.sigreg, or choose another objective"  # advice to the user

    def terms(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Weighted terms of the loss; their sum is minimised. None where all is learnt on frozen latents (`finetuned`).

        Args:
            frames: uint8 (B, T, h, w, 3).
            actions: (B, T-1, A), between the frames.
            generator: source of all that is random, on the CPU.
        """
        raise NotImplementedError(f"{type(self).__name__} learns nothing from clips of frames")

    def fit_pixels(self, frames: Tensor) -> None:
        """Takes statistics of the pixels from frames uint8 (B, T, h, w, 3), before the first update."""
        self.model.fit_pixels(frames)

    def begin(self) -> None:
        """Called before the first update, when keypoints have learnt to look (`pretraining`): teachers follow here."""

    def after_update(self, progress: float) -> None:
        """Called after each update, with the share of all updates that is done, in (0, 1]: teachers follow here."""

    def finalise(self, frames: Tensor) -> None:
        """Called when the updates are done, before `finetuned` is trained: fits on frames uint8 (B, T, h, w, 3)."""

    @property
    def imagines_before_finetuning(self) -> bool:
        """Whether the predictor can imagine before `finetuning`."""
        return True

    @property
    def finetuned(self) -> nn.Module | None:
        """What is trained on latents of the frozen encoder (`finetuning`): the predictor, whatever taught it before.

        So methods that are compared differ in their objectives, and not in who may train on. None: it imagines nothing.
        """
        return self.model.predictor if isinstance(self.model, LatentWorldModel) else None

    def finetuning_loss(self, latents: Tensor, actions: Tensor) -> Tensor:
        """What `finetuned` minimises on stretches of recordings: the open-loop error, unless a method says otherwise.

        Latents (B, H+1, D), frozen, and the actions (B, H, A) between them.
        """
        if not isinstance(self.model, LatentWorldModel):
            raise NotImplementedError(f"{type(self).__name__} imagines nothing")
        return objectives.prediction(self.model.imagine(latents[:, 0], actions), latents[:, 1:])

    def second_level(self, data: LatentEpisodes, seed: int) -> TrainingStage | None:
        """What is trained last, on the frozen latents of all recordings; None: nothing is."""
        return None

    def adopt(self, encoder: Encoder) -> None:
        """Takes over a trained encoder, for a method that builds on a frozen one."""
        raise NotImplementedError(f"{type(self).__name__} trains its own encoder")


@dataclass(frozen=True)
class Entry:
    """What a method's file declares of it, as `ENTRY`, so that it can be chosen by the file's name."""

    settings: type  # frozen dataclass: sections of settings, and sizes that come from the data
    make: Callable[[Any, torch.dtype], Method]  # settings, precision
    imagines: bool = True  # makes a world model; False: an encoder only
    encoder: str | None = None  # the method whose trained encoder it builds on, frozen
    context: Callable[[Any], int] = lambda settings: settings.model.context  # frames that a latent has seen
