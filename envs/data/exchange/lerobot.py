"""LeRobotDataset v3.0: Parquet tables and MP4 videos, many episodes a file, and JSON that says where each one is.

A row is a frame and the action that follows it; the last row of an episode has the action 0, which was never taken and
is left out again on import. Videos are H.264 in RGB without loss, so that frames come back as they were. What the
format has no place for (world, seeds, factors, which geoms touch) is in ``meta/housecat.json`` and
``meta/housecat.parquet``, which other readers ignore.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from envs.data.episodes import Episode, StoreError, json_text
from envs.data.exchange.formats import Opened, description
from envs.data.exchange.lerobot_files import INFO, OWN_ROW, located, read_table
from envs.data.exchange.lerobot_meta import DATA, EPISODES, OWN_ABOUT, OWN_TABLE, TASK, VIDEO, Sums, write_meta
from envs.data.exchange.video import read_video, write_video
from envs.data.manifest import DESCRIBED
from envs.data.store import EpisodeStore
from envs.files import check, from_json, read_json, require_inside, shortened

_SHARD = 100  # episodes in a file: some 50 MB of video at 64 pixels


def export_data(store: EpisodeStore, folder: Path) -> None:
    """Write ``store`` into ``folder``."""
    fps = _frame_rate(store.manifest["dt"])
    camera = f"observation.images.{store.manifest['camera']}"
    rows, own, sums, begin = [], [], Sums(), 0
    for shard in range(-(-len(store) // _SHARD)):
        members = range(shard * _SHARD, min((shard + 1) * _SHARD, len(store)))
        episodes = [store.load(index) for index in members]
        passed = 0
        for index, episode in zip(members, episodes, strict=True):
            length = len(episode) + 1
            rows.append(_place(index, begin, length, shard, camera, passed / fps, (passed + length) / fps))
            own.append(_own_row(index, episode))
            sums.add(episode, camera)
            begin, passed = begin + length, passed + length
        table = pa.concat_tables(
            _table(episode, row, fps) for episode, row in zip(episodes, rows[members.start :], strict=True)
        )
        _write(table, folder / DATA.format(chunk_index=0, file_index=shard))
        path = folder / VIDEO.format(video_key=camera, chunk_index=0, file_index=shard)
        write_video(path, (frame for episode in episodes for frame in episode.frames), fps)
    _write(pa.Table.from_pylist(rows), folder / EPISODES.format(chunk_index=0, file_index=0))
    _write(pa.Table.from_pylist(own, _OWN_SCHEMA), folder / OWN_TABLE)
    write_meta(folder, store.load(0), camera, fps, sums, store.world["name"])
    (folder / OWN_ABOUT).write_text(json_text(description(store), indent=1), encoding="utf-8")


def open_data(path: Path) -> Opened:
    """Open the data set in ``path``; StoreError where it is not of this format, is damaged or has no video."""
    advice = "copy the data set anew"
    try:
        info = read_json(path / "meta/info.json", INFO, StoreError, advice)
        if not info["codebase_version"].startswith("v3."):
            raise StoreError(
                f"{path} is of LeRobotDataset {shortened(info['codebase_version'])}, this reads v3.0: convert it with "
                "lerobot's script"
            )
        places = _read(path / "meta/episodes", path).sort_by("episode_index").to_pylist()
        own = _own(path)
        about = read_json(path / OWN_ABOUT, DESCRIBED, StoreError, advice) if own else None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise StoreError(f"{path} is not a LeRobot data set, or is damaged ({error}): {advice}") from error
    videos = [name for name, feature in info["features"].items() if feature["dtype"] == "video"]
    if not videos:
        raise StoreError(f"{path} has no video among its features: Housecat needs camera frames")

    def read(index: int, pictures: bool) -> Episode:
        try:
            return _episode(path, info, videos[0] if pictures else None, places[index], own)
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise StoreError(f"episode {index} of {path} cannot be read ({error}): {advice}") from error

    others = f"of the cameras {', '.join(videos)} the first is read"
    dt, notes = about["dt"] if about else 1.0 / info["fps"], (others,) if len(videos) > 1 else ()
    return Opened(len(places), dt, about, read, notes)


def _frame_rate(dt: float) -> float:
    """Frames a second, whole where it is within rounding of a whole number."""
    rate = 1.0 / dt
    return round(rate) if abs(rate - round(rate)) < 1e-9 * rate else rate


def _place(index: int, begin: int, length: int, shard: int, camera: str, start: float, end: float) -> dict[str, Any]:
    """The row of ``meta/episodes`` about one episode."""
    return {
        "episode_index": index,
        "tasks": [TASK],
        "length": length,
        "data/chunk_index": 0,
        "data/file_index": shard,
        "dataset_from_index": begin,
        "dataset_to_index": begin + length,
        f"videos/{camera}/chunk_index": 0,
        f"videos/{camera}/file_index": shard,
        f"videos/{camera}/from_timestamp": start,
        f"videos/{camera}/to_timestamp": end,
        "meta/episodes/chunk_index": 0,
        "meta/episodes/file_index": 0,
    }


def _table(episode: Episode, place: dict[str, Any], fps: float) -> pa.Table:
    """The rows of ``data`` about one episode."""
    length, steps = len(episode) + 1, np.arange(len(episode) + 1)
    actions = np.concatenate([episode.actions, np.zeros_like(episode.actions[:1])])
    return pa.table(
        {
            "action": _column(actions),
            "observation.state": _column(episode.states),
            "timestamp": (steps / fps).astype(np.float32),
            "frame_index": steps,
            "episode_index": np.full(length, place["episode_index"]),
            "index": place["dataset_from_index"] + steps,
            "task_index": np.zeros(length, np.int64),
        }
    )


def _column(values: np.ndarray) -> pa.Array:
    """``values (n, d)`` as lists of d; of single numbers the numbers themselves, as the format has it."""
    if values.shape[1] == 1:
        return pa.array(values[:, 0])
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _array(column: pa.ChunkedArray) -> np.ndarray:
    """The opposite of `_column`."""
    # Arrow's own name for the type would, in older versions, need pandas.
    kind = pa.array([], column.type.value_type).to_numpy(zero_copy_only=False).dtype if _is_list(column) else None
    values = np.asarray(column.to_pylist(), kind)
    return values.reshape(len(values), -1)


def _is_list(column: pa.ChunkedArray) -> bool:
    return pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type)


_OWN_SCHEMA = pa.schema(
    {
        "episode_index": pa.int64(),
        "seed": pa.list_(pa.int64()),
        "factors": pa.string(),
        "contacts": pa.list_(pa.int32()),
    }
)


def _own_row(index: int, episode: Episode) -> dict[str, Any]:
    seed = None if episode.seed is None else list(episode.seed)
    contacts = episode.contacts.ravel().tolist()
    return {"episode_index": index, "seed": seed, "factors": json_text(episode.factors), "contacts": contacts}


def _own(path: Path) -> dict[int, dict[str, Any]]:
    """What an export of Housecat says beyond the format, by episode; nothing where it comes from elsewhere."""
    if not (path / OWN_TABLE).is_file():
        return {}
    return {row["episode_index"]: row for row in read_table(path / OWN_TABLE, path).to_pylist()}


def _episode(
    path: Path, info: dict[str, Any], camera: str | None, place: dict[str, Any], own: dict[int, dict[str, Any]]
) -> Episode:
    """`camera` None: without pictures."""
    index, length = place["episode_index"], place["length"]
    file = located(info["data_path"], chunk_index=place["data/chunk_index"], file_index=place["data/file_index"])
    table = _shard(path, file)
    rows = table.filter(pc.equal(table["episode_index"], index)).sort_by("frame_index")
    if len(rows) != length:
        raise ValueError(f"{len(rows)} rows, expected {length}")
    frames = np.empty((length, 0, 0, 3), np.uint8)
    if camera is not None:
        where = {key: place[f"videos/{camera}/{key}"] for key in ("chunk_index", "file_index")}
        video = path / located(info["video_path"], video_key=camera, **where)
        require_inside(video, path)
        frames = read_video(video, place[f"videos/{camera}/from_timestamp"], length, info["fps"])
    states = _array(rows["observation.state"]) if "observation.state" in rows.column_names else np.empty((length, 0))
    more = check(own.get(index, {"seed": None, "factors": "{}", "contacts": []}), OWN_ROW)
    return Episode(
        frames,
        _array(rows["action"])[:-1],
        states,
        np.array(more["contacts"], np.int32).reshape(-1, 3),
        None if more["seed"] is None else (more["seed"][0], more["seed"][1]),
        from_json(more["factors"], dict),
    )


@lru_cache(maxsize=1)
def _shard(folder: Path, file: str) -> pa.Table:
    return read_table(folder / file, folder)


def _read(folder: Path, whole: Path) -> pa.Table:
    """All tables below a folder of a data set, without statistics of single episodes."""
    tables = [read_table(path, whole) for path in sorted(folder.rglob("*.parquet"))]
    return pa.concat_tables(
        table.select([name for name in table.column_names if not name.startswith("stats/")]) for table in tables
    )


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
