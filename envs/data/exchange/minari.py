"""Minari data sets: written without the lossy JPEG of its default, so that all comes back as it was.

An observation is a dictionary of ``frame`` and ``state``. Which geoms touch is in the infos: their number ``contacts``
``(T+1,)``, and the ``pairs`` themselves ``(T+1, P, 2)``, filled up with -1. Seed and factors are the reset options.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import gymnasium
import h5py
import minari
import numpy as np
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage

from envs.data.contained import FILTERS, member, require_all_contained
from envs.data.episodes import Episode, StoreError, json_text
from envs.data.exchange.formats import Opened, description
from envs.data.manifest import DESCRIBED
from envs.data.store import EpisodeStore
from envs.files import Count, Maybe, from_json, read_json, record, require_inside
from envs.simulation.contacts import as_rows, per_frame

_DATA = "data"  # folder of a data set in which Minari looks for it
_FILE, _METADATA = "main_data.hdf5", "metadata.json"
_ABOUT = "housecat"  # entry of its metadata


_KIND = record(
    data_format=Literal["hdf5"],
    observation_space=str,
    action_space=str,
    total_episodes=Count,
    housecat=DESCRIBED | Maybe,
)


def export_data(store: EpisodeStore, folder: Path) -> None:
    """Write ``store`` below ``folder``, which `minari.load_dataset` finds with MINARI_DATASETS_PATH set to it."""
    first = store.load(0)
    kind = store.manifest.get("play") or "unknown"
    if shutil.disk_usage(folder).free < 2 * store.manifest["frames"] * first.frames[0].nbytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # HDF5 fills a disk with complaints of its own
    identifier = f"housecat/{store.world['name']}/play-v0"
    path = folder / identifier / _DATA
    path.mkdir(parents=True)
    observations = gymnasium.spaces.Dict(
        frame=gymnasium.spaces.Box(0, 255, first.frames.shape[1:], np.uint8),
        state=gymnasium.spaces.Box(-np.inf, np.inf, first.states.shape[1:], np.float64),
    )
    actions = gymnasium.spaces.Box(-1.0, 1.0, first.actions.shape[1:], np.float32)
    storage = MinariStorage.new(path, observations, actions, jpeg_encoding=False)
    storage.update_episodes(_buffers(store))
    storage.update_metadata(
        {
            "dataset_id": identifier,
            "minari_version": minari.__version__,
            "algorithm_name": f"{kind} play",
            "description": f"{kind.capitalize()} play in Housecat's world '{store.world['name']}'. There is no reward.",
            _ABOUT: json.loads(json_text(description(store))),
        }
    )


def open_data(path: Path) -> Opened:
    """Open the data set in ``path`` or anywhere below it; StoreError where there is none or more than one."""
    found = sorted(file.parent for file in path.rglob(_METADATA) if file.parent.name == _DATA)
    if len(found) != 1:
        raise StoreError(f"{path} holds {len(found)} Minari data sets: name the folder of one with source=DIR")
    folder, advice = found[0], "copy the data set anew"
    # Without its spaces, Minari would make the environment that the file names, and import what that is said to be in.
    about = read_json(folder / _METADATA, _KIND, StoreError, advice).get(_ABOUT)
    try:
        storage = MinariStorage.read(folder)
        count = int(storage.total_episodes)
        _with_episode(folder, None)
    except Exception as error:  # it fails in many ways, some of them assertions
        raise StoreError(f"{folder} cannot be read ({error}): {advice}") from error

    def read(index: int, pictures: bool) -> Episode:
        del pictures  # they are not compressed, and come with the rest
        try:
            _with_episode(folder, index)
            data = next(iter(storage.get_episodes([index])))
            options = next(iter(storage.get_episode_metadata([index]))).get("options", {})
            return _episode(data, options, folder)
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(f"episode {index} of {folder} cannot be read ({error}): {advice}") from error

    return Opened(count, about["dt"] if about else None, about, read)


def _with_episode(folder: Path, index: int | None) -> None:
    """Raises ValueError where the file of all episodes, or that one of them, is not all in the folder."""
    path = folder / _FILE
    require_inside(path, folder)
    if not path.is_file():
        raise ValueError(f"{_FILE} is no regular file")
    if index is not None:
        with h5py.File(path, "r") as file:
            require_all_contained(member(file, f"episode_{index}"), FILTERS)


def _buffers(store: EpisodeStore) -> Iterator[EpisodeBuffer]:
    for index in range(len(store)):
        episode = store.load(index)
        steps = len(episode)
        truncated = np.arange(steps) == steps - 1  # episodes end because recording does
        number, pairs = per_frame(episode.contacts, steps + 1)
        options = {"factors": json_text(episode.factors)}
        yield EpisodeBuffer(
            id=index,
            options=options if episode.seed is None else {**options, "seed": list(episode.seed)},
            observations={"frame": episode.frames, "state": episode.states},
            actions=episode.actions,
            rewards=np.zeros(steps),
            terminations=np.zeros(steps, bool),
            truncations=truncated,
            infos={"contacts": number, "pairs": pairs},
        )


def _episode(data: dict[str, Any], options: dict[str, Any], path: Path) -> Episode:
    seen = data["observations"]
    parts = seen if isinstance(seen, dict) else {"": seen}
    frames = next((value for value in parts.values() if _is_picture(value)), None)
    if frames is None:
        raise StoreError(f"{path} has no camera frames among its observations: Housecat needs them")
    state = parts.get("state", parts.get("observation", np.empty((len(frames), 0))))
    infos, seed = data["infos"] or {}, options.get("seed")
    return Episode(
        frames,
        np.asarray(data["actions"]),
        np.asarray(state).reshape(len(frames), -1),
        as_rows(infos["pairs"]) if "pairs" in infos else np.empty((0, 3), np.int32),
        None if seed is None else (int(seed[0]), int(seed[1])),
        from_json(options.get("factors", "{}"), dict),
    )


def _is_picture(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 4 and value.shape[-1] == 3
