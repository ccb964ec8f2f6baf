"""Rover: a robot on two driven wheels that finds its way through rooms with doorways.

The wheels are real: they turn on the floor and hold it by friction, so that the robot rolls where it heads and turns
by a difference of its wheels' speeds. The body slides up and down without tilting, which lets its weight press the
wheels to the floor.
"""

from typing import Any

import numpy as np

from envs.geometry.places import PlaceTask
from envs.play.policies import Play, RandomPlay
from envs.quantities import Quantity, part
from envs.simulation.mjcf import Parts, build_scene
from envs.simulation.scene import Scene
from envs.task import Search, Task
from envs.worlds.mazes import floor_view, parse_layout, wall_geoms

RADIUS = 0.4  # m, of the body; doorways are 1 m wide
TRACK = 0.56  # m between the wheels
TOP_SPEED = 1.5  # m/s of a wheel on the floor
TOLERANCE = 0.25  # m

ROOMS = (
    "#########",
    "#   #   #",
    "#       #",
    "#   #   #",
    "## ### ##",
    "#   #   #",
    "#   #   #",
    "#   #   #",
    "#########",
)

_ANGLE_TOLERANCE = 0.2  # rad, where a goal asks for the heading
_WHEEL = 0.15  # m, radius of a wheel
_MASS, _WHEEL_MASS = 8.0, 0.5  # kg
_ARMATURE = 0.01  # kg m2, the motors' rotors
# N m s/rad, how hard a motor holds its speed: time constants of 0.3 s ahead and 0.25 s round.
_GRIP = 0.35
_GRAVITY = 9.81  # m/s2
_TIMESTEP, _SUBSTEPS = 0.02, 5  # s; rolling is smooth, and half as many steps make imagining twice as fast
_TURNING = 0.45  # of play's full speed, what goes into turning; with more it spins on the spot


def build_rover(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of the rover."""
    wall = parse_layout("\n".join(ROOMS))
    return build_scene(_parts(wall), floor_view(wall), spec["frame_size"]), RoverTask(wall)


class RoverTask(PlaceTask):
    """Bring the robot to within 0.25 m of a place, whichever way it then heads.

    States are x, y, height (m) and heading (rad, without bound) of the body, the angles of the left and the right
    wheel (rad), then the velocities of these six.
    """

    tolerance = TOLERANCE
    speed = TOP_SPEED * _TIMESTEP * _SUBSTEPS
    search = Search(samples=32)
    quantities = (
        Quantity("position", "m", "of its middle", part(0, 2), TOLERANCE),
        Quantity("heading", "rad", "which way it faces, from the x axis", part(3, 4), _ANGLE_TOLERANCE, turns=True),
        Quantity("velocity", "m/s", "of its middle", part(6, 8)),
        Quantity("turning", "rad/s", "how fast it turns", part(9, 10)),
    )

    def __init__(self, wall: np.ndarray) -> None:
        super().__init__(wall, RADIUS, 200)

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """A free place and any heading; ``moving`` the wheels roll at any two speeds; see `Task.sample_state`."""
        place, heading = self.sample_place(rng), rng.uniform(-np.pi, np.pi)
        wheels = rng.uniform(-TOP_SPEED, TOP_SPEED, 2) if moving else np.zeros(2)
        ahead, turning = wheels.mean(), (wheels[1] - wheels[0]) / TRACK
        velocity = [ahead * np.cos(heading), ahead * np.sin(heading), 0.0, turning]
        return np.concatenate([place, [0.0, heading, 0.0, 0.0], velocity, wheels / _WHEEL])

    def play(self, action_dim: int, rng: np.random.Generator) -> Play:
        """Smooth noise ahead and round instead of left and right; see `Task.play`."""
        return _Wander(RandomPlay(action_dim, rng))


class _Wander:
    """Random play that mostly drives: the wheels' speeds are made of one to go ahead and a smaller one to turn."""

    def __init__(self, noise: RandomPlay) -> None:
        self._noise = noise

    def act(self, state: np.ndarray) -> np.ndarray:
        ahead, turn = self._noise.act(state)
        wheels = (1.0 - _TURNING * abs(turn)) * ahead + _TURNING * turn * np.array([-1.0, 1.0])
        return wheels.astype(np.float32)


def _parts(wall: np.ndarray) -> Parts:
    rows, columns = wall.shape
    assets = """
    <material name="floor" rgba="0.93 0.93 0.91 1" specular="0.1"/>
    <material name="wall" rgba="0.27 0.32 0.40 1" specular="0.1"/>
    <material name="body" rgba="0.95 0.42 0.08 1" specular="0.4"/>
    <material name="nose" rgba="0.10 0.35 0.90 1" specular="0.4"/>
    <material name="tyre" rgba="0.12 0.12 0.13 1" specular="0.1"/>"""
    # Walls meet the round hull only, the floor the wheels only.
    floor = (
        f'<geom type="plane" material="floor" size="{columns} {rows} 1" pos="{columns / 2} {rows / 2} 0" '
        'contype="0" conaffinity="2"/>'
    )
    shown = 'contype="0" conaffinity="0" mass="0"'
    wheels = "".join(
        f"""
      <body name="{side}" pos="0 {y} 0">
        <joint name="{side}" type="hinge" axis="0 1 0" armature="{_ARMATURE}"/>
        <geom type="sphere" size="{_WHEEL}" mass="{_WHEEL_MASS}" group="3" contype="2" conaffinity="0"/>
        <geom type="cylinder" material="tyre" size="{_WHEEL} 0.06" euler="{np.pi / 2} 0 0" {shown}/>
      </body>"""
        for side, y in (("left", TRACK / 2), ("right", -TRACK / 2))
    )
    bodies = f"""
    {floor}
    {wall_geoms(wall)}
    <body name="rover" pos="0 0 {_WHEEL}">
      <joint name="x" type="slide" axis="1 0 0"/>
      <joint name="y" type="slide" axis="0 1 0"/>
      <joint name="height" type="slide" axis="0 0 1"/>
      <joint name="heading" type="hinge" axis="0 0 1"/>
      <inertial pos="0 0 0.1" mass="{_MASS}" diaginertia="0.3 0.3 0.5"/>
      <geom name="hull" type="sphere" size="{RADIUS}" pos="0 0 0.1" group="3" contype="1" conaffinity="1" condim="1"/>
      <geom type="cylinder" material="body" size="{RADIUS} 0.05" pos="0 0 0.02" {shown}/>
      <geom type="box" material="nose" size="0.1 0.19 0.08" pos="0.27 0 0.05" {shown}/>{wheels}
    </body>"""
    fastest = TOP_SPEED / _WHEEL
    actuators = "".join(
        f'<velocity joint="{side}" kv="{_GRIP}" ctrlrange="{-fastest} {fastest}"/>' for side in ("left", "right")
    )
    # An elliptic cone with stiff friction lets the wheels creep sideways by a thousandth of the speed only.
    options = 'cone="elliptic" impratio="10"'
    return Parts(assets, bodies, actuators, "", _GRAVITY, _TIMESTEP, _SUBSTEPS, options)
