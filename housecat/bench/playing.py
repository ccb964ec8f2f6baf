"""What a process of the bench does: play the pairs of one cell, some of them once more, and take the time.

And how long it will take to play many: a few are played for a moment, and multiplied.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from envs.registry import make_world
from envs.task import Pair
from housecat.evaluation.episodes import Bench, EpisodeResult, play
from housecat.evaluation.timing import StepTime, time_planner
from housecat.runs.trained import BenchSetup, Trained
from housecat.settings.own_code import is_reference
from planners.interface import PlanError

_PLAYED = 0.6  # share of the control steps allowed that is played where many goals are reached
_MOMENT = 3  # control steps, after a first one, that are measured
Numbered = tuple[tuple[int, Pair], ...]  # with their index


@dataclass(frozen=True)
class BenchJob:
    """What one cell, or one setting that is tried, plays; travels to worker processes."""

    setup: BenchSetup  # the settings of the optimiser included
    given: dict[str, Any]  # arguments of an optimiser of the user's own
    planner: str
    pairs: Numbered
    seed: int
    max_steps: int | None
    batch: int  # environments side by side
    timing_steps: int = 0  # control steps timed; 0: none
    replays: int = 0  # pairs to be played once more, beside others than before


@dataclass(frozen=True)
class BenchPlayed:
    """What came of it."""

    results: list[EpisodeResult]  # in the order of the pairs; none where it failed
    time: StepTime | None = None
    replayed: int = 0
    different: int = 0  # of these
    failed: str | None = None


def begin() -> Callable[[BenchJob], BenchPlayed]:
    """Gets ready in a process; the checkpoint that was played with last stays loaded."""
    kept: dict[Any, Trained] = {}

    def work(job: BenchJob) -> BenchPlayed:
        if job.setup.checkpoint not in kept:
            kept.clear()
            kept[job.setup.checkpoint] = job.setup.load()
        bench = job.setup.with_loaded(kept[job.setup.checkpoint], job.given)
        try:
            return played(bench, job, job.setup.config.planner.horizon)
        except PlanError as error:
            return BenchPlayed([], failed=str(error))
        except Exception as error:  # the user's own code may fail in any way
            if not is_reference(job.setup.config.planner.optimizer) or isinstance(error, MemoryError | OSError):
                raise
            return BenchPlayed([], failed=f"{type(error).__name__}: {error}")

    return work


def expected(
    jobs: Sequence[BenchJob],
    processes: int,
    work: Callable[[BenchJob], Any] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """Seconds that these jobs will take in so many processes: probably, and where no goal is reached.

    Measured is each player once in each world, and with each optimiser and budget once in one of them: that one takes
    so many times as long as another is taken to be so everywhere. `work`: plays a job.
    """
    work = begin() if work is None else work
    base: dict[tuple[str, str], Any] = {}  # by world and player: optimiser and budget, seconds, control steps allowed
    ratios: dict[tuple[str, Any], float] = {}  # by player, and optimiser and budget
    total, most = 0.0, 0.0
    for job in jobs:
        world, asked = job.setup.spec["name"], job.setup.config.planner
        way, here = (asked.optimizer, asked.calls), (world, job.planner)
        if here not in base:
            base[here] = way, _seconds(job, work, clock), job.max_steps or make_world(job.setup.spec).max_steps
            ratios.setdefault((job.planner, way), 1.0)
        first, seconds, steps = base[here]
        if (job.planner, way) not in ratios:
            ratios[job.planner, way] = ratios[job.planner, first] * _seconds(job, work, clock) / seconds
        each = seconds * ratios[job.planner, way] / ratios[job.planner, first]
        played = steps * (len(job.pairs) + job.replays)
        total += each * (_PLAYED * played + job.timing_steps)
        most += each * (played + job.timing_steps)
    return total / processes, most / processes


def _seconds(job: BenchJob, work: Callable[[BenchJob], Any], clock: Callable[[], float]) -> float:
    """Of a control step of one pair among others."""
    few, took = replace(job, pairs=job.pairs[: job.batch], timing_steps=0, replays=0), []
    for steps in (1, 1, 1 + _MOMENT):  # the first loads
        began = clock()
        work(replace(few, max_steps=steps))
        took.append(clock() - began)
    return max(took[2] - took[1], 1e-6) / _MOMENT / len(few.pairs)


def played(bench: Bench, job: BenchJob, horizon: int) -> BenchPlayed:
    """Plays a job. Raises PlanError where the planner does not keep its protocol."""

    def some(pairs: Sequence[tuple[int, Pair]]) -> list[EpisodeResult]:
        return play(bench, job.planner, horizon, pairs, job.seed, job.max_steps)

    parts = [job.pairs[first : first + job.batch] for first in range(0, len(job.pairs), job.batch)]
    results = [one for part in parts for one in some(part)]
    again: list[EpisodeResult] = []
    if job.replays and len(job.pairs) > 1 and job.batch > 1:  # alone: the last ones of the first batch
        again = [one for pair in parts[0][-job.replays :] for one in some([pair])]
    elif job.replays and len(job.pairs) > 1:
        again = some(job.pairs[: max(2, job.replays)])
    different = sum(not _same(one, other) for one in results for other in again if one.pair == other.pair)
    pairs, steps = [pair for _, pair in job.pairs], job.timing_steps
    time = time_planner(bench, job.planner, horizon, results, pairs, steps) if steps else None
    return BenchPlayed(results, time, len(again), different)


def _same(one: EpisodeResult, other: EpisodeResult) -> bool:
    # Not the calls: whether plans are imagined once more at their end, for those who look, is a matter of the batch.
    return one.path.tobytes() == other.path.tobytes() and one.targets == other.targets
