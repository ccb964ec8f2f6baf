"""The predictor trained further by itself, once the encoder is frozen, on the latents of whole recordings.

End to end, an update sees a few dozen short clips, and nearly all of its time goes into encoding them. Encoded once,
the recordings offer as many starts as they have steps, and a rollout of ten steps costs a twentieth of a clip: a longer
horizon and more starts, in a fraction of the time. V-JEPA 2-AC (arXiv 2506.09985) trains its predictor on a frozen
encoder likewise, all of it; that of the default model has been trained with the encoder before.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from worldmodel.distances.distance import LatentEpisodes
from worldmodel.method import Method
from worldmodel.settings import setting
from worldmodel.streams import stream, torch_stream
from worldmodel.training import TrainingStage, parameters, warmed

_DECAY = 0.01  # of the weights


@dataclass(frozen=True)
class FinetuningSettings:
    """Training of the predictor by itself, on the latents of all recordings."""

    updates: int = setting(1000, "updates; 0: none", 0, 1e7)
    batch: int = setting(256, "latents in an update, from which it imagines", 2, 65536)
    horizon: int = setting(
        10, "steps imagined open-loop from each; also what every method's imagination is measured over", 1, 1000
    )
    learning_rate: float = setting(2e-3, "peak of the schedule, a warm-up and a cosine down to nothing", 1e-8, 1)
    seed: int = 0


def finetuning(method: Method, data: LatentEpisodes, settings: FinetuningSettings) -> TrainingStage | None:
    """What trains `method.finetuned`; None for a method that fine-tunes nothing, and as `on_latents` says."""
    if method.finetuned is None:
        return None
    data = data.to(method.model.device)

    def loss(first: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        return {"prediction": method.finetuning_loss(*stretch(data, first, settings.horizon))}

    return on_latents("finetuning", "finetuning", method.finetuned, data, settings, loss)


def on_latents(
    name: str,
    section: str,
    learner: nn.Module,
    data: LatentEpisodes,
    settings: FinetuningSettings,
    loss: Callable[[Tensor, torch.Generator], dict[str, Tensor]],
) -> TrainingStage | None:
    """What trains `learner` on stretches of recordings; None for no updates, and where all recordings are too short.

    Args:
        section: of its settings.
        loss: its terms, of the rows (B,), on the CPU, of `data` at which stretches of `settings.horizon` control steps
            begin.
    """
    rows = torch.arange(len(data.last))
    starts = rows[data.last - rows >= settings.horizon]
    if not len(starts) or not settings.updates:
        return None

    def drawn(rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        return loss(starts[torch.randint(len(starts), (settings.batch,), generator=generator)], generator)

    return TrainingStage(
        name,
        learner,
        [parameters(learner, decay=_DECAY)],
        drawn,
        settings.updates,
        lambda step: warmed(step, settings.updates, settings.learning_rate),
        f"lower {section}.learning_rate (now {settings.learning_rate:g})",
        stream(settings.seed, name),
        torch_stream(settings.seed, name),
        gradient_norm=1.0,
    )


def stretch(data: LatentEpisodes, first: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """From rows (B,), on the CPU, on: latents (B, steps + 1, D) in motion, and the actions (B, steps, A) between."""
    ahead = (first[:, None] + torch.arange(steps + 1)).to(data.moving.device)
    return data.moving[ahead], data.actions[ahead[:, :-1]]
