"""The formats by name, what each needs to be installed, and a folder that is filled before it is seen."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from envs.data.episodes import Episode, StoreError
from envs.data.folder import new_folder
from envs.data.store import EpisodeStore

READABLE = ("lerobot", "minari", "hdf5")
WRITABLE = ("lerobot", "minari")

_NEEDED = {"lerobot": ("pyarrow", "av"), "minari": ("minari",), "hdf5": ()}  # also names of extras of this project


@dataclass(frozen=True)
class Opened:
    """A data set of another format."""

    count: int  # episodes
    dt: float | None  # seconds in a control step; None: the format does not say
    about: dict[str, Any] | None  # the manifest of the data set that Housecat exported; None: it comes from elsewhere
    # Episode i as it is there: frames of any size, actions of any range, states of whatever there is (T+1, n). Without
    # its pictures, where False is given, it is read in no time.
    read: Callable[..., Episode]
    notes: tuple[str, ...] = ()  # what its user should know, a line each


def open_foreign(name: str, path: Path) -> Opened:
    """Open the data set at ``path`` in this format.

    Raises ValueError: it cannot be read; StoreError: there is nothing at ``path``, it is damaged or of another
    format, or a package is missing.
    """
    if name not in READABLE:
        raise ValueError(f"format '{name}' cannot be imported: there are {', '.join(READABLE)}")
    if not path.exists():
        raise StoreError(f"there is nothing at {path}: name the data set with source=PATH")
    opened = _module(name).open_data(path)

    def read(index: int, pictures: bool = True) -> Episode:
        found = opened.read(index, pictures)
        good = found.frames.dtype == np.uint8 and found.frames.ndim == 4 and found.frames.shape[-1] == 3
        if not good or any(part.ndim != 2 or part.dtype.kind not in "fiu" for part in (found.actions, found.states)):
            raise StoreError(f"episode {index} of {path} is not of frames and numbers: it is damaged or something else")
        return found

    return replace(opened, read=read)


def export(name: str, store: EpisodeStore, out: Path) -> None:
    """Write ``store`` to the new folder ``out`` in this format.

    Raises ValueError: it cannot be written; StoreError: ``out`` is there already or cannot be written, or a package
    is missing.
    """
    if name not in WRITABLE:
        raise ValueError(f"format '{name}' cannot be exported: there are {', '.join(WRITABLE)}")
    write = _module(name).export_data
    with new_folder(out) as folder:
        write(store, folder)


def description(store: EpisodeStore) -> dict[str, Any]:
    """What an export says about the data set beyond its own format, so that an import brings it back."""
    kept = ("world", "dt", "camera", "renderer", "states", "seed", "steps", "play")
    return {key: store.manifest.get(key) for key in kept}


def _module(name: str) -> Any:
    for package in _NEEDED[name]:
        needed(package, f"format={name}")
    return importlib.import_module(f"envs.data.exchange.{name}")


def needed(package: str, what: str) -> None:
    """Raises StoreError where the package that ``what`` is done by is not installed."""
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise StoreError(f"{what} needs the package {package} ({error}): pip install {package}") from error
