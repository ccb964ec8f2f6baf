"""The one parser of goals: from what a user hands over in Python, or wrote as settings, to a `Goal`."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from envs.data.store import EpisodeStore
from envs.files import BY_PROGRAMS, read_plain, shortened
from envs.goals.grammar import language_of
from envs.goals.record import Goal, GoalError
from envs.quantities import Quantity, Region, askable
from envs.world import World

_FORMATS, _MOST = ("PNG", "JPEG", "WEBP", "BMP"), 256  # of picture files; pictures of one goal
# What says by itself what the goal is; "part" and "region" go together, "episode" and "frame" with "data".
_FORMS = {"picture": "", "pictures": "", "state": "", "data": "", "part": "NAME", "region": "", "words": ""}


def goal_of(asked: Any, world: World, order: str = "any") -> Goal:
    """The goal that a user hands over in Python.

    Args:
        asked: a picture uint8 (h, w, 3), a state (S,), several of either in a list or array, or quantities by name:
            ``{"puck": (0.2, -0.1)}``, or as regions, ``{"puck": {"center": (0.2, -0.1), "radius": 0.05}}`` or
            ``{"puck": {"low": (0.0, -0.2), "high": (0.4, 0.2)}}``; or a sentence, see `envs.goals.grammar`. A `Goal` is
            one.
        order: of several pictures or states.

    Raises GoalError: it is none of these, or not of this world.
    """
    if isinstance(asked, Goal):
        return asked
    if isinstance(asked, str):
        said = language_of(world).said(asked)
        return Goal(said=said, order="sequence" if len(said) > 1 else "any")
    if isinstance(asked, Mapping):
        return Goal({str(name): region(world, str(name), one) for name, one in asked.items()})
    try:
        rows = np.asarray(asked)
    except ValueError:
        raise GoalError("several goals in a list are pictures of one size, or states") from None
    if rows.dtype == np.uint8 and rows.ndim in (3, 4):
        return Goal(pictures=_pictures(rows[None] if rows.ndim == 3 else rows, world.scene.frame_size), order=order)
    if rows.dtype.kind not in "iuf" or rows.ndim not in (1, 2):
        raise GoalError(f"a goal is a picture uint8 (h, w, 3), a state, or quantities by name, got {shortened(asked)}")
    return Goal(states=_states(np.atleast_2d(rows).astype(np.float64), world), order=order)


def goal_asked(asked: Mapping[str, Any], world: World) -> Goal | None:
    """The goal that settings ask for, ``{"part": {"puck": [0.2, -0.1]}}``; None: they leave it open.

    Args:
        asked: those of the section `goal`, see `housecat/settings/goals.py`; what is None is not there.

    Raises GoalError: they exclude each other, or ask for what is not there; StoreError: of a recording.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    forms = [f"goal.{name}" for name in _FORMS if name in given]
    if len(forms) > 1 and forms != ["goal.part", "goal.region"]:
        told = " and ".join(form.replace("goal.part", "goal.NAME") for form in forms)
        raise GoalError(f"{told} exclude each other: a goal is said in one way")
    if ("episode" in given or "frame" in given) and "data" not in given:
        raise GoalError("goal.episode and goal.frame are of a recording: name it with goal.data=DIR")
    several = "pictures" in given or np.ndim(_listed(given.get("state", 0))) > 1
    order = given.get("order", "any")
    if order != "any" and not several:
        raise GoalError("goal.order is of several: give goal.pictures=[a.png,b.png]")
    if "picture" in given or "pictures" in given:
        files = given["pictures"] if "pictures" in given else [given["picture"]]
        size = world.scene.frame_size
        shown = [_pictures(picture(Path(file))[None], size, file) for file in files]
        return Goal(pictures=np.concatenate(shown), order=order)
    if "words" in given:
        return goal_of(str(given["words"]), world)
    if "state" in given:
        return goal_of(_listed(given["state"]), world, order)
    if "data" in given:
        return recorded(Path(given["data"]), given.get("episode", 0), given.get("frame"), world)
    parts, regions = ({} if given.get(name) is None else given[name] for name in ("part", "region"))
    if not isinstance(parts, Mapping) or not isinstance(regions, Mapping):
        raise GoalError("goal.region names quantities: write goal.region={puck: {center: [0.2, -0.1], radius: 0.05}}")
    if twice := sorted(set(parts) & set(regions)):
        raise GoalError(f"goal.{twice[0]} and goal.region both say where '{twice[0]}' shall be: leave one of them out")
    return goal_of({**parts, **regions}, world) if parts or regions else None


def region(world: World, name: str, asked: Any) -> Region:
    """Which values of a quantity are asked for: of numbers, those within the world's tolerance of them.

    Raises GoalError: this world has no such quantity, or it does not have such values.
    """
    known = {one.name: one for one in askable(world.task.quantities)}
    if name not in known:
        there = f"there are {', '.join(known)}" if known else "a picture says what is meant"
        raise GoalError(f"world '{world.name}' has no quantity {shortened(name)} to ask for: {there}")
    one = known[name]
    low, high, radius = _bounds(one, asked)
    size = len(world.ranges[name][0])
    for values in (low, high):
        if len(values) != size:
            raise GoalError(f"goal.{name} is {size} number{'s' * (size > 1)} ({one.unit}), got {len(values)}")
    found = Region(tuple(low), tuple(high), radius)
    if (np.asarray(low) > np.asarray(high)).any():
        raise GoalError(f"goal.{name} is a region whose low is above its high: {low} and {high}")
    _require_in_range(one, found, *world.ranges[name])
    return found


def around(world: World, state: np.ndarray, names: Sequence[str]) -> dict[str, Region]:
    """What is asked for where of a goal ``state (S,)`` only these quantities are to be reached.

    Raises GoalError: this world has no such quantity.
    """
    values = world.quantities(state)
    return {name: region(world, name, values.get(name, np.zeros(1)).tolist()) for name in names}


def recorded(data: Path, episode: int, frame: int | None, world: World) -> Goal:
    """What a recording shows in a frame of an episode, by default its last, with the state if that is known.

    Raises GoalError: there is no such frame; StoreError: there is no such recording.
    """
    store = EpisodeStore.open(data)
    if not 0 <= episode < len(store):
        raise GoalError(f"{data} has the episodes 0 to {len(store) - 1}, got goal.episode={episode}")
    found = store.load(episode)
    frame = len(found) if frame is None else frame
    if not 0 <= frame <= len(found):
        raise GoalError(f"episode {episode} of {data} has the frames 0 to {len(found)}, got goal.frame={frame}")
    pictures, state = _pictures(found.frames[frame][None], world.scene.frame_size), found.states[frame]
    if state.shape != (world.scene.state_dim,) or not np.isfinite(state).all() or not world.task.quantities:
        return Goal(pictures=pictures)
    return Goal(states=world.scene.at_rest(state)[None], pictures=pictures)


def picture(file: Path) -> np.ndarray:
    """The picture in a file, ``uint8 (h, w, 3)``. Raises GoalError: there is none in it."""
    try:
        content = read_plain(file, BY_PROGRAMS)
    except (OSError, ValueError) as error:
        raise GoalError(
            f"the goal picture {file} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    return opened_picture(content, str(file))


def opened_picture(content: bytes, name: str) -> np.ndarray:
    """The picture that a file of this name holds, ``uint8 (h, w, 3)``. Raises GoalError: there is none in it."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as found:
            if max(found.size) > 4096:
                raise ValueError(f"it is {found.width} x {found.height} pixels, larger than any goal")
            return np.asarray(found.convert("RGB"))
    except UnidentifiedImageError as error:
        raise GoalError(f"{name} is no picture ({', '.join(_FORMATS)})") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise GoalError(
            f"the goal picture {name} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error


def pictures_of(goal: Goal, world: World) -> np.ndarray:
    """The goal's pictures ``(K, h, w, 3)``, of its states unless it has its own."""
    if goal.pictures is not None:
        return goal.pictures
    if goal.states is None:
        raise GoalError("nothing shows the goal yet: draw states with envs.goals.drawing.fulfilling")
    return np.stack([world.frame(state=state, screened=False) for state in goal.states])


def _bounds(one: Quantity, asked: Any) -> tuple[list[float], list[float], float]:
    tolerance = one.tolerance or 0.0
    if not isinstance(asked, Mapping):
        values = _numbers(one.name, asked)
        return values, values, tolerance
    keys = set(map(str, asked))
    if keys == {"low", "high"}:
        return _numbers(one.name, asked["low"]), _numbers(one.name, asked["high"]), 0.0
    if not {"center"} <= keys <= {"center", "radius"}:
        told = ", ".join(sorted(keys))
        raise GoalError(f"a region of '{one.name}' has center and radius, or low and high, got {told}")
    (radius,) = _numbers(one.name, asked.get("radius", tolerance))[:1] or [0.0]
    if radius <= 0:
        raise GoalError(f"the radius of a region of '{one.name}' is more than 0 {one.unit}, got {radius:g}")
    center = _numbers(one.name, asked["center"])
    return center, center, radius


def _require_in_range(one: Quantity, found: Region, low: np.ndarray, high: np.ndarray) -> None:
    free = ~np.broadcast_to(one.turns, low.shape)  # an angle that turns is never out of range
    slack = max(found.radius, one.tolerance or 0.0)
    out = ((np.asarray(found.high) < low - slack) | (np.asarray(found.low) > high + slack)) & free
    if out.any():
        told = " x ".join(f"{a:.3g} to {b:.3g}" for a, b in zip(low, high, strict=True))
        values = found.low[0] if len(found.low) == 1 else [round(value, 6) for value in found.low]
        raise GoalError(f"goal.{one.name} is out of the world's range, {told} {one.unit}: got {values}")


def _numbers(name: str, asked: Any) -> list[float]:
    try:
        found = np.atleast_1d(np.asarray(_listed(asked), np.float64))
    except (TypeError, ValueError):
        found = np.empty((0, 0))
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
        raise GoalError(f"goal.{name} must be numbers, got {shortened(asked)}")
    return found.tolist()


def _listed(asked: Any) -> Any:
    """What was written, where ``1,2`` stands for ``[1, 2]``."""
    if isinstance(asked, str) and "," in asked:
        return [part.strip() for part in asked.split(",")]
    return asked


def _pictures(pictures: np.ndarray, size: int, file: Any = None) -> np.ndarray:
    name = "the goal picture" if file is None else f"the goal picture {file}"
    if pictures.shape[1:] != (size, size, 3):
        found = " x ".join(map(str, pictures.shape[1:3]))
        raise GoalError(f"{name} is {found} pixels, the camera of this world sees {size} x {size}: scale it to that")
    if not 1 <= len(pictures) <= _MOST:
        raise GoalError(f"a goal is 1 to {_MOST} pictures, got {len(pictures)}")
    return pictures


def _states(states: np.ndarray, world: World) -> np.ndarray:
    if not world.task.quantities:
        raise GoalError(f"nobody can put world '{world.name}' into a state, so a goal in it is said by pictures")
    if states.shape[1] != world.scene.state_dim or not np.isfinite(states).all():
        size, told = world.scene.state_dim, shortened(states[0].tolist())
        raise GoalError(f"a state of world '{world.name}' is {size} finite numbers, got {states.shape[1]}: {told}")
    return np.stack([world.scene.at_rest(state) for state in states])
