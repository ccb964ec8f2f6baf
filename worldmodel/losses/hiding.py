"""Frames of which something is hidden, from which the latents of all that was there are to be told.

It is masked prediction over time, as in V-JEPA (arXiv 2404.08471), with masks as the world has them: a screen of one
colour that stands before a part of the picture, and frames that are lost.
"""

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

_SIDES = (0.25, 0.65)  # of a screen, of the picture's
_STANDING, _PASSING = 0.55, 0.2  # shares of the recordings with a screen throughout, and with one for a while
_LOST = 0.15  # with frames that are lost; in the rest all is seen
_PASSES = (6, 40)  # frames
_OFTEN = 0.35  # share of the frames that get lost, where some do


def hidden(frames: Frames, rng: np.random.Generator) -> Frames:
    """A recording (T, h, w, 3) with something hidden, or nothing; a new array."""
    frames, kind = frames.copy(), rng.random()
    if kind < _STANDING:
        return screened(frames, 0, len(frames), rng)
    if kind < _STANDING + _PASSING:
        first = int(rng.integers(len(frames)))
        return screened(frames, first, first + int(rng.integers(*_PASSES)), rng)
    return lost(frames, rng) if kind < _STANDING + _PASSING + _LOST else frames


def screened(frames: Frames, first: int, last: int, rng: np.random.Generator) -> Frames:
    """A screen before the frames from `first` until before `last`, in a colour that is in the picture, or any."""
    height, width = frames.shape[1:3]
    sides = rng.uniform(*_SIDES, 2) * (height, width)
    middle = rng.uniform(0, (height, width))
    top, left = np.clip(np.round(middle - sides / 2), 0, None).astype(int)
    bottom, right = np.round(middle + sides / 2).astype(int)
    colour = rng.integers(0, 256, 3) if rng.random() < 0.5 else frames[0, rng.integers(height), rng.integers(width)]
    frames[first:last, top:bottom, left:right] = colour
    return frames


def lost(frames: Frames, rng: np.random.Generator) -> Frames:
    """Some frames are lost: the last one that was not is seen again."""
    came = rng.random(len(frames)) >= _OFTEN
    came[0] = True
    return frames[np.maximum.accumulate(np.where(came, np.arange(len(frames)), 0))]
