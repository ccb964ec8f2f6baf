"""What a training leaves on disk while it goes on: its checkpoints, of which the last two are kept, and its log.

A checkpoint is the whole training, whichever stage is at work: `checkpoints/NUMBER-STAGE-UPDATES/` holds
`state.safetensors` (the method, what the stage trains beside it, its optimiser and generator) and `state.json` (format,
digest of the other file, the log so far, time).
"""

import hashlib
import json
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from worldmodel.files import json_text, remove_folder, remove_leftovers, replace_folder, tensor_bytes, write_file

FORMAT = 2  # raised when a training can no longer go on from what an earlier version saved
KEPT = 2
_FILES = ("state.safetensors", "state.json")
_WRONG = (ValueError, LookupError, TypeError, AttributeError, SafetensorError)
# What a checkpoint that is not whole is read with; a lack of memory or of open files says nothing against it.
_DAMAGE = (FileNotFoundError, NotADirectoryError, IsADirectoryError, *_WRONG)
_NAME = re.compile(r"(?:(\d+)-.+-)?(\d{7,})")  # of a checkpoint; without a stage: from before there were formats


class TrainingError(Exception):
    """Training cannot go on; the message is one line that says why and what to change."""


class _State(TypedDict):
    """What a checkpoint says about itself, so that it can be checked."""

    settings: str
    digest: str
    lines: list[dict[str, float | None]]  # of the log, each with its step
    seconds: float
    rng: Any


@dataclass
class AtWork:
    """A stage as it must be found again."""

    name: str
    learner: nn.Module  # what it trains; parts of the method, or a network beside it
    optimizer: torch.optim.Optimizer
    rng: np.random.Generator
    generator: torch.Generator
    step: int = 0  # updates made


@dataclass(frozen=True)
class _Saved:
    """A checkpoint, read."""

    stage: int
    step: int
    tensors: dict[str, Tensor]
    about: dict[str, Any]


class TrainingFolder:
    """The folder of a training, opened: the method in it is put where the newest checkpoint left it.

    Args:
        path: holds `checkpoints/`, `metrics.jsonl` and `tensorboard/`; made if it is missing.
        method: all that is kept of the stages.
        settings: text that tells this training from others, which may not go on from its checkpoints.

    Raises TrainingError: there are checkpoints, none of which this training can go on from.
    """

    def __init__(self, path: Path, method: nn.Module, settings: str = "") -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path, self._method = path, method
        self._settings = hashlib.sha256(settings.encode()).hexdigest()
        self._stage = 0
        remove_leftovers(path / "checkpoints", _FILES)
        self._left = self._newest()
        if self._left is not None:
            with self._of_this_training():
                method.load_state_dict(_under(self._left.tensors, "method."))
        self._log = path / "metrics.jsonl"
        # As it was at the checkpoint; what came after that will come again.
        self.lines: list[dict[str, Any]] = [] if self._left is None else self._left.about["lines"]
        write_file(self._log, "".join(json_text(line) + "\n" for line in self.lines).encode())
        self._began = time.perf_counter() - (0.0 if self._left is None else self._left.about["seconds"])
        self._writer = SummaryWriter(path / "tensorboard", purge_step=self.lines[-1]["step"] + 1 if self.lines else 0)

    @property
    def begun(self) -> bool:
        """Whether an earlier try left a checkpoint."""
        return self._left is not None

    @property
    def seconds(self) -> float:
        """Time that the training has taken, earlier tries included."""
        return time.perf_counter() - self._began

    def resume(self, work: AtWork, updates: int) -> bool:
        """Puts the next stage where it was left; False where it begins. One that was passed has made its updates."""
        self._stage += 1
        left = self._left
        if left is None or left.stage < self._stage:
            return False
        work.step = updates
        if left.stage == self._stage:
            work.step = left.step
            with self._of_this_training():
                self._put_back(work, left)
        return True

    def _put_back(self, work: AtWork, left: _Saved) -> None:
        if not self._keeps(work.learner):
            work.learner.load_state_dict(_under(left.tensors, "learner."))
        parameters = [one for group in work.optimizer.param_groups for one in group["params"]]
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(left.tensors, "optimizer.").items():
            index, slot = name.split(".")
            if value.ndim and value.shape != parameters[int(index)].shape:
                raise ValueError(f"{name} has the shape {tuple(value.shape)}")
            slots.setdefault(int(index), {})[slot] = value
        groups = work.optimizer.state_dict()["param_groups"]
        work.optimizer.load_state_dict({"state": slots, "param_groups": groups})
        work.generator.set_state(left.tensors["generator"])
        work.rng.bit_generator.state = left.about["rng"]

    @contextmanager
    def _of_this_training(self) -> Iterator[None]:
        """What was left may be of other networks, or say what nobody would."""
        try:
            yield
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TrainingError(
                f"the newest checkpoint in {self.path / 'checkpoints'} is not of this training ({reason}): delete it, "
                "and the same command goes on from the one before"
            ) from error

    def passed(self) -> bool:
        """Whether the next stage, or a later one, has been begun."""
        return self._left is not None and self._left.stage > self._stage

    def save(self, work: AtWork) -> None:
        """Writes a checkpoint, then drops all but the last ones."""
        tensors = {f"method.{name}": value for name, value in self._method.state_dict().items()}
        if not self._keeps(work.learner):
            tensors |= {f"learner.{name}": value for name, value in work.learner.state_dict().items()}
        for index, slots in work.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in slots.items()}
        state = tensor_bytes(tensors | {"generator": work.generator.get_state()})
        about = {
            "format": FORMAT,
            "settings": self._settings,
            "digest": hashlib.sha256(state).hexdigest(),
            "lines": self.lines,
            "seconds": self.seconds,
            "rng": work.rng.bit_generator.state,
        }
        folder = self.path / "checkpoints" / f"{self._stage}-{work.name.replace(' ', '-')}-{work.step:07d}"
        replace_folder(folder, dict(zip(_FILES, (state, json_text(about).encode()), strict=True)))
        for old in [one for one in self._found() if _seems_whole(one)][:-KEPT]:
            remove_folder(old, _FILES)

    def write(self, line: dict[str, float]) -> None:
        """Adds a line of numbers, of which "step" is one, to the log; what is not a number is unknown, hence null."""
        text = json_text(line)
        self.lines.append(json.loads(text))
        with self._log.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        for name, value in self.lines[-1].items():
            if value is not None:
                self._writer.add_scalar(name, value, int(line["step"]))

    def plot(self, stage: str, terms: dict[str, float], step: int) -> None:
        """Shows the loss of a stage to TensorBoard alone."""
        for name, value in terms.items():
            self._writer.add_scalar(f"{stage}/{name}", value, step)

    def close(self) -> None:
        """When nothing more is written."""
        self._writer.close()

    def _keeps(self, learner: nn.Module) -> bool:
        """Whether it is a part of the method."""
        return any(part is learner for part in self._method.modules())

    def _found(self) -> list[Path]:
        """Checkpoints, from the oldest to the newest."""
        every = (self.path / "checkpoints").glob("*")
        return sorted((one for one in every if _NAME.fullmatch(one.name)), key=_order)

    def _newest(self) -> _Saved | None:
        """The newest checkpoint that is whole; those after it are set aside."""
        found, reason = self._found(), ""
        for folder in reversed(found):
            try:
                return self._read(folder)
            except _DAMAGE as error:
                reason = " ".join(str(error).split())[:200]
                folder.rename(folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.damaged"))
                print(f"checkpoint {folder} is damaged ({reason}) and set aside", file=sys.stderr, flush=True)
        if found:
            raise TrainingError(
                f"no checkpoint in {self.path / 'checkpoints'} is whole, all are set aside ({reason}): the same "
                "command trains anew"
            )
        return None

    def _read(self, folder: Path) -> _Saved:
        names = [one.name for one in folder.iterdir()]
        about = json.loads((folder / "state.json").read_bytes()) if "state.json" in names else {}
        if not isinstance(about, dict):
            raise ValueError("state.json is no list of entries")
        if "training.json" in names or about.get("format", FORMAT) != FORMAT:
            raise TrainingError(
                f"checkpoint {folder} is of another version of this program (format {about.get('format', 0)}, not "
                f"{FORMAT}): give another out=DIR, or delete it"
            )
        state = (folder / "state.safetensors").read_bytes()
        if any("step" not in line for line in msgspec.convert(about, _State)["lines"]):
            raise ValueError("state.json has a line without a step")
        if hashlib.sha256(state).hexdigest() != about["digest"]:
            raise ValueError("state.safetensors is not what was saved")
        if about["settings"] != self._settings:
            raise TrainingError(f"checkpoint {folder} is of a training with other settings: give another out=DIR")
        return _Saved(*_order(folder), safetensors.torch.load(state), about)


def _order(folder: Path) -> tuple[int, int]:
    """Number of the stage, and updates made in it, of a checkpoint."""
    number, updates = _NAME.fullmatch(folder.name).groups()  # type: ignore[union-attr]
    return int(number or 0), int(updates)


def _seems_whole(folder: Path) -> bool:
    """Whether it holds what a checkpoint holds and nothing else; what is in the files is seen when they are read."""
    return folder.is_dir() and {one.name for one in folder.iterdir() if not one.is_symlink()} == {*_FILES}


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
