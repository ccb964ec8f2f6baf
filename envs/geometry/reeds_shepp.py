"""How far a car with reverse gear has to drive from pose to pose where nothing is in the way.

J. A. Reeds and L. A. Shepp, "Optimal paths for a car that goes both forwards and backwards", Pacific Journal of
Mathematics 145 (1990): a shortest path is one of a few words of arcs at the full lock (C) and straight lines (S). Each
function below is one of their formulas (8.1 to 8.11), for a car that begins by driving forwards to the left; the other
words follow by mirroring the plane, by time reversal and by driving the word from its end.
"""

from collections.abc import Callable

import numpy as np

_QUARTER = np.pi / 2
_EPS = 1e-9  # rad; a word's signs may be missed by this much

# x, y and heading of the goal as the car sees it, in units of the turning radius and rad -> length of the word, inf
# where it does not lead there.
_Word = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def drive_lengths(poses: np.ndarray, goal: np.ndarray, radius: float) -> np.ndarray:
    """Length (m) ``(N,)`` of the shortest drive from each of ``poses (N, 3)`` to the pose ``goal (3,)``.

    Args:
        poses: x and y (m) of the point that cannot move sideways, the middle of the rear axle, and heading (rad).
        radius: of the tightest turn of that point, m.
    """
    east, north = (np.asarray(goal, np.float64)[:2] - poses[:, :2]).T / radius
    cosine, sine = np.cos(poses[:, 2]), np.sin(poses[:, 2])
    x, y, heading = cosine * east + sine * north, cosine * north - sine * east, goal[2] - poses[:, 2]
    # Backwards first instead of forwards, to the right instead of to the left, and both.
    x, y, heading = np.stack([x, -x, x, -x]), np.stack([y, y, -y, -y]), np.stack([heading, -heading, -heading, heading])
    heading = _wrapped(heading)
    lengths = [word(x, y, heading) for word in _WORDS]
    cosine, sine = np.cos(heading), np.sin(heading)
    x, y = x * cosine + y * sine, x * sine - y * cosine
    lengths += [word(x, y, heading) for word in _ONE_WAY_WORDS]
    return radius * np.min(lengths, axis=(0, 1))


def _wrapped(angle: np.ndarray) -> np.ndarray:
    """The same angle in [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _polar(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.hypot(x, y), np.arctan2(y, x)


def _length(valid: np.ndarray, *sections: np.ndarray) -> np.ndarray:
    return np.where(valid, sum(np.abs(section) for section in sections), np.inf)


def _left_straight_left(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> np.ndarray:
    u, t = _polar(x - np.sin(heading), y - 1 + np.cos(heading))
    v = _wrapped(heading - t)
    return _length((t >= -_EPS) & (v >= -_EPS), t, u, v)


def _left_straight_right(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> np.ndarray:
    rho, theta = _polar(x + np.sin(heading), y - 1 - np.cos(heading))
    u = np.sqrt(np.maximum(rho**2 - 4, 0))
    t = _wrapped(theta + np.arctan2(2, u))
    v = _wrapped(t - heading)
    return _length((rho >= 2) & (t >= -_EPS) & (v >= -_EPS), t, u, v)


def _left_right_left(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Forwards, backwards, either way."""
    rho, theta = _polar(x - np.sin(heading), y - 1 + np.cos(heading))
    u = -2 * np.arcsin(np.minimum(rho / 4, 1))
    t = _wrapped(theta + u / 2 + np.pi)
    v = _wrapped(heading - t + u)
    return _length((rho <= 4) & (t >= -_EPS), t, u, v)


def _ends(u: np.ndarray, v: np.ndarray, xi: np.ndarray, eta: np.ndarray, heading: np.ndarray) -> tuple[np.ndarray, ...]:
    """First and last arc of a word of four arcs whose middle ones are ``u`` and ``v``."""
    delta = _wrapped(u - v)
    a, b = np.sin(u) - np.sin(delta), np.cos(u) - np.cos(delta) - 1
    angle = np.arctan2(eta * a - xi * b, xi * a + eta * b)
    turned = 2 * (np.cos(delta) - np.cos(v) - np.cos(u)) + 3 < 0
    t = _wrapped(angle + np.where(turned, np.pi, 0.0))
    return t, _wrapped(t - u + v - heading)


def _four_arcs_one_cusp(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> np.ndarray:
    xi, eta = x + np.sin(heading), y - 1 - np.cos(heading)
    rho = (2 + np.hypot(xi, eta)) / 4
    u = np.arccos(np.minimum(rho, 1))
    t, v = _ends(u, -u, xi, eta, heading)
    return _length((rho <= 1) & (t >= -_EPS) & (v <= _EPS), t, u, u, v)


def _four_arcs_two_cusps(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> np.ndarray:
    xi, eta = x + np.sin(heading), y - 1 - np.cos(heading)
    rho = (20 - xi**2 - eta**2) / 16
    u = -np.arccos(np.clip(rho, 0, 1))
    t, v = _ends(u, u, xi, eta, heading)
    return _length((rho >= 0) & (rho <= 1) & (t >= -_EPS) & (v >= -_EPS), t, u, u, v)


def _arcs_straight_left(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Left; backwards a quarter circle right, straight, left."""
    rho, theta = _polar(x - np.sin(heading), y - 1 + np.cos(heading))
    r = np.sqrt(np.maximum(rho**2 - 4, 0))
    u, t = 2 - r, _wrapped(theta + np.arctan2(r, -2))
    v = _wrapped(heading - _QUARTER - t)
    return _length((rho >= 2) & (t >= -_EPS) & (u <= _EPS) & (v <= _EPS), t, u, v, np.full_like(t, _QUARTER))


def _arcs_straight_right(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Left; backwards a quarter circle right, straight, right."""
    rho, t = _polar(1 + np.cos(heading) - y, x + np.sin(heading))
    u, v = 2 - rho, _wrapped(t + _QUARTER - heading)
    return _length((rho >= 2) & (t >= -_EPS) & (v <= _EPS), t, u, v, np.full_like(t, _QUARTER))


def _five_sections(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Left; backwards a quarter circle right, straight, a quarter circle left; right."""
    xi, eta = x + np.sin(heading), y - 1 - np.cos(heading)
    rho = np.hypot(xi, eta)
    u = 4 - np.sqrt(np.maximum(rho**2 - 4, 0))
    t = _wrapped(np.arctan2((4 - u) * xi - 2 * eta, -2 * xi + (u - 4) * eta))
    v = _wrapped(t - heading)
    return _length((rho >= 2) & (u <= _EPS) & (t >= -_EPS) & (v >= -_EPS), t, u, v, np.full_like(t, np.pi))


_ONE_WAY_WORDS: tuple[_Word, ...] = (_left_right_left, _arcs_straight_left, _arcs_straight_right)
_WORDS: tuple[_Word, ...] = (
    _left_straight_left,
    _left_straight_right,
    _four_arcs_one_cusp,
    _four_arcs_two_cusps,
    _five_sections,
    *_ONE_WAY_WORDS,
)
