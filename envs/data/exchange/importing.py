"""Bring a data set of another format into the form that Housecat trains on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from envs.data.build import build
from envs.data.episodes import Episode, StoreError
from envs.data.exchange.formats import Opened, open_foreign
from envs.data.manifest import identity
from envs.data.processes import Make
from envs.data.store import EpisodeStore
from envs.pictures import scaled, told
from envs.registry import make_world, sizes
from envs.specs import check_spec
from envs.units import from_own

_DT = 0.1  # s
_SAME_TIME = 1e-6  # relative difference of two control steps that are one, since formats round frame rates


def import_data(
    name: str,
    source: Path,
    out: Path,
    spec: dict[str, Any] | None = None,
    progress: bool = True,
    frame_size: int | None = None,
) -> EpisodeStore:
    """Write the data set at ``source``, in the format ``name``, to the folder ``out``.

    States and timing stay as they are. Frames of another size are scaled. In a world's recordings, states that are not
    as many numbers as the world's are not its simulator's, and are stored as unknown (NaN).

    Args:
        spec: the world that the episodes are of, as for `envs.make_world`; None: what an export of Housecat says, or
            else a robot that nobody simulates, see `robot_spec`.
        frame_size: of such a robot's frames, pixels; None: 64.

    Raises ValueError: there is no such format; StoreError: see `fitted`, `envs.data.exchange.formats.open_foreign`
    and `envs.data.build.build`.
    """
    opened = open_foreign(name, source)
    if opened.count < 1:
        raise StoreError(f"{source} holds no episodes")
    own = opened.about or {}
    spec = spec or own.get("world") or robot_spec(opened, source, frame_size or 64)
    try:
        check_spec(spec)
    except ValueError as error:
        raise StoreError(f"{source}: {error}: name the world it is of") from error
    if spec["family"] == "recorded":
        dt, states = spec["dt"], spec["states"] > 0
    else:
        world = make_world(spec)
        spec, dt = world.spec_dict, world.dt
        if abs((opened.dt or dt) / dt - 1.0) > _SAME_TIME:
            raise StoreError(
                f"{source} has {opened.dt:g} s in a control step, '{world.name}' {dt:g} s: name the world it is of"
            )
        states = bool(np.isfinite(_states(opened.read(0), world.scene.state_dim)).all())
    origin = {"command": "data import", "format": name, "source": str(source)}
    kept = {name: own.get(name) for name in ("seed", "steps", "play")}
    camera = own.get("camera", "train")
    about = identity(spec, dt, own.get("renderer"), origin, camera=camera, states=states, **kept)
    return build(out, about, Imported(name, str(source), spec), opened.count, 1, progress)


def robot_spec(opened: Opened, source: Path, frame_size: int) -> dict[str, Any]:
    """The description of what was recorded of a robot without a simulator; `envs.make_world` makes no world of it.

    The ranges of its actions are those that the episodes have; what they tell as a state, if they tell one in all, is
    kept as it is. Its "notes" say what is done to the frames and what was taken to be what.
    """
    low, high, states, shape = np.inf, -np.inf, set(), (0, 0, 3)
    for index in range(opened.count):
        episode = opened.read(index, index == 0)
        wide = np.shape(low) in ((), episode.actions.shape[1:])
        if not np.isfinite(episode.actions).all() or episode.actions.ndim != 2 or not wide:
            raise StoreError(
                f"episode {index} of {source} has actions that are no finite numbers, or of another size: leave it out"
            )
        shape = episode.frames.shape[1:] if index == 0 else shape
        low, high = np.minimum(low, episode.actions.min(axis=0)), np.maximum(high, episode.actions.max(axis=0))
        states.add(episode.states.shape[1] if np.isfinite(episode.states).all() else 0)
    bounds = {"low": np.round(low, 6).tolist(), "high": np.round(high, 6).tolist()}
    notes = [
        told(shape, frame_size),
        f"actions from {_numbers(bounds['low'])} to {_numbers(bounds['high'])}, as recorded, are taken as -1 to 1",
        "" if opened.dt else f"a control step is taken to be {_DT:g} s, for the data do not say",
    ]
    return {
        "family": "recorded",
        "name": source.stem,
        "frame_size": frame_size,
        "actions": bounds,
        "dt": opened.dt or _DT,
        "states": states.pop() if len(states) == 1 else 0,
        "notes": [note for note in [*opened.notes, *notes] if note],
    }


def _numbers(values: list[float]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


@dataclass(frozen=True)
class Imported:
    """A source of episodes: those of a data set of another format."""

    name: str
    path: str
    spec: dict[str, Any]

    def begin(self) -> Make:
        """Open the data set; see `envs.data.processes.Source`."""
        opened, spec = open_foreign(self.name, Path(self.path)), self.spec
        shape = Shape(spec, *sizes(spec))
        return lambda index: (fitted(opened.read(index), shape, f"episode {index} of {self.path}"), {})


@dataclass(frozen=True)
class Shape:
    """What episodes are brought to."""

    spec: dict[str, Any]  # of the world or the robot
    actions: int  # A
    states: int  # S


def fitted(episode: Episode, shape: Shape, what: str) -> Episode:
    """``episode`` in the shapes of its world or robot.

    Raises StoreError: it has no steps, or its actions are not this world's.
    """
    size, name = shape.spec["frame_size"], shape.spec["name"]
    actions = from_own(shape.spec, episode.actions)
    if not len(episode.frames) == len(episode.states) == len(actions) + 1 > 1:
        raise StoreError(f"{what} has {len(episode.frames)} frames and {len(actions)} actions: it is damaged")
    if actions.shape[1:] != (shape.actions,):
        raise StoreError(
            f"{what} has actions of {actions.shape[-1]} numbers, '{name}' {shape.actions}: name the world it is of "
            "with world=NAME"
        )
    if not (np.abs(actions) <= 1.0 + _SAME_TIME).all():
        largest = np.abs(actions).max()
        raise StoreError(
            f"{what} has actions up to {largest:g}, worlds take them from -1 to 1: scale them, or name no world"
        )
    frames = scaled(np.ascontiguousarray(episode.frames), size)
    return replace(episode, frames=frames, actions=actions, states=_states(episode, shape.states))


def _states(episode: Episode, count: int) -> np.ndarray:
    """The episode's states where they are ``count`` numbers, NaN otherwise: ``(T+1, count)``."""
    if episode.states.shape[1:] == (count,):
        return np.asarray(episode.states, np.float64)
    return np.full((len(episode.states), count), np.nan)
