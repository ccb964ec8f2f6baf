"""One HDF5 file with a column for each quantity, episodes end to end, as stable-worldmodel writes it.

``pixels (N, h, w, 3)`` or ``(N, 3, h, w)``, ``action (N, A)``, and for each episode ``ep_len`` rows from ``ep_offset``
on. The action of a row follows its frame; that of an episode's last row is NaN, for it was never taken.
"""

import importlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from envs.data.episodes import Episode, StoreError
from envs.data.exchange.formats import Opened

_STATES = ("state", "observation", "proprio")  # the first that is there is read


def open_data(path: Path) -> Opened:
    """Open the file, or the only one in the folder ``path``; StoreError where it is not of this format."""
    with suppress(ImportError):
        importlib.import_module("hdf5plugin")  # some of these files are compressed in its ways
    path = _file(path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise StoreError(f"{path} is not an HDF5 file, or is damaged: copy it anew") from error
    lacking = {"pixels", "action", "ep_len", "ep_offset"} - set(file)
    if lacking:
        raise StoreError(f"{path} lacks the columns {', '.join(sorted(lacking))}: it is of another format")
    lengths, offsets = file["ep_len"][:].astype(int), file["ep_offset"][:].astype(int)
    rows = min(len(file["pixels"]), len(file["action"]))
    if len(lengths) != len(offsets) or (offsets + lengths > rows).any() or (offsets < 0).any():
        raise StoreError(f"{path} has only {rows} rows, its episodes reach beyond them: copy it anew")
    state = next((name for name in _STATES if name in file), None)

    def read(index: int) -> Episode:
        begin, end = offsets[index], offsets[index] + lengths[index]
        try:
            return _episode(file, state, begin, end)
        except (OSError, ValueError, IndexError) as error:
            raise StoreError(f"episode {index} of {path} cannot be read ({error}): {_ADVICE}") from error

    return Opened(len(lengths), None, None, read)


_ADVICE = "copy the file anew, or pip install hdf5plugin if it names a filter"


def _episode(file: Any, state: str | None, begin: int, end: int) -> Episode:
    frames = file["pixels"][begin:end]
    if frames.shape[1] == 3 and frames.shape[-1] != 3:
        frames = frames.transpose(0, 2, 3, 1)
    states = np.empty((end - begin, 0)) if state is None else file[state][begin:end].reshape(end - begin, -1)
    return Episode(frames, file["action"][begin : end - 1], states)


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted([*path.glob("*.h5"), *path.glob("*.hdf5")])
    if len(found) != 1:
        raise StoreError(f"{path} holds {len(found)} HDF5 files: name one with source=FILE")
    return found[0]
