"""The JSON and Parquet files of a LeRobotDataset v3.0 that describe it as a whole."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from envs.data.episodes import Episode, json_text

DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
OWN_ABOUT, OWN_TABLE = "meta/housecat.json", "meta/housecat.parquet"

TASK = "play"


class Sums:
    """Statistics of each feature over all frames; of pictures by channel, in [0, 1]."""

    def __init__(self) -> None:
        self.frames = self.episodes = 0
        self._parts: dict[str, list[tuple[Any, ...]]] = {}

    def add(self, episode: Episode, camera: str) -> None:
        """Count an episode in."""
        self.episodes += 1
        self.frames += len(episode.frames)
        pixels = episode.frames.reshape(-1, 3) / np.float32(255.0)
        for name, values in ((camera, pixels), ("action", episode.actions), ("observation.state", episode.states)):
            part = (values.min(0), values.max(0), values.mean(0), (values.astype(np.float64) ** 2).mean(0), len(values))
            self._parts.setdefault(name, []).append(part)

    def statistics(self, camera: str) -> dict[str, dict[str, Any]]:
        """What ``meta/stats.json`` says."""
        found = {}
        for name, parts in self._parts.items():
            low, high, mean, square, count = (np.array(column) for column in zip(*parts, strict=True))
            mean, square = np.average(mean, 0, count), np.average(square, 0, count)
            std = np.sqrt(np.maximum(square - mean**2, 0.0))
            values = {"min": low.min(0), "max": high.max(0), "mean": mean, "std": std}
            shape = (3, 1, 1) if name == camera else (-1,)
            found[name] = {key: value.reshape(shape).tolist() for key, value in values.items()}
            found[name]["count"] = [self.frames]
        return found


def write_meta(folder: Path, first: Episode, camera: str, fps: float, sums: Sums, world: str) -> None:
    """Write ``info.json``, ``stats.json`` and ``tasks.parquet`` for episodes like ``first``."""
    meta = folder / "meta"
    for name, data in (("info", _info(first, camera, fps, sums, world)), ("stats", sums.statistics(camera))):
        (meta / f"{name}.json").write_text(json_text(data, indent=1), encoding="utf-8")
    # The index of a pandas table: readers look tasks up in it.
    columns = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy_kind, "metadata": None}
        for name, kind, numpy_kind in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]
    pandas = {"index_columns": ["task"], "column_indexes": [], "columns": columns, "pandas_version": "2.2.0"}
    table = pa.table({"task_index": pa.array([0], pa.int64()), "task": [TASK]})
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), meta / "tasks.parquet")


def _info(first: Episode, camera: str, fps: float, sums: Sums, world: str) -> dict[str, Any]:
    height, width = first.frames.shape[1:3]
    indices = ("frame_index", "episode_index", "index", "task_index")
    numbers = {"timestamp": "float32", **dict.fromkeys(indices, "int64")}
    return {
        "codebase_version": "v3.0",
        "robot_type": f"housecat-{world}",
        "total_episodes": sums.episodes,
        "total_frames": sums.frames,
        "total_tasks": 1,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": {"train": f"0:{sums.episodes}"},
        "data_path": DATA,
        "video_path": VIDEO,
        "features": {
            "action": _feature("float32", first.actions.shape[1]),
            "observation.state": _feature("float64", first.states.shape[1]),
            camera: {
                "dtype": "video",
                "shape": [height, width, 3],
                "names": ["height", "width", "channels"],
                "info": {
                    "video.height": height,
                    "video.width": width,
                    "video.codec": "h264",
                    "video.pix_fmt": "gbrp",
                    "video.is_depth_map": False,
                    "video.fps": fps,
                    "video.channels": 3,
                    "has_audio": False,
                },
            },
            **{name: _feature(kind, 1) for name, kind in numbers.items()},
        },
    }


def _feature(kind: str, size: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": [size], "names": None}
