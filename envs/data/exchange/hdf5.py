"""One HDF5 file with a column for each quantity, episodes end to end, as stable-worldmodel writes it.

``pixels (N, h, w, 3)`` or ``(N, 3, h, w)``, ``action (N, A)``, and for each episode ``ep_len`` rows from ``ep_offset``
on. The action of a row follows its frame; that of an episode's last row is NaN, for it was never taken. An attribute
``dt``, where there is one, is the seconds in a control step.
"""

import importlib
import math
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

from envs.data.contained import FILTERS, LARGEST, column
from envs.data.episodes import Episode, StoreError
from envs.data.exchange.formats import Opened
from envs.files import Positive, check

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
        states = pixels if state is None else column(file, state, "fiu", None, FILTERS)
        if lengths.size > _MOST_EPISODES or lengths.size != offsets.size:
            raise ValueError(f"{lengths.size} lengths and {offsets.size} offsets")
        dt = check(float(file.attrs["dt"]), Positive) if "dt" in file.attrs else None
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise StoreError(f"{path} cannot be read ({error}): {_ADVICE}") from error
    lengths, offsets = lengths[:].astype(int), offsets[:].astype(int)
    rows = min(len(pixels), len(actions), len(states))
    if ((offsets < 0) | (lengths < 0) | (offsets > rows) | (lengths > rows - offsets)).any():
        raise StoreError(f"{path} has only {rows} rows, its episodes reach beyond them: copy it anew")
    size = max(one.dtype.itemsize * math.prod(one.shape[1:]) for one in (pixels, actions, states))
    if int(lengths.max(initial=0)) * size > LARGEST:
        raise StoreError(f"{path} has an episode of {lengths.max()} frames, more than can be read: split it")

    def read(index: int, pictures: bool) -> Episode:
        begin, end = offsets[index], offsets[index] + lengths[index]
        try:
            frames = pixels[begin:end] if pictures else np.empty((end - begin, 0, 0, 3), np.uint8)
            if frames.shape[1] == 3 and frames.shape[-1] != 3:
                frames = frames.transpose(0, 2, 3, 1)
            known = np.empty((end - begin, 0)) if state is None else states[begin:end].reshape(end - begin, -1)
            return Episode(frames, actions[begin : end - 1], known)
        except (OSError, ValueError, IndexError) as error:
            raise StoreError(f"episode {index} of {path} cannot be read ({error}): {_ADVICE}") from error

    return Opened(len(lengths), dt, None, read)


_ADVICE = "copy the file anew, or pip install hdf5plugin if it names a filter"


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted([*path.glob("*.h5"), *path.glob("*.hdf5")])
    if len(found) != 1:
        raise StoreError(f"{path} holds {len(found)} HDF5 files: name one with source=FILE")
    return found[0]
