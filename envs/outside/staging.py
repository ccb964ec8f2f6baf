"""Somebody else's model made ready to be a world: camera, picture quality, control ranges, a solver without memory."""

import warnings
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from envs.outside.sources import STATE, OutsideError, Source, first_line, is_limited
from envs.simulation.cameras import CAMERAS, PEOPLE_SIZE, View

_ASSUMED_RANGE = (-1.0, 1.0)  # of an actuator without one
_SIGHT = 40.0  # degrees, of a camera of our own
_ASLANT, _ABOVE = -20.0, -90.0  # degrees: elevation of a camera of our own
_FLAT = 0.3  # a motion whose height is this share of its width, or less, is seen from above
_LOOKS, _PRETRAINING = 16, 0.5  # states that are looked at, each after up to so many seconds of play
_MARGIN = 1.15  # of what moves, in a picture of our own
_TILT = 1e-3  # a camera whose horizon is not level by more than this has no `View`


@dataclass(frozen=True)
class StagedModel:
    """A model that is ready, with what was decided about it."""

    models: dict[str, mujoco.MjModel]  # as `Scene` takes them
    view: View
    follows: bool  # whether the camera follows a body: then no place in the world has a place in the picture
    notes: list[str]  # what its user should know
    apart: bool = False  # whether people look from another place


def staged(source: Source, camera: Any, ranges: dict[str, Any], people: Any = None) -> StagedModel:
    """Prepares the model of ``source``.

    Args:
        camera: the name of one of the model's cameras, the fields of a `View`, or None: the model's first camera,
            or, where it has none, one that sees all that moves.
        people: likewise the camera of videos; None: the same.
        ranges: control ranges that are to replace those of the model, by actuator.

    Raises OutsideError: the model has no actuators, or no such camera or actuator.
    """
    document, notes = source.document.copy(), list(source.notes)
    _set_ranges(document, source, ranges, notes)
    document.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_WARMSTART)
    # A simulation that has become unstable must be seen to be, and not begin anew inside an episode.
    document.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    documents = dict.fromkeys(CAMERAS, document)
    if people is not None:
        documents["people"] = document.copy()
        _place_camera(documents["people"], source, people)
    view = _place_camera(document, source, camera)
    models = {}
    for name, document in documents.items():
        plain = name == "train"
        document.visual.global_.offwidth = document.visual.global_.offheight = 128 if plain else PEOPLE_SIZE
        document.visual.quality.offsamples = 0 if plain else 4
        document.visual.quality.shadowsize = 0 if plain else 1024
        models[name] = compiled(document, source.name)
    mode = int(models["train"].camera("view").mode[0])
    carried = int(models["train"].camera("view").bodyid[0]) != 0
    if view is None and mode == int(mujoco.mjtCamLight.mjCAMLIGHT_FIXED) and not carried:
        view = _view_of(models["train"])
    if view is not None:
        return StagedModel(models, view, False, notes, people is not None)
    extent = float(models["train"].stat.extent)
    x, y, z = map(float, models["train"].stat.center)
    return StagedModel(models, View((x, y, z), extent), True, notes, people is not None)


def compiled(document: mujoco.MjSpec, name: str) -> mujoco.MjModel:
    """The compiled model; OutsideError where MuJoCo refuses it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return document.compile()
    except ValueError as error:
        raise OutsideError(f"MuJoCo does not accept the model of {name}: {first_line(error)}") from error


def _set_ranges(document: mujoco.MjSpec, source: Source, ranges: dict[str, Any], notes: list[str]) -> None:
    """Gives every actuator a control range: the one asked for, the model's, the environment's, or an assumed one."""
    model = compiled(document, source.name)
    if model.nu == 0:
        raise OutsideError(f"{source.name} has no actuators: nothing in it can be moved; add <actuator> to its MJCF")
    names = [actuator.name or f"actuator {index}" for index, actuator in enumerate(document.actuators)]
    unknown = sorted(set(ranges) - set(names))
    if unknown:
        raise OutsideError(f"{source.name} has no actuator '{unknown[0]}': there are {', '.join(names)}")
    assumed = []
    for index, (name, actuator) in enumerate(zip(names, document.actuators, strict=True)):
        if name in ranges:
            chosen = tuple(ranges[name])
        elif model.actuator_ctrllimited[index]:
            chosen = tuple(model.actuator_ctrlrange[index])
        elif source.ranges is not None and is_limited(*source.ranges[index]):
            chosen = tuple(source.ranges[index])
        else:
            chosen = _ASSUMED_RANGE
            assumed.append(name)
        actuator.ctrllimited, actuator.ctrlrange = int(mujoco.mjtLimited.mjLIMITED_TRUE), chosen
    if assumed:
        notes.append(
            f"{source.name} gives no control range for {', '.join(assumed)}: -1 to 1 is assumed, "
            "say otherwise under `actuators` in the file of world.options"
        )


def _place_camera(document: mujoco.MjSpec, source: Source, camera: Any) -> View | None:
    """Has the document a camera "view"; returns where it is, None where it is one of the model's own."""
    own = list(document.cameras)
    view = None
    if isinstance(camera, str):
        chosen = next((one for one in own if one.name == camera), None)
        if chosen is None:
            there = ", ".join(one.name for one in own if one.name) or "none"
            raise OutsideError(f"{source.name} has no camera '{camera}': there are {there}")
    elif camera is None and own:
        chosen = own[0]
    else:
        view = View(**camera) if camera is not None else _view_of_all_that_moves(document, source)
        place, (right, up, _) = np.array(view.centre) - view.distance * view.axes()[2], view.axes()
        chosen = document.worldbody.add_camera(pos=place, fovy=view.perspective or view.extent)
        chosen.alt.type = mujoco.mjtOrientation.mjORIENTATION_XYAXES
        chosen.alt.xyaxes = [*right, *up]
        if not view.perspective:
            chosen.proj = mujoco.mjtProjection.mjPROJ_ORTHOGRAPHIC
    for other in own:
        if other.name == "view" and other is not chosen:
            other.name = "another view"
    chosen.name = "view"
    return view


def _view_of_all_that_moves(document: mujoco.MjSpec, source: Source) -> View:
    """From above where everything stays near the ground, else from the side and a little from above."""
    model = compiled(document, source.name)
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    moving = np.flatnonzero(model.body_weldid[model.geom_bodyid] != 0)
    if not len(moving):
        raise OutsideError(f"{source.name} has nothing to see that moves: name a camera")
    data = mujoco.MjData(model)
    reach = model.geom_rbound[moving, None]
    for seed in range(_LOOKS):
        mujoco.mj_resetData(model, data)
        mujoco.mj_setState(model, data, source.starts(seed), STATE)
        data.ctrl[:] = np.random.default_rng(seed).uniform(*model.actuator_ctrlrange.T)
        mujoco.mj_step(model, data, int(seed / _LOOKS * _PRETRAINING / model.opt.timestep))
        mujoco.mj_kinematics(model, data)
        low = np.minimum(low, (data.geom_xpos[moving] - reach).min(axis=0))
        high = np.maximum(high, (data.geom_xpos[moving] + reach).max(axis=0))
    (x, y, z), size = map(float, (low + high) / 2), high - low
    above = size[2] <= _FLAT * max(size[:2])
    extent = _MARGIN * float(max(size))
    return View((x, y, z), extent, elevation=_ABOVE if above else _ASLANT, perspective=_SIGHT)


def _view_of(model: mujoco.MjModel) -> View | None:
    """Where the standing camera "view" looks, as a `View`; None where its horizon is not level."""
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_camlight(model, data)
    camera = model.camera("view").id
    place, rotation = data.cam_xpos[camera].copy(), data.cam_xmat[camera].reshape(3, 3)
    right, into = rotation[:, 0], -rotation[:, 2]
    if abs(right[2]) > _TILT:
        return None
    far = float((model.stat.center - place) @ into)  # what it looks at is about as far as the model's middle
    far = far if far > 0.1 * model.stat.extent else float(model.stat.extent)
    sight = float(model.cam_fovy[camera])
    orthographic = int(model.cam_projection[camera]) == int(mujoco.mjtProjection.mjPROJ_ORTHOGRAPHIC)
    x, y, z = place + far * into
    return View(
        (float(x), float(y), float(z)),
        sight if orthographic else 2 * far * float(np.tan(np.radians(sight) / 2)),
        azimuth=float(np.degrees(np.arctan2(right[0], -right[1]))),
        elevation=float(np.degrees(np.arcsin(np.clip(into[2], -1, 1)))),
        perspective=0.0 if orthographic else sight,
    )
