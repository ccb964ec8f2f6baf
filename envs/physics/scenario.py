"""What a scene is: one or two bodies in an upright plane, the laws they obey, what stands there, how it looks."""

import math
from dataclasses import dataclass

Colour = tuple[float, float, float]  # red, green, blue from 0 to 1

FRAMES = 32  # of a clip
DT = 0.05  # s between two frames
HALF = 1.8  # m that the camera sees to the left and to the right of the middle, in the plane of the bodies
BOARD = 0.05  # m, half the thickness of planks and platforms
SHAPES = ("ball", "box", "drum")
# What is expected of things.
PROPERTIES = ("permanence", "continuity", "shape", "colour", "solidity", "gravity", "inertia", "support", "collision")
_SQUARE, _TALL, _THIN = 0.886, 1.2, 0.65  # silhouettes of one area, in radii of the ball
_HEIGHTS = {"ball": 1.0, "box": _SQUARE, "drum": _TALL}
_VOLUMES = {"ball": 4 / 3 * math.pi, "box": 8 * _SQUARE**3, "drum": 2 * math.pi * _TALL * _THIN**2}


@dataclass(frozen=True)
class Mover:
    """A body; places are of its middle."""

    shape: str  # one of SHAPES
    radius: float  # m, of a ball; others have as large a silhouette
    colour: Colour
    place: tuple[float, float]  # m, across and up
    velocity: tuple[float, float] = (0.0, 0.0)  # m/s; a ball begins with the spin of one that rolls
    density: float = 1.0  # kg/m3

    @property
    def half_height(self) -> float:
        """From its middle to what it stands on, m."""
        return self.radius * _HEIGHTS[self.shape]

    @property
    def mass(self) -> float:
        """In kg."""
        return self.density * self.radius**3 * _VOLUMES[self.shape]

    def geom(self) -> tuple[str, tuple[float, ...]]:
        """MuJoCo's name of the shape, and its sizes."""
        if self.shape == "ball":
            return "sphere", (self.radius,)
        sizes = (_SQUARE, _SQUARE, _SQUARE) if self.shape == "box" else (_THIN, _TALL)
        return "box" if self.shape == "box" else "cylinder", tuple(self.radius * size for size in sizes)


@dataclass(frozen=True)
class Law:
    """What the bodies obey."""

    gravity: float = 5.0  # m/s2
    friction: float = 0.3  # coefficient, of all that slides
    restitution: float = 0.5  # speed after a bounce, as a share of that before
    drag: float = 0.0  # 1/s: share of the speed that is lost in a second


@dataclass(frozen=True)
class Look:
    """Colours, light and where the camera stands."""

    floor: Colour
    wall: Colour
    things: Colour  # platform, plank and gate
    screen: Colour
    light: float  # share of the light that comes from everywhere, the rest from the camera
    turn: float  # degrees that the camera stands to the side
    tilt: float  # degrees that it looks down


@dataclass(frozen=True)
class Scenario:
    """One scene; lengths in m."""

    movers: tuple[Mover, ...]  # two at most
    law: Law
    look: Look
    screens: tuple[tuple[float, float, float], ...] = ()  # across, half width, height: in front, two at most
    rises: int | None = None  # the frame in which the first screen begins to rise, to sink again; None: it stands
    platform: tuple[float, float, float] | None = None  # left, right, top of a level board that carries
    leaves: int | None = None  # the frame in which the platform is drawn back into the wall
    plank: tuple[float, float, float] | None = None  # across and up, of the middle of a board; radians that it falls
    gate: tuple[float, float] | None = None  # where a wall across the way stands, and its lower edge
    rope: tuple[float, float] | None = None  # across and up, where the first body hangs from
    pushes: tuple[float, ...] = ()  # of the first body, between frames, from -1 to 1
    mirror: bool = False  # left and right are exchanged in all that is told and drawn
    kind: str = ""

    def numbers(self) -> tuple[float, ...]:
        """Gravity, friction, mass of the first body, restitution, drag and incline."""
        mass = self.movers[0].mass if self.movers else 0.0
        incline = (-1 if self.mirror else 1) * self.plank[2] if self.plank is not None else 0.0
        return self.law.gravity, self.law.friction, mass, self.law.restitution, self.law.drag, incline
