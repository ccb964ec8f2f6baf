"""The one training loop: draw a batch, sum the loss terms, step, follow, measure, save; goes on bit for bit after a
kill, whichever stage is at work."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from worldmodel.progress import AtWork, TrainingError, TrainingFolder

_READ_EVERY = 10  # updates after which the losses are looked at: to read them, the processor waits for the device


@dataclass(frozen=True)
class TrainingStage:
    """Something that is learnt: what is changed, by which loss, how far and how fast."""

    name: str  # of its progress bar and its checkpoints
    learner: nn.Module  # what is trained, with all that its loss must find again; in training mode as long
    groups: list[dict[str, Any]]  # of the optimiser: "params", "weight_decay", "scale" of the learning rate
    loss: Callable[[np.random.Generator, torch.Generator], dict[str, Tensor]]  # weighted terms, of a batch it draws
    updates: int
    rate: Callable[[int], float]  # learning rate of an update, counted from 0
    advice: str  # what to change where the loss is not finite
    rng: np.random.Generator
    generator: torch.Generator  # on the CPU
    betas: tuple[float, float] = (0.9, 0.99)
    gradient_norm: float | None = None  # gradients are scaled down to it
    begin: Callable[[], None] = lambda: None  # before the first update
    after_update: Callable[[int], None] = lambda done: None  # told the updates made
    measure: Callable[[int, dict[str, float]], str] = lambda done, terms: (
        ""
    )  # told the same and the last terms; says what it saw
    measure_every: int = 0  # updates between two of these; 0: only after the last


def parameters(*parts: nn.Module | Iterable[nn.Parameter], decay: float = 0.0, scale: float = 1.0) -> dict[str, Any]:
    """A group for the optimiser."""
    each = [part.parameters() if isinstance(part, nn.Module) else part for part in parts]
    return {"params": [one for part in each for one in part], "weight_decay": decay, "scale": scale}


def warmed(step: int, updates: int, peak: float, floor: float = 0.0, wsd: bool = False) -> float:
    """Learning rate of an update: a linear warm-up over a twentieth of all, then down to a share `floor` of the peak.

    Along a cosine from the end of the warm-up on; wsd (warm-up, stable, decay): constant, and a line over the last
    twentieth, as V-JEPA 2 (arXiv 2506.09985).
    """
    warm = max(1, updates // 20)
    if step < warm:
        return peak * (step + 1) / warm
    if wsd:
        share = min(1.0, (updates - step) / warm)
    else:
        share = 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, updates - warm)))
    return peak * (floor + (1 - floor) * share)


def learn(
    stage: TrainingStage, folder: TrainingFolder | None = None, progress: bool = False, save_every: int = 1000
) -> None:
    """Makes the updates of a stage, going on where `folder` says that it was left.

    What is random depends on the stage's generators alone. Parameters need gradients while it runs, and no longer than
    they did before. Raises TrainingError on a loss that is not finite.
    """
    changed = [one for group in stage.groups for one in group["params"]]
    needed = [one.requires_grad for one in changed]
    for one in changed:
        one.requires_grad_(True)
    optimizer = torch.optim.AdamW(stage.groups, lr=0.0, betas=stage.betas, fused=True)
    work = AtWork(stage.name, stage.learner, optimizer, stage.rng, stage.generator)
    if folder is None or not folder.resume(work, stage.updates):
        stage.begin()
    stage.learner.train()
    unread: list[dict[str, Tensor]] = []
    with tqdm(total=stage.updates, initial=work.step, desc=stage.name, unit="update", disable=not progress) as bar:
        while work.step < stage.updates:
            unread.append(_update(stage, work, changed))
            stage.after_update(work.step)
            last, saves = work.step == stage.updates, folder is not None and work.step % save_every == 0
            measures = last or (stage.measure_every and work.step % stage.measure_every == 0)
            if last or saves or measures or len(unread) >= _READ_EVERY:
                terms = _read(stage, work.step, unread)
                unread.clear()
                if folder is not None:
                    folder.plot(stage.name, terms, work.step)
            bar.update()
            if measures:
                bar.set_postfix_str(stage.measure(work.step, terms), refresh=False)
            if folder is not None and (last or saves):
                folder.save(work)
    stage.learner.eval()
    optimizer.zero_grad()
    for one, before in zip(changed, needed, strict=True):
        one.requires_grad_(before)


def _update(stage: TrainingStage, work: AtWork, changed: list[nn.Parameter]) -> dict[str, Tensor]:
    """One step on one batch; returns the terms."""
    for group in work.optimizer.param_groups:
        group["lr"] = stage.rate(work.step) * group["scale"]
    terms = stage.loss(work.rng, work.generator)
    work.optimizer.zero_grad()
    torch.stack(list(terms.values())).sum().backward()
    if stage.gradient_norm is not None:
        torch.nn.utils.clip_grad_norm_(changed, stage.gradient_norm)
    work.optimizer.step()
    work.step += 1
    return {name: term.detach() for name, term in terms.items()}


def _read(stage: TrainingStage, step: int, unread: list[dict[str, Tensor]]) -> dict[str, float]:
    """The last terms, when none of those unread was anything but finite."""
    rows = torch.stack([torch.stack(list(terms.values())) for terms in unread]).tolist()
    for row, made in zip(rows, range(step - len(rows), step), strict=True):
        wrong = [name for name, value in zip(unread[0], row, strict=True) if not math.isfinite(value)]
        if wrong or not math.isfinite(sum(row)):
            raise TrainingError(f"the loss is not finite at update {made} ({', '.join(wrong)}): {stage.advice}")
    return dict(zip(unread[0], rows[-1], strict=True))
