"""Car: steering and throttle, a turning circle and a reverse gear, in a lot with an island and parking bays.

Two real wheels carry the car, one in the middle of each axle: they roll on the floor and hold it by friction. The
front one is steered, the rear one driven; that is the bicycle that stands for a car in the textbooks, and it saves the
four wheels that people see from working against each other in a curve.
"""

import functools
from typing import Any

import numpy as np

from envs.geometry.drives import Drives
from envs.geometry.places import PlaceTask, free_space
from envs.geometry.reeds_shepp import drive_lengths
from envs.quantities import Quantity, part
from envs.simulation.mjcf import Parts, build_scene
from envs.simulation.scene import Scene
from envs.task import Search, Task
from envs.worlds.mazes import floor_view, parse_layout, wall_geoms

LENGTH, WIDTH = 1.5, 0.76  # m
WHEELBASE = 0.9  # m, from axle to axle; the car's middle lies between them
LOCK = 0.6  # rad, the wheel turned as far as it goes
TURNING_RADIUS = WHEELBASE / np.tan(LOCK)  # m, of the tightest turn of the rear axle's middle
TOP_SPEED = 2.0  # m/s, forwards and in reverse
TOLERANCE = 0.3  # m

LOT = (
    "##########",
    "#        #",
    "#        #",
    "#  ####  #",
    "#        #",
    "#        #",
    "#        #",
    "#  #  #  #",
    "#  #  #  #",
    "##########",
)

_WHEEL = 0.16  # m, radius of a wheel
_MASS, _WHEEL_MASS = 18.0, 1.0  # kg; the car without its wheels, a wheel
_FORCE = 80.0  # N at full throttle; 40 N s/m of rolling resistance, so a time constant of 0.5 s
_SPRING, _DAMPER = 60.0, 4.0  # N m/rad and N m s/rad of the steering: where it is told to be within 0.1 s
_GRAVITY = 9.81  # m/s2
_TIMESTEP, _SUBSTEPS = 0.02, 5  # s; rolling is smooth, and half as many steps make imagining twice as fast
_GAP = 0.06  # m that a sampled car keeps from walls
_ROUGHNESS = 0.3  # m by which the lengths of drives round walls may be too long
_NEARBY = 0.25  # share of goals that ask for a manoeuvre on the spot
_PLACE, _HEADING = 1.0, 0.8  # m along each axis and rad, how far such a goal is from the start at most


def build_car(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of the car."""
    wall = parse_layout("\n".join(LOT))
    return build_scene(_parts(wall), floor_view(wall), spec["frame_size"]), CarTask(wall)


class CarTask(PlaceTask):
    """Park: bring the car's middle to within 0.3 m of a place and its heading to within 0.23 rad (13 degrees).

    The distance (m) is the least that a car of this turning circle must drive: the larger of the shortest way of its
    middle round the walls and of turning radius times heading error. Both tolerances are the same 0.3 m of it. The
    drive itself is often longer, as a car does not move sideways; see `guidance`.

    States are x, y, height (m) and heading (rad, without bound) of the car's middle, the angles (rad) of the rear
    wheel, of the steering and of the front wheel, then the velocities of these seven.
    """

    tolerance = TOLERANCE
    speed = TOP_SPEED * _TIMESTEP * _SUBSTEPS
    search = Search(horizon=16, samples=32)
    quantities = (
        Quantity("position", "m", "of its middle", part(0, 2), TOLERANCE),
        Quantity("heading", "rad", "which way it faces", part(3, 4), TOLERANCE / TURNING_RADIUS, turns=True),
        Quantity("velocity", "m/s", "of its middle", part(7, 9)),
        Quantity("turning", "rad/s", "how fast it turns", part(10, 11)),
    )

    def __init__(self, wall: np.ndarray) -> None:
        super().__init__(wall, WIDTH / 2, 150)
        self._wall = wall

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """Any pose that touches no wall; ``moving`` at any speed with any steering; see `Task.sample_state`."""
        while True:
            pose = np.array([*self.sample_place(rng), rng.uniform(-np.pi, np.pi)])
            if self._fits(pose):
                break
        speed, lock = rng.uniform((-TOP_SPEED, -LOCK), (TOP_SPEED, LOCK)) if moving else (0.0, 0.0)
        return _rolling(pose, speed, lock)

    def sample_goal(self, rng: np.random.Generator, start: np.ndarray) -> np.ndarray:
        """Any pose at rest; one in four is near the start, as few others are, for those who ask for short drives."""
        if rng.random() < _NEARBY:
            pose = start[[0, 1, 3]] + rng.uniform(-1, 1, 3) * [_PLACE, _PLACE, _HEADING]
            if self._fits(pose):
                return _rolling(pose, 0.0, 0.0)
        return self.sample_state(rng)

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """The larger of way and turn, m; see `Task.distances`."""
        states, goal = np.asarray(states, np.float64), np.asarray(goal, np.float64)
        turn = np.abs((states[:, 3] - goal[3] + np.pi) % (2 * np.pi) - np.pi)
        return np.maximum(super().distances(states, goal), TURNING_RADIUS * turn)

    def success(self, state: np.ndarray, goal: np.ndarray) -> bool:
        """Place and heading within the tolerance."""
        return Task.success(self, state, goal)

    def guidance(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """The shortest drive with all its manoeuvres: exact where nothing is in the way, else roughly."""
        poses, target = _rear_axle(np.asarray(states)), _rear_axle(np.asarray(goal))
        exact = drive_lengths(poses, target, TURNING_RADIUS)
        return np.maximum(exact, self._drives().lengths(poses, target) - _ROUGHNESS)

    def _drives(self) -> Drives:
        return _drives(self._wall.tobytes(), self._wall.shape)

    def _fits(self, pose: np.ndarray) -> bool:
        """Whether the car's outline at ``pose (3,)`` keeps the gap from all walls."""
        ahead = np.array([np.cos(pose[2]), np.sin(pose[2])])
        outline = pose[:2] + _OUTLINE @ np.stack([ahead, [-ahead[1], ahead[0]]])
        # No corner of a wall is sharp enough to reach through between two points and their gaps.
        return bool(self.space.clearance(outline).min() >= _GAP)


def _outline(spacing: float = 0.1) -> np.ndarray:
    """Points ``(P, 2)`` round the car as seen from its middle, x ahead, m; at most ``spacing`` apart."""
    along = np.linspace(-LENGTH / 2, LENGTH / 2, int(np.ceil(LENGTH / spacing)) + 1)
    across = np.linspace(-WIDTH / 2, WIDTH / 2, int(np.ceil(WIDTH / spacing)) + 1)
    sides = [np.stack([along, np.full_like(along, y)], axis=1) for y in (-WIDTH / 2, WIDTH / 2)]
    ends = [np.stack([np.full_like(across, x), across], axis=1) for x in (-LENGTH / 2, LENGTH / 2)]
    return np.concatenate(sides + ends)


_OUTLINE = _outline()


@functools.lru_cache(maxsize=8)
def _drives(cells: bytes, shape: tuple[int, int]) -> Drives:
    """Worlds of one lot share the drives, which take a moment to work out."""
    wall = np.frombuffer(cells, bool).reshape(shape)
    outline = _outline(0.2) + np.array([WHEELBASE / 2, 0.0])
    return Drives(free_space(wall, WIDTH / 2), (shape[1], shape[0]), outline, TURNING_RADIUS)


def _rolling(pose: np.ndarray, speed: float, lock: float) -> np.ndarray:
    """The state ``(14,)`` at ``pose (3,)`` whose rear wheel rolls at ``speed`` m/s, the steering at ``lock`` rad."""
    heading, turning = pose[2], speed * np.tan(lock) / WHEELBASE
    ahead = np.array([np.cos(heading), np.sin(heading)])
    velocity = speed * ahead + turning * WHEELBASE / 2 * np.array([-ahead[1], ahead[0]])
    rear, front = speed / _WHEEL, speed / np.cos(lock) / _WHEEL
    return np.array([*pose[:2], 0.0, heading, 0.0, lock, 0.0, *velocity, 0.0, turning, rear, 0.0, front])


def _rear_axle(states: np.ndarray) -> np.ndarray:
    """Pose ``(..., 3)`` of the rear axle's middle in ``states (..., S)``."""
    heading = states[..., 3]
    back = WHEELBASE / 2 * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    return np.concatenate([states[..., :2] - back, heading[..., None]], axis=-1)


_ASSETS = """
    <material name="floor" rgba="0.93 0.93 0.91 1" specular="0.1"/>
    <material name="wall" rgba="0.27 0.32 0.40 1" specular="0.1"/>
    <material name="body" rgba="0.95 0.42 0.08 1" specular="0.4"/>
    <material name="glass" rgba="0.10 0.20 0.60 1" specular="0.6"/>
    <material name="tyre" rgba="0.12 0.12 0.13 1" specular="0.1"/>"""


def _parts(wall: np.ndarray) -> Parts:
    rows, columns = wall.shape
    shown = 'contype="0" conaffinity="0" mass="0"'
    # Walls meet the hull only, the floor the two wheels only.
    floor = (
        f'<geom type="plane" material="floor" size="{columns} {rows} 1" pos="{columns / 2} {rows / 2} 0" '
        'contype="0" conaffinity="2"/>'
    )
    tyres = "".join(
        f'<geom type="cylinder" material="tyre" size="{_WHEEL} 0.06" pos="0 {y} 0" euler="{np.pi / 2} 0 0" {shown}/>'
        for y in (0.34, -0.34)
    )
    resistance = _FORCE / TOP_SPEED * _WHEEL**2 / 2
    rolls = (
        f'type="hinge" axis="0 1 0" damping="{resistance}" armature="0.005"/>'
        f'<geom type="sphere" size="{_WHEEL}" mass="{_WHEEL_MASS}" group="3" contype="2" conaffinity="0"/>'
    )
    bodies = f"""
    {floor}
    {wall_geoms(wall)}
    <body name="car" pos="0 0 {_WHEEL}">
      <joint name="x" type="slide" axis="1 0 0"/>
      <joint name="y" type="slide" axis="0 1 0"/>
      <joint name="height" type="slide" axis="0 0 1"/>
      <joint name="heading" type="hinge" axis="0 0 1"/>
      <inertial pos="0 0 0.1" mass="{_MASS}" diaginertia="1 3.5 4"/>
      <geom name="hull" type="box" material="body" size="{LENGTH / 2} {WIDTH / 2} 0.12" pos="0 0 0.1" mass="0"
        contype="1" conaffinity="1" condim="1"/>
      <geom type="box" material="glass" size="0.13 0.3 0.08" pos="0.3 0 0.2" {shown}/>
      <body name="rear" pos="{-WHEELBASE / 2} 0 0">
        {tyres}
        <body name="driven"><joint name="rear" {rolls}</body>
      </body>
      <body name="front" pos="{WHEELBASE / 2} 0 0">
        <joint name="steering" type="hinge" axis="0 0 1" armature="0.05"/>
        <inertial pos="0 0 0" mass="0.1" diaginertia="0.001 0.001 0.001"/>
        {tyres}
        <body name="steered"><joint name="front" {rolls}</body>
      </body>
    </body>"""
    actuators = f"""
    <position joint="steering" kp="{_SPRING}" kv="{_DAMPER}" ctrlrange="{-LOCK} {LOCK}"/>
    <motor joint="rear" gear="{_FORCE * _WHEEL}" ctrlrange="-1 1"/>"""
    # An elliptic cone does not press a sliding wheel upwards.
    options = 'cone="elliptic" impratio="10"'
    return Parts(_ASSETS, bodies, actuators, "", _GRAVITY, _TIMESTEP, _SUBSTEPS, options)
