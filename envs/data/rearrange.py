"""Other data sets made of recorded ones: frames drawn again, several data sets in one, one in two."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from envs.data.build import build
from envs.data.episodes import Episode, StoreError
from envs.data.folder import held, require_empty
from envs.data.manifest import identity
from envs.data.processes import Make, Seconds
from envs.data.store import EpisodeStore
from envs.registry import make_world
from envs.simulation.backend import renderer_name
from envs.simulation.scene import CAMERAS
from envs.world import World

SPLIT = ("train", "test")  # the folders of a data set that was split


def rerender(
    data: Path | str,
    out: Path | str,
    size: int | None = None,
    camera: str = "train",
    workers: int = 0,
    progress: bool = True,
) -> EpisodeStore:
    """Write the data set in ``data`` to ``out`` with other frames of the same states, actions, contacts and seeds.

    Args:
        size: side of the new frames, pixels; None: as it was.
        camera: "train" or "people".
        workers, progress: see `envs.data.build.build`, also for errors.

    Raises ValueError: there is no such camera, or no frame can be of that size; StoreError: ``data`` is no finished
    data set, or its states are unknown.
    """
    if camera not in CAMERAS:
        raise ValueError(f"there is no camera '{camera}': ask for one of {', '.join(CAMERAS)}")
    store = EpisodeStore.open(data)
    about = store.manifest
    if not about["states"]:
        raise StoreError(f"{data} has no simulator states to draw: rerender what 'housecat collect' recorded")
    spec = {**store.world, "frame_size": size or store.world["frame_size"]}
    store.check_sizes()
    make_world(spec)  # an impossible size shows before any work
    origin = {"command": "rerender", "of": store.fingerprint()}
    described = identity(
        spec, about["dt"], renderer_name(), origin, about["seed"], about["steps"], camera, play=about.get("play")
    )
    return build(Path(out), described, Redrawn(str(data), spec, camera), len(store), workers, progress)


def redrawn(world: World, episode: Episode, camera: str) -> Episode:
    """``episode`` with the frames that this camera of ``world`` makes of its states."""
    size = world.scene.frame_size
    world.set_factors(episode.factors)
    frames = np.empty((len(episode.states), size, size, 3), np.uint8)
    for state, frame in zip(episode.states, frames, strict=True):
        world.scene.frame(camera, state, size, frame)
    return replace(episode, frames=frames)


def merge(sources: list[Path], out: Path | str, progress: bool = True) -> EpisodeStore:
    """Write the episodes of all ``sources``, in order, to ``out``.

    Raises:
        StoreError: they are not all of one world and camera, an episode is there twice, or see `envs.data.build.build`.
    """
    stores = [EpisodeStore.open(path) for path in sources]
    first = stores[0].manifest
    for store in stores[1:]:
        for key in ("world", "dt", "camera", "renderer", "states"):
            if store.manifest[key] != first[key]:
                raise StoreError(
                    f"{store.path} and {stores[0].path} differ in {key}: merge recordings of one world and camera"
                )
    _require_single(stores)
    parts = tuple((str(store.path), index) for store in stores for index in range(len(store)))
    origin = {"command": "data merge", "of": [store.fingerprint() for store in stores]}
    return build(Path(out), _about(stores, origin), Selected(parts), len(parts), 1, progress)


def split(data: Path | str, out: Path | str, held_out: float, progress: bool = True) -> tuple[EpisodeStore, ...]:
    """Write the first episodes of ``data`` to ``out/train`` and the last ones, a share ``held_out``, to ``out/test``.

    Raises ValueError: one of the two would be empty; StoreError: see `envs.data.build.build`.
    """
    store = EpisodeStore.open(data)
    count = len(store.split(held_out)[0])
    with held(Path(out)):
        require_empty(Path(out), *SPLIT)
    made = []
    for name, indices in zip(SPLIT, (range(count), range(count, len(store))), strict=True):
        origin = {"command": "data split", "of": store.fingerprint(), "part": name, "held_out": held_out}
        source = Selected(tuple((str(data), index) for index in indices))
        made.append(build(Path(out) / name, _about([store], origin), source, len(indices), 1, progress))
    return tuple(made)


@dataclass(frozen=True)
class Redrawn:
    """A source of episodes: those of a data set, drawn again."""

    data: str
    spec: dict[str, Any]  # of the world, at the new size
    camera: str

    def begin(self) -> Make:
        """Open the data set and build the world; see `envs.data.processes.Source`."""
        store, world = EpisodeStore.open(self.data), make_world(self.spec)

        def make(index: int) -> tuple[Episode, Seconds]:
            episode, began = store.load(index), time.perf_counter()
            again = redrawn(world, episode, self.camera)
            return again, {"rendering": time.perf_counter() - began}

        return make


@dataclass(frozen=True)
class Selected:
    """A source of episodes: some of those of other data sets."""

    parts: tuple[tuple[str, int], ...]  # folder and index in it, of each episode

    def begin(self) -> Make:
        """Open the data sets; see `envs.data.processes.Source`."""
        stores = {path: EpisodeStore.open(path) for path in {path for path, _ in self.parts}}

        def make(index: int) -> tuple[Episode, Seconds]:
            path, there = self.parts[index]
            return stores[path].load(there), {}

        return make


def _about(stores: list[EpisodeStore], origin: dict[str, Any]) -> dict[str, Any]:
    """The manifest's entries for episodes of all these; seed, steps and play where all have the same."""
    first = stores[0].manifest
    shared = {
        key: first.get(key) if all(s.manifest.get(key) == first.get(key) for s in stores) else None for key in _SHARED
    }
    return identity(
        first["world"], first["dt"], first["renderer"], origin, **shared, camera=first["camera"], states=first["states"]
    )


_SHARED = ("seed", "steps", "play")


def _require_single(stores: list[EpisodeStore]) -> None:
    """An episode that is there twice may be in training and be held out from it at once."""
    seen: dict[str, Path] = {}
    for store in stores:
        for digest in store.manifest["files"].values():
            if digest in seen:
                raise StoreError(f"an episode of {store.path} is in {seen[digest]} too: merge different recordings")
            seen[digest] = store.path
