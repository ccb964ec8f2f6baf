"""The closed loop: planners play start-goal pairs in the simulator, seeing camera frames and nothing else.

Here, and only here, a success is counted: the world's own test, after any control step within the limit.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import gymnasium
import numpy as np
import torch
from msgspec import Meta

from envs.files import Count, Least0, Maybe, Number, Share, many, record
from envs.streams import stream
from envs.task import Pair
from envs.vector import WorldVector
from envs.world import World
from housecat.evaluation.goals import Targeted, shown
from housecat.evaluation.noticing import Notes
from housecat.evaluation.player import OnTime, Player
from housecat.evaluation.statistics import path_efficiency
from housecat.evaluation.trouble import Trouble, TroubledVector
from housecat.players.truth import InformedAgent
from planners.subgoals.landmarks import Landmarks
from worldmodel.streams import torch_stream

_ROUNDING = 1e-5  # of an action, as a share of half its range
_MAYBE = (
    "missed",
    "pushed",
    "surprised",
    "violated",
)  # of a result, what stands in the file where there is something to say
AT_THE_GOAL = -1  # in place of a landmark's index: the planner aims at the goal itself


@dataclass(frozen=True)
class Bench:
    """What one process needs in order to play."""

    make_world: Callable[[], World]  # a new instance
    make_agent: Callable[
        [str, int | None, list[torch.Generator]], Player
    ]  # planner name, horizon or None, B generators
    landmarks: Landmarks | None  # of the hierarchy, for those who look
    trouble: Trouble = field(default_factory=Trouble)  # what goes wrong meanwhile
    rate: float | None = None  # Hz at which players have to act; None: they take their time
    hold: int = 1  # control steps in a row for which a goal must be reached
    targets: Targeted | None = None  # finds latents for goals that no pictures show; None: these show them all
    violated: Callable[[np.ndarray], np.ndarray] | None = None  # states (..., S) -> whether limits are violated, (...)


Setup = Callable[[], Bench]  # picklable, because every worker process makes its own


@dataclass(frozen=True)
class EpisodeResult:
    """How one planner fared on one pair."""

    planner: str
    pair: int  # index into the list of pairs
    success: bool
    steps: int | None  # control steps to the goal; None where it was not reached
    spl: float  # in [0, 1], path efficiency of this episode
    travelled: float  # length of the path, in the world's unit
    calls: float  # model calls per control step, mean
    path: np.ndarray  # (steps + 1, S) simulator states
    targets: list[int]  # (steps,) landmark aimed at in each control step, or AT_THE_GOAL
    missed: int | None = None  # control steps without an action in time; None: there was no deadline
    final: float | None = None  # true distance to the goal at the end, in the world's unit
    roughness: float | None = None  # mean change of an action from one step to the next, in halves of its range
    clamped: float | None = None  # share of the numbers of all actions that lie on their bounds
    beyond: float | None = None  # share of the control steps in which an action was out of its bounds
    imagined: float | None = None  # distance that is planned with, from where plans said to be when the next was made
    achieved: float | None = None  # the same from where it was; means over the plans; None: nothing was planned
    pushed: list[int] | None = None  # control steps before which it was pushed; None: the player tells no surprises
    surprised: list[int] | None = None  # control steps in which it was surprised
    violated: int | None = None  # control steps after which limits were; None: there are none, or start or goal do

    def to_json(self) -> dict[str, Any]:
        """As it stands in `episodes.json`; states are rounded to four decimals."""
        told = {**self.__dict__, "path": np.round(self.path, 4).tolist()}
        return {name: one for name, one in told.items() if name not in _MAYBE or one is not None}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "EpisodeResult":
        """The inverse of `to_json`."""
        return cls(**{**stored, "path": np.array(stored["path"], np.float64)})


EPISODE = record(
    planner=str, pair=Count, success=bool, steps=Count | None, spl=Share, travelled=Least0, calls=Least0,
    path=many(many(Number)), targets=many(Annotated[int, Meta(ge=AT_THE_GOAL)]), missed=Count | Maybe,
    final=Number | None | Maybe, roughness=Least0 | None | Maybe, clamped=Share | None | Maybe,
    beyond=Share | None | Maybe, imagined=Number | None | Maybe, achieved=Number | None | Maybe,
    pushed=many(Count) | Maybe, surprised=many(Count) | Maybe, violated=Count | Maybe,
)  # fmt: skip
STORED = record(  # `episodes.json`
    schema=Literal[1],
    episodes=many(EPISODE),
    landmarks=record(states=many(many(Number), 1), edges=many(many(Count, 2, 2))) | None,
)


def generator_of(seed: int, pair: int) -> torch.Generator:
    """The random generator of one episode: the outcome must not depend on who else is in the batch."""
    return torch_stream(seed, "planners", pair)


@contextmanager
def one_thread() -> Iterator[None]:
    """Lets torch compute with one thread, so that workers share the cores and times are those of one core.

    The last bits of a matrix product may depend on the number of threads, and a closed loop amplifies them: outcomes
    would depend on the machine's load and size.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@one_thread()
def play(
    bench: Bench,
    planner: str,
    horizon: int | None,
    pairs: Sequence[tuple[int, Pair]],
    seed: int,
    max_steps: int | None = None,
) -> list[EpisodeResult]:
    """Plays the numbered pairs side by side; an environment that has reached its goal leaves the batch.

    Args:
        planner: name that `bench.make_agent` knows.
        horizon: of the planner in control steps; None for its default.
        max_steps: control steps allowed; None for the world's own limit.
    """
    vector = _worlds(bench, seed, [index for index, _ in pairs])
    options = [
        {"start": p.start, "goal": p.wanted or p.goal, "factors": p.factors, "hold": bench.hold} for _, p in pairs
    ]
    frames, infos = vector.reset(options=options)
    agent = _player(bench, planner, horizon, vector, pairs, seed)
    paths = [[state] for state in infos["state"]]
    targets: list[list[int]] = [[] for _ in pairs]
    taken: list[list[np.ndarray]] = [[] for _ in pairs]
    foreseen: list[list[np.ndarray]] = [[] for _ in pairs]
    calls, counted, notes = np.zeros(len(pairs)), None, Notes(len(pairs))
    active = np.ones(len(pairs), bool)
    for step in range(max_steps or vector.worlds[0].max_steps):
        actions = agent.act(frames, active)
        plan = agent.last_plan
        told = None if plan is None or plan is counted or plan.foreseen is None else plan.foreseen.cpu().numpy()
        frames, _, reached, _, infos = vector.step(actions)
        for i in np.flatnonzero(active):
            paths[i].append(infos["state"][i])
            targets[i].append(AT_THE_GOAL if plan is None else int(plan.subgoal[i]))
            taken[i].append(actions[i])
            foreseen[i] += [] if told is None else [told[i]]
            calls[i] += 0 if plan is None or plan is counted else plan.decided[i].calls if plan.decided else plan.calls
        notes.add(step, np.flatnonzero(active), vector, None if plan is counted else plan)
        counted = plan
        active = ~reached
        if not active.any():
            break
    space, missed = vector.worlds[0].action_space, agent.missed if isinstance(agent, OnTime) else None
    assert isinstance(space, gymnasium.spaces.Box)
    return [
        replace(
            _result(planner, one, vector.worlds[i], np.stack(paths[i]), targets[i], calls[i], bool(not active[i])),
            missed=missed,
            **conduct(np.stack(taken[i]), space.low, space.high),
            **_promises(foreseen[i]),
            **notes.of(i),
            violated=_violated(bench, np.stack(paths[i]), one[1].goal),
        )
        for i, one in enumerate(pairs)
    ]


def _player(
    bench: Bench, planner: str, horizon: int | None, vector: WorldVector, pairs: Sequence[tuple[int, Pair]], seed: int
) -> Player:
    """The player of these pairs, told of their goals."""
    agent: Player = bench.make_agent(planner, horizon, [generator_of(seed, index) for index, _ in pairs])
    finds = bench.targets
    if isinstance(agent, InformedAgent):
        agent.know(vector.worlds, [pair.goal for _, pair in pairs])
        finds = None  # it knows a state that is to be reached
    if bench.rate is not None:
        agent = OnTime(agent, bench.rate)
    agent.reset(shown(vector.worlds, [pair for _, pair in pairs], finds))
    return agent


def _worlds(bench: Bench, seed: int, indices: Sequence[int]) -> WorldVector:
    worlds = [bench.make_world() for _ in indices]
    if not bench.trouble.asked():
        return WorldVector(worlds)
    return TroubledVector(worlds, bench.trouble, [stream(seed, "trouble", index) for index in indices])


def _result(
    planner: str, one: tuple[int, Pair], world: World, path: np.ndarray, targets: list[int], calls: float, success: bool
) -> EpisodeResult:
    (index, pair), travelled = one, path_length(world, path)
    steps, final = len(targets), world.distance(path[-1], pair.goal)
    spl, needed = path_efficiency(success, pair.distance, travelled), steps if success else None
    return EpisodeResult(planner, index, success, needed, spl, travelled, calls / steps, path, targets, final=final)


def conduct(actions: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[str, Any]:
    """What actions (T, A) are like, between bounds (A,): `roughness`, `clamped` and `beyond` of an `EpisodeResult`."""
    half = np.maximum((high - low) / 2, 1e-12)
    place = (actions - (low + high) / 2) / half  # from -1 to 1; a NaN is on no bound, and beyond
    changes = np.abs(np.diff(place, axis=0))
    return {
        "roughness": float(changes.mean()) if changes.size else 0.0,
        "clamped": float((np.abs(place) >= 1 - _ROUNDING).mean()),
        "beyond": float((~(np.abs(place) <= 1 + _ROUNDING)).any(axis=1).mean()),
    }


def _violated(bench: Bench, path: np.ndarray, goal: np.ndarray) -> int | None:
    """`violated` of an `EpisodeResult`: of states (T + 1, S) towards a goal (S,)."""
    if bench.violated is None or bench.violated(np.stack([path[0], goal])).any():
        return None
    return int(bench.violated(path).sum())


def _promises(foreseen: list[np.ndarray]) -> dict[str, Any]:
    known = [one for one in foreseen if np.isfinite(one).all()]
    means = np.mean(known, axis=0).tolist() if known else [None, None]
    return dict(zip(("imagined", "achieved"), means, strict=True))


def path_length(world: World, path: np.ndarray) -> float:
    """Length of a path of states (T, S) in the world's unit: the sum of the true distances from each to the next."""
    return sum(world.distance(state, following) for state, following in itertools.pairwise(path))
