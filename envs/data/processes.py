"""Worker processes that make episodes and write them; they end with whoever started them."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol

from envs.data.episodes import Episode, StoreError, episode_file, write_episode
from envs.simulation.backend import RenderingError

Seconds = dict[str, float]  # what each kind of work took
Make = Callable[[int], tuple[Episode, Seconds]]  # episode i, which depends on i alone


class EpisodeSource(Protocol):
    """Where episodes come from; travels to worker processes."""

    def begin(self) -> Make:
        """Get ready in this process."""
        ...


@dataclass(frozen=True)
class Made:
    """An episode that is on disk now."""

    index: int
    digest: str  # SHA-256 of its file
    steps: int
    seconds: Seconds


def make_all(source: EpisodeSource, out: Path, indices: list[int], workers: int) -> Iterator[Made]:
    """Make and write the episodes of these ``indices``, by so many processes; 1: by this one."""
    if workers > 1:
        yield from _make_in_processes(source, out, indices, workers)
    elif indices:
        make = source.begin()
        for index in indices:
            yield _written(out, index, make)


def _written(out: Path, index: int, make: Make) -> Made:
    episode, seconds = make(index)
    began = time.perf_counter()
    digest = write_episode(out / episode_file(index), episode)
    return Made(index, digest, len(episode), {**seconds, "writing": time.perf_counter() - began})


def _make_in_processes(source: EpisodeSource, out: Path, indices: list[int], workers: int) -> Iterator[Made]:
    spawn = multiprocessing.get_context("spawn")  # a forked OpenGL context crashes or renders black
    resource_tracker.ensure_running()  # started with the first process, it would let interrupts through again
    processes: dict[Connection, SpawnProcess] = {}
    try:
        # Ctrl-C reaches the whole process group: the workers inherit the mask and leave it to this process.
        with _without_interrupts():
            for worker in range(workers):
                ours, theirs = spawn.Pipe(duplex=False)
                task = (source, str(out), indices[worker::workers], theirs)
                processes[ours] = spawn.Process(target=_work, args=task, daemon=True)
                processes[ours].start()
                theirs.close()
        listening = list(processes)
        while listening:
            for pipe in (pipe for pipe in wait(listening) if isinstance(pipe, Connection)):
                try:
                    message = pipe.recv()
                except EOFError:
                    listening.remove(pipe)
                    _require_clean_end(processes[pipe], out)
                    continue
                if isinstance(message, Exception):
                    raise message
                yield message
    finally:
        for pipe, process in processes.items():
            process.terminate()
            process.join()
            pipe.close()


def _require_clean_end(process: SpawnProcess, out: Path) -> None:
    process.join()
    if process.exitcode != 0:
        raise StoreError(
            f"a recording process ended early (exit code {process.exitcode}): "
            f"what is in {out} is kept, run the same command again to go on"
        )


def _work(source: EpisodeSource, out: str, indices: list[int], pipe: Any) -> None:
    """A worker process: make, report, and end when nobody listens any more."""
    try:
        make = source.begin()
        for index in indices:
            pipe.send(_written(Path(out), index, make))
    except BrokenPipeError:
        pass  # the collecting process is gone; whoever runs it again finds this episode on disk
    except (StoreError, RenderingError) as error:
        pipe.send(error)
    finally:
        pipe.close()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
