"""The next batch of clips, drawn by a thread while a device is at work on this one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor


class ClipsAhead:
    """Draws what `sample` draws, and off the CPU one batch ahead.

    The generator that is passed stays where the batches handed out have left it: what is saved of it in between goes on
    with the batch that had been drawn ahead.

    Args:
        sample: (generator, batch, length) -> clips with `frames` and `actions`.
        device: where they are needed.
    """

    def __init__(self, sample: Callable[[np.random.Generator, int, int], Any], device: torch.device) -> None:
        self.sample, self.device = sample, device
        self._pool = ThreadPoolExecutor(1, "clips")  # begins no thread before it is given work
        self._asked: Any = None
        self._ahead: Future[tuple[list[Tensor], Any]]

    def __call__(self, rng: np.random.Generator, batch: int, length: int) -> tuple[Tensor, Tensor]:
        """Frames uint8 (batch, length, h, w, 3) and actions (batch, length - 1, A), on the device."""
        if self.device.type == "cpu":
            clips = self.sample(rng, batch, length)
            return torch.as_tensor(clips.frames), torch.as_tensor(clips.actions)
        if self._asked != (rng.bit_generator.state, batch, length):
            self._begin(rng.bit_generator.state, batch, length)
        (frames, actions), after = self._ahead.result()
        rng.bit_generator.state = after
        self._begin(after, batch, length)
        return frames.to(self.device, non_blocking=True), actions.to(self.device, non_blocking=True)

    def _begin(self, state: Any, batch: int, length: int) -> None:
        self._asked = state, batch, length
        self._ahead = self._pool.submit(self._drawn, *self._asked)

    def _drawn(self, state: Any, batch: int, length: int) -> tuple[list[Tensor], Any]:
        rng = np.random.default_rng(0)
        rng.bit_generator.state = state
        clips = self.sample(rng, batch, length)
        parts = [torch.as_tensor(part) for part in (clips.frames, clips.actions)]
        if self.device.type == "cuda":
            parts = [part.pin_memory() for part in parts]  # so that the copy waits for nobody
        return parts, rng.bit_generator.state
