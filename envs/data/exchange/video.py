"""Frames to MP4 and back by PyAV: H.264 in RGB without loss, every second picture a place to start from."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from envs.data.contained import LARGEST
from envs.data.episodes import StoreError

_LOSSLESS = {"qp": "0", "preset": "veryfast", "g": "2", "bf": "0"}


def write_video(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write frames ``uint8 (h, w, 3)``, all of one size, to ``path``; bit for bit what `read_video` gives back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=Fraction(fps).limit_denominator(100_000), options=_LOSSLESS)
        stream.pix_fmt = "rgb24"
        stream.thread_count = 1
        for number, pixels in enumerate(frames):
            if number == 0:
                stream.height, stream.width = pixels.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def read_video(path: Path, start: float, count: int, fps: float) -> np.ndarray:
    """``count`` frames ``uint8 (count, h, w, 3)`` from ``start`` seconds on.

    Raises StoreError: the file is missing, damaged or too short.
    """
    frames = []
    try:
        if not path.is_file():
            raise OSError("it is no regular file")
        # FFmpeg's guess of the format may be a list of other files to open.
        with av.open(f"file:{path}", format="mp4", options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            if not 0 < 3 * stream.width * stream.height * count <= LARGEST:
                raise OSError(f"{count} pictures of {stream.width} by {stream.height} pixels are more than are read")
            assert stream.time_base is not None
            container.seek(max(0, int((start - 0.5 / fps) / stream.time_base)), stream=stream)
            for frame in container.decode(stream):
                if frame.time is None or frame.time < start - 0.5 / fps:
                    continue  # the picture that the search landed on is an earlier one
                frames.append(frame.to_ndarray(format="rgb24"))
                if len(frames) == count:
                    return np.stack(frames)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise StoreError(f"the video {path} cannot be read ({error}): copy the data set anew") from error
    raise StoreError(f"the video {path} ends {count - len(frames)} frames too early: copy the data set anew")
