"""Frozen start-goal pairs: every planner, machine and later version is judged on the same ones.

Pairs are stratified by true distance: the range from the nearest allowed goal to the farthest in this world is cut into
equal parts, and pair `i` comes from part `i modulo strata`. Pair `i` depends on the world, the seed and `i` only, so a
longer list begins with the shorter one. Calibration pairs come from another random stream and are never evaluated on.

With an offset, the protocol of the benchmarks of world models: a start that random play passes through, and as its goal
where the play was that many control steps later. All distances are then one stratum.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from envs.files import Least0, Number, by_name, many, read_json, record
from envs.goals.record import Goal
from envs.play.hindsight import hindsight_pair
from envs.streams import stream
from envs.task import Pair
from envs.world import World
from housecat.errors import UsageError
from housecat.evaluation.goals import pair_towards
from housecat.files import write_json

SCHEMA = 3


_COUNT = Annotated[int, Meta(ge=0)]
_PAIRS = many(record(start=many(Number), goal=many(Number), distance=Least0, steps=Least0, factors=by_name(Number)))
STORED = record(
    schema=Literal[3],
    asked=record(world=dict, seed=_COUNT, count=_COUNT, calibration=_COUNT),
    unit=str,
    edges=many(Number, 2, 100),
    pairs=_PAIRS,
    calibration=_PAIRS,
)


class PairsError(UsageError):
    """The pairs cannot be made, or the file holds others; the message is one line that says what to do."""


@dataclass(frozen=True)
class PairRequest:
    """Which pairs are asked for."""

    count: int  # pairs that planners are judged on
    calibration: int  # further pairs, for choosing settings
    seed: int
    strata: int  # equal parts of the range of distances
    min_distance: float | None = None  # in the world's unit; None: what the world calls a goal worth planning for
    min_steps: float | None = None  # control steps at top speed; the stricter of the two bounds holds
    offset: int | None = None  # control steps of random play from start to goal; None: a goal anywhere in the world
    goal: dict[str, Any] | None = None  # what says the goal of all pairs, as JSON; None: each has its own

    def entries(self) -> dict[str, Any]:
        """As JSON; the goal only where there is one."""
        return {name: value for name, value in asdict(self).items() if name != "goal" or value is not None}


@dataclass(frozen=True)
class PairSet:
    """Pairs as they stand in `pairs.json`."""

    world: dict[str, Any]  # the world's spec
    seed: int
    unit: str  # of all distances
    edges: list[float]  # (strata + 1,) bounds of the strata, rising
    pairs: list[Pair]
    calibration: list[Pair]

    def stratum(self, index: int) -> int:
        """The stratum that evaluation pair `index` was drawn from."""
        return index % (len(self.edges) - 1)


def make_pairs(world: World, request: PairRequest, goal: Goal | None = None) -> PairSet:
    """Draws the pairs of a request, towards a given goal where there is one: starts alone are drawn then.

    Raises PairsError: the world has no goals that far away.
    """
    drawn = request.offset is None and goal is None
    edges = _edges(world, request) if drawn else []

    def draw(purpose: str, index: int) -> Pair:
        rng = stream(request.seed, purpose, index)
        # From a stream beside it: the pairs are the same whatever is varied.
        factors = world.sample_factors(stream(request.seed, f"factors of {purpose}", index))
        try:
            if goal is not None:
                return replace(pair_towards(world, goal, rng, _least(world, request)), factors=factors)
            if request.offset is not None:
                world.set_factors(factors)
                return replace(hindsight_pair(world, rng, request.offset, _least(world, request)), factors=factors)
            stratum = index % request.strata
            return replace(world.sample_pair(rng, edges[stratum], edges[stratum + 1]), factors=factors)
        except ValueError as error:
            fewer = f"; or fewer evaluate.strata (now {request.strata})" if drawn else ""
            raise PairsError(f"world '{world.name}': {error}{fewer}") from error

    pairs = [draw("pairs", index) for index in range(request.count)]
    calibration = [draw("calibration", index) for index in range(request.calibration)]
    if not drawn:
        edges = [_least(world, request), max(pair.distance for pair in pairs)]
    return PairSet(world.spec_dict, request.seed, world.unit, edges, pairs, calibration)


def frozen_pairs(world: World, request: PairRequest, file: Path, goal: Goal | None = None) -> PairSet:
    """The pairs in `file` if they are what is asked for; made and written there if there is no file yet.

    Raises PairsError: the file holds pairs of another request or is damaged, or the pairs cannot be made.
    """
    asked = json.loads(json.dumps({"world": world.spec_dict, **request.entries()}))
    if not file.exists():
        made = make_pairs(world, request, goal)
        write_json(file, to_json(made, asked))
        return made
    advice = "delete it to have the pairs made anew"
    stored = read_json(file, STORED, PairsError, advice)
    before = stored["asked"]
    try:
        found = from_json(stored)
        if before == asked:
            require_states_of(world, found)
    except ValueError as error:
        raise PairsError(f"{file} is damaged ({error}): {advice}") from error
    if before != asked:
        differing = [
            f"{k} {before.get(k)}, asked for {v}" for k, v in asked.items() if k != "world" and before.get(k) != v
        ]
        what = "; ".join(differing) or "another world"
        raise PairsError(f"{file} holds other pairs ({what}): choose another out=DIR or delete the file")
    return found


def plain(pair: Pair) -> dict[str, Any]:
    """The entries of a pair that are kept: what is asked for besides follows from the request."""
    return {name: value for name, value in pair.__dict__.items() if name != "wanted"}


def to_json(pairs: PairSet, asked: dict[str, Any]) -> dict[str, Any]:
    """The content of `pairs.json`: what was asked for, and the pairs."""
    lists = {
        kind: [{**plain(p), "start": p.start.tolist(), "goal": p.goal.tolist()} for p in some]
        for kind, some in (("pairs", pairs.pairs), ("calibration", pairs.calibration))
    }
    return {"schema": SCHEMA, "asked": asked, "unit": pairs.unit, "edges": pairs.edges, **lists}


def from_json(stored: dict[str, Any]) -> PairSet:
    """The inverse of `to_json`. Raises ValueError where pairs are missing."""
    asked = stored["asked"]
    every = [
        [Pair(**{**p, **{end: np.array(p[end], np.float64) for end in ("start", "goal")}}) for p in stored[kind]]
        for kind in ("pairs", "calibration")
    ]
    if [len(pairs) for pairs in every] != [asked["count"], asked["calibration"]]:
        raise ValueError("pairs are missing")
    return PairSet(asked["world"], asked["seed"], stored["unit"], stored["edges"], *every)


def require_states_of(world: World, found: PairSet) -> None:
    """Raises ValueError where a pair is not of this world, or is solved at its start."""
    for pair in found.pairs + found.calibration:
        world.set_factors(pair.factors)
        for state in (pair.start, pair.goal):
            world.set_state(state)
        if world.success(pair.start, pair.goal):
            raise ValueError("a pair is solved at its start")


def _edges(world: World, request: PairRequest) -> list[float]:
    """Bounds of the strata; the same for every seed, so that runs of several seeds can be laid side by side."""
    farthest = world.task.span(stream(0, "strata"))
    low = _least(world, request)
    if low >= farthest:
        name = "evaluate.min_distance" if request.min_steps is None else "evaluate.min_steps"
        raise PairsError(
            f"world '{world.name}' has no goals {low:g} {world.unit} away, the farthest are at {farthest:.1f} "
            f"{world.unit}: lower {name}"
        )
    return [float(edge) for edge in np.linspace(low, farthest, request.strata + 1)]


def _least(world: World, request: PairRequest) -> float:
    """The least distance of a pair; with an offset, unless one is asked for, any that is not solved at the start."""
    low = request.min_distance
    if low is None:
        low = world.task.nearest if request.offset is None else 0.0
    return low if request.min_steps is None else max(low, request.min_steps * world.task.speed)
