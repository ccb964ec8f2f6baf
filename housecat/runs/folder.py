"""Run folders: what was asked for, what is done, how long it took; so that a run goes on where it was stopped.

`manifest.json` in a run folder, schema 1:

    schema      1
    kind        "run"
    command     that made the folder
    commit      of the checkout, "+changes" where files differ from it; empty outside a checkout
    versions    of Python and the packages
    machine     {"system", "processor", "cores", "accelerators"}
    seconds     {stage: wall time}, tries that were interrupted included
    stages      {stage: {"done": bool, "settings": {...}}}
"""

import fcntl
import json
import os
import platform
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from envs.data.episodes import StoreError
from envs.data.machine import cores
from envs.files import Least0, by_name, read_json, record
from housecat import __version__
from housecat.errors import UsageError
from housecat.files import write_json, write_text
from housecat.runs.hardware import accelerators, machine, processor

SCHEMA = 1
PACKAGES = ("torch", "mujoco", "gymnasium", "numpy", "h5py", "hydra-core", "safetensors", "scipy")
MAKING = ("collect", "train")  # stages that make a checkpoint
_MANIFEST = record(
    schema=Literal[1],
    kind=Literal["run"],
    command=str,
    commit=str,
    versions=by_name(str),
    machine=dict,
    seconds=by_name(Least0),
    stages=by_name(record(done=bool, settings=dict)),
)
_HEARTBEAT = 5.0  # seconds; what a kill can take from the record of time


@dataclass(frozen=True)
class Stage:
    """A part of a run that is done once."""

    name: str
    settings: dict[str, Any]  # all that its outcome depends on; JSON-able
    product: Path  # exists when the stage is done


class Run:
    """An open run folder; only one process at a time has it, see `open_run`."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = threading.Lock()

    def keep_settings(self, settings: str) -> None:
        """Writes `config.yaml` anew."""
        write_text(self.path / "config.yaml", settings)

    @property
    def seconds(self) -> dict[str, float]:
        """Wall time of every stage that has run."""
        return dict(self.manifest["seconds"])

    def adopt_seconds(self, seconds: dict[str, float]) -> None:
        """Takes over the time of stages that were done in another folder."""
        with self._lock:  # or the heart writes a table that changes
            for name, value in seconds.items():
                self.manifest["seconds"].setdefault(name, value)

    def check(self, stage: Stage) -> None:
        """Raises UsageError if the stage was begun here with other settings."""
        recorded = self.manifest["stages"].get(stage.name)
        if recorded is None:
            return
        asked = json.loads(json.dumps(stage.settings))
        for name in {**recorded["settings"], **asked}:
            before, now = (settings.get(name) for settings in (recorded["settings"], asked))
            if before != now:
                raise UsageError(
                    f"{self.path} was made with {_difference(name, before, now)}: give another out=DIR, "
                    "or the same settings to go on"
                )

    def done(self, stage: Stage) -> bool:
        """Whether the stage has been finished and its product is still there."""
        return self.manifest["stages"].get(stage.name, {}).get("done", False) and stage.product.exists()

    @contextmanager
    def working(self, stage: Stage) -> Iterator[None]:
        """Keeps the time of the stage while the body runs, and marks it as done at the end."""
        self.manifest["stages"][stage.name] = {"done": False, "settings": stage.settings}
        before, began = self.manifest["seconds"].get(stage.name, 0.0), time.perf_counter()

        def note() -> None:
            with self._lock:
                self.manifest["seconds"][stage.name] = round(before + time.perf_counter() - began, 2)
                write_json(self.path / "manifest.json", self.manifest)

        stopped = threading.Event()

        def beat() -> None:
            while not stopped.wait(_HEARTBEAT):
                with suppress(StoreError, MemoryError):  # what is full is for the stage itself to report
                    note()

        note()
        heart = threading.Thread(target=beat, daemon=True)
        heart.start()
        try:
            yield
            self.manifest["stages"][stage.name]["done"] = True
        finally:
            stopped.set()
            heart.join()
            note()


@contextmanager
def open_run(path: Path, settings: str, command: str) -> Iterator[Run]:
    """Opens the run folder `path`, made if it is missing, for this process alone.

    Args:
        settings: text of `config.yaml`; written when the folder is new.
        command: the command line, for the manifest of a new folder.

    Raises UsageError: the folder cannot be written, holds something else or is in use.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"cannot make the folder {path} ({error.strerror}): give another out=DIR") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another process is working in {path}: wait for it or give another out=DIR") from None
        manifest = read_manifest(path)
        if manifest is None:
            manifest = new_manifest(command)
            write_text(path / "config.yaml", settings)
            write_json(path / "manifest.json", manifest)
        yield Run(path, manifest)
    finally:
        os.close(descriptor)


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of a run folder, None where there is none; UsageError where the file is of something else."""
    file = path / "manifest.json"
    if not file.exists():
        return None
    return read_json(file, _MANIFEST, UsageError, "this is no run folder of this version, give another out=DIR")


def seconds_of(path: Path) -> dict[str, float]:
    """Wall time of the stages of a run folder; empty where there is none."""
    manifest = read_manifest(path)
    seconds = {} if manifest is None else manifest["seconds"]
    return {name: seconds[name] for name in MAKING if name in seconds}


def new_manifest(command: str) -> dict[str, Any]:
    """The manifest of a run in which nothing has been done."""
    here = {"system": platform.platform(), "processor": processor(), "cores": cores(), "accelerators": accelerators()}
    made = {"command": command, "commit": commit(), "versions": versions(), "machine": here}
    return {"schema": SCHEMA, "kind": "run", **made, "seconds": {}, "stages": {}}


def commit() -> str:
    """The commit of the checkout that this program runs from, empty outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        found = _git(root, "rev-parse", "HEAD")
        return f"{found}+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else found
    except (OSError, subprocess.SubprocessError):
        return ""


def provenance(command: str) -> dict[str, Any]:
    """What every file of figures says of its origin: {"command", "commit", "date", "machine", "versions"}."""
    today = date.today().isoformat()
    return {"command": command, "commit": commit(), "date": today, "machine": machine(), "versions": versions()}


def versions() -> dict[str, str]:
    """Versions of Python, this program and what it stands on."""
    found = {"python": platform.python_version(), "housecat": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def _difference(name: str, before: Any, now: Any) -> str:
    if name == "world" and isinstance(before, dict) and isinstance(now, dict):
        before, now = before.get("name"), now.get("name")
        if before == now:
            return f"another layout or frame size of world {now}"
    return f"{name}={before}, not {now}"
