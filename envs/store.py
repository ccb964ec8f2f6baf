"""A recorded data set, opened for reading: whole episodes, and random clips of them for training."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.episodes import Episode, StoreError, checksum, episode_file, read_episode, read_frames, read_manifest

__all__ = ["Clips", "Episode", "EpisodeStore", "StoreError"]

_MEMORY_SHARE = 0.5  # of the memory that is free when they are first asked for: decoded frames above that stay on disk


@dataclass(frozen=True)
class Clips:
    """A batch of B pieces of T frames."""

    frames: np.ndarray  # (B, T, h, w, 3) uint8
    actions: np.ndarray  # (B, T-1, A) float32
    states: np.ndarray  # (B, T, S) float64
    episode: np.ndarray  # (B,) index of the episode in the store that was asked
    start: np.ndarray  # (B,) index of the first frame in its episode


class EpisodeStore:
    """Episodes in a folder that `envs.collect.collect` wrote; open one with `EpisodeStore.open`."""

    def __init__(self, path: Path, manifest: dict[str, Any], indices: range, memory: "_Memory") -> None:
        self.path = path
        self.manifest = manifest
        self._indices = indices
        self._memory = memory

    @classmethod
    def open(cls, path: Path | str) -> "EpisodeStore":
        """Open a finished data set; its episodes are decoded when one of them is first asked for.

        Raises:
            StoreError: there is none, or it is unfinished, damaged or of another kind.
        """
        path = Path(path)
        manifest = read_manifest(path)
        if manifest is None:
            raise StoreError(f"there are no recorded episodes in {path}: run 'housecat collect out={path}' first")
        if not manifest["complete"]:
            raise StoreError(f"the recording in {path} is unfinished: run the same 'housecat collect' again to go on")
        for name in manifest["files"]:
            if not (path / name).is_file():
                raise StoreError(
                    f"the episode {path / name} is missing: run the same 'housecat collect' again to record it"
                )
        return cls(path, manifest, range(manifest["episodes"]), _Memory(path, manifest))

    @property
    def world(self) -> dict[str, Any]:
        """The description of the world, for `envs.make_world`."""
        return self.manifest["world"]

    def __len__(self) -> int:
        return len(self._indices)

    def episode(self, index: int) -> Episode:
        """Episode ``index``; StoreError where its file is damaged, IndexError where there is none."""
        return self._memory.episode(self._indices[index])

    def clips(self, generator: np.random.Generator, batch: int, length: int) -> Clips:
        """Draw ``batch`` clips of ``length`` frames, all of them equally likely.

        Raises:
            ValueError: no episode is that long.
            StoreError: an episode is damaged.
        """
        starts = self.manifest["steps"] + 1 - length + 1
        if length < 1 or starts < 1:
            raise ValueError(f"clips of {length} frames do not fit in episodes of {self.manifest['steps'] + 1}")
        if not self._indices:
            raise ValueError("the store holds no episodes")
        episode = generator.integers(len(self._indices), size=batch)
        start = generator.integers(starts, size=batch)
        return self._memory.clips(np.asarray(self._indices)[episode], episode, start, length)

    def split(self, held_out: float) -> tuple["EpisodeStore", "EpisodeStore"]:
        """Two stores over the same files: the first episodes, and the last ones, a share ``held_out`` of all.

        Raises:
            ValueError: one of the two would be empty.
        """
        count = round(len(self) * held_out)
        if not 0 < count < len(self):
            raise ValueError(f"holding out {held_out:g} of {len(self)} episodes leaves one part empty: collect more")
        first, last = self._indices[:-count], self._indices[-count:]
        return (
            EpisodeStore(self.path, self.manifest, first, self._memory),
            EpisodeStore(self.path, self.manifest, last, self._memory),
        )

    def check(self) -> list[str]:
        """Compare every episode with its checksum: one line for each fault, none where all is well."""
        faults = []
        for index in self._indices:
            path = self.path / episode_file(index)
            try:
                if checksum(path) != self.manifest["files"].get(episode_file(index)):
                    faults.append(f"{path} is not what was recorded: delete it and collect again")
            except StoreError as error:
                faults.append(str(error))
        return faults


class _Memory:
    """The episodes of a folder, decoded once, when they are first asked for, and kept where they fit."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self._path = path
        self._count = manifest["episodes"]
        self._length = manifest["steps"] + 1

    def episode(self, index: int) -> Episode:
        frames, actions, states = self._decoded
        if frames is None:
            return self._read(index)
        return Episode(frames[index], actions[index], states[index])

    def clips(self, files: np.ndarray, episode: np.ndarray, start: np.ndarray, length: int) -> Clips:
        """Clips of ``length`` frames from ``start (B,)`` on in the files ``files (B,)``."""
        frames, actions, states = self._decoded
        row, times = files[:, None], start[:, None] + np.arange(length)
        if frames is not None:
            pieces = frames[row, times]
        else:
            parts = [(self._path / episode_file(int(i)), int(s)) for i, s in zip(files, start, strict=True)]
            pieces = np.stack([read_frames(path, first, first + length) for path, first in parts])
        return Clips(pieces, actions[row, times[:, :-1]], states[row, times], episode, start)

    @functools.cached_property
    def _decoded(self) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        """Frames (E, T+1, h, w, 3), None where they do not fit, actions (E, T, A) and states (E, T+1, S)."""
        first = self._read(0)
        actions = np.empty((self._count, *first.actions.shape), first.actions.dtype)
        states = np.empty((self._count, *first.states.shape), first.states.dtype)
        fits = first.frames.nbytes * self._count <= _MEMORY_SHARE * _free_memory()
        frames = np.empty((self._count, *first.frames.shape), np.uint8) if fits else None
        for index in range(self._count):
            episode = self._read(index)
            actions[index], states[index] = episode.actions, episode.states
            if frames is not None:
                frames[index] = episode.frames
        return frames, actions, states

    def _read(self, index: int) -> Episode:
        path = self._path / episode_file(index)
        episode = read_episode(path)
        if len(episode.frames) != self._length:
            raise StoreError(
                f"{path} has {len(episode.frames)} frames, not {self._length}: delete it and collect again"
            )
        return episode


def _free_memory() -> int:
    """Bytes that can be used without pushing others out, as far as the system tells."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
