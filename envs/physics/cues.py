"""What of a clip is seen without understanding anything: how bright it is, how much moves, how fast and where to.

A judge of these alone must be no better than chance, or the clips give away what is impossible.
"""

import numpy as np

NAMES = ("brightness", "motion", "greatest motion", "speed", "to the right", "upwards")
_RIDGE = 1e-2  # of standardised differences


def cues(frames: np.ndarray) -> np.ndarray:
    """Frames ``uint8 (T, h, w, 3)`` -> the numbers that NAMES names, ``(6,)``."""
    grey = frames.astype(np.float64).mean(axis=-1)
    change = np.diff(grey, axis=0)
    amount = np.abs(change).mean(axis=(1, 2))
    middle = (grey[1:] + grey[:-1]) / 2
    # What moves along a gradient changes each pixel by minus the gradient times its speed.
    flows = [-(change * slope).sum(axis=(1, 2)) / 1e4 for slope in np.gradient(middle, axis=(2, 1))]
    speed = np.hypot(*flows).mean()
    return np.array([grey.mean(), amount.mean(), amount.max(), speed, flows[0].mean(), -flows[1].mean()])


def judged_by_cues(possible: np.ndarray, impossible: np.ndarray, group: np.ndarray) -> np.ndarray:
    """How impossible a linear judge of cues calls each clip: rows ``(K, 6)`` of pairs -> ``(2, K)``.

    It is fitted on one half of the groups ``(K,)`` and judges the other, and the other way round.
    """
    scores = np.empty((2, len(group)))
    for half in (0, 1):
        asked = group % 2 == half
        rows = np.concatenate([possible[~asked], impossible[~asked]])
        centre, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        wanted = np.repeat([-1.0, 1.0], (~asked).sum())
        x = (rows - centre) / scale
        weights = np.linalg.solve(x.T @ x + _RIDGE * len(x) * np.eye(x.shape[1]), x.T @ wanted)
        for row, clips in enumerate((possible, impossible)):
            scores[row, asked] = (clips[asked] - centre) / scale @ weights
    return scores
