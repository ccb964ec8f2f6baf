"""Episodes spread over processes. Which process plays a pair, and beside which others, changes no outcome."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from envs.task import Pair
from envs.workers import workers
from housecat.evaluation.episodes import EpisodeResult, Setup, play

OnDone = Callable[[list[EpisodeResult]], None]
PlayJobs = Callable[["Sequence[PlayJob]", OnDone], list[list[EpisodeResult]]]  # results in the order of the jobs


@dataclass(frozen=True)
class PlayJob:
    """Pairs that one planner plays side by side in one process."""

    planner: str
    horizon: int | None
    pairs: tuple[tuple[int, Pair], ...]  # with their index
    seed: int
    max_steps: int | None


def jobs_of(
    planner: str, horizon: int | None, pairs: Sequence[tuple[int, Pair]], batch: int, seed: int, max_steps: int | None
) -> list[PlayJob]:
    """The numbered pairs cut into jobs of at most `batch`."""
    parts = [tuple(pairs[first : first + batch]) for first in range(0, len(pairs), batch)]
    return [PlayJob(planner, horizon, part, seed, max_steps) for part in parts]


@contextmanager
def players(setup: Setup, count: int) -> Iterator[PlayJobs]:
    """Opens `count` processes (0 or 1: none but this one) and gives a function that plays jobs in them."""
    with workers(partial(_begin, setup), count) as spread:

        def play_jobs(jobs: Sequence[PlayJob], on_done: OnDone) -> list[list[EpisodeResult]]:
            found = {}
            for index, results in spread(jobs):
                on_done(results)
                found[index] = results
            return [found[index] for index in range(len(jobs))]

        yield play_jobs


def _begin(setup: Setup) -> Callable[[PlayJob], list[EpisodeResult]]:
    bench = setup()
    return lambda job: play(bench, job.planner, job.horizon, job.pairs, job.seed, job.max_steps)
