"""A recorded data set, opened for reading: whole episodes, and random clips of them for training."""

import functools
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.data.contained import DENSEST
from envs.data.episodes import Episode, StoreError, checksum, episode_file, read_episode, read_frames
from envs.data.machine import free_memory
from envs.data.manifest import fingerprint, read_manifest
from envs.files import require_inside
from envs.outside.carried import admit_beside
from envs.registry import sizes

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
    """Episodes in a folder that `envs.data.build.build` wrote; open one with `EpisodeStore.open`."""

    def __init__(self, path: Path, manifest: dict[str, Any], indices: Sequence[int], memory: "_Kept") -> None:
        self.path = path
        self.manifest = manifest
        self._indices = np.asarray(indices, np.int64)
        self._lengths = np.asarray(manifest["lengths"], np.int64)[self._indices]
        self._memory = memory

    @classmethod
    def open(cls, path: Path | str) -> "EpisodeStore":
        """Open a finished data set; its episodes are decoded when one of them is first asked for.

        Raises StoreError: there is none, or it is unfinished, damaged or of another kind.
        """
        path = Path(path)
        manifest = read_manifest(path)
        if manifest is None:
            raise StoreError(f"there are no recorded episodes in {path}: run 'housecat collect out={path}' first")
        again = f"run the same 'housecat {manifest['origin']['command']}' again"
        if not manifest["complete"]:
            raise StoreError(f"the recording in {path} is unfinished: {again} to go on")
        size = 0
        for name in manifest["files"]:
            try:
                size += _plain_size(path, path / name)
            except OSError as error:
                raise StoreError(f"the episode {path / name} is missing: {again} to record it") from error
            except ValueError as error:
                raise StoreError(f"the episode {path / name} is not read: {error}") from error
        pixels = manifest["world"]["frame_size"] ** 2
        if 3 * pixels * sum(manifest["lengths"]) > DENSEST * size:
            raise StoreError(f"the files in {path} are too small for what its manifest says: {again} elsewhere")
        admit_beside(path, manifest["world"])
        return cls(path, manifest, range(manifest["episodes"]), _Kept(path, manifest))

    @property
    def world(self) -> dict[str, Any]:
        """The description of the world, for `envs.make_world`."""
        return self.manifest["world"]

    @property
    def lengths(self) -> np.ndarray:
        """Control steps of each episode ``(E,)``."""
        return self._lengths

    def __len__(self) -> int:
        return len(self._indices)

    def episode(self, index: int) -> Episode:
        """Episode ``index``; StoreError where its file is damaged, IndexError where there is none."""
        return self._memory.episode(int(self._indices[index]))

    def load(self, index: int) -> Episode:
        """Episode ``index`` from disk alone, for those who need each only once; errors as for `episode`."""
        return self._memory.read(int(self._indices[index]))

    def clips(self, generator: np.random.Generator, batch: int, length: int) -> Clips:
        """Draw ``batch`` clips of ``length`` frames, all that there are in all episodes equally likely.

        Raises ValueError: no episode is that long; StoreError: an episode is damaged.
        """
        if not len(self):
            raise ValueError("the store holds no episodes")
        longest = int(self._lengths.max()) + 1
        if not 1 <= length <= longest:
            raise ValueError(f"clips of {length} frames do not fit in episodes of {longest}")
        ends = np.cumsum(np.maximum(self._lengths + 2 - length, 0))  # clips in this episode and in those before it
        chosen = generator.integers(ends[-1], size=batch)
        episode = np.searchsorted(ends, chosen, side="right")
        start = chosen - ends[episode] + self._lengths[episode] + 2 - length
        return self._memory.clips(self._indices[episode], episode, start, length)

    def split(self, held_out: float) -> tuple["EpisodeStore", "EpisodeStore"]:
        """Two stores over the same files: the first episodes, and the last ones, a share ``held_out`` of all.

        Raises ValueError: one of the two would be empty.
        """
        count = round(len(self) * held_out)
        if not 0 < count < len(self):
            raise ValueError(f"holding out {held_out:g} of {len(self)} episodes leaves one part empty: collect more")
        return self._part(self._indices[:-count]), self._part(self._indices[-count:])

    def at_least(self, steps: int) -> "EpisodeStore":
        """A store over the same files: the episodes of ``steps`` control steps and more."""
        return self._part(self._indices[self._lengths >= steps])

    def check(self) -> list[str]:
        """Compare every episode with its checksum: one line for each fault, none where all is well."""
        faults = []
        for index in self._indices:
            path = self.path / episode_file(index)
            try:
                if checksum(path) != self.manifest["files"].get(episode_file(index)):
                    raise StoreError(f"{path} is not what was recorded: delete it and collect again")
                self._memory.read(int(index))
            except StoreError as error:
                faults.append(str(error))
        return faults

    def check_sizes(self) -> None:
        """Raises StoreError: the world of the episodes cannot be built, or they are not of its sizes."""
        try:
            expected = sizes(self.world)
        except (ValueError, KeyError) as error:
            raise StoreError(f"the world of {self.path} cannot be built: {error}") from error
        self.load(0)
        if self._memory.widths != expected:
            found = self._memory.widths
            raise StoreError(f"{self.path} has actions and states of {found} numbers, its world has {expected}")

    def fingerprint(self) -> str:
        """Tells this data set from any other; see `envs.data.manifest.fingerprint`."""
        return fingerprint(self.manifest)

    def _part(self, indices: np.ndarray) -> "EpisodeStore":
        return EpisodeStore(self.path, self.manifest, indices.tolist(), self._memory)


@dataclass(frozen=True)
class _Decoded:
    """All episodes end to end."""

    frames: np.ndarray | None  # (F, h, w, 3); None where they do not fit
    actions: np.ndarray  # (F, A); the row of an episode's last frame leads nowhere
    states: np.ndarray  # (F, S)
    rest: list[dict[str, Any]]  # of each episode: what is not one row a frame


class _Kept:
    """The episodes of a folder, decoded once, when they are first asked for, and kept where they fit."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self._path = path
        self._digests = manifest["files"]
        self._size = manifest["world"]["frame_size"]
        self.widths: tuple[int, int] | None = None  # numbers in an action and in a state
        self._lengths = np.asarray(manifest["lengths"], np.int64)
        self._ends = np.cumsum(self._lengths + 1)
        self._begins = self._ends - self._lengths - 1

    def episode(self, index: int) -> Episode:
        data = self._decoded
        if data.frames is None:
            return self.read(index)
        begin, end = self._begins[index], self._ends[index]
        return Episode(
            data.frames[begin:end], data.actions[begin : end - 1], data.states[begin:end], **data.rest[index]
        )

    def clips(self, files: np.ndarray, episode: np.ndarray, start: np.ndarray, length: int) -> Clips:
        """Clips of ``length`` frames from ``start (B,)`` on in the files ``files (B,)``."""
        data = self._decoded
        rows = (self._begins[files] + start)[:, None] + np.arange(length)
        if data.frames is not None:
            pieces = data.frames[rows]
        else:
            parts = [(self._path / episode_file(int(i)), int(s)) for i, s in zip(files, start, strict=True)]
            pieces = np.stack([read_frames(path, first, first + length, self._size) for path, first in parts])
        return Clips(pieces, data.actions[rows[:, :-1]], data.states[rows], episode, start)

    @functools.cached_property
    def _decoded(self) -> _Decoded:
        first, count = self.read(0), int(self._ends[-1])
        actions = np.zeros((count, first.actions.shape[1]), first.actions.dtype)
        states = np.empty((count, first.states.shape[1]), first.states.dtype)
        fits = first.frames[0].nbytes * count <= _MEMORY_SHARE * free_memory()
        frames = np.empty((count, *first.frames.shape[1:]), np.uint8) if fits else None
        rest = []
        for index, (begin, end) in enumerate(zip(self._begins, self._ends, strict=True)):
            episode = self.read(index)
            actions[begin : end - 1], states[begin:end] = episode.actions, episode.states
            if frames is not None:
                frames[begin:end] = episode.frames
            rest.append({"contacts": episode.contacts, "seed": episode.seed, "factors": episode.factors})
        return _Decoded(frames, actions, states, rest)

    def read(self, index: int) -> Episode:
        """Episode ``index`` from disk; StoreError where it is not what was recorded."""
        name = episode_file(index)
        episode = read_episode(self._path / name, self._digests[name], (int(self._lengths[index]), self._size))
        widths = episode.actions.shape[1], episode.states.shape[1]
        self.widths = self.widths or widths
        if widths != self.widths:
            raise StoreError(f"{self._path / name} has actions and states of {widths} numbers, others {self.widths}")
        return episode


def _plain_size(folder: Path, path: Path) -> int:
    """Bytes of a regular file that no link leads out of the folder to; ValueError where it is none."""
    about = path.lstat()
    if stat.S_ISLNK(about.st_mode):
        require_inside(path, folder)
        about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is no regular file")
    return about.st_size
