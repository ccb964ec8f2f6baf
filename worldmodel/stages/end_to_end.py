"""The world model, or the encoder, trained on clips of frames: what a method learns as a whole."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from worldmodel.diagnosis import measures
from worldmodel.diagnosis.measures import Labelled
from worldmodel.method import Method
from worldmodel.progress import TrainingError, TrainingFolder
from worldmodel.settings import setting
from worldmodel.stages.ahead import ClipsAhead
from worldmodel.stages.keypoint_pretraining import PretrainingSettings, pretraining
from worldmodel.streams import stream, torch_stream
from worldmodel.training import TrainingStage, learn, parameters, warmed

COLLAPSED = 0.05  # of the std that a healthy latent has: below it, planning cannot tell states apart


class ClipBatch(Protocol):
    """A batch of recorded clips, as numpy arrays."""

    @property
    def frames(self) -> Any:
        """uint8 (B, T, h, w, 3)."""

    @property
    def actions(self) -> Any:
        """float32 (B, T-1, A)."""


@dataclass(frozen=True)
class TrainSettings:
    """Training of the world model."""

    updates: int = setting(500, "updates", 1, 1e7)
    batch: int = setting(64, "clips in an update", 2, 65536)
    length: int = setting(4, "latents in a clip", 2, 1000)
    horizon: int = setting(3, "steps imagined open-loop from every latent; less than train.length", 1, 1000)
    learning_rate: float = setting(2e-3, "peak of the schedule", 1e-8, 1)
    weight_decay: float = setting(1e-4, "of matrices", 0, 1)
    gradient_norm: float = setting(1.0, "gradients are scaled down to this norm", 1e-6, 1e6)
    measure_every: int = setting(250, "updates between measurements on recordings held out", 1, 1e7)
    save_every: int = setting(50, "updates between checkpoints: what an interruption can cost", 1, 1e7)
    seed: int = 0
    schedule: str = setting("cosine", "cosine; wsd: constant, a short decay; both warm up", choices=("cosine", "wsd"))

    def check(self) -> None:
        """Raises ValueError where these do not go together."""
        if self.horizon >= self.length:
            raise ValueError(f"train.horizon must be less than train.length ({self.length}), got {self.horizon}")


def rate(step: int, settings: TrainSettings) -> float:
    """Learning rate of an update: see `warmed`, down to 1 % of the peak."""
    return warmed(step, settings.updates, settings.learning_rate, floor=0.01, wsd=settings.schedule == "wsd")


def end_to_end(
    method: Method, sample: Callable[[np.random.Generator, int, int], ClipBatch], settings: TrainSettings
) -> TrainingStage:
    """All of a method that needs gradients, on clips of frames."""
    trained = [p for p in method.parameters() if p.requires_grad]
    frames, clips = settings.length + method.model.context - 1, ClipsAhead(sample, method.model.device)

    def loss(rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        return method.terms(*clips(rng, settings.batch, frames), generator)

    return TrainingStage(
        "train",
        method,
        [
            parameters([p for p in trained if p.ndim > 1], decay=settings.weight_decay),
            parameters([p for p in trained if p.ndim <= 1]),
        ],
        loss,
        settings.updates,
        lambda step: rate(step, settings),
        f"lower train.learning_rate (now {settings.learning_rate:g}) or set precision=fp32",
        stream(settings.seed, "training clips"),
        torch_stream(settings.seed, "noise of objectives"),
        gradient_norm=settings.gradient_norm,
        begin=method.begin,
        after_update=lambda done: method.after_update(done / settings.updates),
    )


def train(
    method: Method,
    sample: Callable[[np.random.Generator, int, int], ClipBatch],
    seen: Labelled,
    unseen: Labelled,
    settings: TrainSettings,
    looking: PretrainingSettings,
    folder: TrainingFolder,
    progress: bool = True,
) -> None:
    """Trains `method` in place until `settings.updates`, going on where `folder` was left.

    Keypoints are trained first, as `looking` says. `sample(rng, batch, length)` returns clips of `length` frames;
    probes are fitted on the clips `seen` and judged on `unseen` ones, of recordings that `sample` never returns. Raises
    TrainingError on a loss that is not finite and on collapsed latents.
    """

    def measure(done: int, terms: dict[str, float]) -> str:
        method.eval()
        numbers = measures.diagnose(method.model, seen, unseen, imagination=method.imagines_before_finetuning)
        method.train()
        line = {"step": done, "seconds": round(folder.seconds, 2), "learning_rate": rate(max(done - 1, 0), settings)}
        line |= {f"loss/{name}": term for name, term in terms.items()}
        folder.write(line | {f"held_out/{name}": value for name, value in numbers.items()})
        if done:
            check_alive(numbers, folder.lines[0]["held_out/std_mean"], done, method.against_collapse)
        known = {name: value for name, value in numbers.items() if name.startswith("probe_") and math.isfinite(value)}
        return " ".join(f"{name[6:]} R2 {value:.3f}" for name, value in known.items())

    if not folder.begun:
        some = sample(stream(settings.seed, "pixel statistics"), 128, 2).frames
        method.fit_pixels(torch.as_tensor(some).to(method.model.device))
        measure(0, {})  # the untrained encoder, to be held against what training makes of it
    first = pretraining(method.model, sample, looking)
    if first is not None:
        learn(first, folder, progress, settings.save_every)
    stage = replace(end_to_end(method, sample, settings), measure=measure, measure_every=settings.measure_every)
    learn(stage, folder, progress, settings.save_every)
    method.eval()


def check_alive(numbers: dict[str, float], began: float, step: int, advice: str) -> None:
    """Raises TrainingError, with advice, when the latents have collapsed.

    `began`: their mean std before the first update: some begin small, and a large network on its way is no collapse.
    """
    if numbers["std_mean"] < min(COLLAPSED, began) or numbers["rank"] < 1.5:
        raise TrainingError(
            f"the latents collapsed at update {step} (mean std {numbers['std_mean']:.3f}, effective rank "
            f"{numbers['rank']:.1f}): {advice}"
        )
