"""Episodes spread over processes. Which process plays a pair, and beside which others, changes no outcome."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass

from envs.task import Pair
from housecat.evaluation.episodes import Bench, EpisodeResult, Setup, play

OnDone = Callable[[list[EpisodeResult]], None]
PlayJobs = Callable[["Sequence[PlayJob]", OnDone], list[list[EpisodeResult]]]  # results in the order of the jobs

_bench: Bench | None = None  # of this worker process


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
def players(setup: Setup, workers: int) -> Iterator[PlayJobs]:
    """Opens `workers` processes (0 or 1: none but this one) and gives a function that plays jobs in them."""
    if workers <= 1:
        bench = setup()
        yield lambda jobs, on_done: [_play(bench, job, on_done) for job in jobs]
        return
    context = multiprocessing.get_context("spawn")  # a forked OpenGL context crashes or renders black
    with ProcessPoolExecutor(workers, context, _begin, (setup,)) as pool:
        try:
            yield lambda jobs, on_done: _play_in(pool, jobs, on_done)
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()  # nobody waits for what they are playing
            raise


def _play_in(pool: ProcessPoolExecutor, jobs: Sequence[PlayJob], on_done: OnDone) -> list[list[EpisodeResult]]:
    futures = [pool.submit(_play_here, job) for job in jobs]
    for future in as_completed(futures):
        on_done(future.result())
    return [future.result() for future in futures]


def _begin(setup: Setup) -> None:
    global _bench
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _bench = setup()


def _leave_with_parent() -> None:
    """A parent that was killed can't stop its workers: they would play on for minutes, for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _play_here(job: PlayJob) -> list[EpisodeResult]:
    assert _bench is not None
    return _play(_bench, job)


def _play(bench: Bench, job: PlayJob, on_done: OnDone | None = None) -> list[EpisodeResult]:
    results = play(bench, job.planner, job.horizon, job.pairs, job.seed, job.max_steps)
    if on_done is not None:
        on_done(results)
    return results
