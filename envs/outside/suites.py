"""Models out of environments of dm_control and Gymnasium.

A world takes from them the model, the initial states, the control step and the bounds of the actions. Their own step
and reset, and with them rewards, time limits and the end of an episode when a body falls, are left out: nothing is
reset inside a recording. An environment whose actions go through code of its own before they reach MuJoCo is refused
where that code is the robot's only way to move, and used with a warning where it merely scales or delays.
"""

import importlib
import importlib.util
import io
import logging
import os
import posixpath
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any

import gymnasium
import mujoco
import numpy as np

from envs.outside.sources import OutsideError, Source, fingerprint, first_line, physics_state
from envs.simulation.backend import choose_backend

# Packages that register further MuJoCo environments with Gymnasium when they are imported.
_REGISTERING = ("gymnasium_robotics", "ogbench")
_AS_PYTHON = "name a function that makes it, with pictures: world=python world.factory=my_module:make_env"
TRUSTED = "HOUSECAT_TRUSTED"  # variable of the environment: modules with worlds that may be imported, by commas


def trusted(name: str) -> None:
    """Let the module of "gymnasium/MODULE:ID", which the user named, be imported: here and in processes begun here."""
    module, colon, _ = name.partition("/")[2].partition(":")
    if colon:
        os.environ[TRUSTED] = f"{os.environ.get(TRUSTED, '')},{module}"


def read_dm_control(domain: str, task: str, name: str) -> Source:
    """The model of a domain and task of dm_control's suite.

    Raises OutsideError: dm_control is not installed or has no such task.
    """
    if importlib.util.find_spec("dm_control") is None:
        raise OutsideError(f"world={name} needs dm_control, which is not installed: pip install dm-control")
    choose_backend()  # which dm_control loads with its first module
    with _quietly():
        from dm_control import suite

        known = sorted(suite.ALL_TASKS)
        if (domain, task) not in known:
            tasks = [f"dm_control/{domain}/{other}" for one, other in known if one == domain]
            there = tasks or [f"dm_control/{one}" for one in sorted({one for one, _ in known})]
            raise OutsideError(f"world={name} is unknown: there are {', '.join(there)}")
        with _documents_of_dm_control() as documents:
            environment = suite.load(domain, task, task_kwargs={"random": 0})
        environment.reset()
    physics = environment.physics
    document = _as_it_stands(documents[-1], physics.model.ptr, physics.data.ptr)
    bounds = environment.action_spec()

    def start(seed: int) -> np.ndarray:
        environment.task.random.seed(seed)
        with _quietly():
            environment.reset()
        return physics_state(physics.model.ptr, physics.data.ptr)

    notes = []
    if len(bounds.shape) != 1 or bounds.shape[0] != physics.model.nu:
        raise OutsideError(_own_control(name, bounds.shape, physics.model.nu))
    if type(environment.task).before_step is not suite.base.Task.before_step:
        notes.append(f"{name} changes actions before it applies them; here they go to the actuators as they are")
    ranges = np.stack([bounds.minimum, bounds.maximum], axis=1)
    return Source(name, document, start, environment.control_timestep(), ranges, notes)


def read_gymnasium(identifier: str, name: str) -> Source:
    """The model of a Gymnasium environment that simulates with MuJoCo.

    Raises:
        OutsideError: there is no such environment, it is not one of MuJoCo, its robot moves by code of its own, or it
            is in a module that nobody has `trusted`.
    """
    module, colon, _ = identifier.partition(":")
    if colon and module not in os.environ.get(TRUSTED, "").split(","):
        raise OutsideError(
            f"world={name} is code of the module {module}, which is run only where you say so: write world={name}, or "
            f"{TRUSTED}={module} before the command"
        )
    with _quietly():
        for package in _REGISTERING:
            with suppress(ImportError):
                importlib.import_module(package)
        try:
            environment: Any = gymnasium.make(identifier, disable_env_checker=True).unwrapped
            environment.reset(seed=0)  # some make their model only now
        except ModuleNotFoundError as error:
            raise OutsideError(f"world={name} needs {error.name}: pip install {error.name}") from error
        except Exception as error:  # an environment's constructor may fail in any way
            raise OutsideError(f"world={name} cannot be made: {first_line(error)}") from error
        model, path = getattr(environment, "model", None), getattr(environment, "fullpath", None)
        if not isinstance(model, mujoco.MjModel):
            raise OutsideError(f"world={name} is not simulated by MuJoCo: {_AS_PYTHON}")
    _refuse_mocap(name, model)
    space = environment.action_space
    if getattr(space, "shape", None) != (model.nu,):
        raise OutsideError(_own_control(name, getattr(space, "shape", None), model.nu))
    if path is None:
        raise OutsideError(f"world={name} does not say which MJCF file it simulates: name one with world=mjcf path=")
    try:
        document = _as_it_stands(mujoco.MjSpec.from_file(str(path)), model, environment.data)
    except ValueError as error:
        raise OutsideError(f"world={name} does not keep the model in {path}: {first_line(error)}") from error

    def start(seed: int) -> np.ndarray:
        environment.reset(seed=seed)
        return physics_state(model, environment.data)

    notes = []
    if not _actions_are_controls(environment):
        notes.append(f"{name} changes actions before it applies them; here they go to the actuators as they are")
    return Source(name, document, start, float(environment.dt), np.stack([space.low, space.high], axis=1), notes)


def _as_it_stands(document: mujoco.MjSpec, model: mujoco.MjModel, data: mujoco.MjData) -> mujoco.MjSpec:
    """The document with the values that an environment's reset has left in its ``model`` and ``data``."""
    with _quietly():
        drawn = document.compile()
    if hasattr(document, "copy_back"):
        document.copy_back(model)
    elif fingerprint(drawn) != fingerprint(model):
        raise OutsideError(
            "its reset changes the model, which is read with MuJoCo 3.12 and newer: pip install -U mujoco"
        )
    for body in document.bodies:
        number = int(model.body_mocapid[body.id])
        if number >= 0:  # it stays where it is: mocap poses are no part of a state
            body.pos, body.quat = data.mocap_pos[number], data.mocap_quat[number]
    return document


def _actions_are_controls(environment: Any) -> bool:
    """Whether a step of the environment hands its action to the actuators, or stretched to their ranges."""
    space, model = environment.action_space, environment.model
    if not np.isfinite([space.low, space.high]).all():
        return True
    share = np.random.default_rng(0).uniform(0.2, 0.8, model.nu)
    action = (space.low + share * (space.high - space.low)).astype(space.dtype)
    with _quietly():
        environment.step(action)
    low, high = model.actuator_ctrlrange.T
    stretched = low + share * (high - low)
    controls = environment.data.ctrl
    return bool(np.allclose(controls, action, atol=1e-5) or np.allclose(controls, stretched, atol=1e-5))


def _refuse_mocap(name: str, model: mujoco.MjModel) -> None:
    """A body that is dragged about by hand moves without actuators, and its place is no part of a state."""
    held = model.eq_obj1id[:, None] == np.flatnonzero(model.body_mocapid >= 0)
    held |= model.eq_obj2id[:, None] == np.flatnonzero(model.body_mocapid >= 0)
    welds = np.isin(model.eq_type, [int(mujoco.mjtEq.mjEQ_WELD), int(mujoco.mjtEq.mjEQ_CONNECT)])
    if (held.any(axis=1) & welds).any():
        raise OutsideError(
            f"world={name} drags its robot by a mocap body, from code of its own, which a world here does not run: "
            f"choose an environment whose robot moves by actuators, or {_AS_PYTHON}"
        )


def _own_control(name: str, shape: Any, actuators: int) -> str:
    return (
        f"world={name} takes actions of shape {shape} and has {actuators} actuators: between them is control code of "
        f"its own, which a world does not run; choose an environment whose actions are its controls, or {_AS_PYTHON}"
    )


@contextmanager
def _documents_of_dm_control() -> Iterator[list[mujoco.MjSpec]]:
    """The MJCF documents that dm_control compiles meanwhile; it keeps none, and some are made by its tasks."""
    from dm_control.mujoco import engine

    documents: list[mujoco.MjSpec] = []
    original: Callable[..., Any] = engine.Physics.__dict__["from_xml_string"]

    def keeping(cls: type, xml_string: Any, assets: Any = None) -> Any:
        text = xml_string.decode() if isinstance(xml_string, bytes) else xml_string
        files = {posixpath.normpath(file): content for file, content in (assets or {}).items()}
        documents.append(mujoco.MjSpec.from_string(text, files, files))
        return original.__func__(cls, xml_string, assets)  # type: ignore[attr-defined]

    engine.Physics.from_xml_string = classmethod(keeping)
    try:
        yield documents
    finally:
        engine.Physics.from_xml_string = original


@contextmanager
def _quietly() -> Iterator[None]:
    """Other libraries' deprecations and announcements are not for our users."""
    absl = logging.getLogger("absl")
    level = absl.level
    absl.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        absl.setLevel(level)
