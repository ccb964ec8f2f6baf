"""Bring a data set of another format into the form that Housecat trains on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from envs.data.build import build
from envs.data.episodes import Episode, StoreError
from envs.data.exchange.formats import open_foreign
from envs.data.manifest import identity
from envs.data.processes import Make
from envs.data.store import EpisodeStore
from envs.registry import make_world
from envs.world import World

_SAME_TIME = 1e-6  # relative difference of two control steps that are one, since formats round frame rates


def import_data(
    name: str, source: Path, out: Path, spec: dict[str, Any] | None = None, progress: bool = True
) -> EpisodeStore:
    """Write the data set at ``source``, in the format ``name``, to the folder ``out``.

    Actions, states and timing stay as they are. Frames of another size than the world's are scaled to it. States that
    are not as many numbers as the world's are not its simulator's, and are stored as unknown (NaN).

    ``spec``: the world that the episodes are of, as for `envs.make_world`; None: what an export of Housecat says.

    Raises ValueError: there is no such format; StoreError: see `fitted`, `envs.data.exchange.formats.open_foreign`
    and `envs.data.build.build`.
    """
    opened = open_foreign(name, source)
    if opened.count < 1:
        raise StoreError(f"{source} holds no episodes")
    own = opened.about or {}
    spec = spec or own.get("world")
    if spec is None:
        raise StoreError(f"{source} does not say which world it is of: name one with world=NAME")
    world = make_world(spec)
    dt = opened.dt or world.dt
    if abs(dt / world.dt - 1.0) > _SAME_TIME:
        raise StoreError(
            f"{source} has {dt:g} s in a control step, world '{world.name}' {world.dt:g} s: name the world it is of"
        )
    first = opened.read(0)
    states = bool(np.isfinite(_states(first, world)).all())
    origin = {"command": "data import", "format": name, "source": str(source)}
    kept = {name: own.get(name) for name in ("seed", "steps", "play")}
    camera = own.get("camera", "train")
    about = identity(world.spec_dict, world.dt, own.get("renderer"), origin, camera=camera, states=states, **kept)
    return build(out, about, Imported(name, str(source), world.spec_dict), opened.count, 1, progress)


@dataclass(frozen=True)
class Imported:
    """A source of episodes: those of a data set of another format."""

    name: str
    path: str
    spec: dict[str, Any]

    def begin(self) -> Make:
        """Open the data set and build the world; see `envs.data.processes.Source`."""
        opened, world = open_foreign(self.name, Path(self.path)), make_world(self.spec)
        return lambda index: (fitted(opened.read(index), world, f"episode {index} of {self.path}"), {})


def fitted(episode: Episode, world: World, what: str) -> Episode:
    """``episode`` in the shapes of ``world``.

    Raises StoreError: it has no steps, or its actions are not this world's.
    """
    actions = np.asarray(episode.actions, np.float32)
    size = world.scene.frame_size
    if not len(episode.frames) == len(episode.states) == len(actions) + 1 > 1:
        raise StoreError(f"{what} has {len(episode.frames)} frames and {len(actions)} actions: it is damaged")
    if actions.shape[1:] != (world.scene.action_dim,):
        raise StoreError(
            f"{what} has actions of {actions.shape[-1]} numbers, world '{world.name}' {world.scene.action_dim}: "
            "name the world it is of with world=NAME"
        )
    if not (np.abs(actions) <= 1.0).all():
        largest = np.abs(actions).max()
        raise StoreError(f"{what} has actions up to {largest:g}, worlds take them from -1 to 1: scale them first")
    frames = np.ascontiguousarray(episode.frames)
    if frames.shape[1:] != (size, size, 3):  # each new pixel is the mean of the area that it covers
        scaled = (Image.fromarray(frame).resize((size, size), Image.Resampling.BOX) for frame in frames)
        frames = np.stack([np.asarray(frame) for frame in scaled])
    return replace(episode, frames=frames, actions=actions, states=_states(episode, world))


def _states(episode: Episode, world: World) -> np.ndarray:
    """The episode's states where they can be the simulator's, NaN otherwise: ``(T+1, S)``."""
    if episode.states.shape[1:] == (world.scene.state_dim,):
        return np.asarray(episode.states, np.float64)
    return np.full((len(episode.states), world.scene.state_dim), np.nan)
