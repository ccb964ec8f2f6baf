"""The predictor trained further by itself, once the encoder is frozen, on the latents of whole recordings.

End to end, an update sees a few dozen short clips, and nearly all of its time goes into encoding them. Encoded once,
the recordings offer as many starts as they have steps, and a rollout of ten steps costs a twentieth of a clip: a longer
horizon and more starts, in a fraction of the time. V-JEPA 2-AC (arXiv 2506.09985) trains its predictor on a frozen
encoder likewise, all of it; that of the default model has been trained with the encoder before.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import trange

from worldmodel.distances.distance import LatentEpisodes
from worldmodel.method import Method
from worldmodel.streams import torch_stream

_WARM = 0.05  # share of the updates in which the learning rate rises


@dataclass(frozen=True)
class FinetuningSettings:
    """How the predictor is trained on frozen latents."""

    updates: int  # 0: not at all
    batch: int  # B, starts in an update
    horizon: int  # H, control steps of a stretch of a recording, imagined open-loop
    learning_rate: float  # at the end of the warm-up; from there down to nothing along a cosine
    seed: int


def finetune(method: Method, data: LatentEpisodes, settings: FinetuningSettings, progress: bool = False) -> int:
    """Trains `method.finetuned` in place, in which nothing needs gradients before or after; returns the updates made.

    The result depends on the weights, the latents and the settings only. There are no updates for a method that
    fine-tunes nothing, nor where every recording is shorter than the horizon.
    """
    predictor, device = method.finetuned, method.model.device
    if predictor is None:
        return 0

    def loss(first: Tensor, generator: torch.Generator) -> Tensor:
        return method.finetuning_loss(*stretch(data, first, settings.horizon, device))

    return learn_on_latents(predictor, data, settings, loss, "finetuning", progress)


def learn_on_latents(
    learner: nn.Module,
    data: LatentEpisodes,
    settings: FinetuningSettings,
    loss: Callable[[Tensor, torch.Generator], Tensor],
    purpose: str,
    progress: bool = False,
) -> int:
    """Trains `learner` in place, in which nothing needs gradients before or after; returns the updates made.

    Args:
        loss: of the rows (B,) of `data` at which stretches of `settings.horizon` control steps begin.
        purpose: of the updates: names the random stream and the progress bar.
    """
    rows = torch.arange(len(data.last))
    starts = rows[data.last - rows >= settings.horizon]
    if not len(starts) or not settings.updates:
        return 0
    learner.requires_grad_(True)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)
    generator = torch_stream(settings.seed, purpose)
    for update in trange(settings.updates, desc=purpose, unit="update", disable=not progress):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _share(update, settings.updates)
        first = starts[torch.randint(len(starts), (settings.batch,), generator=generator)]
        error = loss(first, generator)
        optimizer.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
    learner.requires_grad_(False)
    return settings.updates


def stretch(data: LatentEpisodes, first: Tensor, steps: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """From rows (B,) on: latents (B, steps + 1, D) in motion, and the actions (B, steps, A) between them."""
    ahead = first[:, None] + torch.arange(steps + 1)
    return data.moving[ahead].to(device), data.actions[ahead[:, :-1]].to(device)


def _share(update: int, updates: int) -> float:
    """Of the learning rate, at an update."""
    warm = max(1, round(_WARM * updates))
    return min(1.0, (update + 1) / warm) * 0.5 * (1 + math.cos(math.pi * update / updates))
