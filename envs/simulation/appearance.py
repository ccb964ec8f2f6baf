"""Factors of how a world looks, found in its model: colours, lights, camera, checkered floor, distractors, screen."""

import colorsys
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import mujoco
import numpy as np

from envs.factors import Factor
from envs.simulation.cameras import View
from envs.simulation.variant import Decor, Variant

_DRAWN_GROUPS = 3  # MuJoCo draws the groups 0 to 2
_COLOUR_CHANGE = 0.3  # of 1: more, and things no longer stand out from each other
_CELLS = 6  # of the checkered floor along a side of the picture
_MARGIN = 1  # further cell all round: cameras move
_TABLE = 0.2  # least half width of a table, as a share of the picture's side: walls and obstacles are narrower
_MOST_DISTRACTORS = 6
_SPREAD = 0.45  # distractors lie within this share of the picture's side around its centre
_SIZES = (0.025, 0.06)  # of a distractor, as a share of the picture's side
_LARGEST_SCREEN = 0.7  # its side, as a share of the picture's
_SCREEN = (0.3, 0.3, 0.35, 1.0)  # its colour
_HUES = (0.25, 0.95)  # green to pink: what has to reach the goal is orange


def appearance_factors(model: mujoco.MjModel, view: View) -> list[Factor]:
    """What can be varied in the look of ``model``; colours come first, because the checkered floor mixes with them."""
    return [*_colours(model), *_lights(), *_camera(model, view), *_ground(model, view), *_screens()]


def _colours(model: mujoco.MjModel) -> list[Factor]:
    factors = []
    for name, paints in _painted(model).items():
        for channel, colour in enumerate(("red", "green", "blue")):
            change = partial(_paint, paints, channel)
            meaning = f"added to the {colour} of {name}"
            factors.append(_appearance(f"{name}_{colour}", "colour", meaning, "of 1", 0.0, _COLOUR_CHANGE, change))
    return factors


def _painted(model: mujoco.MjModel) -> dict[str, list[tuple[str, int]]]:
    """What has a colour of its own, by name: fields and rows of the model that hold it."""
    painted: dict[str, list[tuple[str, int]]] = {}
    for geom in range(model.ngeom):
        field, row = _paint_of(model, geom)
        if model.geom_group[geom] >= _DRAWN_GROUPS or getattr(model, field)[row, 3] == 0:
            continue
        if field == "mat_rgba":
            name = model.material(row).name or f"material{row}"
        else:
            name = model.geom(geom).name or model.body(model.geom_bodyid[geom]).name
        rows = painted.setdefault(re.sub(r"\W+", "_", name).lower(), [])
        if (field, row) not in rows:
            rows.append((field, row))
    return painted


def _paint_of(model: mujoco.MjModel, geom: int) -> tuple[str, int]:
    """Where a geom's colour is: its material's, unless it has one of its own."""
    own = not np.allclose(model.geom_rgba[geom], (0.5, 0.5, 0.5, 1.0))
    material = int(model.geom_matid[geom])
    return ("geom_rgba", geom) if own or material < 0 else ("mat_rgba", material)


def _paint(paints: Sequence[tuple[str, int]], channel: int, variant: Variant, value: float) -> None:
    for field, row in paints:
        rgba = getattr(variant.model, field)[row]
        rgba[channel] = min(max(rgba[channel] + value, 0.0), 1.0)


def _lights() -> list[Factor]:
    return [
        Factor("light", "light", "strength of all lights", "times", 1.0, 0.4, 1.2, _brighten),
        _appearance("warmth", "light", "more red and less blue in all lights", "of 1", 0.0, 0.4, _warm),
    ]


def _brighten(variant: Variant, value: float) -> None:
    for colours in _light_colours(variant):
        colours *= value


def _warm(variant: Variant, value: float) -> None:
    for colours in _light_colours(variant):
        colours *= (1.0 + value, 1.0, 1.0 - value)


def _light_colours(variant: Variant) -> list[np.ndarray]:
    model, headlight = variant.model, variant.model.vis.headlight
    lamps = [model.light_ambient, model.light_diffuse, model.light_specular] if model.nlight else []
    return [headlight.ambient, headlight.diffuse, headlight.specular, *lamps]


def _camera(model: mujoco.MjModel, view: View) -> list[Factor]:
    camera = model.camera("view")
    placed = np.allclose(camera.pos, np.array(view.centre) - view.distance * view.axes()[2])
    if camera.bodyid[0] or camera.mode[0] != int(mujoco.mjtCamLight.mjCAMLIGHT_FIXED) or not placed:
        return []  # it follows something
    side = "of the picture's side"
    return [
        _appearance("camera_right", "camera", "shift to the right", side, 0.0, 0.04, partial(_shift, 0)),
        _appearance("camera_up", "camera", "shift upwards", side, 0.0, 0.04, partial(_shift, 1)),
        Factor("camera_zoom", "camera", "how large everything appears", "times", 1.0, 0.85, 1.05, _zoom),
        _appearance("camera_turn", "camera", "turn about the vertical", "degrees", 0.0, 8.0, partial(_turn, "azimuth")),
        _appearance("camera_tilt", "camera", "turn up or down", "degrees", 0.0, 8.0, partial(_turn, "elevation")),
    ]


def _shift(axis: int, variant: Variant, value: float) -> None:
    view = variant.view
    x, y, z = np.array(view.centre) + value * view.extent * view.axes()[axis]
    variant.view = replace(view, centre=(float(x), float(y), float(z)))


def _zoom(variant: Variant, value: float) -> None:
    variant.view = replace(variant.view, extent=variant.view.extent / value)


def _turn(angle: str, variant: Variant, value: float) -> None:
    variant.view = replace(variant.view, **{angle: getattr(variant.view, angle) + value})


def _ground(model: mujoco.MjModel, view: View) -> list[Factor]:
    """What lies on the floor, or on a table, where there is one."""
    floor = _floor(model, view)
    if floor is None:
        return []
    checker, scatter = partial(_checker, floor), partial(_scatter, floor)
    return [
        Factor("checker", "texture", "contrast of a checkered floor", "of 1", 0.0, 0.0, 1.0, checker),
        Factor("distractors", "distractors", "flat shapes on the floor", "of all there are", 0.0, 0.0, 1.0, scatter),
    ]


def _floor(model: mujoco.MjModel, view: View) -> int | None:
    """The highest level surface that stands still under the middle of the view: a plane, or a box wide as a table."""
    upright = (np.abs(model.geom_quat[:, 1:3]).max(axis=1, initial=0.0) < 1e-6) & (model.geom_bodyid == 0)
    plane = model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)
    wide = model.geom_size[:, :2].min(axis=1, initial=np.inf) >= _TABLE * view.extent
    under = (np.abs(model.geom_pos[:, :2] - view.centre[:2]) <= model.geom_size[:, :2]).all(axis=1)
    table = (model.geom_type == int(mujoco.mjtGeom.mjGEOM_BOX)) & wide & under
    floors = np.flatnonzero(upright & (plane | table))
    return max((int(floor) for floor in floors), key=lambda floor: _top(model, floor), default=None)


def _top(model: mujoco.MjModel, floor: int) -> float:
    """Height of a plane or of the upper side of a box, m."""
    box = model.geom_type[floor] == int(mujoco.mjtGeom.mjGEOM_BOX)
    return float(model.geom_pos[floor, 2] + (model.geom_size[floor, 2] if box else 0.0))


def _checker(floor: int, variant: Variant, value: float) -> None:
    """Dark squares, a hair above the floor."""
    model, view = variant.model, variant.view
    field, row = _paint_of(model, floor)
    r, g, b = (float(c) * (1.0 - 0.5 * value) for c in getattr(model, field)[row, :3])
    side = view.extent / _CELLS
    x, y, z = view.centre[0], view.centre[1], _top(model, floor)
    for column in range(-_CELLS // 2 - _MARGIN, _CELLS // 2 + _MARGIN):
        for line in range(-_CELLS // 2 - _MARGIN, _CELLS // 2 + _MARGIN):
            if (column + line) % 2:
                place = (x + (column + 0.5) * side, y + (line + 0.5) * side, z)
                variant.decor.append(_flat(mujoco.mjtGeom.mjGEOM_BOX, side / 2, place, view.extent, 1, (r, g, b)))


def _scatter(floor: int, variant: Variant, value: float) -> None:
    """The value says how many, and its digits which: every value has an arrangement of its own."""
    rng = np.random.default_rng(round(value * 1e9))
    view = variant.view
    for layer in range(2, 2 + math.ceil(value * _MOST_DISTRACTORS)):
        shape = rng.choice([mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER])
        x, y = np.array(view.centre[:2]) + view.extent * rng.uniform(-_SPREAD, _SPREAD, 2)
        place = (float(x), float(y), _top(variant.model, floor))
        size = view.extent * rng.uniform(*_SIZES)
        colour = colorsys.hsv_to_rgb(rng.uniform(*_HUES), rng.uniform(0.5, 1.0), rng.uniform(0.4, 0.9))
        variant.decor.append(_flat(shape, size, place, view.extent, layer, colour))


def _screens() -> list[Factor]:
    side = "of the picture's side"
    return [
        Factor("screen", "screen", "width and height of a screen", side, 0.0, 0.0, _LARGEST_SCREEN, _hide),
        _appearance("screen_right", "screen", "how far right of the middle it is", side, 0.0, 0.4, partial(_slide, 0)),
        _appearance("screen_up", "screen", "how far above the middle it is", side, 0.0, 0.4, partial(_slide, 1)),
    ]


def _hide(variant: Variant, value: float) -> None:
    """Half way from the camera to the middle of the picture, so that nothing comes before it."""
    view, near = variant.view, _nearness(variant.view)
    x, y, z = np.array(view.centre) - view.distance / 2 * view.axes()[2]
    sizes = (near * value * view.extent / 2, near * value * view.extent / 2, 1e-3 * view.extent)
    place = (float(x), float(y), float(z))
    variant.decor.append(Decor(int(mujoco.mjtGeom.mjGEOM_BOX), sizes, place, _SCREEN, screen=True))


def _slide(axis: int, variant: Variant, value: float) -> None:
    way = _nearness(variant.view) * value * variant.view.extent * variant.view.axes()[axis]
    for index, decor in enumerate(variant.decor):
        if decor.screen:
            x, y, z = np.array(decor.place) + way
            variant.decor[index] = replace(decor, place=(float(x), float(y), float(z)))


def _nearness(view: View) -> float:
    """What is half way to the camera looks larger by perspective, and is made smaller by this factor."""
    return 0.5 if view.perspective else 1.0


def _flat(
    shape: int,
    size: float,
    place: tuple[float, float, float],
    extent: float,
    layer: int,
    colour: tuple[float, float, float],
) -> Decor:
    """A shape lying on the floor, as thin as drawing the layers in the right order allows."""
    thick = 0.0005 * extent * layer
    x, y, z = place
    sizes = (size, size, thick) if shape == mujoco.mjtGeom.mjGEOM_BOX else (size, thick, 0.0)
    return Decor(int(shape), sizes, (x, y, z + thick), (*colour, 1.0))


def _appearance(
    name: str, kind: str, meaning: str, unit: str, default: float, reach: float, apply: Callable[[Variant, float], None]
) -> Factor:
    return Factor(name, kind, meaning, unit, default, default - reach, default + reach, apply)
