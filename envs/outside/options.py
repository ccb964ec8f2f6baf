"""What can be said about somebody else's model, in a YAML file; nothing has to be.

For an MJCF file the file of the same name with the ending .yaml is read if it is there; `world.options=FILE` names
another one, for dm_control and Gymnasium too. All of it:

    camera: overview            # a camera of the model; or where one is to stand:
    camera: {centre: [0, 0, 0.5], extent: 2, azimuth: 90, elevation: -20, perspective: 40}
    control_step: 0.1           # s for which an action is held; else the environment's own, repeated up to 0.04 s
    actuators: {elbow: [-2, 2]} # control ranges, where the model's are missing or too wide
    max_steps: 100              # control steps allowed
    goal:                       # what has to be as it is in the goal state, one of
      site: fingertip           #   a site's place,
      body: torso               #   a body's place,
      joints: [shoulder, elbow] #   some joints; without a goal, all those of the bodies that have actuators
      tolerance: 0.05           # how near is success: m for a place, else sd (standard deviations of random play)
"""

from pathlib import Path
from typing import Any

import yaml

from envs.outside.sources import OutsideError, first_line

_TOP = {"camera", "control_step", "actuators", "max_steps", "goal"}
_CAMERA = {"centre": 3, "extent": 1, "azimuth": 1, "elevation": 1, "perspective": 1}  # and how many numbers each is
_MEANINGS = ("site", "body", "joints")


def read_options(path: Path | str) -> dict[str, Any]:
    """The options in a file, checked in themselves; whether the model has what they name is seen later.

    Raises OutsideError: the file is missing, is not YAML, or says something that is not an option.
    """
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise OutsideError(f"world.options: cannot read {path} ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OutsideError(f"{path} is not YAML: {first_line(error)}") from error
    if found is None:
        return {}
    _require_keys(found, _TOP, str(path))
    _check_camera(found.get("camera"), path)
    for name in ("control_step", "max_steps"):
        if name in found:
            _require(_is_number(found[name]) and found[name] > 0, path, name, "a number above 0", found[name])
    _require(isinstance(found.get("max_steps", 1), int), path, "max_steps", "a whole number", found.get("max_steps"))
    ranges = found.get("actuators", {})
    _require(isinstance(ranges, dict), path, "actuators", "a list like {elbow: [-2, 2]}", ranges)
    for name, bounds in ranges.items():
        good = _are_numbers(bounds, 2) and bounds[0] < bounds[1]
        _require(good, path, f"actuators, {name}", "two numbers, the lower first", bounds)
    _check_goal(found.get("goal", {}), path)
    return found


def _check_camera(camera: Any, path: Path | str) -> None:
    if camera is None or isinstance(camera, str):
        return
    _require_keys(camera, set(_CAMERA), f"{path}, camera")
    for name, value in camera.items():
        good = _is_number(value) if _CAMERA[name] == 1 else _are_numbers(value, _CAMERA[name])
        _require(good, path, f"camera, {name}", f"{_CAMERA[name]} numbers" if _CAMERA[name] > 1 else "a number", value)
    for name in ("centre", "extent"):
        _require(name in camera, path, "camera", "given with centre and extent", camera)
    _require(camera["extent"] > 0, path, "camera, extent", "above 0", camera["extent"])
    _require(0 <= camera.get("perspective", 0) < 180, path, "camera, perspective", "from 0 to 180", camera)


def _check_goal(goal: Any, path: Path | str) -> None:
    _require_keys(goal, {*_MEANINGS, "tolerance"}, f"{path}, goal")
    named = [name for name in _MEANINGS if name in goal]
    _require(len(named) <= 1, path, "goal", f"one of {', '.join(_MEANINGS)}", " and ".join(named))
    for name in named:
        value = goal[name]
        texts = isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
        good = texts if name == "joints" else isinstance(value, str)
        _require(good, path, f"goal, {name}", "a list of names" if name == "joints" else "a name", value)
    if "tolerance" in goal:
        good = _is_number(goal["tolerance"]) and goal["tolerance"] > 0
        _require(good, path, "goal, tolerance", "a number above 0", goal["tolerance"])


def _require_keys(found: Any, known: set[str], where: str) -> None:
    if not isinstance(found, dict):
        raise OutsideError(f"{where} must be a list of `key: value` with {', '.join(sorted(known))}, got {found!r}")
    unknown = sorted(str(key) for key in set(found) - known)
    if unknown:
        raise OutsideError(f"{where}: there is no option '{unknown[0]}', there are {', '.join(sorted(known))}")


def _require(good: bool, path: Path | str, where: str, expected: str, found: Any) -> None:
    if not good:
        raise OutsideError(f"{path}, {where}: must be {expected}, got {found!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _are_numbers(values: Any, count: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(_is_number(value) for value in values)
