"""Runner: the planar cheetah of dm_control in a pen, which has to bring its trunk to a place.

The model is that of dm_control's suite (see `envs/assets/cheetah.xml` for its licence). The pen, its marks and the
task are ours: the camera stands still and sees all of it, so that a picture says where the runner is.
"""

import functools
from importlib import resources
from typing import Any

import mujoco
import numpy as np

from envs.play.policies import Play, RandomPlay
from envs.quantities import Quantity, part
from envs.simulation.cameras import View
from envs.simulation.mjcf import Parts, build_scene
from envs.simulation.scene import Scene
from envs.task import Search, Task

TOLERANCE = 0.1  # m, of the trunk's place
UPRIGHT = 0.6  # rad: tilted by more than this the runner has not arrived

_ANGLE_TOLERANCE = 0.2  # rad, where a goal asks for tilt or joints
_WALL = 2.15  # m, where the pen ends on either side
_RANGE = 1.2  # m, where the trunk's middle can start and be asked to go
_EXTENT = 4.5  # m, side of the view
_TILT = 0.15  # rad, largest tilt of a start
_POSTURE = 0.25  # of each joint's range that starts take up, about the middle position
_SPEED = 2.4  # m/s, about the fastest that random play and the oracle reach
_STEP = 0.05  # s, a control step
_TIMESTEP = 0.01  # s, as in the suite
_JOINTS = 9  # along, up, tilt, then hip, knee and foot behind and in front
_MOVING = (0.8, 0.3, 1.0, *(6 * (4.0,)))  # m/s and rad/s, standard deviations of velocities that episodes start with


def build_runner(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of the runner."""
    scene = build_scene(_parts(), View((0.0, 0.0, 1.3), _EXTENT, elevation=-6.0), spec["frame_size"])
    return scene, RunnerTask(scene.models["train"])


class RunnerTask(Task):
    """Bring the middle of the trunk to within 0.1 m of its place along the pen, on its feet.

    States are the trunk's place along and up (m), its tilt (rad), the six joint angles (rad), then their velocities.
    """

    unit = "m"
    tolerance = TOLERANCE
    max_steps = 40
    nearest = 0.8
    farthest = 2 * _RANGE
    speed = _SPEED * _STEP
    search = Search(horizon=16, samples=48, elites=6, iterations=2)
    quantities = (
        Quantity("along", "m", "the trunk's place along the pen", part(0, 1), TOLERANCE),
        Quantity("height", "m", "the trunk's, from where it stands upright", part(1, 2), TOLERANCE),
        Quantity("tilt", "rad", "of the trunk", part(2, 3), _ANGLE_TOLERANCE, turns=True),
        Quantity("joints", "rad", "angles of the six joints", part(3, _JOINTS), _ANGLE_TOLERANCE),
        Quantity("velocity", "m/s", "of the trunk along and up", part(_JOINTS, _JOINTS + 2)),
        Quantity("turning", "rad/s", "of the trunk and the joints", part(_JOINTS + 2, 2 * _JOINTS)),
    )

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._data = mujoco.MjData(model)
        self._solid = np.flatnonzero((model.geom_contype != 0) & (model.geom_bodyid != 0))

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """Anywhere along the pen in a relaxed posture, the lowest foot on the floor; see `Task.sample_state`."""
        low, high = self._model.jnt_range[3:].T
        state = np.zeros(2 * _JOINTS)
        state[0] = rng.uniform(-_RANGE, _RANGE)
        state[2] = rng.uniform(-_TILT, _TILT)
        state[3:_JOINTS] = _POSTURE * rng.uniform(np.maximum(low, -1.0), np.minimum(high, 1.0))
        state[1] = -self._lowest(state)
        if moving:
            state[_JOINTS:] = rng.normal(0.0, _MOVING)
        return state

    def play(self, action_dim: int, rng: np.random.Generator) -> Play:
        """Half of the episodes swing the legs to a rhythm, which is what carries the body away from where it stands."""
        return Rhythm(action_dim, rng) if rng.random() < 0.5 else RandomPlay(action_dim, rng)

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Along the pen, m; see `Task.distances`."""
        return np.abs(np.asarray(states, np.float64)[:, 0] - np.asarray(goal, np.float64)[0])

    def guidance(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """The distance, and what it costs to fall over on the way."""
        return self.distances(states, goal) + np.maximum(_tilt(np.asarray(states)) - UPRIGHT / 2, 0.0)

    def success(self, state: np.ndarray, goal: np.ndarray) -> bool:
        """The place within the tolerance, and the trunk upright."""
        return super().success(state, goal) and bool(_tilt(np.asarray(state)) <= UPRIGHT)

    def located(self, states: np.ndarray) -> np.ndarray:
        """The middle of the trunk."""
        states = np.asarray(states)
        along, up = states[..., 0], states[..., 1] + self._model.body("torso").pos[2]
        return np.stack([along, np.zeros_like(along), up], axis=-1)

    def _lowest(self, state: np.ndarray) -> float:
        """Height of the lowest point of the body in ``state (S,)``, m."""
        model, data = self._model, self._data
        data.qpos[:] = state[:_JOINTS]
        mujoco.mj_kinematics(model, data)
        slope = np.abs(data.geom_xmat[self._solid, 8])  # the capsule's axis is its third
        size = model.geom_size[self._solid]
        return float((data.geom_xpos[self._solid, 2] - slope * size[:, 1] - size[:, 0]).min())


class Rhythm:
    """Every joint swings with a strength and a phase of its own, all at one pace, and some noise on top."""

    def __init__(self, action_dim: int, rng: np.random.Generator) -> None:
        self._noise = RandomPlay(action_dim, rng)
        self._pace = 2 * np.pi * rng.uniform(1.0, 4.0) * _STEP  # rad in a control step
        self._phase = rng.uniform(0, 2 * np.pi, action_dim)
        self._strength = rng.uniform(0.3, 1.3, action_dim)
        self._mean = rng.uniform(-0.3, 0.3, action_dim)

    def act(self, state: np.ndarray) -> np.ndarray:
        """The next action: ``float32 (A,)`` in [-1, 1]; the state ``(S,)`` makes no difference."""
        swing = self._mean + self._strength * np.sin(self._phase) + 0.3 * self._noise.act(state)
        self._phase = self._phase + self._pace
        return np.clip(swing, -1.0, 1.0).astype(np.float32)


def _tilt(states: np.ndarray) -> np.ndarray:
    """How far the trunk is from level, rad ``(...)``, in [0, pi]."""
    return np.abs((states[..., 2] + np.pi) % (2 * np.pi) - np.pi)


@functools.cache
def _cheetah() -> dict[str, str]:
    """The sections of the model's file, by name."""
    text = (resources.files("envs") / "assets" / "cheetah.xml").read_text(encoding="utf-8")
    return {
        name: text.partition(f"<{name}>")[2].rpartition(f"</{name}>")[0]
        for name in ("default", "worldbody", "actuator")
    }


def _parts() -> Parts:
    cheetah = _cheetah()
    assets = """
    <material name="floor" rgba="0.86 0.87 0.84 1" specular="0.1"/>
    <material name="tile" rgba="0.62 0.66 0.68 1" specular="0.1"/>
    <material name="board" rgba="0.62 0.63 0.64 1" specular="0" emission="0.5"/>
    <material name="stripe" rgba="0.52 0.55 0.58 1" specular="0" emission="0.5"/>
    <material name="wall" rgba="0.25 0.28 0.35 1" specular="0.1"/>
    <material name="trunk" rgba="0.95 0.42 0.08 1" specular="0.3"/>
    <material name="head" rgba="0.45 0.12 0.50 1" specular="0.3"/>
    <material name="back" rgba="0.10 0.32 0.80 1" specular="0.3"/>
    <material name="front" rgba="0.05 0.55 0.30 1" specular="0.3"/>"""
    look = 'contype="0" conaffinity="0"'
    marks = "".join(
        f'<geom type="box" material="tile" size="0.25 1.2 0.004" pos="{x} 0 0" {look}/>'
        f'<geom type="box" material="stripe" size="0.25 0.01 1.6" pos="{x} 1.19 1.6" {look}/>'
        for x in (-1.75, -0.75, 0.25, 1.25)
    )
    walls = "".join(
        f'<geom type="box" material="wall" size="0.08 1.2 0.5" pos="{side * (_WALL + 0.08)} 0 0.5" friction="0.1"/>'
        for side in (-1, 1)
    )
    bodies = f"""
    <geom type="plane" material="floor" size="12 12 1"/>
    <geom type="box" material="board" size="5 0.01 1.9" pos="0 1.21 1.9" {look}/>
    {marks}{walls}{cheetah["worldbody"]}"""
    # The suite measures angles in degrees; what is written here does not contain any others.
    others = f'<compiler angle="degree"/><default>{cheetah["default"]}</default>'
    substeps = round(_STEP / _TIMESTEP)
    return Parts(assets, bodies, cheetah["actuator"], others, 9.81, _TIMESTEP, substeps)
