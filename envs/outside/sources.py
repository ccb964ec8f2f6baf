"""Models that others have written, with what a world needs to know about them.

A source is read afresh wherever its world is built: in this process, in a recording process, when a report is drawn.
"""

import functools
import hashlib
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import mujoco
import numpy as np

from envs.files import BY_HAND, read_plain
from envs.outside.trial import refusal, unpacked

STATE = int(mujoco.mjtState.mjSTATE_PHYSICS)  # positions, velocities, activations of actuators

_UNLIMITED = 1e6  # a bound beyond this is another library's way to say that there is none
# Which arrays say what a model does; another version of a package may have changed them.
_PHYSICS = (
    *("body_pos", "body_mass", "body_inertia", "jnt_type", "jnt_axis", "jnt_range", "dof_damping", "dof_armature"),
    *("geom_type", "geom_size", "geom_pos", "geom_friction", "actuator_gear", "actuator_trnid", "actuator_gainprm"),
)


class OutsideError(ValueError):
    """A model of somebody else's cannot become a world; one line says which, why, and what to do."""


@dataclass(frozen=True)
class Source:
    """Somebody else's model, and how it is meant to be used."""

    name: str  # as in messages
    document: mujoco.MjSpec  # the model as it stands after a reset of its environment
    starts: Callable[[int], np.ndarray]  # a seed -> a state (S,) of the environment's own initial distribution
    control_step: float  # s, of the environment; for a file the simulation step
    ranges: np.ndarray | None = None  # (A, 2) bounds of the controls where the environment gives some
    notes: list[str] = field(default_factory=list)  # what its user should know, a line each


def read_mjcf(path: Path | str, name: str, archive: bytes | None = None) -> Source:
    """The model in an MJCF (or URDF) file; it starts at its first keyframe, or as the file draws it.

    ``archive``: where it is carried along, see `carried.py`; the file need not be there then.

    Raises OutsideError: the file is missing or MuJoCo does not accept it.
    """
    path = Path(path)
    if archive is None:
        try:
            read_plain(path, BY_HAND)
        except OSError as error:
            raise OutsideError(f"there is no file {path}: path=FILE names the MJCF file of the robot") from error
        except ValueError as error:
            raise OutsideError(f"{path} is no model: {error}") from error
    if reason := refusal(path if archive is None else archive):
        raise OutsideError(f"{path} cannot be used: {reason}")
    try:
        document = mujoco.MjSpec.from_file(str(path)) if archive is None else unpacked(archive)
        model = document.compile()
    except ValueError as error:
        raise OutsideError(f"MuJoCo does not accept {path}: {first_line(error)}") from error
    return Source(name, document, functools.partial(_first_state, model), model.opt.timestep)


def _first_state(model: mujoco.MjModel, seed: int) -> np.ndarray:
    del seed  # a file knows one start
    data = mujoco.MjData(model)
    if model.nkey:
        mujoco.mj_resetDataKeyframe(model, data, 0)
    return physics_state(model, data)


def physics_state(model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
    """The state ``(S,)``: positions, velocities, activations."""
    state = np.empty(mujoco.mj_stateSize(model, STATE))
    mujoco.mj_getState(model, data, state, STATE)
    return state


def fingerprint(model: mujoco.MjModel) -> str:
    """Sixteen hexadecimal digits that another physics does not share."""
    digest = hashlib.sha256(repr((model.nq, model.nv, model.nu, round(model.opt.timestep, 9))).encode())
    for name in _PHYSICS:
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
            digest.update(np.round(getattr(model, name), 6).astype(np.float32).tobytes())
    return digest.hexdigest()[:16]


def is_limited(low: float, high: float) -> bool:
    """Whether these are bounds of a control, and not a way to say that there are none."""
    return bool(np.isfinite([low, high]).all()) and -_UNLIMITED < low < high < _UNLIMITED


def first_line(error: Exception) -> str:
    """What an exception of another library says, as one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines and error.__traceback__ is not None:  # a bare assertion says what it asserts
        frame = traceback.extract_tb(error.__traceback__)[-1]
        lines = [f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}: {frame.line}"]
    return " ".join(lines[:2]) if lines else type(error).__name__
