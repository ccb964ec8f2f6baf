"""The one training loop: sample clips, sum the loss terms, step, measure, save; resumes bit for bit after a kill."""

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from worldmodel.checkpoint import replace_folder
from worldmodel.diagnosis import measures
from worldmodel.diagnosis.measures import Labelled
from worldmodel.method import Method
from worldmodel.stages.keypoint_pretraining import PretrainingSettings, pretrain
from worldmodel.streams import stream, torch_stream

SCHEDULES = ("cosine", "wsd")
COLLAPSED = 0.05  # of the std that a healthy latent has: below it, planning cannot tell states apart


class ClipBatch(Protocol):
    """A batch of recorded clips, as numpy arrays."""

    @property
    def frames(self) -> Any:
        """uint8 (B, T, h, w, 3)."""

    @property
    def actions(self) -> Any:
        """float32 (B, T-1, A)."""


class TrainingError(Exception):
    """Training cannot go on; the message is one line that says why and what to change."""


@dataclass(frozen=True)
class TrainSettings:
    """How a method is trained."""

    updates: int
    batch: int  # B, clips an update
    length: int  # T, latents a clip
    horizon: int  # H, steps imagined open-loop from every start
    learning_rate: float  # peak of the schedule
    weight_decay: float
    gradient_norm: float
    measure_every: int  # updates between measurements on held-out clips
    save_every: int  # updates between checkpoints
    seed: int
    schedule: str = "cosine"  # one of SCHEDULES


@dataclass
class TrainingState:
    """Everything that a resumed training must find as it was left."""

    method: Method
    optimizer: torch.optim.Optimizer
    rng: np.random.Generator
    generator: torch.Generator
    step: int = 0
    seconds: float = 0.0


def start(method: Method, settings: TrainSettings) -> TrainingState:
    """A run at its first update."""
    decayed = [p for p in method.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in method.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)
    generator = torch_stream(settings.seed, "noise of objectives")
    return TrainingState(method, optimizer, stream(settings.seed, "training clips"), generator)


def rate(step: int, settings: TrainSettings) -> float:
    """Learning rate of an update: linear warm-up over a twentieth of the run, then down to 1 % of the peak.

    cosine: along a cosine from the end of the warm-up on. wsd (warm-up, stable, decay): constant, and a line over the
    last twentieth of the run, as V-JEPA 2 (arXiv 2506.09985).
    """
    warm = max(1, settings.updates // 20)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    if settings.schedule == "wsd":
        share = min(1.0, (settings.updates - step) / warm)
    else:
        progress = (step - warm) / max(1, settings.updates - warm)
        share = 0.5 * (1 + math.cos(math.pi * progress))
    return settings.learning_rate * (0.01 + 0.99 * share)


def update(run: TrainingState, clips: ClipBatch, settings: TrainSettings) -> dict[str, Tensor]:
    """One step on one batch; returns the terms. Raises TrainingError where the loss is not finite."""
    device = run.method.model.device
    frames = torch.as_tensor(clips.frames).to(device)
    actions = torch.as_tensor(clips.actions).to(device)
    for group in run.optimizer.param_groups:
        group["lr"] = rate(run.step, settings)
    terms = run.method.terms(frames, actions, run.generator)
    total = torch.stack(list(terms.values())).sum()
    if not torch.isfinite(total):
        culprits = ", ".join(name for name, term in terms.items() if not torch.isfinite(term))
        raise TrainingError(
            f"the loss is not finite at update {run.step} ({culprits}): lower train.learning_rate "
            f"(now {settings.learning_rate:g}) or set precision=fp32"
        )
    run.optimizer.zero_grad()
    total.backward()
    torch.nn.utils.clip_grad_norm_(run.method.parameters(), settings.gradient_norm)
    run.optimizer.step()
    run.step += 1
    run.method.after_update(run.step / settings.updates)
    return {name: term.detach() for name, term in terms.items()}


def check_alive(numbers: dict[str, float], began: float, step: int, advice: str) -> None:
    """Raises TrainingError, with advice, when the latents have collapsed.

    Args:
        began: their mean std before the first update: some begin small, and a large network on its way is no collapse.
    """
    if numbers["std_mean"] < min(COLLAPSED, began) or numbers["rank"] < 1.5:
        raise TrainingError(
            f"the latents collapsed at update {step} (mean std {numbers['std_mean']:.3f}, effective rank "
            f"{numbers['rank']:.1f}): {advice}"
        )


def train(
    method: Method,
    sample: Callable[[np.random.Generator, int, int], ClipBatch],
    seen: Labelled,
    unseen: Labelled,
    settings: TrainSettings,
    looking: PretrainingSettings,
    out: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Trains `method` in place until `settings.updates`, going on from the last checkpoint in `out` if there is one.

    Keypoints learn to look first, as `looking` says. `sample(rng, batch, length)` returns clips of `length` frames;
    probes are fitted on the clips `seen` and judged on `unseen` ones, of recordings that `sample` never returns. Writes
    `metrics.jsonl`, `tensorboard/` and `checkpoints/` under `out`. Raises TrainingError on a loss that is not finite
    and on collapsed latents.
    """
    out.mkdir(parents=True, exist_ok=True)
    run = start(method, settings)
    resumed = resume(run, out / "checkpoints")
    cut_metrics(out / "metrics.jsonl", run.step if resumed else -1)
    frames = settings.length + method.model.context - 1
    began = time.perf_counter() - run.seconds
    writer = SummaryWriter(out / "tensorboard", purge_step=run.step)

    def measure(terms: dict[str, Tensor]) -> dict[str, float]:
        return record(run, terms, seen, unseen, settings, out / "metrics.jsonl", writer)

    if not resumed:
        method.fit_pixels(torch.as_tensor(sample(stream(settings.seed, "pixel statistics"), 128, 2).frames))
        measure({})  # the untrained encoder, to be held against what training makes of it
        untold = pretrain(method.model, sample, looking, progress=True)
        if untold is not None and not math.isfinite(untold):
            raise TrainingError(
                f"what keypoints tell is not finite: lower pretraining.learning_rate ({looking.learning_rate:g})"
            )
        method.begin()
    bar = tqdm(total=settings.updates, initial=run.step, desc="train", unit="update")
    method.train()
    while run.step < settings.updates:
        terms = update(run, sample(run.rng, settings.batch, frames), settings)
        run.seconds = time.perf_counter() - began
        bar.update()
        if on_progress is not None:
            on_progress(run.step, settings.updates)
        if run.step % settings.measure_every == 0 or run.step == settings.updates:
            numbers = measure(terms)
            bar.set_postfix_str(
                " ".join(f"{k[6:]} R2 {v:.3f}" for k, v in numbers.items() if k.startswith("probe_")), refresh=False
            )
            check_alive(numbers, _first_std(out / "metrics.jsonl"), run.step, method.against_collapse)
        if run.step % settings.save_every == 0 or run.step == settings.updates:
            save_run(run, out / "checkpoints")
    bar.close()
    writer.close()
    method.eval()


def _first_std(log: Path) -> float:
    """Mean std of the latents as it was measured before the first update."""
    return float(json.loads(log.read_text(encoding="utf-8").split("\n", 1)[0])["held_out/std_mean"])


def record(
    run: TrainingState,
    terms: dict[str, Tensor],
    seen: Labelled,
    unseen: Labelled,
    settings: TrainSettings,
    log: Path,
    writer: SummaryWriter,
) -> dict[str, float]:
    """Measures the model and writes one line of numbers; returns the measurements."""
    run.method.eval()
    numbers = measures.diagnose(run.method.model, seen, unseen, imagination=run.method.imagines_before_finetuning)
    run.method.train()
    line = {"step": run.step, "seconds": round(run.seconds, 2), "learning_rate": rate(max(run.step - 1, 0), settings)}
    line |= {f"loss/{name}": float(term) for name, term in terms.items()}
    write_line(line | {f"held_out/{name}": value for name, value in numbers.items()}, log, writer)
    return numbers


def record_after(step: int, numbers: dict[str, float], out: Path) -> None:
    """Adds a line about what was measured when all updates were done, and more had been learnt: as of `step`."""
    with SummaryWriter(out / "tensorboard") as writer:
        line = {"step": step} | {f"held_out/{name}": value for name, value in numbers.items()}
        write_line(line, out / "metrics.jsonl", writer)


def write_line(line: dict[str, float], log: Path, writer: SummaryWriter) -> None:
    """One line of numbers, of which "step" is one."""
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")
    for name, value in line.items():
        writer.add_scalar(name, value, int(line["step"]))


def cut_metrics(log: Path, step: int) -> None:
    """Drops lines after `step`: they were written between the last checkpoint and the kill and will come again."""
    if log.exists():
        whole = [line for line in log.read_text().splitlines() if line.endswith("}")]
        kept = [line for line in whole if json.loads(line)["step"] <= step]
        log.write_text("".join(line + "\n" for line in kept))


def save_run(run: TrainingState, folder: Path) -> None:
    """Writes the whole state of the run to `folder/STEP`, then drops the older one."""
    tensors = {f"method.{name}": value for name, value in run.method.state_dict().items()}
    state = run.optimizer.state_dict()
    for index, slots in state["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in slots.items()}
    tensors["generator"] = run.generator.get_state()
    about = {"step": run.step, "seconds": run.seconds, "rng": run.rng.bit_generator.state}

    def write(target: Path) -> None:
        save_file(
            {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()},
            target / "training.safetensors",
        )
        (target / "training.json").write_text(json.dumps(about))

    replace_folder(folder / f"{run.step:07d}", write)
    for old in sorted(folder.glob("[0-9]*[0-9]"))[:-1]:
        shutil.rmtree(old)


def resume(run: TrainingState, folder: Path) -> bool:
    """Puts the newest checkpoint under `folder` back into the run; False where there is none."""
    found = sorted(folder.glob("[0-9]*[0-9]"))
    if not found:
        return False
    tensors = load_file(found[-1] / "training.safetensors")
    about = json.loads((found[-1] / "training.json").read_text())
    run.method.load_state_dict(_under(tensors, "method."))
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(tensors, "optimizer.").items():
        index, slot = name.split(".")
        slots.setdefault(int(index), {})[slot] = value
    state = run.optimizer.state_dict()
    run.optimizer.load_state_dict({"state": slots, "param_groups": state["param_groups"]})
    run.generator.set_state(tensors["generator"])
    run.rng.bit_generator.state = about["rng"]
    run.step, run.seconds = about["step"], about["seconds"]
    return True


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
