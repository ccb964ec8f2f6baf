"""What a person does, kept as episodes of the world, in the form that training reads."""

from pathlib import Path

import numpy as np

from envs.data.build import build
from envs.data.episodes import Episode, StoreError
from envs.data.folder import require_empty
from envs.data.manifest import identity, read_manifest
from envs.data.processes import Make
from envs.simulation.backend import renderer_name
from envs.simulation.contacts import joined
from envs.world import World


class Tape:
    """Episodes in the folder `out`, behind those that it has; each is on disk once it has ended.

    Raises StoreError: the folder holds something else.
    """

    def __init__(self, world: World, out: Path) -> None:
        origin = {"command": "demo"}
        self.out, self._about = out, identity(world.spec_dict, world.dt, renderer_name(), origin, play="person")
        found = read_manifest(out)
        if found is None and out.exists():
            require_empty(out)
        elif found is not None and any(found[name] != self._about[name] for name in ("world", "origin")):
            raise StoreError(f"{out} holds other recordings: name another folder with out=DIR")
        self.episodes = 0 if found is None else found["episodes"]
        self._rows: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self._done: Episode | None = None

    @property
    def running(self) -> bool:
        """Whether an episode has begun and not ended."""
        return bool(self._rows)

    def add(self, action: np.ndarray, frame: np.ndarray, world: World) -> None:
        """The action (A,) in [-1, 1] that was taken, and what it led to; to begin with, any action and how it began."""
        self._rows.append((np.asarray(action, np.float32), frame, world.state(), world.scene.contacts()))

    def end(self) -> None:
        """Ends the episode, if one has begun, and writes it. Raises StoreError: it cannot be written."""
        rows, self._rows = self._rows, []
        if len(rows) < 2:
            return
        actions, frames, states, contacts = zip(*rows, strict=True)
        self._done = Episode(np.stack(frames), np.stack(actions[1:]), np.stack(states), joined(list(contacts)))
        build(self.out, self._about, self, self.episodes + 1, progress=False)
        self.episodes += 1

    def begin(self) -> Make:
        """The episode that has just ended; see `envs.data.processes.EpisodeSource`."""
        done = self._done
        assert done is not None
        return lambda index: (done, {})
