"""Jobs spread over processes, which end with whoever started them. Who does a job changes nothing but the time."""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

Begin = Callable[[], Callable[[Any], Any]]  # gets ready in a process, and gives what does a job there; travels to it
Spread = Callable[[Iterable[Any]], Iterator[tuple[int, Any]]]  # jobs -> their numbers and outcomes, as they are done
SIMULATOR, PLAYER = 250 * 2**20, 600 * 2**20  # bytes that a process takes which simulates, and plans with networks


class WorkerError(RuntimeError):
    """A worker process ended before its work was done; one line says how."""


@contextmanager
def workers(begin: Begin, count: int) -> Iterator[Spread]:
    """Opens `count` processes, 0 or 1: none but this one, and gives a function that does jobs in them.

    An error in a job is raised here, with its cause; WorkerError where a process was killed. At the end the processes
    are ended, and no others.
    """
    if count <= 1:
        work: list[Callable[[Any], Any]] = []

        def here(jobs: Iterable[Any]) -> Iterator[tuple[int, Any]]:
            for index, job in enumerate(jobs):
                work[:] = work or [begin()]
                yield index, work[0](job)

        yield here
        return
    spawn = multiprocessing.get_context("spawn")  # a forked OpenGL context crashes or renders black
    resource_tracker.ensure_running()  # started with the first process, it would let interrupts through again
    crew: dict[Connection, SpawnProcess] = {}
    try:
        # Ctrl-C reaches the whole process group: the workers inherit the mask and leave it to this process.
        with _without_interrupts():
            for _ in range(count):
                ours, theirs = spawn.Pipe()
                with theirs:
                    process = spawn.Process(target=_serve, args=(begin, theirs), daemon=True)
                    process.start()
                crew[ours] = process
        yield partial(_spread, crew)
    finally:
        for process in crew.values():
            process.terminate()  # nobody waits for what they are at
        for pipe, process in crew.items():
            process.join()
            pipe.close()


def _spread(crew: dict[Connection, SpawnProcess], jobs: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    waiting, busy = enumerate(jobs), dict[Connection, int]()
    idle = list(crew)
    while True:
        for pipe, (index, job) in zip(idle, waiting, strict=False):
            busy[pipe] = index
            try:
                pipe.send(job)
            except OSError:
                raise _ended(crew[pipe]) from None
        if not busy:
            return
        idle = [pipe for pipe in wait(list(busy)) if isinstance(pipe, Connection)]
        for pipe in idle:
            try:
                outcome, *errors = pipe.recv()
            except (EOFError, OSError):
                raise _ended(crew[pipe]) from None
            if errors:
                raise errors[0] from errors[1]
            yield busy.pop(pipe), outcome


def _ended(process: SpawnProcess) -> WorkerError:
    process.join()
    code = process.exitcode or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended early (exit code {code})"
    return WorkerError(
        f"a worker process {how}, as happens where memory runs out: close other programs or write workers=1, then the "
        "same command goes on from here"
    )


def _serve(begin: Begin, pipe: Connection) -> None:
    """A worker process: gets ready, then does job after job until nobody hands it any."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        work = begin()
        while True:
            try:
                job = pipe.recv()
            except EOFError:
                return
            pipe.send((work(job),))
    except BrokenPipeError:
        return  # whoever wanted it is gone
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        pipe.send((None, *map(_portable, (error, error.__cause__))))


def _leave_with_parent() -> None:
    """A parent that was killed can't stop its workers: they would work on for minutes, for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _portable(error: BaseException | None) -> BaseException | None:
    """An error as it can travel: those that cannot be made again from what they are pickled to are told in words."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


@contextmanager
def _without_interrupts() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
