"""Keeps what a robot sees and does in a loop of its user's, and makes of it a recording that Housecat trains on.

with housecat.Recorder("data/robot", dt=0.1) as recorder:
    recorder.begin(camera())
    for action in play:
        robot.do(action)
        recorder.step(action, camera())
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from envs.data.exchange.importing import import_data
from envs.data.store import EpisodeStore
from housecat.errors import UsageError


class Recorder:
    """Episodes go to the file `out`.h5 as each ends, so that a crash costs one at most; `close` makes the folder `out`.

    Frames may be of any size, actions in any units: their ranges are taken from what was recorded.

    Args:
        out: folder to be made; its name is the robot's.
        dt: seconds in a control step.
        frame_size: side of the frames that models will see, pixels.
    """

    def __init__(self, out: str | Path, dt: float, frame_size: int = 64) -> None:
        if not dt > 0:
            raise UsageError(f"dt must be the seconds in a control step, got {dt:g}")
        self.out, self.dt, self.frame_size = Path(out), dt, frame_size
        self.file = self.out.with_name(f"{self.out.name}.h5")
        self._rows: dict[str, list[Any]] = {"pixels": [], "action": [], "state": []}

    def begin(self, frame: np.ndarray, state: Any = ()) -> None:
        """Begins an episode with a frame uint8 (h, w, 3), and what the robot tells of its state (n,), if anything."""
        self._end()
        self._rows["pixels"].append(np.asarray(frame))
        self._rows["state"].append(np.asarray(state, np.float64))

    def step(self, action: Any, frame: np.ndarray, state: Any = ()) -> None:
        """The action (A,) that was taken, and the frame and the state that it led to."""
        if not self._rows["pixels"]:
            raise UsageError("no episode has begun: call begin(frame) before step(action, frame)")
        try:
            each = np.asarray(frame), np.asarray(action, np.float32), np.asarray(state, np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(f"an action is numbers (A,), a state numbers (n,): {error}") from error
        for rows, value in zip(self._rows.values(), each, strict=True):
            rows.append(value)

    def close(self) -> EpisodeStore:
        """Ends the last episode and makes the recording. Raises UsageError or StoreError: there is none to be made."""
        self._end()
        if not self.file.exists():
            raise UsageError(f"nothing was recorded for {self.out}: call begin and step")
        return import_data("hdf5", self.file, self.out, progress=False, frame_size=self.frame_size)

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, kind: Any, *error: Any) -> None:
        if kind is None:
            self.close()

    def _end(self) -> None:
        """Appends the episode, if it has any step, to the file."""
        rows, self._rows = self._rows, {name: [] for name in self._rows}
        if not rows["action"]:
            return
        rows["action"].append(np.full_like(rows["action"][0], np.nan))  # after the last frame nothing was done
        try:
            columns = {name: np.stack(values) for name, values in rows.items()}
            frames = columns["pixels"]
            if frames.dtype != np.uint8 or frames.shape[3:] != (3,) or columns["action"].ndim != 2:
                raise UsageError(f"frames are uint8 (h, w, 3) and actions (A,), got {frames.dtype} {frames.shape[1:]}")
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with h5py.File(self.file, "a") as file:
                file.attrs["dt"] = self.dt
                begun = len(file["pixels"]) if "pixels" in file else 0
                columns |= {"ep_len": np.array([len(frames)]), "ep_offset": np.array([begun])}
                for name, values in columns.items():
                    if name in file:
                        file[name].resize(len(file[name]) + len(values), axis=0)
                        file[name][-len(values) :] = values
                    elif values.size:
                        packed = {"compression": "gzip", "compression_opts": 1}
                        file.create_dataset(name, data=values, maxshape=(None, *values.shape[1:]), **packed)
        except (TypeError, ValueError) as error:
            raise UsageError("frames, actions or states are not all of one size") from error
