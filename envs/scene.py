"""A body in MuJoCo that can be moved, set to a state and looked at through two cameras.

Both cameras look straight down without perspective, so that a metre is as many pixels everywhere in a frame.
"""

import functools
import weakref
from dataclasses import dataclass

import mujoco
import mujoco.rollout
import numpy as np

from envs.rendering import Renderer

TIMESTEP = 0.01  # seconds
SUBSTEPS = 10  # simulation steps in a control step
CAMERAS = ("train", "people")
PEOPLE_SIZE = 256  # pixels

_CAMERA_HEIGHT = 10.0  # m; any height above the scene gives the same picture


@dataclass(frozen=True)
class View:
    """The square of the plane that both cameras see."""

    centre: tuple[float, float]  # m
    extent: float  # side of the square, m

    def pixels(self, points: np.ndarray, size: int) -> np.ndarray:
        """Where ``points (..., 2)`` (m) are in a frame of ``size`` pixels: x to the right, y down, ``(..., 2)``."""
        offset = (np.asarray(points, np.float64) - self.centre) / self.extent
        return (offset * (1.0, -1.0) + 0.5) * size


@dataclass(frozen=True)
class Parts:
    """The MJCF of a world, apart from cameras, lights and settings."""

    assets: str
    bodies: str
    actuators: str


class Scene:
    """One simulated body.

    Args:
        parts: its MJCF; every actuator takes controls in [-1, 1].
        view: what the cameras see.
        frame_size: side of a training frame, pixels.
    """

    def __init__(self, parts: Parts, view: View, frame_size: int) -> None:
        self.parts = parts
        self.view = view
        self.frame_size = frame_size
        self._documents = {camera: document(parts, view, _VISUALS[camera], _LIGHTS[camera]) for camera in CAMERAS}
        self._model = _compiled(self._documents["train"])
        self._data = mujoco.MjData(self._model)
        self._imagined: mujoco.MjData | None = None
        self._drawers: dict[str, Renderer] = {}
        self.action_dim = int(self._model.nu)
        self.state_dim = int(self._model.nq + self._model.nv)

    @property
    def dt(self) -> float:
        """Seconds in a control step."""
        return TIMESTEP * SUBSTEPS

    def state(self) -> np.ndarray:
        """The simulator's state ``(S,)``: positions, then velocities."""
        return np.concatenate([self._data.qpos, self._data.qvel])

    def set_state(self, state: np.ndarray) -> None:
        """Continue from ``state (S,)``; what happens then depends on it and on the actions alone.

        Raises:
            ValueError: the state has another shape or is not finite.
        """
        state = self._checked(state)
        mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[:] = state[: self._model.nq]
        self._data.qvel[:] = state[self._model.nq :]

    def step(self, action: np.ndarray) -> None:
        """Hold ``action (A,)``, clipped to [-1, 1], for one control step.

        Raises:
            ValueError: the action has another shape or is not a number.
        """
        action = np.asarray(action, np.float64)
        if action.shape != (self.action_dim,) or np.isnan(action).any():
            raise ValueError(f"an action is {self.action_dim} numbers in [-1, 1], got {action!r}")
        self._data.ctrl[:] = np.minimum(np.maximum(action, -1.0), 1.0)
        mujoco.mj_step(self._model, self._data, SUBSTEPS)

    def contacts(self) -> np.ndarray:
        """Which geoms touch in the present state: their numbers ``(n, 2) int32``, in order, each pair once."""
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        found = self._data.contact
        if not len(found.dist):
            return np.empty((0, 2), np.int32)
        touching = np.sort(found.geom[found.dist <= 0.0], axis=1).astype(np.int32)
        return np.unique(touching, axis=0)

    def imagine(self, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """What each of ``actions (N, H, A)`` in [-1, 1] would do from ``state (S,)``: states ``(N, H, S)``.

        The scene itself stays where it is.
        """
        time = np.zeros(1)  # MuJoCo's full state begins with it
        first = np.concatenate([time, self._checked(state)])
        controls = np.repeat(np.clip(actions, -1.0, 1.0), SUBSTEPS, axis=1)
        if self._imagined is None:
            self._imagined = mujoco.MjData(self._model)
        states, _ = mujoco.rollout.rollout(self._model, self._imagined, np.tile(first, (len(actions), 1)), controls)
        return states[:, SUBSTEPS - 1 :: SUBSTEPS, 1:]

    def frame(
        self,
        camera: str = "train",
        state: np.ndarray | None = None,
        size: int | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """A picture ``uint8 (size, size, 3)`` of the present state, or of ``state (S,)`` without going there.

        Args:
            camera: "train" (plain, anti-aliased, fast) or "people" (shadows, multisampling).
            size: pixels; the camera's own size when absent.
            out: where to write the picture.

        Raises:
            ValueError: there is no such camera, or the state does not fit.
            RenderingError: no picture can be made on this machine.
        """
        if camera not in CAMERAS:
            raise ValueError(f"there is no camera '{camera}': ask for one of {', '.join(CAMERAS)}")
        if size is None:
            size = self.frame_size if camera == "train" else PEOPLE_SIZE
        qpos = self._data.qpos if state is None else self._checked(state)[: self._model.nq]
        drawer = self._drawers.get(camera)
        if drawer is None:
            drawer = self._drawers[camera] = _shared_renderer(self._documents[camera], camera)
        return drawer.frame(qpos, size, out)

    def _checked(self, state: np.ndarray) -> np.ndarray:
        state = np.asarray(state, np.float64)
        if state.shape != (self.state_dim,) or not np.isfinite(state).all():
            raise ValueError(f"a state of this world is {self.state_dim} finite numbers, got {state!r}")
        return state


def document(parts: Parts, view: View, visual: str, light: str) -> str:
    """The whole MJCF of a scene: the physics is the same for all cameras, ``visual`` and ``light`` are not.

    Args:
        visual: a ``<visual>`` element; empty for MuJoCo's defaults.
        light: lights, in which {left}, {above} and {high} stand for a place at the upper left of the view.
    """
    x, y = view.centre
    side = view.extent
    light = light.format(left=x - 0.5 * side, above=y + 0.6 * side, high=1.7 * side)
    return f"""
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{TIMESTEP}" gravity="0 0 0" integrator="implicitfast">
    <!-- a solver started from its last solution would make the next state depend on more than the state -->
    <flag warmstart="disable"/>
  </option>
  <statistic center="{x} {y} 0" extent="{view.extent}"/>
  {visual}
  <asset>{parts.assets}</asset>
  <worldbody>
    {light}
    <camera name="view" pos="{x} {y} {_CAMERA_HEIGHT}" projection="orthographic" fovy="{view.extent}"/>
    {parts.bodies}
  </worldbody>
  <actuator>{parts.actuators}</actuator>
</mujoco>"""


_VISUALS = {
    "train": """<visual>
    <global offwidth="128" offheight="128"/>
    <quality offsamples="0" shadowsize="0"/>
    <headlight ambient="0.8 0.8 0.8" diffuse="0.2 0.2 0.2" specular="0 0 0"/>
  </visual>""",
    "people": f"""<visual>
    <global offwidth="{PEOPLE_SIZE}" offheight="{PEOPLE_SIZE}"/>
    <quality offsamples="4" shadowsize="1024" numslices="64" numstacks="32"/>
    <map shadowscale="0.45"/>
    <headlight ambient="0.38 0.38 0.42" diffuse="0.12 0.12 0.12" specular="0 0 0"/>
  </visual>""",
}
# A spot from the upper left: shadows of directional lights flicker in stripes on wide floors.
_LIGHTS = {
    "train": "",
    "people": '<light type="spot" pos="{left} {above} {high}" dir="0.5 -0.6 -1.7" cutoff="60" exponent="0" '
    'diffuse="0.6 0.58 0.54" specular="0.3 0.3 0.3" castshadow="true"/>',
}


@functools.lru_cache(maxsize=32)
def _compiled(document: str) -> mujoco.MjModel:
    """The model of an MJCF document; worlds of one kind share it, none changes it."""
    return mujoco.MjModel.from_xml_string(document)


_shared: "weakref.WeakValueDictionary[str, Renderer]" = weakref.WeakValueDictionary()


def _shared_renderer(document: str, camera: str) -> Renderer:
    """One renderer for all worlds of one kind in this process, as long as one of them lives."""
    renderer = _shared.get(document)
    if renderer is None:
        train = camera == "train"
        renderer = Renderer(_compiled(document), supersample=2 if train else 1, plain=train)
        _shared[document] = renderer
    return renderer
