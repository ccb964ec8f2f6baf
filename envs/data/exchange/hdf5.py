"""One HDF5 file with a column for each quantity, episodes end to end, as stable-worldmodel writes it.

``pixels (N, h, w, 3)`` or ``(N, 3, h, w)``, ``action (N, A)``, and for each episode ``ep_len`` rows from ``ep_offset``
on. The action of a row follows its frame; that of an episode's last row is NaN, for it was never taken. An attribute
``dt``, where there is one, is the seconds in a control step.
"""

import importlib
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from envs.data.contained import FILTERS, LARGEST, column
from envs.data.episodes import Episode, StoreError
from envs.data.exchange.formats import Opened

_STATES = ("state", "observation", "proprio")  # the first that is there is read
_MOST_EPISODES = 10**7


def open_data(path: Path) -> Opened:
    """Open the file, or the only one in the folder ``path``; StoreError where it is not of this format."""
    with suppress(ImportError):
        importlib.import_module("hdf5plugin")  # some of these files are compressed in its ways
    path = _file(path)
    try:
        if not path.is_file():
            raise ValueError("it is no regular file")
        file = h5py.File(path, "r")
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} is not an HDF5 file, or is damaged: copy it anew") from error
    lacking = {"pixels", "action", "ep_len", "ep_offset"} - set(file)
    if lacking:
        raise StoreError(f"{path} lacks the columns {', '.join(sorted(lacking))}: it is of another format")
    state = next((name for name in _STATES if name in file), None)
    try:
        lengths, offsets = (column(file, name, "iu", (None,), FILTERS) for name in ("ep_len", "ep_offset"))
        pixels = column(file, "pixels", "u", (None, None, None, None), FILTERS)
        actions = column(file, "action", "f", (None, None), FILTERS)
        states = None if state is None else column(file, state, "fiu", (None, None), FILTERS)
        if pixels.dtype != np.uint8 or lengths.size > _MOST_EPISODES or lengths.size != offsets.size:
            raise ValueError(f"pixels of {pixels.dtype}, {lengths.size} lengths and {offsets.size} offsets")
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}): {_ADVICE}") from error
    lengths, offsets = lengths[:].astype(int), offsets[:].astype(int)
    rows = min(len(pixels), len(actions), len(pixels if states is None else states))
    if ((offsets < 0) | (lengths < 0) | (offsets > rows) | (lengths > rows - offsets)).any():
        raise StoreError(f"{path} has only {rows} rows, its episodes reach beyond them: copy it anew")
    if lengths.size and int(lengths.max()) * math.prod(pixels.shape[1:]) > LARGEST:
        raise StoreError(f"{path} has an episode of {lengths.max()} frames, more than can be read: split it")

    def read(index: int) -> Episode:
        begin, end = offsets[index], offsets[index] + lengths[index]
        try:
            return _episode(pixels, actions, states, begin, end)
        except (OSError, ValueError, IndexError) as error:
            raise StoreError(f"episode {index} of {path} cannot be read ({error}): {_ADVICE}") from error

    return Opened(len(lengths), float(file.attrs["dt"]) if "dt" in file.attrs else None, None, read)


_ADVICE = "copy the file anew, or pip install hdf5plugin if it names a filter"


def _episode(pixels: Any, actions: Any, states: Any, begin: int, end: int) -> Episode:
    frames = pixels[begin:end]
    if frames.shape[1] == 3 and frames.shape[-1] != 3:
        frames = frames.transpose(0, 2, 3, 1)
    if frames.shape[-1] != 3:
        raise ValueError(f"pixels of shape {frames.shape[1:]}, expected (h, w, 3)")
    return Episode(
        frames, actions[begin : end - 1], np.empty((end - begin, 0)) if states is None else states[begin:end]
    )


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted([*path.glob("*.h5"), *path.glob("*.hdf5")])
    if len(found) != 1:
        raise StoreError(f"{path} holds {len(found)} HDF5 files: name one with source=FILE")
    return found[0]
