"""Camera pictures of any size brought to the square frames that models see."""

import numpy as np
from PIL import Image


def scaled(frames: np.ndarray, size: int) -> np.ndarray:
    """``uint8 (T, h, w, 3)`` -> ``(T, size, size, 3)``: nothing is cut off, each new pixel is the mean of its area.

    A picture that is not square is stretched.
    """
    if frames.shape[1:] == (size, size, 3):
        return np.ascontiguousarray(frames)
    made = (Image.fromarray(frame).resize((size, size), Image.Resampling.BOX) for frame in frames)
    return np.stack([np.asarray(frame) for frame in made])


def told(shape: tuple[int, ...], size: int) -> str:
    """What `scaled` does to pictures of this ``shape (h, w, 3)``, in words; empty where it does nothing."""
    if shape[:2] == (size, size):
        return ""
    stretched = "" if shape[0] == shape[1] else ", stretched to a square"
    return f"pictures of {shape[0]} x {shape[1]} pixels are scaled to {size} x {size}{stretched}"
