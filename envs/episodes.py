"""How recorded episodes lie on disk: one HDF5 file an episode, and a manifest that says what they are.

Every file is written under a temporary name and then renamed, so that whoever is stopped leaves whole files only.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SCHEMA = 1
KIND = "housecat episodes"
MANIFEST = "manifest.json"
FOLDER = "episodes"

_CHUNK = 16  # frames compressed together: a random clip then decodes little that it does not need


class StoreError(RuntimeError):
    """A folder of episodes cannot be read or written; one line says what, where, and what to do."""


@dataclass(frozen=True)
class Episode:
    """One recorded episode of T control steps."""

    frames: np.ndarray  # (T+1, h, w, 3) uint8, the training camera
    actions: np.ndarray  # (T, A) float32 in [-1, 1]; actions[t] leads from frame t to frame t + 1
    states: np.ndarray  # (T+1, S) float64 simulator states, for measuring only


def episode_file(index: int) -> str:
    """Where episode ``index`` lies, relative to the store's folder."""
    return f"{FOLDER}/{index:06d}.h5"


def write_episode(path: Path, episode: Episode) -> str:
    """Write ``episode`` to ``path``, whole or not at all, and return its SHA-256.

    Raises:
        StoreError: the disk is full or cannot be written.
    """
    # Composed in memory: HDF5 does not survive a full disk gracefully, and the checksum comes for free.
    with h5py.File("episode", "w", driver="core", backing_store=False) as file:
        frames = episode.frames
        chunk = (min(_CHUNK, len(frames)), *frames.shape[1:])
        file.create_dataset("frames", data=frames, chunks=chunk, compression="gzip", compression_opts=1)
        file.create_dataset("actions", data=episode.actions)
        file.create_dataset("states", data=episode.states)
        file.flush()
        content = file.id.get_file_image()
    _write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def read_episode(path: Path) -> Episode:
    """Read one episode.

    Raises:
        StoreError: the file is missing, damaged, or not an episode.
    """
    try:
        with h5py.File(path, "r") as file:
            episode = Episode(file["frames"][:], file["actions"][:], file["states"][:])
    except (OSError, KeyError, RuntimeError) as error:
        raise StoreError(_unreadable(path)) from error
    whole = episode.frames.ndim == 4 and len(episode.frames) == len(episode.states) == len(episode.actions) + 1
    if not whole or episode.frames.dtype != np.uint8:
        raise StoreError(_unreadable(path))
    return episode


def read_frames(path: Path, start: int, stop: int) -> np.ndarray:
    """Frames ``start`` to ``stop`` of one episode, decoding little else; StoreError as in `read_episode`."""
    try:
        with h5py.File(path, "r") as file:
            return file["frames"][start:stop]
    except (OSError, KeyError, RuntimeError) as error:
        raise StoreError(_unreadable(path)) from error


def checksum(path: Path) -> str:
    """SHA-256 of a file; StoreError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(_unreadable(path)) from error


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest, whole or not at all; StoreError where the disk is full or cannot be written."""
    _write_whole(folder / MANIFEST, json.dumps(manifest, indent=1).encode())


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder of episodes, None where there is none.

    Raises:
        StoreError: what is there is damaged, of a newer schema, or describes something else.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"the manifest {path} is damaged ({error}): collect into another folder") from error
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise StoreError(f"{path} does not describe recorded episodes: name a folder that 'housecat collect' wrote")
    if manifest.get("schema") != SCHEMA:
        raise StoreError(
            f"{path} has schema {manifest.get('schema')}, this version reads {SCHEMA}: collect into another folder"
        )
    lacking = {"world", "seed", "steps", "episodes", "complete", "renderer", "files"} - set(manifest)
    if lacking:
        raise StoreError(f"the manifest {path} lacks {', '.join(sorted(lacking))}: collect again into another folder")
    return manifest


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # the first failure is the one to tell
            temporary.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path} ({error.strerror}): make room or name another folder, then run the command again"
        ) from error


def _unreadable(path: Path) -> str:
    if not path.exists():
        return f"the episode {path} is missing: run the same 'housecat collect' again to record it"
    return f"the episode {path} is damaged: delete it and run the same 'housecat collect' again to record it"
