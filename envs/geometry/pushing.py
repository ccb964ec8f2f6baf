"""What the worlds of pushing share: a walled square seen from above, a round pusher, and where a push begins."""

import numpy as np

from envs.simulation.cameras import View

_WALL = 0.06  # m, how thick and how high the walls are drawn
HEIGHT = 0.06  # m, of everything that moves
FLAT = 'contype="0" conaffinity="0"'  # is drawn, touches nothing

ASSETS = """
    <material name="floor" rgba="0.93 0.93 0.91 1" specular="0.1"/>
    <material name="wall" rgba="0.27 0.32 0.40 1" specular="0.1"/>
    <material name="pusher" rgba="0.13 0.36 0.75 1" specular="0.4"/>
    <material name="object" rgba="0.95 0.42 0.08 1" specular="0.4"/>"""


def arena_view(half: float) -> View:
    """The square of ``2 * half`` m round the origin and a margin in which its walls are seen."""
    return View((0.0, 0.0, 0.0), 2 * half + _WALL)


def arena_bodies(half: float, contact: str) -> str:
    """MJCF of a floor and four walls whose inner faces are ``half`` m from the origin.

    What collides are planes, which nothing can pass; the boxes are there to be seen.

    ``contact``: attributes of the walls that collide, e.g. ``solref="0.02 1"``.
    """
    middle, length = half + _WALL / 2, half + _WALL
    parts = [f'<geom type="plane" material="floor" size="{2 * half} {2 * half} 1" {FLAT}/>']
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        size = f"{_WALL / 2} {length}" if x else f"{length} {_WALL / 2}"
        parts.append(
            f'<geom type="box" material="wall" size="{size} {_WALL / 2}" '
            f'pos="{x * middle} {y * middle} {_WALL / 2}" {FLAT}/>'
            f'<geom type="plane" size="1 1 1" pos="{x * half} {y * half} {HEIGHT / 2}" zaxis="{-x} {-y} 0" '
            f'group="3" condim="1" {contact}/>'
        )
    return "\n".join(parts)


def disc_body(name: str, material: str, radius: float, mass: float, damping: float, contact: str) -> str:
    """MJCF of a disc that slides along joints ``NAME_x`` and ``NAME_y`` and is slowed down by a viscous film.

    In the plane a sphere touches whatever a disc of its radius touches, and it is the faster to compute.
    """
    return f"""
    <body name="{name}" pos="0 0 {HEIGHT / 2}">
      <joint name="{name}_x" type="slide" axis="1 0 0" damping="{damping}"/>
      <joint name="{name}_y" type="slide" axis="0 1 0" damping="{damping}"/>
      <geom type="sphere" size="{radius}" mass="{mass}" group="3" condim="1" {contact}/>
      <geom type="cylinder" size="{radius} {HEIGHT / 2}" material="{material}" mass="0" {FLAT}/>
    </body>"""


def push_places(object_places: np.ndarray, goal: np.ndarray, reach: float) -> np.ndarray:
    """Where to push from: behind objects at ``(..., 2)`` as seen from ``goal (2,)``, ``reach`` m from their centres."""
    away = object_places - goal
    length = np.linalg.norm(away, axis=-1, keepdims=True)
    return object_places + reach * away / np.maximum(length, 1e-9)


def around(angle: float) -> np.ndarray:
    """The unit vector ``(2,)`` at ``angle`` rad from the x axis."""
    return np.array([np.cos(angle), np.sin(angle)])
