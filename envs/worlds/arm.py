"""Arm: seven joints on a table that bring a hand to a place in space."""

from typing import Any

import numpy as np

from envs.geometry.robot import COARSE, GRIP, JOINTS, ORANGE, PALM, Places, arm_bodies, assets, places, table
from envs.quantities import Quantity, part
from envs.simulation.cameras import View
from envs.simulation.mjcf import SUBSTEPS, TIMESTEP, Parts, build_scene
from envs.simulation.scene import Scene
from envs.task import Task

TOLERANCE = 0.06  # m
TOP_SPEED = 1.5  # rad/s of a joint

_HAND_SPEED = 1.2  # m/s
_ARMATURE = 1.0  # kg m2; the rotors weigh more than the links, so that a joint moves alike in every posture
_DAMPING = 6.0  # N m s/rad; a time constant near 0.2 s
_ANGLE_TOLERANCE = 0.2  # rad of each joint, where a goal asks for them
_CLEARANCE = 0.11  # m from table and base, of what is sampled: more than the thickness of any part
_LOW = np.array([joint.low for joint in JOINTS])
_HIGH = np.array([joint.high for joint in JOINTS])
_DOF = len(JOINTS)


def build_arm(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of the arm."""
    view = View((-0.1, 0.0, 0.48), 1.65, azimuth=15.0, elevation=-38.0, perspective=40.0)
    return build_scene(_parts(), view, spec["frame_size"]), ArmTask()


class ArmTask(Task):
    """Bring the middle of the palm to within 6 cm of where it is in the goal, in whatever posture.

    One frame says where that is: the camera looks down at a slant and with perspective, elbow, wrist and hand are all
    in sight, and links of known length between them leave no doubt about depth. A posture could not be judged so
    well, for turning a link about its own axis shows in the next bend alone.

    States are the seven joint angles (rad), then their velocities (rad/s).
    """

    unit = "m"
    tolerance = TOLERANCE
    max_steps = 60
    nearest = 0.3
    farthest = 2.0
    speed = _HAND_SPEED * TIMESTEP * SUBSTEPS
    quantities = (
        Quantity("palm", "m", "the middle of the palm", lambda states: _places(states).along(PALM), TOLERANCE),
        Quantity("wrist", "m", "where the wrist is", lambda states: _places(states).joints[..., 5, :], TOLERANCE),
        Quantity("elbow", "m", "where the elbow is", lambda states: _places(states).joints[..., 3, :], TOLERANCE),
        Quantity("joints", "rad", "angles of the seven joints", part(0, _DOF), _ANGLE_TOLERANCE),
        Quantity("velocity", "rad/s", "of the joints", part(_DOF, 2 * _DOF)),
    )

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """Angles drawn evenly over the postures that touch nothing; see `Task.sample_state`."""
        angles = rng.uniform(_LOW, _HIGH)
        while not _clear(angles):
            angles = rng.uniform(_LOW, _HIGH)
        velocity = np.clip(rng.normal(0.0, TOP_SPEED / 2, _DOF), -TOP_SPEED, TOP_SPEED) if moving else np.zeros(_DOF)
        return np.concatenate([angles, velocity])

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """From palm to palm, m; see `Task.distances`."""
        return np.linalg.norm(self.located(states) - self.located(goal), axis=-1)

    def guidance(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """The distance, and a little of the joints' errors: the straight way of the hand may end at a joint's limit."""
        errors = np.abs(np.asarray(states)[:, :_DOF] - np.asarray(goal)[:_DOF])
        return self.distances(states, goal) + 0.5 * errors.mean(axis=1)

    def located(self, states: np.ndarray) -> np.ndarray:
        """The middle of the palm."""
        return _places(states).along(PALM)


def _places(states: np.ndarray) -> Places:
    return places(np.asarray(states)[..., :_DOF])


def _clear(angles: np.ndarray) -> bool:
    """Whether an arm at ``angles (7,)`` touches neither the table nor its own base."""
    parts = places(angles)
    points = np.stack([*parts.joints[3:], parts.along(PALM), parts.along(GRIP)])
    aside = np.hypot(points[:, 0], points[:, 1]) > 0.13 + _CLEARANCE
    return bool((points[:, 2] > _CLEARANCE).all() and (aside | (points[:, 2] > 0.13 + _CLEARANCE)).all())


def _parts() -> Parts:
    hinges = f'damping="{_DAMPING}" armature="{_ARMATURE}"'
    bodies = table(1.0, -0.1) + arm_bodies(JOINTS, fingers=False, joint_attributes=hinges)
    torque = _DAMPING * TOP_SPEED
    actuators = "".join(f'<motor joint="{joint.name}" gear="{torque}" ctrlrange="-1 1"/>' for joint in JOINTS)
    return Parts(assets(ORANGE), bodies, actuators, COARSE, gravity=9.81)
