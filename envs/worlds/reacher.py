"""Reacher: a planar arm of two links whose goal is a posture."""

from typing import Any

import mujoco
import numpy as np

from envs.factors import Factor
from envs.quantities import Quantity, part
from envs.simulation.cameras import View
from envs.simulation.mjcf import SUBSTEPS, TIMESTEP, Parts, build_scene
from envs.simulation.scene import Scene
from envs.simulation.variant import Variant
from envs.task import Task

LINK = 1.0  # m, length of each link
ELBOW_LIMIT = 2.6  # rad either way; the shoulder turns without limit
TOP_SPEED = 2.5  # rad/s of a joint
TOLERANCE = 0.1  # rad for each joint

_PLACE_TOLERANCE = 0.15  # m, of the fingertip where a goal asks for its place: what both joints may miss it by

_THICKNESS = 0.18  # m, radius of a link: 5 pixels wide in a frame of 64
_MASS = 0.1  # kg of a link
# The rotors weigh more than the links, so that a joint moves much alike in every posture of the other.
_ARMATURE = 1.0  # kg m2
_DAMPING = 4.0  # N m s/rad; a time constant near 0.25 s
_EXTENT = 4.6  # m, side of the view: both links stretched out, their thickness and a margin


def build_reacher(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of the reacher."""
    return build_scene(_parts(), View((0.0, 0.0, 0.0), _EXTENT), spec["frame_size"]), ReacherTask()


class ReacherTask(Task):
    """Bring both joints to within 0.1 rad of a posture; the distance is the larger of the two joints' errors.

    States are the angles of shoulder and elbow (rad), then their velocities (rad/s). The shoulder's angle counts
    modulo a full turn; the elbow stops at its limits and cannot go the other way round.
    """

    unit = "rad"
    tolerance = TOLERANCE
    max_steps = 60
    nearest = 0.6
    farthest = float(np.pi)
    speed = TOP_SPEED * TIMESTEP * SUBSTEPS
    quantities = (
        Quantity("shoulder", "rad", "angle of the shoulder", part(0, 1), TOLERANCE, turns=True),
        Quantity("elbow", "rad", "angle of the elbow", part(1, 2), TOLERANCE),
        Quantity("fingertip", "m", "where the arm ends", lambda states: _fingertip(states), _PLACE_TOLERANCE),
        Quantity("velocity", "rad/s", "of both joints", part(2, 4)),
    )

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """Angles drawn evenly over all postures; see `Task.sample_state`."""
        angles = rng.uniform((-np.pi, -ELBOW_LIMIT), (np.pi, ELBOW_LIMIT))
        velocity = np.clip(rng.normal(0.0, TOP_SPEED / 2, 2), -TOP_SPEED, TOP_SPEED) if moving else np.zeros(2)
        return np.concatenate([angles, velocity])

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """The larger of the two joints' errors, rad; see `Task.distances`."""
        error = np.asarray(states, np.float64)[:, :2] - np.asarray(goal, np.float64)[:2]
        return np.maximum(np.abs((error[:, 0] + np.pi) % (2 * np.pi) - np.pi), np.abs(error[:, 1]))

    def located(self, states: np.ndarray) -> np.ndarray:
        """The fingertip."""
        return _fingertip(states)

    def criterion(self) -> str:
        """See `Task.criterion`."""
        return f"both joints at most {self.tolerance:g} rad from those of the goal"

    def factors(self, found: dict[str, Factor]) -> dict[str, Factor]:
        """The links can be thinner and thicker as well; they collide with nothing."""
        meaning = "thickness of both links"
        return {**found, "thickness": Factor("thickness", "physics", meaning, "times", 1.0, 0.7, 1.3, _thicken)}


def _fingertip(states: np.ndarray) -> np.ndarray:
    states = np.asarray(states)
    shoulder, both = states[..., 0], states[..., 0] + states[..., 1]
    return LINK * np.stack([np.cos(shoulder) + np.cos(both), np.sin(shoulder) + np.sin(both)], axis=-1)


def _thicken(variant: Variant, value: float) -> None:
    model = variant.model
    links = model.geom_type == int(mujoco.mjtGeom.mjGEOM_CAPSULE)
    model.geom_size[links, 0] *= value
    model.geom_rbound[links] *= value  # what is drawn is looked for within this radius


def _parts() -> Parts:
    assets = """
    <material name="floor" rgba="0.93 0.93 0.91 1" specular="0.1"/>
    <material name="upper" rgba="0.13 0.36 0.75 1" specular="0.3"/>
    <material name="lower" rgba="0.95 0.42 0.08 1" specular="0.3"/>
    <material name="base" rgba="0.20 0.22 0.27 1" specular="0.3"/>"""
    inertia = f'<inertial pos="{LINK / 2} 0 0" mass="{_MASS}" diaginertia="0.0001 0.01 0.01"/>'
    geom = 'contype="0" conaffinity="0"'
    joint = f'type="hinge" axis="0 0 1" damping="{_DAMPING}" armature="{_ARMATURE}"'
    bodies = f"""
    <geom type="plane" material="floor" size="{_EXTENT} {_EXTENT} 1" {geom}/>
    <geom type="cylinder" material="base" size="0.26 0.3" pos="0 0 0.3" {geom}/>
    <body name="upper" pos="0 0 0.3">
      <joint name="shoulder" {joint}/>
      {inertia}
      <geom type="capsule" material="upper" size="{_THICKNESS}" fromto="0 0 0 {LINK} 0 0" {geom}/>
      <body name="lower" pos="{LINK} 0 0.2">
        <joint name="elbow" {joint} range="{-ELBOW_LIMIT} {ELBOW_LIMIT}"/>
        {inertia}
        <geom type="capsule" material="lower" size="{_THICKNESS}" fromto="0 0 0 {LINK} 0 0" {geom}/>
      </body>
    </body>"""
    torque = _DAMPING * TOP_SPEED
    actuators = "".join(
        f'<motor joint="{joint}" gear="{torque}" ctrlrange="-1 1" ctrllimited="true"/>'
        for joint in ("shoulder", "elbow")
    )
    return Parts(assets, bodies, actuators)
