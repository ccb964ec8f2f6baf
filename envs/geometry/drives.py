"""How far a car has to drive among walls, its shape and its turning circle respected.

A search from the goal drives short arcs at full lock and straight on, forwards and in reverse, and keeps the first
pose that comes into each cell of a grid of poses: the "hybrid state" of D. Dolgov et al., "Practical Search Techniques
in Path Planning for Autonomous Driving" (2008). All its drives are possible ones; they are seldom the very shortest.
"""

import functools

import numpy as np

from envs.geometry.geodesics import FreeSpace

# Coarser cells lose goals: where a tight place leaves the car less room than a step is long, the search ends at once.
_CELL = 0.1  # m
_HEADINGS = 64  # in a full turn; an arc of the search turns by one
_FIELD = 0.05  # m between the places whose clearance is known
_GAP = 0.02  # m that the outline keeps from walls


class Drives:
    """Lengths of drives on one floor.

    Args:
        size: (width, height) of the floor, m; its lower left corner is (0, 0).
        outline: points (P, 2) round the car, x ahead, as seen from the middle of its rear axle, m.
        radius: of the tightest turn of that point, m.
    """

    def __init__(self, space: FreeSpace, size: tuple[int, int], outline: np.ndarray, radius: float) -> None:
        self._outline = outline
        self._shape = (round(size[0] / _CELL), round(size[1] / _CELL), _HEADINGS)
        self._step = 2 * np.pi / _HEADINGS * radius  # m
        self._moves = _moves(self._step, radius)
        columns, rows = (round(side / _FIELD) for side in size)
        places = (np.stack(np.meshgrid(range(columns), range(rows), indexing="ij"), axis=-1) + 0.5) * _FIELD
        self._open = space.clearance(places.reshape(-1, 2)).reshape(columns, rows) >= _GAP
        self._to = functools.lru_cache(maxsize=8)(self._search)  # 5 MB each

    def lengths(self, poses: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Length (m) ``(N,)`` of a short drive from each of ``poses (N, 3)`` to the pose ``goal (3,)``.

        Poses are x and y of the rear axle's middle (m) and heading (rad). The lengths are mostly
        up to a quarter of a metre too long; poses inside walls have lengths, too, which grow inwards.
        """
        table = self._to(np.asarray(goal, np.float64).tobytes())
        at = self._in_cells(poses) - 0.5
        low = np.floor(at).astype(int)
        share = at - low
        result = np.zeros(len(poses))
        for corner in np.ndindex(2, 2, 2):
            x, y, heading = (low + corner).T
            weight = np.where(corner, share, 1 - share).prod(axis=1)
            x, y = np.clip(x, 0, self._shape[0] - 1), np.clip(y, 0, self._shape[1] - 1)
            result += weight * table[x, y, heading % _HEADINGS]
        return result

    def _search(self, goal: bytes) -> np.ndarray:
        """The table of lengths ``(columns, rows, headings)`` to a goal given as bytes, which can be cached."""
        table = np.full(self._shape, np.inf)
        edge, driven = np.frombuffer(goal)[None], 0.0
        table.flat[self._cells(edge)] = 0.0
        while len(edge):
            driven += self._step
            cosine, sine = np.cos(edge[:, None, 2]), np.sin(edge[:, None, 2])
            ahead, left, turn = self._moves.T
            edge = np.stack(
                [
                    edge[:, None, 0] + cosine * ahead - sine * left,
                    edge[:, None, 1] + sine * ahead + cosine * left,
                    edge[:, None, 2] + turn,
                ],
                axis=-1,
            ).reshape(-1, 3)
            edge = edge[np.isinf(table.flat[self._cells(edge)])]
            edge = edge[self._free(edge)]
            cells, first = np.unique(self._cells(edge), return_index=True)
            edge = edge[first]
            table.flat[cells] = driven
        return _filled(table, self._step)

    def _in_cells(self, poses: np.ndarray) -> np.ndarray:
        return poses / [_CELL, _CELL, 2 * np.pi / _HEADINGS]

    def _cells(self, poses: np.ndarray) -> np.ndarray:
        """Which cell each of ``poses (N, 3)`` is in, as a flat index."""
        x, y, heading = np.floor(self._in_cells(poses)).astype(int).T
        return np.ravel_multi_index((x, y, heading % _HEADINGS), self._shape, mode="clip")

    def _free(self, poses: np.ndarray) -> np.ndarray:
        """Whether the car's outline at each of ``poses (N, 3)`` is clear of the walls."""
        cosine, sine = np.cos(poses[:, 2:]), np.sin(poses[:, 2:])
        ahead, left = self._outline.T
        x = ((poses[:, :1] + cosine * ahead - sine * left) / _FIELD).astype(int)
        y = ((poses[:, 1:2] + sine * ahead + cosine * left) / _FIELD).astype(int)
        columns, rows = self._open.shape
        return self._open[np.clip(x, 0, columns - 1), np.clip(y, 0, rows - 1)].all(axis=1)


def _moves(step: float, radius: float) -> np.ndarray:
    """Where arcs of ``step`` m lead, as seen from their beginning: ahead, left (m) and turn (rad) ``(6, 3)``."""
    turn = step / radius
    ahead, left = radius * np.sin(turn), radius * (1 - np.cos(turn))
    return np.array(
        [[way * ahead, side * left, way * side * turn] for way in (1, -1) for side in (1, -1)]
        + [[way * step, 0.0, 0.0] for way in (1, -1)]
    )


def _filled(table: np.ndarray, step: float) -> np.ndarray:
    """The table with cells that no drive reaches one ``step`` above their least neighbour, from the edge inwards."""
    if np.isinf(table).all():
        return table
    while np.isinf(table).any():
        least = np.full_like(table, np.inf)
        for axis in range(3):
            for shift in (1, -1):
                np.minimum(least, np.roll(table, shift, axis), out=least)
        table = np.where(np.isinf(table), least + step, table)
    return table
