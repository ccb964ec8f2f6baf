"""Shortest collision-free paths of a disc among unit wall cells.

The disc's centre moves in the plane outside the walls grown by the radius. A shortest path there is straight
except where it turns round a convex wall corner, so the visibility graph over points on those corners' arcs holds
it. An arc is replaced by a few points just outside it, which makes a turn of 90 degrees 1 cm too long.
"""

import functools
from collections.abc import Callable

import numpy as np

_ARC_POINTS = 3  # for each convex corner
_SLACK = 1e-6  # m; paths may touch what they go round
_CHUNK = 4  # origins handled at once, to bound the memory


class FreeSpace:
    """Where the centre of a disc of ``radius`` (m) can be, and how far its places are apart.

    Args:
        wall: bool (rows, columns); row 0 is at the top (largest y), the lower left corner of the grid is (0, 0).
        radius: m, less than half a cell.
    """

    def __init__(self, wall: np.ndarray, radius: float) -> None:
        self.radius = radius
        self._walls = wall_boxes(wall)  # (W, 4): x0, y0, x1, y1
        self._corners, nodes = _convex_corners(wall, radius)
        # Walls grown along x, grown along y, and discs round the corners: together, walls grown all round.
        by = radius - _SLACK
        wide = self._walls + np.array([-by, _SLACK, by, -_SLACK])
        tall = self._walls + np.array([_SLACK, -by, -_SLACK, by])
        self._obstacles: list[Callable[[np.ndarray, np.ndarray], np.ndarray]] = [
            functools.partial(_meets_boxes, wide),
            functools.partial(_meets_boxes, tall),
            self._meets_corners,
        ]
        self._nodes = nodes[self.clearance(nodes) >= radius - _SLACK]
        self._between = _all_pairs(self._hops(self._nodes, self._nodes))
        self._to_targets = functools.lru_cache(maxsize=64)(self._from_bytes)

    def clearance(self, points: np.ndarray) -> np.ndarray:
        """Distance (m) of each of ``points (N, 2)`` to the nearest wall, 0 inside one: ``(N,)``."""
        return np.linalg.norm(points - self._nearest_on_walls(points), axis=-1)

    def distances(self, points: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Length (m) of the shortest path from each of ``points (N, 2)`` to ``goal (2,)``: ``(N,)``.

        Points that press into a wall count from the nearest free place; the path length is inf where there is none.
        """
        points, goal = self._freed(points), self._freed(goal[None])[0]
        targets = np.concatenate([goal[None], self._nodes])
        return (self._hops(points, targets) + self._to_targets(goal.tobytes())).min(axis=1)

    def _from_bytes(self, goal: bytes) -> np.ndarray:
        """Path lengths to a goal from itself and from every corner point: ``(1 + K,)``; bytes can be cached."""
        last = self._hops(self._nodes, np.frombuffer(goal)[None])[:, 0]
        return np.concatenate([[0.0], (self._between + last).min(axis=1)]) if len(last) else np.zeros(1)

    def _freed(self, points: np.ndarray) -> np.ndarray:
        """``points (N, 2)`` pushed out of the grown walls (a simulated contact gives way by millimetres)."""
        points = np.array(points, np.float64)
        for _ in range(4):
            nearest = self._nearest_on_walls(points)
            away = points - nearest
            gap = np.linalg.norm(away, axis=-1, keepdims=True)
            pressing = (gap < self.radius - _SLACK)[:, 0]
            if not pressing.any():
                break
            moved = nearest + away / np.maximum(gap, 1e-9) * self.radius
            points[pressing] = moved[pressing]
        return points

    def _nearest_on_walls(self, points: np.ndarray) -> np.ndarray:
        low, high = self._walls[None, :, :2], self._walls[None, :, 2:]
        on_each = np.clip(points[:, None], low, high)
        gaps = np.linalg.norm(points[:, None] - on_each, axis=-1)
        return on_each[np.arange(len(points)), gaps.argmin(axis=1)]

    def _hops(self, origins: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Straight distances (m) ``(N, M)``, inf where a wall is in the way."""
        out = np.empty((len(origins), len(targets)))
        for first in range(0, len(origins), _CHUNK):
            some = origins[first : first + _CHUNK]
            start = np.repeat(some, len(targets), axis=0)
            along = np.tile(targets, (len(some), 1)) - start
            lengths = np.where(self._clear(start, along), np.linalg.norm(along, axis=-1), np.inf)
            out[first : first + _CHUNK] = lengths.reshape(len(some), len(targets))
        return out

    def _clear(self, start: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Whether the segments from ``start (L, 2)`` to ``start + along`` keep the radius away from all walls."""
        clear = np.ones(len(start), bool)
        for crossed in self._obstacles:
            left = np.flatnonzero(clear)  # each kind of obstacle is asked only about what the others let pass
            clear[left] = ~crossed(start[left], along[left]).any(axis=1)
        return clear

    def _meets_corners(self, start: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Which segments ``(L, 2)`` come nearer to which convex corners than the radius: bool ``(L, C)``."""
        x, y = (self._corners[:, axis] - start[:, axis, None] for axis in (0, 1))
        dx, dy = along[:, :1], along[:, 1:]
        share = np.clip((x * dx + y * dy) / np.maximum(dx**2 + dy**2, 1e-300), 0.0, 1.0)
        return (x - share * dx) ** 2 + (y - share * dy) ** 2 < (self.radius - _SLACK) ** 2


def _meets_boxes(boxes: np.ndarray, start: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Which segments ``(L, 2)`` pass through the inside of which ``boxes (W, 4)``: bool ``(L, W)``."""
    first = np.zeros((len(start), len(boxes)))  # the share of the segment that is inside the slabs seen so far
    last = np.ones_like(first)
    for axis in (0, 1):
        step = along[:, axis, None]
        inverse = 1.0 / np.where(np.abs(step) < 1e-12, 1e-12, step)
        one = (boxes[:, axis] - start[:, axis, None]) * inverse
        other = (boxes[:, axis + 2] - start[:, axis, None]) * inverse
        first = np.maximum(first, np.minimum(one, other))
        last = np.minimum(last, np.maximum(one, other))
    return first < last


def wall_boxes(wall: np.ndarray) -> np.ndarray:
    """The wall cells as few rectangles ``(W, 4)``: x0, y0, x1, y1 in m; each cell is in exactly one."""
    rows, columns = wall.shape
    left = wall.copy()
    boxes = []
    for row in range(rows):
        for column in range(columns):
            if not left[row, column]:
                continue
            right = column
            while right < columns and left[row, right]:
                right += 1
            bottom = row + 1
            while bottom < rows and left[bottom, column:right].all():
                bottom += 1
            left[row:bottom, column:right] = False
            boxes.append((column, rows - bottom, right, rows - row))
    return np.array(boxes, np.float64)


def _convex_corners(wall: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners ``(C, 2)`` that stick out into free space, and the points ``(K, 2)`` by which paths turn round them."""
    rows, columns = wall.shape
    quarter = np.pi / 2
    angles = (np.arange(_ARC_POINTS) + 0.5) / _ARC_POINTS * quarter
    # Tangents to the arc meet outside it, so that the path between neighbouring points clears the corner.
    reach = radius / np.cos(quarter / _ARC_POINTS / 2)
    corners, nodes = [], []
    for row in range(1, rows):
        for column in range(1, columns):
            corner = np.array([column, rows - row], np.float64)
            # The four cells round the corner, each with the angle at which the opposite quadrant begins.
            around = [
                (wall[row, column - 1], 0.0),  # lower left
                (wall[row, column], quarter),  # lower right
                (wall[row - 1, column], 2 * quarter),  # upper right
                (wall[row - 1, column - 1], 3 * quarter),  # upper left
            ]
            if sum(bool(solid) for solid, _ in around) != 1:
                continue
            begin = next(angle for solid, angle in around if solid)
            corners.append(corner)
            nodes += [corner + reach * np.array([np.cos(begin + a), np.sin(begin + a)]) for a in angles]
    return np.array(corners).reshape(-1, 2), np.array(nodes).reshape(-1, 2)


def _all_pairs(hops: np.ndarray) -> np.ndarray:
    """Shortest path lengths ``(K, K)`` from direct ones (Floyd and Warshall)."""
    lengths = hops.copy()
    np.fill_diagonal(lengths, 0.0)
    for middle in range(len(lengths)):
        np.minimum(lengths, lengths[:, middle, None] + lengths[None, middle], out=lengths)
    return lengths
