"""Episodes side by side in one picture: moving (animated WebP), or with time from left to right (PNG)."""

import io
import math
import os
from pathlib import Path

import numpy as np
from PIL import Image

from envs.data.episodes import write_whole
from envs.data.folder import remove_leftovers
from envs.data.store import EpisodeStore
from housecat.errors import UsageError

MOVING, STILL = 12, 6  # episodes shown unless the user says how many
_COLUMNS = 10  # moments of an episode in a still picture
_SIDE = 128  # pixels of a frame, at least
_GAP = 4  # pixels between frames
_WHITE = 255


def write_preview(store: EpisodeStore, out: Path, episodes: int | None = None) -> Path:
    """Writes a picture of ``episodes`` episodes, spread evenly over the store, to ``out`` and returns it.

    Raises UsageError: ``out`` ends neither in .webp nor in .png, or is there already.
    """
    if os.path.lexists(out):
        raise UsageError(f"{out} is there already: delete it, or name another picture with out=FILE")
    if out.suffix not in (".webp", ".png"):
        raise UsageError(f"out={out} must end in .webp (moving) or .png (frame by frame)")
    remove_leftovers(out.parent)
    count = min(episodes or (MOVING if out.suffix == ".webp" else STILL), len(store))
    chosen = np.linspace(0, len(store) - 1, count).round().astype(int)
    shown = [store.load(int(index)).frames for index in chosen]
    factor = max(1, math.ceil(_SIDE / shown[0].shape[1]))
    content = io.BytesIO()
    if out.suffix == ".png":
        _picture(frame_by_frame(shown), _COLUMNS, factor).save(content, "PNG")
        write_whole(out, content.getvalue())
        return out
    columns = math.ceil(math.sqrt(count))
    moments = [
        _picture([frames[min(time, len(frames) - 1)] for frames in shown], columns, factor)
        for time in range(max(map(len, shown)))
    ]
    duration = round(store.manifest["dt"] * 1000)
    moments[0].save(content, "WEBP", save_all=True, append_images=moments[1:], duration=duration, loop=0, quality=80)
    write_whole(out, content.getvalue())
    return out


def frame_by_frame(shown: list[np.ndarray]) -> list[np.ndarray]:
    """Ten moments of each episode, from the first frame to the last, one episode after the other."""
    return [frames[int(time)] for frames in shown for time in np.linspace(0, len(frames) - 1, _COLUMNS).round()]


def tiled(frames: list[np.ndarray], columns: int) -> np.ndarray:
    """Frames ``uint8 (h, w, 3)``, all of one size, in rows of so many, on white."""
    height, width = (side + _GAP for side in frames[0].shape[:2])
    rows = math.ceil(len(frames) / columns)
    sheet = np.full((rows * height + _GAP, columns * width + _GAP, 3), _WHITE, np.uint8)
    for place, frame in enumerate(frames):
        top, left = _GAP + place // columns * height, _GAP + place % columns * width
        sheet[top : top + frame.shape[0], left : left + frame.shape[1]] = frame
    return sheet


def _picture(frames: list[np.ndarray], columns: int, factor: int) -> Image.Image:
    """A sheet of frames, each pixel so many pixels wide."""
    return Image.fromarray(tiled([frame.repeat(factor, 0).repeat(factor, 1) for frame in frames], columns))
