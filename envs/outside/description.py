"""Worlds that others have written: tasks of dm_control, MuJoCo environments of Gymnasium, robots in MJCF files.

Nobody has to write code for them. The model, its first camera, its initial states and its control step are taken from
where it comes from; a goal is a configuration that random play has passed through, unless a small YAML file names a
site, a body or joints (see `envs/outside/options.py`). What random play says about sizes and speeds is measured
once, when the world is described, and is part of the description.
"""

import functools
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from envs.outside.carried import carried, pack
from envs.outside.configuration import JointMeasure, PointMeasure, differences, driven_joints
from envs.outside.options import read_options
from envs.outside.sources import OutsideError, Source, fingerprint, first_line, read_mjcf
from envs.outside.staging import StagedModel, compiled, staged
from envs.outside.suites import read_dm_control, read_gymnasium, trusted
from envs.outside.task import MAX_STEPS, OutsideTask, PlayCalibration, calibrated, played, spreads_of
from envs.simulation.scene import Scene
from envs.task import Task

FAMILY_NAMES = ("dm_control", "gymnasium", "mjcf")

_DECIDES = ("family", "name", "path", "options", "fingerprint", "digest")  # about models and plays
_MOST_SUBSTEPS = 1000
_SHORTEST_STEP = 0.04  # s: over less a body hardly moves, and a plan of a few steps sees nothing


def outside_spec(
    name: str, path: Path | str | None = None, options: Path | str | None = None, frame_size: int = 64
) -> dict[str, Any]:
    """The JSON-able description of a world of somebody else's, measured on a short random play.

    Args:
        name: "dm_control/DOMAIN/TASK", "gymnasium/ID", or any name for the robot in the MJCF file ``path``.
        options: a YAML file; that beside ``path`` unless given.

    Raises OutsideError: there is no such thing, or it cannot become a world.
    """
    spec: dict[str, Any] = {
        "family": "mjcf" if path is not None else name.partition("/")[0],
        "name": name,
        "frame_size": frame_size,
    }
    if path is not None:
        spec["path"] = str(Path(path).resolve())
        beside = Path(path).with_suffix(".yaml")
        options = options or (beside if beside.is_file() else None)
    spec["options"] = read_options(options) if options is not None else {}
    if spec["family"] == "gymnasium":
        trusted(name)
    source = _source(_origin(spec))
    spec["fingerprint"] = _fingerprint(_origin(spec))
    notes = _carry(spec)
    stage = _stage(_key(spec))
    scene = _scene(spec, source, stage)
    plays = played(scene, source)
    goal = spec["options"].get("goal", {})
    spec["measure"] = _measure_spec(stage, goal, plays, name)
    spec["calibration"] = asdict(calibrated(_measure(stage, spec["measure"]), plays, name, goal.get("tolerance")))
    spec["notes"] = [*stage.notes, *notes]
    return spec


def _carry(spec: dict[str, Any]) -> list[str]:
    """Makes the files of a robot known, so that recordings take them along; what its user should know, a line each."""
    if "path" not in spec:
        return []
    try:
        carrying = {**spec, "digest": pack(Path(spec["path"]))}
        if _fingerprint(_origin(carrying)) != spec["fingerprint"]:
            raise ValueError("what is read out of the archive is another model")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        return [f"{spec['name']} is not carried along with recordings and checkpoints, keep {spec['path']}: {reason}"]
    spec |= carrying
    return []


def build_outside(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of a world that `outside_spec` has described.

    Raises OutsideError: what it was described from is not there any more, or is not the same any more.
    """
    source = _source(_origin(spec))
    if _fingerprint(_origin(spec)) != spec["fingerprint"]:
        raise OutsideError(
            f"the model of {spec['name']} is not what it was when this was recorded: bring back the old file or package"
        )
    stage = _stage(_key(spec))
    measure = _measure(stage, spec["measure"])
    task = OutsideTask(
        stage.models["train"],
        _plays(_key(spec), held_out=False),
        _plays(_key(spec), held_out=True),
        measure,
        _counted(stage, spec["measure"]),
        PlayCalibration(**spec["calibration"]),
        spec["options"].get("max_steps", MAX_STEPS),
        stage.follows or stage.apart,
    )
    return _scene(spec, source, stage), task


Origin = tuple[str, str, str | None, bytes | None]  # family, name, path and archive


def _origin(spec: dict[str, Any]) -> Origin:
    return spec["family"], spec["name"], spec.get("path"), carried(spec)


@functools.lru_cache(maxsize=8)
def _source(origin: Origin) -> Source:
    """Where the model comes from; read once in a process."""
    family, name, path, archive = origin
    if path is not None:
        return read_mjcf(path, name, archive)
    parts = name.split("/")[1:]
    if family == "dm_control":
        if len(parts) != 2:
            raise OutsideError(f"world={name}: dm_control's worlds are written world=dm_control/DOMAIN/TASK")
        return read_dm_control(parts[0], parts[1], name)
    if not all(parts) or not parts:
        raise OutsideError(f"world={name}: Gymnasium's worlds are written world=gymnasium/ID")
    return read_gymnasium("/".join(parts), name)


@functools.lru_cache(maxsize=8)
def _fingerprint(origin: Origin) -> str:
    return fingerprint(compiled(_source(origin).document, origin[1]))


def _key(spec: dict[str, Any]) -> str:
    """What decides about models and plays."""
    return json.dumps({name: spec.get(name) for name in _DECIDES})


@functools.lru_cache(maxsize=8)
def _stage(key: str) -> StagedModel:
    """The models of a description; worlds of one kind share them, and nobody changes them."""
    spec = json.loads(key)
    camera, people = (spec["options"].get(name) for name in ("camera", "people"))
    for one in (camera, people):
        if isinstance(one, dict):
            one["centre"] = tuple(one["centre"])
    return staged(_source(_origin(spec)), camera, spec["options"].get("actuators", {}), people)


@functools.lru_cache(maxsize=16)
def _plays(key: str, held_out: bool) -> np.ndarray:
    """The random play that recordings begin in, or the held-out one that starts and goals are taken from."""
    spec = json.loads(key)
    source = _source(_origin(spec))
    return played(_scene({**spec, "frame_size": 16}, source, _stage(key)), source, held_out)


def _scene(spec: dict[str, Any], source: Source, stage: StagedModel) -> Scene:
    timestep = float(stage.models["train"].opt.timestep)
    asked = spec["options"].get("control_step")
    step = asked or source.control_step * max(1, np.ceil(_SHORTEST_STEP / source.control_step - 1e-6))
    substeps = max(1, round(step / timestep))
    if substeps > _MOST_SUBSTEPS:
        raise OutsideError(f"control_step: {step:g} s are {substeps} steps of the simulation, {_MOST_SUBSTEPS} at most")
    return Scene(stage.models, stage.view, spec["frame_size"], substeps)


def _measure_spec(stage: StagedModel, goal: dict[str, Any], plays: np.ndarray, name: str) -> dict[str, Any]:
    """The measure that the options ask for, as JSON."""
    model = stage.models["train"]
    for kind in ("site", "body"):
        if kind in goal:
            names = [getattr(model, kind)(number).name for number in range(getattr(model, f"n{kind}"))]
            if goal[kind] not in names:
                raise OutsideError(f"{name} has no {kind} '{goal[kind]}': there are {', '.join(filter(None, names))}")
            lever = {"lever": goal["tolerance"] / goal["turn"]} if "turn" in goal else {}
            return {"kind": kind, "name": goal[kind], **lever}
    joints = driven_joints(model, stage.follows)
    if "joints" in goal:
        names = [model.joint(number).name for number in range(model.njnt)]
        unknown = sorted(set(goal["joints"]) - set(names))
        if unknown:
            raise OutsideError(f"{name} has no joint '{unknown[0]}': there are {', '.join(filter(None, names))}")
        joints = [names.index(joint) for joint in goal["joints"]]
    spreads = spreads_of(model, joints, not stage.follows, plays)
    if not spreads:
        raise OutsideError(f"{name}: random play moves none of the joints that the goal is about: name another goal")
    return {"kind": "joints", "joints": list(spreads), "spreads": [one for found in spreads.values() for one in found]}


def _measure(stage: StagedModel, described: dict[str, Any]) -> JointMeasure | PointMeasure:
    model = stage.models["train"]
    try:
        if described["kind"] != "joints":
            return PointMeasure(model, described["kind"], described["name"], described.get("lever", 0.0))
        joints, level, spreads = described["joints"], not stage.follows, described["spreads"]
        if differences(model, joints, level, model.qpos0, model.qpos0).shape != (len(spreads),):
            raise ValueError("spreads and joints are not as many")
        return JointMeasure(model, joints, level, spreads)
    except (KeyError, IndexError, ValueError) as error:
        raise OutsideError(f"its measure is not one of its model ({first_line(error)}): describe it anew") from error


def _counted(stage: StagedModel, described: dict[str, Any]) -> list[int]:
    """Joints that the measure looks at: those of the tree that a named point belongs to, or those it names."""
    if described["kind"] == "joints":
        return list(described["joints"])
    model = stage.models["train"]
    number = getattr(model, described["kind"])(described["name"]).id
    tree = model.body_treeid[number if described["kind"] == "body" else model.site_bodyid[number]]
    return [joint for joint in range(model.njnt) if model.dof_treeid[model.jnt_dofadr[joint]] == tree]
