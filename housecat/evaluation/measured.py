"""How often the oracle and random play reach the goal in a world: measured, kept in a file, and shown while it holds.

`measured.json` beside this file holds what was found in the built-in worlds, by name; `housecat worlds episodes=40
--save` writes it. An entry belongs to the world with its `fingerprint`: of a world that has changed since, nothing is
known.
"""

import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from envs.data.machine import processes
from envs.files import read_json
from envs.registry import make_world
from envs.workers import SIMULATOR
from envs.workers import workers as opened
from envs.world import World
from housecat.errors import UsageError
from housecat.evaluation.episodes import one_thread
from housecat.files import write_json
from housecat.players.truth import oracle_path

FILE = Path(__file__).with_name("measured.json")

_RANDOM = 1  # a random stream beside that of the pairs and the oracle
_CONSTANTS = ("unit", "tolerance", "max_steps", "nearest", "farthest", "speed")
_FIELDS = (
    *("body_parentid", "body_pos", "body_quat", "body_mass", "body_inertia", "body_ipos", "jnt_type", "jnt_range"),
    *("jnt_stiffness", "dof_armature", "dof_damping", "dof_frictionloss", "geom_type", "geom_size", "geom_pos"),
    *("geom_quat", "geom_friction", "geom_contype", "geom_conaffinity", "geom_solref", "geom_solimp", "qpos0"),
    *("actuator_gainprm", "actuator_biasprm", "actuator_gear", "actuator_ctrlrange", "actuator_dynprm"),
)


@dataclass(frozen=True)
class Figures:
    """What was measured in one world."""

    fingerprint: str  # of the world
    version: str  # of Housecat
    seed: int
    episodes: int  # start-goal pairs, each tried by both
    oracle: int  # pairs that the oracle solved
    random: int  # pairs that random play solved
    oracle_steps: float | None  # mean control steps of the oracle's successes


@dataclass(frozen=True)
class TriedPair:
    """How it went on one pair."""

    oracle: int | None  # control steps; None: not solved
    random: bool


def fingerprint(world: World) -> str:
    """Changes with the body, the task, its pairs and the way of playing; neither with the look nor with the machine."""
    task, model = world.task, world.scene.models["train"]
    rng = np.random.default_rng(0)
    pairs = [world.sample_pair(rng) for _ in range(3)]
    play = world.play(rng)
    content = {
        "spec": {k: v for k, v in world.spec_dict.items() if k not in ("name", "frame_size", "factors")},
        "task": [str(getattr(task, name)) for name in _CONSTANTS],
        "search": asdict(task.search),
        "clock": [f"{value:.6g}" for value in (world.dt, model.opt.timestep, *model.opt.gravity)],
        "body": {name: _rounded(getattr(model, name)) for name in _FIELDS},
        "pairs": [_coarse(state) for pair in pairs for state in (pair.start, pair.goal)],
        "play": [_coarse(play.act(pairs[0].start)) for _ in range(10)],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _coarse(values: np.ndarray) -> list[float]:
    return (np.round(np.asarray(values, np.float64), 3) + 0.0).tolist()  # minus zero is zero


def _rounded(values: np.ndarray) -> list[str]:
    """To what two machines agree on."""
    return [f"{value:.5g}" if abs(value) > 1e-9 else "0" for value in np.asarray(values, np.float64).ravel()]


@one_thread()
def try_pair(spec: dict[str, Any], seed: int, index: int) -> TriedPair:
    """Pair ``index`` of ``seed``, by the oracle and by random play; nothing else makes a difference."""
    world = _world(json.dumps(spec))
    # Streams from before they had names, which nothing else uses: `measured.json` was measured on these pairs.
    rng = np.random.default_rng([seed, index])
    pair = world.sample_pair(rng)
    path, reached = oracle_path(world, pair.start, pair.goal, torch.Generator().manual_seed(int(rng.integers(2**63))))
    steps = len(path) - 1 if reached else None
    play = world.play(np.random.default_rng([seed, index, _RANDOM]))
    world.set_state(pair.start)
    for _ in range(world.max_steps):
        world.scene.step(play.act(world.state()))
        if world.success(world.state(), pair.goal):
            return TriedPair(steps, True)
    return TriedPair(steps, False)


def try_pairs(spec: dict[str, Any], seed: int, episodes: int, workers: int) -> Iterator[TriedPair]:
    """The pairs 0 to ``episodes`` - 1, as they are done by so many processes (0: one for each processor)."""
    count = min(processes(workers, SIMULATOR), episodes)
    with opened(partial(partial, try_pair, spec, seed), count) as spread:
        yield from (tried for _, tried in spread(range(episodes)))


def figures_of(world: World, version: str, seed: int, tried: list[TriedPair]) -> Figures:
    """The figures of pairs that have been tried."""
    steps = [one.oracle for one in tried if one.oracle is not None]
    mean = round(sum(steps) / len(steps), 1) if steps else None
    random = sum(one.random for one in tried)
    return Figures(fingerprint(world), version, seed, len(tried), len(steps), random, mean)


def known_figures(world: World, file: Path = FILE) -> Figures | None:
    """What was measured in this very world; None where it has not been, or where the world has changed since."""
    entry = _read(file).get(world.name)
    if entry is None or entry["fingerprint"] != fingerprint(world):
        return None
    return Figures(**entry)


def keep_figures(name: str, figures: Figures, file: Path = FILE) -> None:
    """Put the figures of the world ``name`` into the file, in place of older ones."""
    entries = {**_read(file), name: asdict(figures)}
    write_json(file, dict(sorted(entries.items())))


def _read(file: Path) -> dict[str, dict[str, Any]]:
    return read_json(file, dict[str, Figures], UsageError, "measure again") if file.exists() else {}


@functools.lru_cache(maxsize=4)
def _world(spec: str) -> World:
    return make_world(json.loads(spec))
