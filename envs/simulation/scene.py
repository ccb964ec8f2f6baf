"""A body in MuJoCo that can be moved, set to a state and looked at through two cameras."""

import weakref
from collections.abc import Callable

import mujoco
import mujoco.rollout
import numpy as np

from envs.simulation.cameras import CAMERAS, PEOPLE_SIZE, View
from envs.simulation.rendering import Renderer
from envs.simulation.variant import Variant

# They are counted (`Scene.warnings`); MuJoCo would print them, and keep a log wherever the user is.
mujoco.set_mju_user_warning(lambda message: None)

_STATE = int(mujoco.mjtState.mjSTATE_PHYSICS)  # positions, velocities, activations of actuators
_FULL_STATE = int(mujoco.mjtState.mjSTATE_FULLPHYSICS)  # the same after the time


class Scene:
    """One simulated body.

    Args:
        models: for each of `CAMERAS` a model with a camera "view". They differ in what is drawn only; the physics is
            that of "train". All actuators have control ranges, and the solver's warm start is off, so that what
            happens depends on the state and the actions alone.
        view: where the cameras stand.
        frame_size: side of a training frame, pixels.
        substeps: simulation steps in a control step.
    """

    def __init__(self, models: dict[str, mujoco.MjModel], view: View, frame_size: int, substeps: int) -> None:
        self.models = models
        self.view = view
        self._first_view = view
        self._change: Callable[[Variant], None] | None = None
        self._variants: dict[str, Variant] = {}  # made when first needed, and kept
        self._current: dict[str, Variant] = {}  # those that show the present change
        self.frame_size = frame_size
        self.substeps = substeps
        self._model = models["train"]
        self._data = mujoco.MjData(self._model)
        self._imagined: mujoco.MjData | None = None
        self._drawers: dict[str, Renderer] = {}
        low, high = self._model.actuator_ctrlrange.T
        self._middle, self._reach = (low + high) / 2, (high - low) / 2
        self.action_dim = int(self._model.nu)
        self.state_dim = mujoco.mj_stateSize(self._model, _STATE)

    @property
    def dt(self) -> float:
        """Seconds in a control step."""
        return float(self._model.opt.timestep) * self.substeps

    def vary(self, change: Callable[[Variant], None] | None) -> None:
        """Go on in a variant of this scene, from the present state; None goes back to the scene as it was made.

        Scenes that share their models do not notice.

        ``change``: makes the same changes to whichever variant it is given: each camera has one.
        """
        state = self.state()
        self._change, self._current = change, {}
        variant = self._variant("train")
        self._model = self.models["train"] if variant is None else variant.model
        self.view = self._first_view if variant is None else variant.view
        self.set_state(state)

    def state(self) -> np.ndarray:
        """The simulator's state ``(S,)``: positions, velocities, then activations of actuators that have them."""
        state = np.empty(self.state_dim)
        mujoco.mj_getState(self._model, self._data, state, _STATE)
        return state

    def set_state(self, state: np.ndarray) -> None:
        """Continue from ``state (S,)``; what happens then depends on it and on the actions alone.

        Raises ValueError: the state has another shape or is not finite.
        """
        state = self._checked(state)
        mujoco.mj_resetData(self._model, self._data)
        mujoco.mj_setState(self._model, self._data, state, _STATE)

    def at_rest(self, state: np.ndarray) -> np.ndarray:
        """``state (S,)`` without its velocities."""
        still = np.array(state, np.float64)
        still[self.velocities] = 0.0
        return still

    @property
    def velocities(self) -> slice:
        """Where in a state the velocities are."""
        return slice(self._model.nq, self._model.nq + self._model.nv)

    @property
    def warnings(self) -> int:
        """How often the simulator has complained since the last `set_state`, e.g. that it diverged."""
        return int(self._data.warning.number.sum())

    def step(self, action: np.ndarray) -> None:
        """Hold ``action (A,)``, clipped to [-1, 1], for one control step.

        Raises ValueError: the action has another shape or is not a number.
        """
        action = np.asarray(action, np.float64)
        if action.shape != (self.action_dim,) or np.isnan(action).any():
            raise ValueError(f"an action is {self.action_dim} numbers in [-1, 1], got {action!r}")
        self._data.ctrl[:] = self._controls(action)
        mujoco.mj_step(self._model, self._data, self.substeps)

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

    def poses(self, state: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Where bodies are at present or in ``state (S,)``: places ``(n, 3)``, m, and unit quaternions ``(n, 4)``."""
        data = self._imagined = self._imagined or mujoco.MjData(self._model)
        data.qpos[:] = self._data.qpos if state is None else self._checked(state)[: self._model.nq]
        mujoco.mj_kinematics(self._model, data)
        return data.xpos.copy(), data.xquat.copy()

    def push(self, body: int, force: np.ndarray, at: np.ndarray | None = None) -> None:
        """Pull at a body, and at no other, with ``force (3,)``, N, until the next call or `set_state`.

        ``at``: where, ``(3,)`` in m; None: at its centre of mass.
        """
        data, pull = self._data, np.zeros(6)
        pull[:3] = force
        if at is not None:
            mujoco.mj_kinematics(self._model, data)
            pull[3:] = np.cross(np.asarray(at) - data.xipos[body], force)
        data.xfrc_applied[:] = 0.0
        data.xfrc_applied[body] = pull

    @property
    def position_dim(self) -> int:
        """How many of the numbers of a state, the first ones, are positions."""
        return int(self._model.nq)

    def within_limits(self, state: np.ndarray) -> np.ndarray:
        """``state (S,)`` with slides and hinges that have limits moved back to where these allow."""
        found, (places, ranges) = np.array(state, np.float64), self.limited
        found[places] = np.clip(found[places], *ranges.T)
        return found

    @property
    def limited(self) -> tuple[np.ndarray, np.ndarray]:
        """Which numbers of a state, ``(J,)``, are positions of slides and hinges with limits, and these ``(J, 2)``."""
        model = self._model
        plain = np.flatnonzero(model.jnt_limited & (model.jnt_type >= int(mujoco.mjtJoint.mjJNT_SLIDE)))
        return model.jnt_qposadr[plain], model.jnt_range[plain]

    def overlap(self, state: np.ndarray) -> float:
        """How deep bodies are in each other in ``state (S,)``, m; the scene stays where it is."""
        data = self._imagined = self._imagined or mujoco.MjData(self._model)
        data.qpos[:] = self._checked(state)[: self._model.nq]
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_comPos(self._model, data)
        mujoco.mj_collision(self._model, data)
        return max(0.0, -float(data.contact.dist.min(initial=0.0)))

    def imagine(self, state: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """What each of ``actions (N, H, A)`` in [-1, 1] would do from ``state (S,)``: states ``(N, H, S)``.

        The scene itself stays where it is.
        """
        time = np.zeros(1)
        first = np.concatenate([time, self._checked(state)])
        extra = mujoco.mj_stateSize(self._model, _FULL_STATE) - len(first)
        first = np.concatenate([first, np.zeros(extra)])  # the state of plugins, where a model has some
        controls = np.repeat(self._controls(np.asarray(actions, np.float64)), self.substeps, axis=1)
        if self._imagined is None:
            self._imagined = mujoco.MjData(self._model)
        states, _ = mujoco.rollout.rollout(self._model, self._imagined, np.tile(first, (len(actions), 1)), controls)
        return states[:, self.substeps - 1 :: self.substeps, 1 : 1 + self.state_dim]

    def frame(
        self,
        camera: str = "train",
        state: np.ndarray | None = None,
        size: int | None = None,
        out: np.ndarray | None = None,
        screened: bool = True,
    ) -> np.ndarray:
        """A picture ``uint8 (size, size, 3)`` of the present state, or of ``state (S,)`` without going there.

        Args:
            camera: "train" (plain, anti-aliased, fast) or "people" (shadows, multisampling).
            size: pixels; the camera's own size when absent.
            out: where to write the picture.
            screened: False puts screens away, behind which a factor of variation hides things.

        Raises ValueError: there is no such camera, or the state does not fit; RenderingError: no frame can be
        made on this machine.
        """
        if camera not in CAMERAS:
            raise ValueError(f"there is no camera '{camera}': known are {', '.join(CAMERAS)}")
        if size is None:
            size = self.frame_size if camera == "train" else PEOPLE_SIZE
        qpos = self._data.qpos if state is None else self._checked(state)[: self._model.nq]
        drawer = self._drawers.get(camera)
        if drawer is None:
            drawer = self._drawers[camera] = _shared_renderer(self.models[camera], camera)
        return drawer.frame(qpos, size, out, self._variant(camera), screened)

    def _variant(self, camera: str) -> Variant | None:
        """What "train" or "people" shows under the present change; None where nothing is changed."""
        if self._change is not None and camera not in self._current:
            variant = self._variants.get(camera)
            if variant is None:
                variant = self._variants[camera] = Variant(self.models[camera], self._first_view)
            variant.restore()
            self._change(variant)
            variant.finish()
            self._current[camera] = variant
        return self._current.get(camera)

    def _controls(self, actions: np.ndarray) -> np.ndarray:
        """Actions ``(..., A)`` in [-1, 1] stretched to the control ranges of the actuators."""
        return self._middle + self._reach * np.minimum(np.maximum(actions, -1.0), 1.0)

    def _checked(self, state: np.ndarray) -> np.ndarray:
        state = np.asarray(state, np.float64)
        if state.shape != (self.state_dim,) or not np.isfinite(state).all():
            raise ValueError(f"a state of this world is {self.state_dim} finite numbers, got {state!r}")
        return state


_shared: "weakref.WeakValueDictionary[int, Renderer]" = weakref.WeakValueDictionary()


def _shared_renderer(model: mujoco.MjModel, camera: str) -> Renderer:
    """One renderer for all scenes in this process that share ``model``, as long as one of them lives."""
    renderer = _shared.get(id(model))  # the renderer holds the model: as long as it lives, no other has that number
    if renderer is None:
        train = camera == "train"
        renderer = _shared[id(model)] = Renderer(model, supersample=2 if train else 1, plain=train)
    return renderer
