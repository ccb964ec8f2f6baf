"""How recorded episodes lie on disk: one HDF5 file an episode, in a folder whose manifest says what they are.

A file holds ``frames``, ``actions``, ``states`` and ``contacts`` as described at `Episode`, and as attributes ``seed``
(two numbers, where there is one) and ``factors`` (JSON). With the manifest's world that is all it takes to draw any
frame again, at another size or from another camera.

Every file is written under a temporary name and then renamed, so that whoever is stopped leaves whole files only.
"""

import fcntl
import hashlib
import json
import math
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from envs.data.contained import LARGEST, column
from envs.files import from_json, read_plain

FOLDER = "episodes"

_CHUNK = 16  # frames compressed together: a random clip then decodes little that it does not need


class StoreError(RuntimeError):
    """A folder of episodes cannot be read or written; one line says what, where, and what to do."""


@dataclass(frozen=True)
class Episode:
    """One recorded episode of T control steps."""

    frames: np.ndarray  # (T+1, h, w, 3) uint8
    actions: np.ndarray  # (T, A) float32 in [-1, 1]; actions[t] leads from frame t to frame t + 1
    states: np.ndarray  # (T+1, S) float64 simulator states, for measuring only; NaN where they are unknown
    # (K, 3) int32: a frame and the numbers of two geoms that touch in it, one row a pair, in order
    contacts: np.ndarray = field(default_factory=lambda: np.empty((0, 3), np.int32))
    seed: tuple[int, int] | None = None  # the seed of the recording and the index in it; None: recorded elsewhere
    factors: dict[str, Any] = field(default_factory=dict)  # what was varied in this episode: value by name, JSON-able

    def __len__(self) -> int:
        """Control steps: T."""
        return len(self.actions)


def episode_file(index: int) -> str:
    """Where episode ``index`` lies, relative to the store's folder."""
    return f"{FOLDER}/{index:06d}.h5"


def write_episode(path: Path, episode: Episode) -> str:
    """Write ``episode`` to ``path``, whole or not at all, and return its SHA-256.

    Raises StoreError: the disk is full or cannot be written.
    """
    content = episode_bytes(episode)
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def episode_bytes(episode: Episode) -> bytes:
    """The content of the file of an episode."""
    # Composed in memory: HDF5 does not survive a full disk gracefully, and the checksum comes for free.
    with h5py.File("episode", "w", driver="core", backing_store=False) as file:
        frames = episode.frames
        chunk = (min(_CHUNK, len(frames)), *frames.shape[1:])
        file.create_dataset("frames", data=frames, chunks=chunk, compression="gzip", compression_opts=1)
        file.create_dataset("actions", data=episode.actions)
        file.create_dataset("states", data=episode.states)
        file.create_dataset("contacts", data=episode.contacts)
        file.attrs["factors"] = json_text(dict(sorted(episode.factors.items())))
        if episode.seed is not None:
            file.attrs["seed"] = np.array(episode.seed, np.int64)
        file.flush()
        return bytes(file.id.get_file_image())


def read_episode(path: Path, digest: str | None = None, shape: tuple[int | None, int | None] = (None, None)) -> Episode:
    """Read one episode.

    Args:
        digest: the SHA-256 that the file must have.
        shape: control steps and side of the frames, in pixels, that it must have.

    Raises StoreError: the file is missing, damaged, or not an episode.
    """
    steps, size = shape
    rows = None if steps is None else steps + 1
    try:
        content = read_plain(path, LARGEST)
        if digest is not None and hashlib.sha256(content).hexdigest() != digest:
            raise StoreError(_unreadable(path))
        with h5py.File(h5py.h5f.open_file_image(content)) as file:
            seed = file.attrs.get("seed")
            episode = Episode(
                _frames(file, rows, size)[:],
                column(file, "actions", "f", (steps, None))[:],
                column(file, "states", "f", (rows, None))[:],
                column(file, "contacts", "i", (None, 3))[:],
                None if seed is None else (int(seed[0]), int(seed[1])),
                from_json(file.attrs["factors"], dict),
            )
        if not len(episode.frames) == len(episode.states) == len(episode) + 1 > 1:
            raise ValueError(f"{len(episode.frames)} frames, {len(episode.states)} states, {len(episode)} actions")
        if not (np.abs(episode.actions) <= 1.00001).all():
            raise ValueError("actions are not numbers from -1 to 1")
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, IndexError) as error:
        raise error if isinstance(error, StoreError) else StoreError(_unreadable(path, error)) from error
    return episode


def read_frames(path: Path, start: int, stop: int, size: int) -> np.ndarray:
    """Frames ``start`` to ``stop`` of one episode, of ``size`` pixels, decoding little else; StoreError as above."""
    try:
        with h5py.File(path, "r") as file:
            return _frames(file, None, size)[start:stop]
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise StoreError(_unreadable(path, error)) from error


def _frames(file: h5py.File, rows: int | None, size: int | None) -> h5py.Dataset:
    found = column(file, "frames", "u", (rows, size, size, 3))
    if found.dtype != np.uint8:
        raise ValueError(f"frames are {found.dtype}, expected uint8")
    return found


def checksum(path: Path) -> str:
    """SHA-256 of a file; StoreError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(_unreadable(path)) from error


def unfinished(path: Path) -> Path:
    """A name beside ``path``, which nobody can guess, for what becomes it; see `envs.data.folder.remove_leftovers`."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.unfinished")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, where a link stands in its place; StoreError where it cannot be written."""
    temporary = unfinished(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # nobody takes it for a leftover
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # the first failure is the one to tell
            temporary.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path} ({error.strerror}): make room or name another folder, then run the command again"
        ) from error


def json_text(data: Any, indent: int | None = None) -> str:
    """``data`` as JSON that every reader accepts: what is not a finite number is unknown, hence null."""
    return json.dumps(_known(data), indent=indent, allow_nan=False)


def _known(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _known(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_known(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def _unreadable(path: Path, error: Exception | None = None) -> str:
    reason = f" ({error})" if isinstance(error, ValueError) else ""
    fault = f"damaged{reason}: delete it and" if path.exists() else "missing:"
    return f"the episode {path} is {fault} run the command that wrote this folder again to have it made anew"
