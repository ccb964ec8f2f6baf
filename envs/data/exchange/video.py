"""Frames to MP4 and WebM and back by PyAV, in RGB without loss.

MP4 is H.264, every second picture a place to start from; WebM is VP9, to be read from its beginning.
"""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from envs.data.contained import LARGEST
from envs.data.episodes import StoreError

_PICTURE = 2**26  # bytes of one picture, decoded
# By ending: the encoder, its pixels, and what it is told.
_LOSSLESS = {
    ".mp4": ("libx264rgb", "rgb24", {"qp": "0", "preset": "veryfast", "g": "2", "bf": "0"}),
    ".webm": ("libvpx-vp9", "gbrp", {"lossless": "1", "deadline": "realtime", "cpu-used": "8"}),
}


def write_video(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write frames ``uint8 (h, w, 3)``, all of one size, to ``path``; bit for bit what is read back of them."""
    codec, kind, options = _LOSSLESS[path.suffix]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(100_000), options=options)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = kind
        stream.thread_count = 1
        for number, pixels in enumerate(frames):
            if number == 0:
                stream.height, stream.width = pixels.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=kind)))
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


def decoded(content: bytes, ending: str) -> Iterator[np.ndarray]:
    """All frames ``uint8 (h, w, 3)`` of a video, whatever it was written by; ``ending``: ".mp4" or ".webm".

    Raises ValueError: it is none, or its pictures are larger than any that are read.
    """
    try:
        with av.open(io.BytesIO(content), "r", format=ending[1:]) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            for frame in container.decode(stream):
                if not 0 < 3 * frame.width * frame.height <= _PICTURE:
                    raise ValueError(f"pictures of {frame.width} by {frame.height} pixels are more than are read")
                yield frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(str(error)) from error
