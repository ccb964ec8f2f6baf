"""A model of a scene's own, whose fields factors of variation may change and which can be put back as it was."""

import copy
from dataclasses import dataclass

import mujoco
import numpy as np

from envs.simulation.cameras import View

# What the graphics driver got a copy of, or what nobody would vary: neither restored nor to be changed.
_FIXED = ("mesh_", "tex_data", "hfield_", "skin_", "flex_", "bvh_child", "bvh_nodeid", "names", "paths", "text_")
_SECTIONS = ("opt", "vis.headlight", "stat")


@dataclass(frozen=True)
class Decor:
    """A shape that is drawn and otherwise is not there: nothing collides with it, no state moves it."""

    shape: int  # mujoco.mjtGeom
    size: tuple[float, float, float]  # m, half sizes as MuJoCo has them
    place: tuple[float, float, float]  # m, of its middle
    rgba: tuple[float, float, float, float]
    screen: bool = False  # stands before the camera, and is put away for pictures of goals


class Variant:
    """What a factor of variation may change of a scene for one of its cameras.

    Attributes:
        model: a copy of the original; everything but meshes, height fields and texture images may be changed.
        view: where the camera stands; `finish` moves the model's camera there.
        decor: what is drawn beside the model.
        stale: set by whoever changes masses, sizes or places: the constants that MuJoCo works out of them are then
            worked out again.
    """

    def __init__(self, original: mujoco.MjModel, view: View) -> None:
        self.model = copy.copy(original)
        self.view = self._first_view = view
        # Not where people look from another place, which stays as it is.
        place = np.array(view.centre) - view.distance * view.axes()[2]
        self._stands_there = bool(np.allclose(original.camera("view").pos, place))
        self.decor: list[Decor] = []
        self.stale = False
        # Copying a whole model takes longer than an episode of some worlds, so one copy is used again and again.
        self._arrays = [pair for where in ("", *_SECTIONS) for pair in _arrays(original, self.model, where)]
        self._scalars = [
            (_part(self.model, where), name, value) for where in _SECTIONS for name, value in _numbers(original, where)
        ]
        self._scratch: mujoco.MjData | None = None

    def restore(self) -> None:
        """Everything as in the original."""
        for copied, original in self._arrays:
            copied[...] = original
        for part, name, value in self._scalars:
            setattr(part, name, value)
        self.view, self.decor, self.stale = self._first_view, [], False

    def finish(self) -> None:
        """Work out what follows from the changes."""
        model = self.model
        if self.view != self._first_view and self._stands_there:
            camera = model.camera("view").id
            right, up, into = self.view.axes()
            model.cam_pos[camera] = np.array(self.view.centre) - self.view.distance * into
            mujoco.mju_mat2Quat(model.cam_quat[camera], np.stack([right, up, -into], axis=1).ravel())
            model.cam_fovy[camera] = self.view.perspective or self.view.extent
            self.stale = True
        if self.stale:
            if self._scratch is None:
                self._scratch = mujoco.MjData(model)
            mujoco.mj_setConst(model, self._scratch)


def _part(model: mujoco.MjModel, where: str) -> object:
    found: object = model
    for name in where.split(".") if where else ():
        found = getattr(found, name)
    return found


def _arrays(original: mujoco.MjModel, copied: mujoco.MjModel, where: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The arrays of a part of the copy, each beside the original's."""
    here, there = _part(copied, where), _part(original, where)
    pairs = []
    for name in dir(there):
        if not name.startswith(("_", *_FIXED)) and isinstance(getattr(there, name), np.ndarray):
            pairs.append((getattr(here, name), getattr(there, name)))
    return [pair for pair in pairs if pair[0].size]


def _numbers(original: mujoco.MjModel, where: str) -> list[tuple[str, int | float]]:
    part = _part(original, where)
    return [(n, getattr(part, n)) for n in dir(part) if n[0] != "_" and isinstance(getattr(part, n), int | float)]
