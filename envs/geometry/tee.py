"""The T of Push-T: its shape, where it touches, and how much of one T another covers.

A pose is x, y of the T's centroid (m) and its angle (rad); at angle 0 the stem points along y.
"""

import numpy as np

PIXEL = 0.002  # m; Push-T is published in pixels of a square of 512
UNIT = 30 * PIXEL  # m, width of bar and stem
_CENTROID = (4 * 0.5 + 3 * 2.5) / 7 * UNIT  # m from the bar's outer edge, of a bar of 4 x 1 and a stem of 1 x 3 units
AREA = 7 * UNIT**2  # m2

# Centre and half sides of bar and stem, m, from the centroid.
RECTANGLES = np.array(
    [
        [0.0, 0.5 * UNIT - _CENTROID, 2.0 * UNIT, 0.5 * UNIT],
        [0.0, 2.5 * UNIT - _CENTROID, 0.5 * UNIT, 1.5 * UNIT],
    ]
)
_AREAS = 4 * RECTANGLES[:, 2] * RECTANGLES[:, 3]
_SQUARES = (RECTANGLES[:, 2:] ** 2).sum(axis=1) / 3 + (RECTANGLES[:, :2] ** 2).sum(axis=1)
GYRATION = float(np.sqrt(_AREAS @ _SQUARES / AREA))  # m, radius of gyration about the centroid
_SIGNS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
# (2, 4, 2) m: of bar and stem, counter-clockwise.
_CORNERS = RECTANGLES[:, None, :2] + RECTANGLES[:, None, 2:] * _SIGNS


def corners(pose: np.ndarray) -> np.ndarray:
    """Corners of bar and stem ``(2, 4, 2)``, m, counter-clockwise, of the T at ``pose (3,)``."""
    return _CORNERS @ rotations(pose[2]).T + pose[:2]


def edge_middles(poses: np.ndarray) -> np.ndarray:
    """Middle of the bar's outer edge ``(..., 2)``, m: the point by which Push-T says where the T of ``(..., 3)`` is."""
    angle = poses[..., 2]
    return poses[..., :2] + _CENTROID * np.stack([np.sin(angle), -np.cos(angle)], axis=-1)


def clearances(points: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Distance ``(...)``, m, of ``points (..., 2)`` from the T at ``poses (..., 3)``; 0 within it."""
    offset, angle = points - poses[..., :2], poses[..., 2]
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = offset[..., 0], offset[..., 1]
    local = np.stack([cosine * x + sine * y, cosine * y - sine * x], axis=-1)
    outside = np.abs(local[..., None, :] - RECTANGLES[:, :2]) - RECTANGLES[:, 2:]
    return np.linalg.norm(np.maximum(outside, 0.0), axis=-1).min(axis=-1)


def rotations(angles: np.ndarray) -> np.ndarray:
    """Matrices ``(..., 2, 2)`` that turn columns by ``angles (...)`` rad: from the T's frame into the world's."""
    cosine, sine = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)], axis=-2)


def coverage(pose: np.ndarray, goal: np.ndarray) -> float:
    """Share of the area of the T at ``goal (3,)`` that the T at ``pose (3,)`` covers, exact, 0 to 1."""
    # Bar and stem share an edge and no area: the common area is the sum over all pairs of rectangles.
    common = sum(_area(_clipped(one, other)) for one in corners(pose) for other in corners(goal))
    return min(common / AREA, 1.0)


def _clipped(polygon: np.ndarray, window: np.ndarray) -> np.ndarray:
    """What of a convex ``polygon (n, 2)`` is inside the convex ``window (m, 2)``, both counter-clockwise."""
    for begin, end in zip(window, np.roll(window, -1, axis=0), strict=True):
        if len(polygon) == 0:
            break
        along = end - begin
        inside = along[0] * (polygon[:, 1] - begin[1]) - along[1] * (polygon[:, 0] - begin[0])
        kept = []
        for index in range(len(polygon)):
            here, before = inside[index], inside[index - 1]
            if (here >= 0) != (before >= 0):
                kept.append(polygon[index - 1] + before / (before - here) * (polygon[index] - polygon[index - 1]))
            if here >= 0:
                kept.append(polygon[index])
        polygon = np.array(kept).reshape(-1, 2)
    return polygon


def _area(polygon: np.ndarray) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
