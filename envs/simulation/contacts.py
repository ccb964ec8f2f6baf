"""Which geoms touch when, in the two forms that it is stored in: a row for each pair, or a table of pairs a frame."""

import numpy as np

_NOBODY = -1  # fills up a frame's list of pairs


def joined(touching: list[np.ndarray]) -> np.ndarray:
    """Pairs ``(n, 2)`` of geoms of each frame as one array ``(K, 3) int32`` of frame, geom and geom."""
    frames = np.repeat(np.arange(len(touching), dtype=np.int32), [len(pairs) for pairs in touching])
    return np.column_stack([frames, np.concatenate(touching)]).astype(np.int32)


def per_frame(rows: np.ndarray, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """How many pairs touch in each frame ``(T+1,)``, and which ``(T+1, P, 2)``, filled up with -1; P at least 1."""
    number = np.bincount(rows[:, 0], minlength=frames)
    pairs = np.full((frames, max(1, number.max(initial=0)), 2), _NOBODY, np.int32)
    place = np.arange(len(rows)) - (np.cumsum(number) - number)[rows[:, 0]]
    pairs[rows[:, 0], place] = rows[:, 1:]
    return number, pairs


def as_rows(pairs: np.ndarray) -> np.ndarray:
    """The opposite of `per_frame`: ``pairs (T+1, P, 2)`` as rows ``(K, 3)``."""
    frames, places = np.nonzero(pairs[..., 0] != _NOBODY)
    return np.column_stack([frames, pairs[frames, places]]).astype(np.int32)
