"""Push-T (Chi et al., Diffusion Policy, 2023): a round pusher brings a T to a place and an angle on a plane.

The published task is drawn in a square of 512 pixels; here a pixel is 2 mm, all sizes and bounds are the published
ones, and as there the T lies on a film so viscous that it stops as soon as it is no longer pushed. Actions are
velocities of the pusher along x and y: full action is 40 pixels (0.08 m) in a control step of 0.1 s, which is what the
pusher of the world-model version (DINO-WM, stable-worldmodel) keeps up when its target runs 100 pixels ahead.
"""

from typing import Any

import numpy as np

from envs.geometry.pushing import ASSETS, HEIGHT, arena_bodies, arena_view, around, disc_body
from envs.geometry.tee import GYRATION, PIXEL, RECTANGLES, clearances, corners, coverage, edge_middles, rotations
from envs.geometry.tee_pushes import contacts, ways_round
from envs.play.policies import Play, PushPlay
from envs.quantities import Quantity, part
from envs.simulation.mjcf import SUBSTEPS, TIMESTEP, Parts, build_scene
from envs.simulation.scene import Scene
from envs.task import Search, Task

HALF = 249 * PIXEL  # m from the middle of the square to the inner faces of its walls
PUSHER = 15 * PIXEL  # m, radius
TOP_SPEED = 400 * PIXEL  # m/s along an axis
PLACE_TOLERANCE = 20 * PIXEL  # m
ANGLE_TOLERANCE = np.pi / 9  # rad
COVERED = 0.95  # share of the goal's area by which the original task counts as solved

_MASS = 0.5  # kg of the T
_DAMPING = 10.0  # N s/m of the film under it; the T stops with a time constant of 0.05 s
_PUSHER_MASS = 2.0  # kg
_GAIN = 40.0  # N s/m of the pusher's velocity control; a time constant of 0.05 s
_CONTACT = 'solref="0.02 1"'  # as stiff as the time step allows, without bouncing

_METRES = PLACE_TOLERANCE / ANGLE_TOLERANCE  # that count as much as a radian
_REACH = 2 * GYRATION + PUSHER  # m, about where a pusher is that touches the T
_AT_PLACE, _CLOSE = 0.5, 0.3  # weights, in the oracle's eyes, of the pusher's way home and of its way to help the T
_ARRIVING, _THERE = 1.2, 0.4  # tolerances off the T's pose at which home begins to count, and at which it fully does
_LEAST_GAIN = 0.15  # m of the T's way for each of the pusher's, where a push hardly helps
_PUSH, _GIVE = 0.02, 0.004  # m: after so short a push the T must not be deeper in a wall than this
_NO_WAY = 4.0  # times as long, where the pusher has no room
_FARTHEST_WAY = 2 * HALF + np.pi * GYRATION  # m, so that to have brought the T there never costs


def build_pusht(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of Push-T."""
    return build_scene(_parts(), arena_view(HALF), spec["frame_size"]), PushTTask()


class PushTTask(Task):
    """Bring T and pusher to a place and the T to an angle, by the criterion of the world-model literature.

    States are x, y of the pusher, x, y (m) and angle (rad) of the T about its centroid, then their velocities.

    `success` is the test that DINO-WM and stable-worldmodel compute: pusher and T together, taken as one point in
    four dimensions, less than 20 pixels from the goal, and the T's angle less than pi/9. `coverage` is the measure of
    the original task, solved at `COVERED`; it says nothing of the pusher.

    Distances are of the T alone: the larger of how far it is from its place and how far it is turned, a radian
    counting as much as 0.115 m, so that both tolerances are 0.04 m.
    """

    unit = "m"
    tolerance = PLACE_TOLERANCE
    max_steps = 150
    nearest = 3 * PLACE_TOLERANCE
    farthest = float("inf")
    speed = TOP_SPEED * TIMESTEP * SUBSTEPS
    search = Search(horizon=8, samples=64, elites=6, noise=0.5)
    scripted = True
    quantities = (
        Quantity("pusher", "m", "the pusher's place", part(0, 2), PLACE_TOLERANCE),
        Quantity("tee", "m", "the place of the T's centroid", part(2, 4), PLACE_TOLERANCE),
        Quantity("angle", "rad", "the T's angle", part(4, 5), ANGLE_TOLERANCE, turns=True),
        Quantity("pusher_velocity", "m/s", "the pusher's", part(5, 7)),
        Quantity("tee_velocity", "m/s", "the T's", part(7, 9)),
        Quantity("turning", "rad/s", "how fast the T turns", part(9, 10)),
    )

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """T at any angle and pusher drawn evenly over the square, apart from each other; see `Task.sample_state`."""
        pose = _sample_pose(rng)
        while True:
            pusher = rng.uniform(-1, 1, 2) * (HALF - PUSHER)
            if clearances(pusher, pose) >= PUSHER:
                break
        velocity = np.zeros(5)  # a T that nothing touches does not move
        if moving:
            velocity[:2] = np.clip(rng.normal(0.0, TOP_SPEED / 2, 2), -TOP_SPEED, TOP_SPEED)
        return np.concatenate([pusher, pose, velocity])

    def sample_goal(self, rng: np.random.Generator, start: np.ndarray) -> np.ndarray:
        """The T anywhere, the pusher touching it on a side from which it may have come; see `Task.sample_goal`."""
        while True:
            pose = _sample_pose(rng)
            back = np.arctan2(start[3] - pose[1], start[2] - pose[0])
            pusher = _touching(pose, back + rng.uniform(-np.pi / 2, np.pi / 2))
            if np.abs(pusher).max() <= HALF - PUSHER:
                return np.concatenate([pusher, pose, np.zeros(5)])

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Of the T from its pose, m; see `Task.distances`."""
        _, place, angle = _errors(np.asarray(states, np.float64), np.asarray(goal, np.float64))
        return np.maximum(place, _METRES * angle)

    def success(self, state: np.ndarray, goal: np.ndarray) -> bool:
        """Pusher and T together less than 20 pixels from the goal, the T's angle less than pi/9."""
        pusher, place, angle = _errors(np.asarray(state, np.float64), np.asarray(goal, np.float64))
        return bool(np.hypot(pusher, place) < PLACE_TOLERANCE and angle < ANGLE_TOLERANCE)

    def coverage(self, state: np.ndarray, goal: np.ndarray) -> float:
        """Share of the goal's T that the T of ``state (S,)`` covers, exact, 0 to 1."""
        return coverage(np.asarray(state, np.float64)[2:5], np.asarray(goal, np.float64)[2:5])

    def steps(self, state: np.ndarray, goal: np.ndarray) -> float:
        """Control steps at top speed for the pusher to get to the T and the T to its pose."""
        gap = float(clearances(state[:2], state[2:5])) - PUSHER
        return (max(gap, 0.0) + self.distance(state, goal)) / self.speed

    def guidance(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """How far the T is from its pose and the pusher from helping it; with the T there, the pusher's way home.

        Both ways go round the T: what the pusher is nearer to as the crow flies may be on the other side of it. Home
        counts only as the T comes well within its tolerances, for the last push may have to be from elsewhere.
        """
        _, place, angle = _errors(states, goal)
        tolerances = np.maximum(place, _METRES * angle) / PLACE_TOLERANCE
        there = np.clip((_ARRIVING - tolerances) / (_ARRIVING - _THERE), 0.0, 1.0)
        push = _CLOSE * (1.0 - there) * _way_to_push(states, goal)
        return place + _METRES * angle + push + _AT_PLACE * there * (_way_home(states, goal) - _FARTHEST_WAY)

    def play(self, action_dim: int, rng: np.random.Generator) -> Play:
        """Play that now and then heads for the T and pushes it."""
        return PushPlay(action_dim, rng, lambda state: (state[:2], state[2:4]), _REACH)

    def located(self, states: np.ndarray) -> np.ndarray:
        """The T's centroid, which is in its stem."""
        return np.asarray(states)[..., 2:4]


def _errors(states: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far ``states (..., S)`` are from ``goal (S,)``: pusher (m), T (m) and the T's angle (rad), each ``(...)``."""
    pusher = np.linalg.norm(states[..., :2] - goal[:2], axis=-1)
    place = np.linalg.norm(edge_middles(states[..., 2:5]) - edge_middles(goal[2:5]), axis=-1)
    turned = states[..., 4] - goal[4]
    return pusher, place, np.abs((turned + np.pi) % (2 * np.pi) - np.pi)


def _way_to_push(states: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """About how far ``(N,)``, m, the pusher has to go to the best place to push from, and then to push the T home."""
    touch = contacts(PUSHER)
    to_world = rotations(states[:, 4])
    pusher = ((states[:, None, :2] - states[:, None, 2:4]) @ to_world)[:, 0]
    # What is left for the T to do, in its own frame: shift the middle of its edge, and turn.
    shift = ((edge_middles(goal[2:5]) - edge_middles(states[:, 2:5]))[:, None] @ to_world)[:, 0]
    turn = _METRES * ((goal[4] - states[:, 4] + np.pi) % (2 * np.pi) - np.pi)
    left = np.sqrt((shift**2).sum(axis=1) + turn**2)[:, None]
    gained = (shift @ touch.edge_shifts.T + turn[:, None] * _METRES * touch.turns) / np.maximum(left, 1e-9)
    # Where a wall leaves no room, the pusher can neither push nor pass; nor does a push help that ends in a wall.
    to_world, place = np.swapaxes(to_world, 1, 2), states[:, None, 2:4]
    room = np.abs(touch.places @ to_world + place).max(axis=-1) <= HALF - PUSHER
    tips = (touch.tips + _PUSH * touch.sweeps) @ to_world[:, None] + place[:, None]
    helps = room & (np.abs(tips).max(axis=(2, 3)) <= HALF + _GIVE)
    push = left / np.where(helps, np.maximum(gained, _LEAST_GAIN), _LEAST_GAIN)
    way = ways_round(touch.along(pusher), np.where(room, touch.spacing, _NO_WAY * touch.spacing))
    gap = np.maximum(clearances(states[:, :2], states[:, 2:5]) - PUSHER, 0.0)
    return gap + (way + push).min(axis=1)


def _way_home(states: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Length ``(N,)``, m, of the pusher's way to its own place round the T in its goal pose."""
    touch = contacts(PUSHER)
    to_world = rotations(goal[4])
    apart = np.abs(touch.along((states[:, :2] - goal[2:4]) @ to_world) - touch.along((goal[:2] - goal[2:4]) @ to_world))
    way = touch.spacing * np.minimum(apart, len(touch.places) - apart)
    gap = np.maximum(clearances(states[:, :2], goal[2:5]) - PUSHER, 0.0)
    return np.maximum(way + gap, np.linalg.norm(states[:, :2] - goal[:2], axis=1))


def _sample_pose(rng: np.random.Generator) -> np.ndarray:
    """A pose ``(3,)`` drawn evenly over those at which the T is inside the walls."""
    while True:
        pose = rng.uniform((-HALF, -HALF, -np.pi), (HALF, HALF, np.pi))
        if np.abs(corners(pose)).max() <= HALF:
            return pose


def _touching(pose: np.ndarray, side: float) -> np.ndarray:
    """Where a pusher ``(2,)`` that comes from ``side`` (rad) towards the centroid of the T at ``pose`` touches it."""
    way = np.linspace(2.5 * _REACH, 0.0, 500)[:, None] * around(side) + pose[:2]
    touches = clearances(way, pose) < PUSHER
    return way[int(np.argmax(touches)) - 1]


def _parts() -> Parts:
    pusher = disc_body("pusher", "pusher", PUSHER, _PUSHER_MASS, 0.0, _CONTACT)
    area = (RECTANGLES[:, 2] * RECTANGLES[:, 3]).sum()
    boxes = "".join(
        f'<geom type="box" material="object" size="{half_x} {half_y} {HEIGHT / 2}" pos="{x} {y} 0" '
        f'mass="{_MASS * half_x * half_y / area}" condim="1" {_CONTACT}/>'
        for x, y, half_x, half_y in RECTANGLES
    )
    # A film of the same viscosity everywhere turns into damping of the centroid and, times the squared radius of
    # gyration, of the rotation about it.
    tee = f"""
    <body name="tee" pos="0 0 {HEIGHT / 2}">
      <joint name="tee_x" type="slide" axis="1 0 0" damping="{_DAMPING}"/>
      <joint name="tee_y" type="slide" axis="0 1 0" damping="{_DAMPING}"/>
      <joint name="tee_angle" type="hinge" axis="0 0 1" damping="{_DAMPING * GYRATION**2}"/>
      {boxes}
    </body>"""
    actuators = "".join(
        f'<velocity joint="pusher_{axis}" kv="{_GAIN}" ctrlrange="{-TOP_SPEED} {TOP_SPEED}" ctrllimited="true"/>'
        for axis in "xy"
    )
    return Parts(ASSETS, arena_bodies(HALF, _CONTACT) + pusher + tee, actuators)
