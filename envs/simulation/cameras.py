"""Where the cameras stand. A world has one point of view, drawn plainly for training and well for people."""

import math
from dataclasses import dataclass

import numpy as np

CAMERAS = ("train", "people")
PEOPLE_SIZE = 256  # pixels

_FAR = 10.0  # m; without perspective any distance gives the same picture


@dataclass(frozen=True)
class View:
    """The square that both cameras see; by default from straight above and without perspective.

    Without perspective a metre is as many pixels everywhere in a frame.
    """

    centre: tuple[float, float, float]  # m, the middle of the picture
    extent: float  # side of the square at the centre, m
    azimuth: float = 90.0  # degrees: the direction of sight in the plane; 90 looks along y, x to the right
    elevation: float = -90.0  # degrees: -90 looks straight down
    perspective: float = 0.0  # vertical angle of sight, degrees; 0: none

    @property
    def distance(self) -> float:
        """From the camera to the centre, m."""
        return self.extent / 2 / math.tan(math.radians(self.perspective) / 2) if self.perspective else _FAR

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors ``(3,)``: to the right of the picture, up in it, and into it."""
        azimuth, elevation = math.radians(self.azimuth), math.radians(self.elevation)
        level = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
        into = math.cos(elevation) * level + np.array([0.0, 0.0, math.sin(elevation)])
        right = np.array([math.sin(azimuth), -math.cos(azimuth), 0.0])
        return right, np.cross(right, into), into

    def pixels(self, points: np.ndarray, size: int) -> np.ndarray:
        """Where ``points (..., 3)`` (m) are in a frame of ``size`` pixels: x to the right, y down, ``(..., 2)``.

        Points ``(..., 2)`` lie in the plane at the height of the centre.
        """
        points = np.asarray(points, np.float64)
        offset = points - np.array(self.centre)[: points.shape[-1]]
        right, up, into = (axis[: points.shape[-1]] for axis in self.axes())
        across = np.stack([offset @ right, -(offset @ up)], axis=-1) / self.extent
        if self.perspective:
            across /= (1.0 + offset @ into / self.distance)[..., None]
        return (across + 0.5) * size

    def mjcf(self) -> str:
        """The MJCF element of the camera "view"."""
        right, up, into = self.axes()
        place = _numbers(np.array(self.centre) - self.distance * into)
        axes = _numbers(np.concatenate([right, up]))
        kind = f'fovy="{self.perspective}"' if self.perspective else f'projection="orthographic" fovy="{self.extent}"'
        return f'<camera name="view" pos="{place}" xyaxes="{axes}" {kind}/>'


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{round(float(value), 12):.12g}" for value in values)
