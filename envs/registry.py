"""Every world by name, and what it is made of."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from envs import quantities
from envs.outside.description import FAMILY_NAMES, build_outside
from envs.outside.python import make_environment
from envs.outside.sources import OutsideError
from envs.simulation.scene import Scene
from envs.specs import WorldError, check_spec
from envs.task import Task
from envs.vector import WorldVector
from envs.world import World
from envs.worlds.arm import build_arm
from envs.worlds.car import build_car
from envs.worlds.cube import build_cube
from envs.worlds.mazes import LAYOUTS, build_maze, maze_spec
from envs.worlds.puck import build_puck
from envs.worlds.pusht import build_pusht
from envs.worlds.reacher import build_reacher
from envs.worlds.rover import build_rover
from envs.worlds.runner import build_runner

_OWN: dict[str, Callable[[dict[str, Any]], tuple[Scene, Task]]] = {  # families of one world
    "rover": build_rover,
    "reacher": build_reacher,
    "arm": build_arm,
    "puck": build_puck,
    "pusht": build_pusht,
    "cube": build_cube,
    "runner": build_runner,
    "car": build_car,
}
FAMILIES = {"pointmaze": build_maze, **_OWN, **dict.fromkeys(FAMILY_NAMES, build_outside)}
WORLDS: dict[str, dict[str, Any]] = {
    **{name: maze_spec(name) for name in LAYOUTS},
    **{name: {"family": name, "name": name, "frame_size": 64} for name in _OWN},
}
# What the worlds of a family are about: navigation, reaching, pushing, manipulation, locomotion or driving.
SUBJECTS = {
    "pointmaze": "navigation",
    "rover": "navigation",
    "reacher": "reaching",
    "arm": "reaching",
    "puck": "pushing",
    "pusht": "pushing",
    "cube": "manipulation",
    "runner": "locomotion",
    "car": "driving",
}

# What a description must hold besides name and frame size.
_NEEDED = {
    "pointmaze": ("layout",),
    **dict.fromkeys(FAMILY_NAMES, ("options", "fingerprint", "measure", "calibration")),
    "python": ("actions", "dt", "max_steps", "states"),
}


def make_world(spec: dict[str, Any], render_mode: str | None = None) -> World:
    """Build the world that ``spec`` describes; its ``spec_dict`` builds the same one again.

    Where it says "action_repeat", a whole number, a control step is as many of the world's own: an action is
    repeated that long, and the camera looks once in that time.

    Raises:
        OutsideError: nothing simulates what was recorded, or only code that nobody here has named.
        WorldError: the family is unknown, something is missing or out of range, or the layout is an impossible maze.
    """
    check_spec(spec)
    family, repeat = spec["family"], spec.get("action_repeat", 1)
    if family == "recorded":
        raise OutsideError(
            f"'{spec['name']}' was recorded without a simulator, in which nothing can be played or drawn: let "
            "housecat.load(...).act(frame) act on the robot, or see `housecat probe`"
        )
    if family not in (*FAMILIES, "python"):
        raise WorldError(f"unknown family of worlds {family!r}: known are {', '.join(FAMILIES)}, python")
    if missing := [entry for entry in _NEEDED.get(family, ()) if spec.get(entry) is None]:
        raise WorldError(f"the description of a {family} world lacks {', '.join(missing)}")
    spec = copy.deepcopy(spec)
    try:
        if family == "python":
            return make_environment(spec, render_mode)
        scene, task = FAMILIES[family](spec)
        if repeat > 1:
            scene.substeps *= repeat
            task.slow_down(repeat)
        return World(spec, scene, task, render_mode)
    except OutsideError:
        raise
    except ValueError as error:
        raise WorldError(str(error)) from error


def make_named(name: str, render_mode: str | None = None) -> World:
    """Build one of `WORLDS`; what Gymnasium calls for the registered ids.

    Raises ValueError: there is no world of that name.
    """
    if name not in WORLDS:
        raise ValueError(f"unknown world '{name}': known are {', '.join(WORLDS)}")
    return make_world(WORLDS[name], render_mode)


def make_vector(spec: dict[str, Any], n: int) -> WorldVector:
    """``n`` worlds of one description side by side; ValueError as in `make_world`, or where ``n`` is less than 1."""
    return WorldVector([make_world(spec) for _ in range(n)])


def sizes(spec: dict[str, Any]) -> tuple[int, int]:
    """How many numbers an action and a state of that world are; ValueError as in `make_world`."""
    if spec["family"] in ("python", "recorded"):
        return len(spec["actions"]["low"]), max(1, spec["states"])
    scene = make_world(spec).scene
    return scene.action_dim, scene.state_dim


def measured(spec: dict[str, Any], states: np.ndarray) -> dict[str, np.ndarray]:
    """What probes are asked for of recorded ``states (..., S)``: by name, ``(..., n)``; not a number where unknown.

    Of what no simulator knows: the "state" that the environment or the robot itself has told, as it is, or the "parts"
    that its description names.
    """
    if spec["family"] in ("python", "recorded"):
        parts = spec.get("parts", {"state": states.shape[-1]})
        return dict(zip(parts, np.split(states, np.cumsum(list(parts.values()))[:-1], axis=-1), strict=True))
    return quantities.measured(make_world(spec).task.quantities, states)
