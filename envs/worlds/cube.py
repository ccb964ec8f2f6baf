"""Cube: an arm with two fingers carries a cube to another place, on the table or above it."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from envs.geometry import robot
from envs.geometry.robot import COARSE, GRIP, JOINTS, OPENING, VIOLET, Places, arm_bodies, assets, places
from envs.play.grasping import GraspPlay, Sight
from envs.play.policies import Play
from envs.quantities import Quantity, part
from envs.simulation.cameras import View
from envs.simulation.mjcf import Parts, build_scene
from envs.simulation.scene import Scene
from envs.task import Search, Task

TOLERANCE = 0.04  # m
TOP_SPEED = 0.3  # m/s of the hand along each axis
HALF = 0.035  # m, half a side of the cube

_TIMESTEP, _SUBSTEPS = 0.02, 5
_TURNING = 1.5  # rad/s of the hand about the vertical
_CLOSING = 0.1  # m/s of each finger
_YAW_LIMIT = 0.6  # rad: beyond that a finger would hide the cube
_STIFF = ("upper_roll", "lower_roll")  # without them the hand's place and yaw fix all angles
_LIMITS = {joint.name: (joint.low, joint.high) for joint in JOINTS} | {
    "turn": (-0.65, 0.65),  # nearer than for the arm alone, so that the hand stays in sight
    "elbow": (1.0, 2.1),
}
_ANGLES = [index for index, joint in enumerate(JOINTS) if joint.name not in _STIFF]
_JOINTS = [
    replace(JOINTS[index], low=low, high=high) for index in _ANGLES for low, high in [_LIMITS[JOINTS[index].name]]
]
_DOF = len(_JOINTS)
_FINGERS, _CUBE, _QPOS = slice(_DOF, _DOF + 2), slice(_DOF + 2, _DOF + 5), _DOF + 9
_STATE = _QPOS + (_DOF + 8) + 1  # positions, velocities, where the fingers are asked to be

_NEAR, _FAR, _ASIDE = 0.40, 0.57, 0.5  # m, m from the arm's axis, and rad: where cubes are put
_MIDDLE = (-0.48, 0.0, 0.1)  # m, of the places in reach
_GRIP_TOLERANCE = 0.01  # m of each finger, where a goal asks for them
_LOWEST, _HIGHEST = 0.04, 0.25  # m, of the place between the fingers
_HELD = 0.25  # share of sampled states in which the hand holds the cube
_ON_TABLE = 0.5  # share of goals
_LIFTED = (0.08, 0.22)  # m, height of the cube's middle in the other goals
_ELEVATION = 38.0  # degrees by which the camera looks down


def build_cube(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of the cube."""
    view = View((-0.40, 0.0, 0.17), 0.90, azimuth=0.0, elevation=-_ELEVATION, perspective=40.0)
    return build_scene(_parts(), view, spec["frame_size"]), CubeTask()


class CubeTask(Task):
    """Bring the cube's middle to within 4 cm of where it is in the goal; where the hand is does not count.

    States: five joint angles (turn, shoulder, elbow, wrist, roll of the hand; rad), how far the two fingers are from
    the middle (m), place (m) and quaternion of the cube; then the velocities of all; last where the fingers are asked
    to be (m). Goals show the hand holding the cube, which it can have carried there.

    Actions: velocity of the hand along x, y and z, its turning about the vertical, and how fast the fingers open (or,
    below 0, close). With all of them 0 the hand stays where it is, and a grip holds.
    """

    unit = "m"
    tolerance = TOLERANCE
    max_steps = 60
    nearest = 3 * TOLERANCE
    farthest = 0.7
    speed = TOP_SPEED * _TIMESTEP * _SUBSTEPS
    search = Search(horizon=8, samples=40, elites=6, iterations=2)
    scripted = True
    quantities = (
        Quantity("cube", "m", "the cube's middle", lambda states: np.asarray(states)[..., _CUBE], TOLERANCE),
        Quantity("hand", "m", "the place between the fingers", lambda states: sight_of(states).grip, TOLERANCE),
        Quantity("opening", "m", "of each finger", lambda states: sight_of(states).opening[..., None], _GRIP_TOLERANCE),
        Quantity("velocity", "rad/s", "of the arm's joints", part(_QPOS, _QPOS + _DOF)),
    )

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """Cube and hand anywhere on and above the table, now and then one in the other; see `Task.sample_state`."""
        if rng.random() < _HELD:
            return held(_somewhere(rng, rng.uniform(HALF, _LIFTED[1])), _yaw(rng))
        cube = _somewhere(rng, HALF)
        hand = _somewhere(rng, rng.uniform(_LOWEST, _HIGHEST))
        while not _apart(hand, cube):
            hand = _somewhere(rng, rng.uniform(_LOWEST, _HIGHEST))
        state = laid(hand, _yaw(rng), rng.uniform(0.0, OPENING), cube, rng.uniform(-math.pi / 4, math.pi / 4))
        if moving:
            turn, shoulder, elbow = np.clip(rng.normal(0.0, 0.25, 3), -0.5, 0.5)
            state[_QPOS : _QPOS + _DOF] = turn, shoulder, elbow, -shoulder - elbow, 0.0  # the hand points down
        return state

    def sample_goal(self, rng: np.random.Generator, start: np.ndarray) -> np.ndarray:
        """The cube in the hand, on the table or lifted."""
        height = HALF if rng.random() < _ON_TABLE else rng.uniform(*_LIFTED)
        return held(_somewhere(rng, height), _yaw(rng))

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """From cube to cube, m; see `Task.distances`."""
        return np.linalg.norm(self.located(states) - self.located(goal), axis=-1)

    def steps(self, state: np.ndarray, goal: np.ndarray) -> float:
        """The hand's way to the cube, then the cube's to its goal, at top speed along one axis."""
        sight = sight_of(np.asarray(state))
        return (float(np.linalg.norm(sight.grip - sight.cube)) + self.distance(state, goal)) / self.speed

    def guidance(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """The cube's way to its goal, the hand's to the cube (from above), and fingers open before and closed after."""
        sight = sight_of(np.asarray(states))
        offset = sight.grip - sight.cube
        aside = np.hypot(offset[..., 0], offset[..., 1])
        above = np.abs(offset[..., 2] - np.clip(3 * (aside - 0.01), 0.0, 0.09))
        around = (aside < 0.02) & (np.abs(offset[..., 2]) < 0.025)
        fingers = np.where(around, np.maximum(sight.opening - HALF, 0.0), 0.03 + OPENING - sight.opening)
        return self.distances(states, goal) + 0.5 * (aside + above) + fingers

    def play(self, action_dim: int, rng: np.random.Generator) -> Play:
        """Fetches the cube and carries it about, besides moving at random; see `GraspPlay`."""
        return GraspPlay(action_dim, rng, sight_of, self.speed, _MIDDLE)

    def located(self, states: np.ndarray) -> np.ndarray:
        """The cube's middle."""
        return np.asarray(states)[..., _CUBE]


def arm_places(states: np.ndarray) -> Places:
    """Where the arm's parts are in ``states (..., S)``."""
    angles = np.zeros((*states.shape[:-1], len(JOINTS)))
    angles[..., _ANGLES] = states[..., :_DOF]
    return places(angles)


def sight_of(states: np.ndarray) -> Sight:
    """What matters for grasping in ``states (..., S)``."""
    states = np.asarray(states)
    return Sight(arm_places(states).along(GRIP), states[..., _CUBE], states[..., _FINGERS].mean(axis=-1))


def _somewhere(rng: np.random.Generator, height: float) -> np.ndarray:
    """A place ``(3,)`` in front of the arm, m."""
    far, angle = math.sqrt(rng.uniform(_NEAR**2, _FAR**2)), rng.uniform(-_ASIDE, _ASIDE)
    return np.array([-far * math.cos(angle), far * math.sin(angle), height])


def _yaw(rng: np.random.Generator) -> float:
    return float(rng.uniform(-_YAW_LIMIT, _YAW_LIMIT))


def _apart(hand: np.ndarray, cube: np.ndarray) -> bool:
    """Whether a hand at ``hand (3,)`` neither touches a cube at ``cube (3,)`` nor stands before it."""
    nearer, aside = cube[0] - hand[0], abs(hand[1] - cube[1])
    over = hand[2] > cube[2] + 0.08
    sight = cube[2] + nearer * math.tan(math.radians(_ELEVATION))  # height of the line of sight where the hand is
    before = nearer > 0.03 and aside < 0.13 and sight > hand[2] - 0.05
    return (over or math.hypot(nearer, aside) > 0.16) and not before


def held(place: np.ndarray, yaw: float) -> np.ndarray:
    """The state ``(S,)`` at rest in which the hand holds the cube at ``place (3,)``, m, both turned by ``yaw``, rad."""
    state = laid(np.maximum(place, (-9.0, -9.0, _LOWEST)), yaw, HALF, place, yaw)
    state[-1] = 0.0  # closing
    return state


def laid(hand: np.ndarray, yaw: float, opening: float, cube: np.ndarray, cube_yaw: float) -> np.ndarray:
    """The state ``(S,)`` at rest with hand and cube apart.

    ``hand (3,)`` is the place between the fingers, ``cube (3,)`` the cube's middle, ``opening`` that of each finger, m;
    both are turned about the vertical, rad.
    """
    state = np.zeros(_STATE)
    state[:_DOF] = robot.pointing_down(hand, yaw)[_ANGLES]
    state[_FINGERS] = state[-1] = opening
    state[_CUBE] = cube
    state[_DOF + 5], state[_DOF + 8] = math.cos(cube_yaw / 2), math.sin(cube_yaw / 2)
    return state


def _parts() -> Parts:
    hinges = 'armature="0.4" damping="0.5"'  # heavy rotors: the hand neither tilts nor yields to what it holds
    bodies = f"""
    {robot.table(1.0, -0.1)}
    <site name="origin" group="4"/>
    {arm_bodies(_JOINTS, fingers=True, joint_attributes=hinges)}
    <body name="cube">
      <freejoint/>
      <geom name="cube" type="box" material="orange" size="{HALF} {HALF} {HALF}" mass="0.05" friction="0.4"/>
    </body>"""
    others = f"""{COARSE}
  <tendon>
    <fixed name="level"><joint joint="shoulder" coef="1"/><joint joint="elbow" coef="1"/><joint joint="wrist" coef="1"/>
    </fixed>
    <fixed name="yaw" limited="true" range="{-_YAW_LIMIT} {_YAW_LIMIT}">
      <joint joint="turn" coef="1"/><joint joint="hand_roll" coef="-1"/>
    </fixed>
  </tendon>
  <equality>
    <!-- the hand points down, and the fingers move as one -->
    <tendon tendon1="level" polycoef="{math.pi} 0 0 0 0"/>
    <joint joint1="right" joint2="left"/>
  </equality>"""
    axes = {"x": "1 0 0 0 0 0", "y": "0 1 0 0 0 0", "z": "0 0 1 0 0 0"}
    drive = f'kv="200" forcerange="-25 25" ctrlrange="{-TOP_SPEED} {TOP_SPEED}"'
    actuators = "".join(
        f'<velocity name="{name}" site="grip" refsite="origin" gear="{gear}" {drive}/>' for name, gear in axes.items()
    )
    actuators += f"""
    <velocity name="yaw" tendon="yaw" kv="10" ctrlrange="{-_TURNING} {_TURNING}"/>
    <intvelocity name="fingers" joint="left" kp="150" ctrlrange="{-_CLOSING} {_CLOSING}" actrange="0 {OPENING}"/>"""
    return Parts(assets(VIOLET), bodies, actuators, others, 9.81, _TIMESTEP, _SUBSTEPS, options='impratio="10"')
