"""Fill a folder with episodes, by several processes, in any order, with the same result.

Episode i depends on its source and on i alone, so it does not matter who makes it, or when: work that was stopped goes
on where it was, and what four processes make is the same as what one makes.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from envs.data.episodes import FOLDER, StoreError, checksum, episode_file, read_episode, write_whole
from envs.data.folder import held, remove_leftovers, require_empty
from envs.data.machine import processes
from envs.data.manifest import MANIFEST, Files, read_manifest, write_manifest
from envs.data.processes import EpisodeSource, make_all
from envs.data.store import EpisodeStore
from envs.outside.carried import ARCHIVE, carried
from envs.workers import SIMULATOR

OnProgress = Callable[[int, int], None]  # called with the episodes that are there and all that are wanted


def build(
    out: Path,
    about: dict[str, Any],
    source: EpisodeSource,
    episodes: int,
    workers: int = 1,
    progress: bool = True,
    on_progress: OnProgress | None = None,
) -> EpisodeStore:
    """Bring the folder ``out`` to ``episodes`` episodes of ``source``.

    What is there already, with the same ``about``, is kept: interrupted work goes on, a finished folder is enlarged
    or, where it holds enough episodes, returned as it is.

    Args:
        about: the entries of the manifest that say what the episodes are; see `envs.data.manifest.identity`.
        workers: processes; 0 takes one for each processor, 1 works in this process. With more than one, a script
            that calls this needs the usual ``if __name__ == "__main__":``.
        progress: show a progress bar.

    Raises StoreError: the folder holds something else, is in use, or cannot be written; nothing in it is changed;
    RenderingError: no frame can be made on this machine.
    """
    with held(out):
        manifest = _matching_manifest(out, about)
        finished = manifest is not None and manifest["complete"]
        known: Files = {}
        if manifest is not None and finished:
            episodes = max(episodes, manifest["episodes"])
            pairs = zip(manifest["files"].items(), manifest["lengths"], strict=True)
            known = {name: (digest, steps) for (name, digest), steps in pairs}
        files = _present(out, episodes, about["steps"], known)
        throughput = manifest["throughput"] if manifest is not None else None
        if not finished:
            write_manifest(out, about, episodes, {}, throughput)
            if (robot := carried(about["world"])) is not None:
                write_whole(out / ARCHIVE, robot)
        missing = [index for index in range(episodes) if episode_file(index) not in files]
        count = max(1, min(processes(workers, SIMULATOR), len(missing)))
        meter = Meter(count)
        command = about["origin"]["command"]
        with tqdm(total=episodes, initial=len(files), unit="episode", disable=not progress, desc=command) as bar:
            for made in make_all(source, out, missing, count):
                files[episode_file(made.index)] = made.digest, made.steps
                meter.add(made.steps + 1, made.seconds)
                bar.update()
                if on_progress is not None:
                    on_progress(len(files), episodes)
        if not finished or missing:
            write_manifest(out, about, episodes, files, meter.throughput() if missing else throughput)
    return EpisodeStore.open(out)


class Meter:
    """How fast frames are made: in all, and how fast each kind of work would be alone in one process."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._began = time.perf_counter()
        self._frames = 0
        self._seconds: dict[str, float] = {}

    def add(self, frames: int, seconds: dict[str, float]) -> None:
        """Count frames, and the seconds of a process that each kind of work on them took."""
        self._frames += frames
        for work, took in seconds.items():
            self._seconds[work] = self._seconds.get(work, 0.0) + took

    def throughput(self) -> dict[str, float]:
        """Frames made, seconds and processes taken, frames a second ("total") and of each kind of work."""
        took = time.perf_counter() - self._began
        parts = {work: round(self._frames / max(seconds, 1e-9)) for work, seconds in self._seconds.items()}
        whole = {"frames": self._frames, "seconds": round(took, 4), "processes": self._processes}
        return {**whole, "total": round(self._frames / took), **parts}


def _matching_manifest(out: Path, about: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest in ``out``, None for a new folder; StoreError where it is of something else."""
    manifest = read_manifest(out)
    if manifest is None:
        require_empty(out)
        return None
    if any((out / name).is_symlink() for name in (MANIFEST, FOLDER)):
        raise StoreError(f"{out} is not written to through links, and there is one in it: name another folder")
    for key, value in about.items():
        found: Any = manifest.get(key)  # recordings of earlier versions do not name their play
        if found == value:
            continue
        if key == "world":
            found, value = _described(found), _described(value)
            value = f"another layout of {value}" if value == found else value
        raise StoreError(f"{out} was recorded with {key} {found}, asked for is {value}: name another folder")
    return manifest


def _described(spec: dict[str, Any]) -> str:
    held = f", actions repeated for {spec['action_repeat']} steps" if "action_repeat" in spec else ""
    return f"{spec.get('name')} at {spec.get('frame_size')} pixels{held}"


def _present(out: Path, episodes: int, steps: int | None, known: Files) -> Files:
    """The whole episodes that are there, ``known`` or worked out.

    What processes that were killed left half written is removed.
    """
    remove_leftovers(out / FOLDER)
    files = {}
    for index in range(episodes):
        name = episode_file(index)
        if not (out / name).exists():
            continue
        if name in known:
            files[name] = known[name]
            continue
        try:
            there = len(read_episode(out / name))
        except StoreError:
            continue  # it is made again, the same
        if steps in (None, there):
            files[name] = checksum(out / name), there
    return files
