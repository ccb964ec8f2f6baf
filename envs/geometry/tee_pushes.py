"""Where a round pusher can touch the T, what a push there does to it, and how long the way round the T is.

On a viscous film the T moves as it is pushed: a force that passes the centroid at a distance turns it as well. Places
are numbered along the line on which the pusher's centre is when it touches the T. As seen from the centroid this line
has one point in each direction, so a direction says where along the line a pusher is.
"""

import functools
from dataclasses import dataclass

import numpy as np

from envs.geometry.tee import GYRATION, RECTANGLES, clearances, corners, edge_middles

_CONTACTS = 64
_DIRECTIONS = 720
_BISECTIONS = 30
_FARTHEST = 0.5  # m from the centroid, beyond which no pusher touches the T


@dataclass(frozen=True)
class Contacts:
    """Places ``(C, ...)`` at even distances along the line, counter-clockwise, in the frame of the T's centroid."""

    places: np.ndarray  # (C, 2) m, of the pusher's centre
    shifts: np.ndarray  # (C, 2) m by which the centroid moves for each metre that the pusher moves straight at the T
    turns: np.ndarray  # (C,) rad by which the T turns for each such metre
    edge_shifts: np.ndarray  # (C, 2) m by which the middle of the bar's outer edge moves for each such metre
    tips: np.ndarray  # (8, 2) m, the corners of the T
    sweeps: np.ndarray  # (C, 8, 2) m by which these move for each such metre
    spacing: float  # m from each place to the next
    directions: np.ndarray  # (D + 1,) rad, increasing by a full turn
    numbers: np.ndarray  # (D + 1,) where on the line these directions are: 0 at the first place, C at the first again

    def along(self, points: np.ndarray) -> np.ndarray:
        """Where on the line ``points (..., 2)`` are, seen from the centroid: ``(...)``, in [0, C)."""
        direction = np.arctan2(points[..., 1], points[..., 0])
        first = self.directions[0]
        number = np.interp((direction - first) % (2 * np.pi) + first, self.directions, self.numbers)
        return number % len(self.places)


@functools.cache
def contacts(pusher: float) -> Contacts:
    """All places for a pusher of this radius, m."""
    directions = np.linspace(-np.pi, np.pi, _DIRECTIONS + 1)
    line = _touching(directions, pusher)
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    marks = np.linspace(0.0, way[-1], _CONTACTS, endpoint=False)
    places = _touching(np.interp(marks, way, directions), pusher)
    inward = (_nearest(places) - places) / pusher
    lever = places[:, 0] * inward[:, 1] - places[:, 1] * inward[:, 0]
    give = 1 / (1 + (lever / GYRATION) ** 2)  # how much of the way of the touched point is the centroid's
    spacing = float(way[-1] / _CONTACTS)
    shifts, turns = give[:, None] * inward, give * lever / GYRATION**2
    tips = corners(np.zeros(3)).reshape(-1, 2)
    sweeps, edge_shifts = _moved(tips, shifts, turns), _moved(edge_middles(np.zeros((1, 3))), shifts, turns)[:, 0]
    return Contacts(places, shifts, turns, edge_shifts, tips, sweeps, spacing, directions, way / spacing)


def ways_round(number: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """Length ``(N, C)`` of the shorter way round from places ``number (N,)`` on the line to each of the contacts.

    Args:
        number: in [0, C).
        stretch: ``(N, C)`` m from each contact to the next, counter-clockwise.
    """
    upto = np.concatenate([np.zeros((len(stretch), 1)), np.cumsum(stretch, axis=1)], axis=1)
    low = number.astype(int) % stretch.shape[1]
    rows = np.arange(len(stretch))
    here = upto[rows, low] + (number - low) * stretch[rows, low]
    one = np.abs(upto[:, :-1] - here[:, None])
    return np.minimum(one, upto[:, -1:] - one)


def _moved(points: np.ndarray, shifts: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """How ``points (P, 2)`` of the T move ``(C, P, 2)`` with its centroid's shifts and its turns."""
    return shifts[:, None] + turns[:, None, None] * np.stack([-points[:, 1], points[:, 0]], axis=1)


def _touching(directions: np.ndarray, pusher: float) -> np.ndarray:
    """Where ``(N, 2)`` in ``directions (N,)`` from the centroid a pusher touches the T at the origin."""
    unit = np.stack([np.cos(directions), np.sin(directions)], axis=1)
    low, high = np.zeros(len(unit)), np.full(len(unit), _FARTHEST)
    poses = np.zeros((len(unit), 3))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        inside = clearances(middle[:, None] * unit, poses) < pusher
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return high[:, None] * unit


def _nearest(points: np.ndarray) -> np.ndarray:
    """The point ``(N, 2)`` of the T at the origin that is nearest to each of ``points (N, 2)``."""
    on_each = np.clip(points[:, None], RECTANGLES[:, :2] - RECTANGLES[:, 2:], RECTANGLES[:, :2] + RECTANGLES[:, 2:])
    gaps = np.linalg.norm(points[:, None] - on_each, axis=-1)
    return on_each[np.arange(len(points)), gaps.argmin(axis=1)]
