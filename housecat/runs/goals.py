"""From settings to what is asked for in an evaluation; a part of `housecat/runs/wiring.py`."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from envs.data.store import EpisodeStore
from envs.goals.forms import goal_asked
from envs.goals.record import Goal
from envs.goals.sight import state_seen
from envs.streams import stream
from envs.world import World
from housecat.errors import UsageError
from housecat.evaluation.goals import Asked, towards
from housecat.evaluation.pairs import PairRequest, PairSet, frozen_pairs, make_pairs
from housecat.runs.wiring import check_world, pair_request
from housecat.settings.schema import Config

_SEEN: dict[str, np.ndarray] = {}  # states that pictures were found to show: an evaluation asks several times


def asked_of(config: Config, world: World) -> Asked:
    """What pairs in this world are to reach.

    Raises GoalError: it cannot be had, or nobody can tell when it is reached; UsageError: settings exclude each other.
    """
    said, only = config.goal, config.evaluate.ask or ()
    if said.data is not None:
        check_world(f"the recording in {said.data}", EpisodeStore.open(Path(said.data)).world, world.spec_dict)
    goal = goal_asked(said.form(), world)
    if goal is not None and only:
        raise UsageError("evaluate.ask asks for parts of the goals of pairs, goal.* gives another goal: leave one out")
    if goal is not None and config.evaluate.offset is not None:
        raise UsageError("evaluate.offset draws goals, goal.* gives one: leave one out")
    if goal is not None and not goal.judged:
        assert goal.pictures is not None
        key = f"{world.spec_dict} {config.seed} {_digest(goal.pictures)}"
        if key not in _SEEN:
            _SEEN[key] = state_seen(world, goal.pictures, stream(config.seed, "states in pictures"))
        goal = replace(goal, states=_SEEN[key])
    return Asked(goal, tuple(only), said.targets, said.samples)


def request_of(config: Config, goal: Goal | None) -> PairRequest:
    """Which pairs are asked for; pictures count by what they show."""
    form = config.goal.form()
    if goal is not None and goal.pictures is not None:
        form["sha256"] = _digest(goal.pictures)
    return replace(pair_request(config), goal=form or None)


def check_goals(config: Config, world: World) -> None:
    """Raises GoalError, UsageError or PairsError where the pairs cannot be made, or cannot be asked for that."""
    asked = asked_of(config, world)
    made = make_pairs(world, request_of(config, asked.goal), asked.goal)
    towards(world, made.pairs[:1], asked, config.seed)


def pairs_asked(config: Config, world: World, file: Path) -> tuple[PairSet, Asked]:
    """The frozen pairs in a file, with what is asked for; errors as for `asked_of` and `frozen_pairs`."""
    asked = asked_of(config, world)
    return frozen_pairs(world, request_of(config, asked.goal), file, asked.goal), asked


def _digest(pictures: np.ndarray) -> str:
    return hashlib.sha256(pictures.tobytes()).hexdigest()
