"""Record play, random or scripted: many simulators in several processes, straight to disk."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.data.build import OnProgress, build
from envs.data.episodes import Episode
from envs.data.manifest import identity
from envs.data.processes import Make, Seconds
from envs.data.store import EpisodeStore
from envs.outside.python import PythonWorld
from envs.registry import make_world
from envs.simulation.backend import renderer_name
from envs.simulation.contacts import joined
from envs.streams import stream
from envs.world import World


def collect(
    spec: dict[str, Any],
    out: Path | str,
    episodes: int,
    steps: int,
    seed: int,
    workers: int = 0,
    progress: bool = True,
    on_progress: OnProgress | None = None,
    prepare: Callable[[], Any] | None = None,
) -> EpisodeStore:
    """Record ``episodes`` episodes of ``steps`` control steps of random play into the folder ``out``.

    What is there already, from the same world, seed and steps, is kept; see `envs.data.build.build`, also for
    ``workers``, ``progress`` and the errors.

    Args:
        spec: the world, as for `envs.make_world`.
        seed: not negative.
        prepare: called first in every process: it makes known how an environment in Python is made.

    Raises ValueError: the world or one of the numbers is impossible.
    """
    _check_numbers(episodes=(episodes, 1), steps=(steps, 1), seed=(seed, 0), workers=(workers, 0))
    world = make_world(spec)
    kind = "scripted" if world.task.scripted else "random"
    play = RandomPlayRecording(world.spec_dict, seed, steps, prepare)
    about = identity(world.spec_dict, world.dt, None, {"command": "collect"}, seed, steps, play=kind)
    if isinstance(world, PythonWorld):  # which may end an episode early
        about |= {"steps": None, "states": world.spec_dict["states"] > 0}
        about["origin"] |= {"steps": steps}
    else:
        about["renderer"] = renderer_name()
    return build(Path(out), about, play, episodes, workers, progress, on_progress)


@dataclass(frozen=True)
class RandomPlayRecording:
    """A source of episodes: random play in one world."""

    spec: dict[str, Any]
    seed: int
    steps: int
    prepare: Callable[[], Any] | None = None

    def begin(self) -> Make:
        """Build the world; see `envs.data.processes.Source`."""
        if self.prepare is not None:
            self.prepare()
        world = make_world(self.spec)

        def make(index: int) -> tuple[Episode, Seconds]:
            seconds: Seconds = {}
            return record_episode(world, self.seed, index, self.steps, seconds), seconds

        return make


def record_episode(world: World, seed: int, index: int, steps: int, seconds: Seconds | None = None) -> Episode:
    """Episode ``index`` of random play, from anywhere in free space at a random velocity; no goal, no end.

    ``seconds`` is told what "physics" and "rendering" took.
    """
    rng = stream(seed, "recordings", index)
    if isinstance(world, PythonWorld):
        return Episode(*world.record(rng, steps), seed=(seed, index))
    scene = world.scene
    # From a stream of their own: what happens in an episode is not drawn anew when factors are added.
    world.set_factors(world.sample_factors(stream(seed, "factors of recordings", index)))
    scene.set_state(world.sample_state(rng, moving=True))
    play = world.play(rng)
    frames = np.empty((steps + 1, scene.frame_size, scene.frame_size, 3), np.uint8)
    actions = np.empty((steps, scene.action_dim), np.float32)
    states = np.empty((steps + 1, scene.state_dim), np.float64)
    touching = []
    physics = rendering = 0.0
    for step in range(steps + 1):
        began = time.perf_counter()
        if step > 0:
            actions[step - 1] = play.act(states[step - 1])
            scene.step(actions[step - 1])
        states[step] = scene.state()
        touching.append(scene.contacts())
        simulated = time.perf_counter()
        scene.frame(out=frames[step])
        physics, rendering = physics + simulated - began, rendering + time.perf_counter() - simulated
    if seconds is not None:
        seconds.update(physics=physics, rendering=rendering)
    return Episode(frames, actions, states, joined(touching), (seed, index), dict(world.factor_values))


def _check_numbers(**numbers: tuple[Any, int]) -> None:
    for name, (value, least) in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
