"""How fast a method trains: whole updates (encoder, losses, gradients, optimiser) on random frames."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from housecat.runs.training import TrainingPlan
from worldmodel import training
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.method import Method


@dataclass(frozen=True)
class RandomClips:
    """A batch of the size that the plan asks for; no two frames have anything in common."""

    frames: np.ndarray  # (B, T, h, w, 3) uint8
    actions: np.ndarray  # (B, T-1, A) float32

    @property
    def count(self) -> int:
        """Camera frames in the batch, each of a clip counted once, however many contexts it is part of."""
        return self.frames.shape[0] * self.frames.shape[1]


def random_clips(plan: TrainingPlan, context: int) -> RandomClips:
    """Clips as long as training draws them for a model that encodes `context` frames; always the same ones."""
    rng = np.random.default_rng(0)
    size, length = plan.frame_size, plan.train.length + context - 1
    return RandomClips(
        rng.integers(0, 256, (plan.train.batch, length, size, size, 3), dtype=np.uint8),
        rng.uniform(-1, 1, (plan.train.batch, length - 1, plan.action_dim)).astype(np.float32),
    )


def random_latents(latent: int, action_dim: int) -> LatentEpisodes:
    """A recording of a thousand latents that have nothing in common; always the same ones."""
    generator = torch.Generator().manual_seed(0)
    latents, actions = (torch.randn(1000, size, generator=generator) for size in (latent, action_dim))
    return LatentEpisodes(latents, latents, torch.full((1000,), 999), actions)


def seconds_per_update(method: Method, plan: TrainingPlan, clips: RandomClips, seconds: float) -> float:
    """Mean time of an update over at least `seconds`, after one that warms up; the method is trained by it."""
    run = training.start(method, plan.train)
    training.update(run, clips, plan.train)
    began, updates = time.perf_counter(), 0
    while not updates or time.perf_counter() - began < seconds:
        training.update(run, clips, plan.train)
        updates += 1
    return (time.perf_counter() - began) / updates
