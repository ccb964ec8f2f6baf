"""Short-term memory, learnt on recordings of which something is hidden: to tell the latents of all that was there.

Encoder and predictor are frozen. A stretch begins with what was seen, or with what was not, so that a memory which is
wrong is given up; then memory follows memory, as in use.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from worldmodel.model import LatentWorldModel
from worldmodel.networks.memory import MemoryFilter
from worldmodel.streams import drawn_weights, stream, torch_stream
from worldmodel.training import TrainingStage, learn, parameters, warmed

UPDATES, BATCH, STEPS, RATE = 400, 64, 20, 2e-3
_WRONG = 0.2  # share of the stretches that begin with what was not seen


class Remembering:
    """A model's short-term memory at work; on the CPU environment by environment, see `worldmodel.model.Encoder`."""

    def __init__(self, model: LatentWorldModel, memory: MemoryFilter) -> None:
        self.model, self.memory = model, memory

    @torch.no_grad()
    def __call__(self, kept: Tensor, actions: Tensor, seen: Tensor) -> Tensor:
        """What is remembered now (B, D): of what was (B, D), actions (B, A) since, and what is seen now (B, D)."""
        expected = self.model.rollout(kept, actions[:, None, None])[:, 0, 0]
        if expected.device.type != "cpu":
            return self.memory(expected, seen)
        each = zip(expected.split(1), seen.split(1), strict=True)
        return torch.cat([self.memory(*one) for one in each])


class Hidden(NamedTuple):
    """Recorded latents in motion, with all that was there and with something hidden."""

    whole: Tensor  # (K, D)
    hidden: Tensor  # (K, D)
    last: Tensor  # (K,) int64 the last row of the recording that a row is of
    actions: Tensor  # (K, A) towards the next row


def fit_memory(
    model: LatentWorldModel, data: Hidden, seed: int, updates: int = UPDATES, steps: int = STEPS, progress: bool = True
) -> MemoryFilter:
    """Learns to remember. Raises ValueError: all recordings are shorter than a stretch of `steps` control steps."""
    data = Hidden(*(one.to(model.device) for one in data))
    rows = torch.arange(len(data.whole))
    starts = rows[data.last.cpu() - rows >= steps]
    if not len(starts):
        raise ValueError(f"no recording has {steps} control steps")
    with drawn_weights(seed, "memory"):
        memory = MemoryFilter(data.whole.shape[1]).to(model.device)
    spread = data.whole.std(dim=0)
    memory.center.copy_(data.whole.mean(dim=0))
    memory.scale.copy_(spread.clamp(min=max(1e-4 * float(spread.max()), 1e-12)))

    def loss(rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        first = starts[torch.from_numpy(rng.integers(len(starts), size=BATCH))]
        wrong = torch.from_numpy(rng.random(BATCH) < _WRONG)
        begin = torch.where(wrong, torch.from_numpy(rng.integers(len(data.whole), size=BATCH)), first)
        kept = data.whole[begin.to(model.device)]
        return {"memory": torch.stack(errors(model, memory, data, kept, first, steps)).mean()}

    rate, advice = partial(warmed, updates=updates, peak=RATE), "train the checkpoint again"
    drawn = stream(seed, "memory batches"), torch_stream(seed, "memory batches of torch")
    groups = [parameters(memory, decay=1e-2)]
    learn(
        TrainingStage("memory", memory, groups, loss, updates, rate, advice, *drawn, gradient_norm=1.0), None, progress
    )
    return memory.requires_grad_(False)


def errors(
    model: LatentWorldModel, memory: MemoryFilter, data: Hidden, kept: Tensor, first: Tensor, steps: int
) -> list[Tensor]:
    """How far what is remembered is from all that was there, in `steps` control steps from rows `first` (B,) on.

    `kept` (B, D): what is remembered before. Each step's (B, D), Huber, in standard deviations.
    """
    found = []
    for step in range(1, steps + 1):
        now = (first + step).to(model.device)
        expected = model.imagine(kept, data.actions[now - 1, None]).float()[:, 0]
        kept = memory(expected, data.hidden[now])
        away = (kept - data.whole[now]) / memory.scale
        found.append(nn.functional.smooth_l1_loss(away, torch.zeros_like(away), reduction="none"))
    return found
