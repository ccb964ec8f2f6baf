"""Run folders: what was asked for, what is done, how long it took; so that a run goes on where it was stopped.

`manifest.json` in a run folder, schema 1:

    schema      1
    kind        "run"
    command     that made the folder
    commit      of the checkout, "+changes" where files differ from it; empty outside a checkout
    versions    of Python and the packages
    machine     {"system", "processor", "cores", "accelerators"}
    files       [what the run writes here: nothing else is written over or deleted]
    seconds     {stage: wall time}, tries that were interrupted included
    stages      {stage: {"done": bool, "settings": {...}, "inputs": {name: digest}}}
"""

import json
import platform
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from envs.data.episodes import StoreError
from envs.data.folder import held, remove_leftovers, require_empty
from envs.data.machine import cores
from envs.files import Least0, Maybe, by_name, many, read_json, record
from housecat import __version__
from housecat.errors import UsageError
from housecat.files import write_json, write_text
from housecat.hardware import accelerators, machine, processor

SCHEMA = 1
PACKAGES = ("torch", "mujoco", "gymnasium", "numpy", "h5py", "hydra-core", "safetensors", "scipy")
MAKING = ("collect", "train")  # stages that make a checkpoint
_FILES = """config.yaml model encoder checkpoints metrics.jsonl tensorboard pairs.json results.json episodes.json
report.html probe.json probe.png""".split()  # what a run writes whose manifest, of an earlier version, does not say
_MANIFEST = record(
    schema=Literal[1],
    kind=Literal["run"],
    command=str,
    commit=str,
    versions=by_name(str),
    machine=dict,
    files=many(str) | Maybe,
    seconds=by_name(Least0),
    stages=by_name(record(done=bool, settings=dict, inputs=by_name(str) | Maybe)),
)
_HEARTBEAT = 5.0  # seconds; what a kill can take from the record of time


@dataclass(frozen=True)
class Stage:
    """A part of a run that is done once."""

    name: str
    settings: dict[str, Any]  # that its outcome depends on; JSON-able
    product: Path  # exists when the stage is done
    files: tuple[str, ...] = ()  # that it writes in the run folder
    inputs: Callable[[], dict[str, str]] = dict  # digests of what else its outcome depends on


class Run:
    """An open run folder; only one process at a time has it, see `open_run`."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = threading.Lock()

    def keep_settings(self, settings: str) -> None:
        """Writes `config.yaml` anew."""
        write_text(self.path / "config.yaml", settings)

    def claim(self, *names: str) -> None:
        """Says in the manifest that the run writes these. UsageError where one is there and not its own, or a link."""
        for name in names:
            there = self.path / name
            if there.is_symlink() or (there.exists() and name not in self.manifest["files"]):
                kind = "a link" if there.is_symlink() else "not of this run"
                raise UsageError(f"{there} is {kind} and would be written over: move it, or give another out=DIR")
        if new := [name for name in names if name not in self.manifest["files"]]:
            self.manifest["files"] += new
            write_json(self.path / "manifest.json", self.manifest)

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
        """Whether the stage has been finished, its product is still there, and so is what it was made of."""
        recorded = self.manifest["stages"].get(stage.name, {})
        return recorded.get("done", False) and stage.product.exists() and recorded.get("inputs", {}) == stage.inputs()

    @contextmanager
    def working(self, stage: Stage) -> Iterator[None]:
        """Keeps the time of the stage while the body runs, and marks it as done at the end."""
        begun = {"done": False, "settings": stage.settings, "inputs": stage.inputs()}
        self.manifest["stages"][stage.name] = begun
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
            begun["done"] = True
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

    Raises UsageError: the folder holds something else; StoreError: it cannot be written or is in use.
    """
    with held(path):
        manifest = read_manifest(path)
        if manifest is None:
            require_empty(path)
            manifest = new_manifest(command)
        remove_leftovers(path)
        run = Run(path, manifest)
        run.claim("manifest.json", "config.yaml")
        if settings and not (path / "config.yaml").exists():
            run.keep_settings(settings)
        yield run


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of a run folder, None where there is none; UsageError where the file is of something else."""
    file = path / "manifest.json"
    if not file.exists():
        return None
    found = read_json(file, _MANIFEST, UsageError, "this is no run folder of this version, give another out=DIR")
    return {"files": ["manifest.json", *_FILES], **found}


def seconds_of(path: Path) -> dict[str, float]:
    """Wall time of the stages of a run folder; empty where there is none."""
    manifest = read_manifest(path)
    seconds = {} if manifest is None else manifest["seconds"]
    return {name: seconds[name] for name in MAKING if name in seconds}


def new_manifest(command: str) -> dict[str, Any]:
    """The manifest of a run in which nothing has been done."""
    here = {"system": platform.platform(), "processor": processor(), "cores": cores(), "accelerators": accelerators()}
    made = {"command": command, "commit": commit(), "versions": versions(), "machine": here}
    return {"schema": SCHEMA, "kind": "run", **made, "files": [], "seconds": {}, "stages": {}}


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
