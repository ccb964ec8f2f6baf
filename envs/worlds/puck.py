"""Puck: a round pusher with momentum shoves a puck, which glides on for a while, to a place in a walled square."""

from typing import Any

import numpy as np

from envs.geometry.pushing import ASSETS, arena_bodies, arena_view, around, disc_body, push_places
from envs.play.policies import Play, PushPlay
from envs.quantities import Quantity, part
from envs.simulation.mjcf import SUBSTEPS, TIMESTEP, Parts, build_scene
from envs.simulation.scene import Scene
from envs.task import Search, Task

HALF = 0.75  # m from the middle of the square to its walls
PUSHER = 0.08  # m, radius
# The puck is larger than the pusher, so that in contact with a wall the pusher can still get a little behind it.
PUCK = 0.12  # m, radius
FORCE = 4.0  # N along each axis at full action
DAMPING = 4.0  # N s/m of the pusher; with a mass of 1 kg: top speed 1 m/s, time constant 0.25 s
TOP_SPEED = FORCE / DAMPING  # m/s along an axis
TOLERANCE = 0.08  # m

_PUSHER_MASS = 1.0  # kg
_PUCK_MASS = 0.5  # kg
_PUCK_DAMPING = 1.5  # N s/m: the puck glides for 0.3 m after a push at full speed
_CONTACT = 'solref="0.02 1"'  # as stiff as the time step allows, without bouncing

_TOUCH = PUSHER + PUCK  # m between the centres in contact
_BEHIND = 0.3  # weight, in the oracle's eyes, of standing where a push towards the goal begins


def build_puck(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of the puck."""
    return build_scene(_parts(), arena_view(HALF), spec["frame_size"]), PuckTask()


class PuckTask(Task):
    """Bring the puck to within 0.08 m of a place, wherever the pusher is; distances are the puck's alone.

    States are x, y of the pusher, x, y of the puck (m), then their velocities (m/s). In a goal the pusher touches
    the puck from behind or from the side, as after a push; a picture without it would not be of that world.
    """

    unit = "m"
    tolerance = TOLERANCE
    max_steps = 60
    nearest = 0.25
    farthest = float("inf")
    speed = TOP_SPEED * TIMESTEP * SUBSTEPS
    search = Search(horizon=12, samples=48)
    scripted = True
    quantities = (
        Quantity("pusher", "m", "the pusher's place", part(0, 2), TOLERANCE),
        Quantity("puck", "m", "the puck's place", part(2, 4), TOLERANCE),
        Quantity("pusher_velocity", "m/s", "the pusher's", part(4, 6)),
        Quantity("puck_velocity", "m/s", "the puck's", part(6, 8)),
    )

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """Both places drawn evenly over the square, apart from each other; see `Task.sample_state`."""
        while True:
            pusher, puck = rng.uniform(-1, 1, 2) * (HALF - PUSHER), rng.uniform(-1, 1, 2) * (HALF - PUCK)
            if np.hypot(*(pusher - puck)) >= _TOUCH:
                break
        velocity = np.clip(rng.normal(0.0, TOP_SPEED / 2, 4), -TOP_SPEED, TOP_SPEED) if moving else np.zeros(4)
        velocity[2:] *= moving and rng.random() < 0.5  # every other puck lies still
        return np.concatenate([pusher, puck, velocity])

    def sample_goal(self, rng: np.random.Generator, start: np.ndarray) -> np.ndarray:
        """The puck anywhere, the pusher touching it on the side from which it came; see `Task.sample_goal`."""
        while True:
            puck = rng.uniform(-1, 1, 2) * (HALF - PUCK)
            back = np.arctan2(start[3] - puck[1], start[2] - puck[0])
            pusher = puck + _TOUCH * around(back + rng.uniform(-np.pi / 2, np.pi / 2))
            if np.abs(pusher).max() <= HALF - PUSHER:
                return np.concatenate([pusher, puck, np.zeros(4)])

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Of the puck from its place, m; see `Task.distances`."""
        return np.linalg.norm(np.asarray(states, np.float64)[:, 2:4] - np.asarray(goal, np.float64)[2:4], axis=1)

    def steps(self, state: np.ndarray, goal: np.ndarray) -> float:
        """Control steps at top speed for the pusher to get to the puck and the puck to its place."""
        gap = float(np.hypot(*(state[:2] - state[2:4]))) - _TOUCH
        return (max(gap, 0.0) + self.distance(state, goal)) / self.speed

    def guidance(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """The distance, and a little of the pusher's way to where a push towards the goal begins."""
        pusher, puck = states[:, :2], states[:, 2:4]
        way = np.linalg.norm(pusher - push_places(puck, goal[2:4], _TOUCH), axis=1)
        return self.distances(states, goal) + _BEHIND * way

    def play(self, action_dim: int, rng: np.random.Generator) -> Play:
        """Play that now and then heads for the puck and pushes it."""
        return PushPlay(action_dim, rng, lambda state: (state[:2], state[2:4]), _TOUCH)

    def located(self, states: np.ndarray) -> np.ndarray:
        """The puck's centre."""
        return np.asarray(states)[..., 2:4]


def _parts() -> Parts:
    pusher = disc_body("pusher", "pusher", PUSHER, _PUSHER_MASS, DAMPING, _CONTACT)
    puck = disc_body("puck", "object", PUCK, _PUCK_MASS, _PUCK_DAMPING, _CONTACT)
    actuators = "".join(
        f'<motor joint="pusher_{axis}" gear="{FORCE}" ctrlrange="-1 1" ctrllimited="true"/>' for axis in "xy"
    )
    return Parts(ASSETS, arena_bodies(HALF, _CONTACT) + pusher + puck, actuators)
