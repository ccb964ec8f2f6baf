"""Jobs in several processes: the same outcomes, errors that reach the caller, and nobody left behind or taken along."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import envs
from envs.workers import WorkerError, workers

ROOT = Path(envs.__file__).parents[1]


class OddError(Exception):
    """Cannot be made again from its message alone."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


@dataclass(frozen=True)
class Calling:
    """Does what each job, a name and a number, asks for."""

    offset: int

    def __call__(self) -> Callable[[tuple[str, int]], int]:
        def work(job: tuple[str, int]) -> int:
            what, number = job
            if what == "fail":
                raise ValueError("it was asked for") from OSError(28, "No space left on device")
            if what == "odd":
                raise OddError("a", "b")
            if what == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if what == "leave":
                os._exit(3)
            if what == "sleep":
                time.sleep(number)
            return number + self.offset

        return work


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def asleep() -> None:
    time.sleep(600)


@pytest.mark.parametrize("count", [1, 3])
def test_every_job_is_done_once_and_several_rounds_of_them(count: int) -> None:
    with workers(Calling(100), count) as spread:
        assert dict(spread([("add", n) for n in range(10)])) == {n: n + 100 for n in range(10)}
        assert dict(spread([])) == {}
        assert dict(spread([("add", 5)])) == {0: 105}


def test_a_slow_job_holds_up_no_other() -> None:
    with workers(Calling(0), 2) as spread:
        order = [index for index, _ in spread([("sleep", 2), *[("add", 1)] * 5])]
    assert sorted(order) == list(range(6)) and order[-1] == 0


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_reaches_the_caller_with_its_cause(count: int) -> None:
    with pytest.raises(ValueError, match="it was asked for") as caught, workers(Calling(0), count) as spread:
        list(spread([("fail", 0)]))
    assert isinstance(caught.value.__cause__, OSError) and caught.value.__cause__.errno == 28


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    with pytest.raises(RuntimeError, match="OddError: ab"), workers(Calling(0), 2) as spread:
        list(spread([("odd", 0)]))


@pytest.mark.parametrize(("what", "how"), [("die", "was killed by SIGKILL"), ("leave", r"ended early \(exit code 3\)")])
def test_a_worker_that_is_gone_is_told_and_the_others_are_ended(what: str, how: str) -> None:
    with pytest.raises(WorkerError, match=how), workers(Calling(0), 3) as spread:
        list(spread([("add", 0), (what, 0), ("sleep", 600)]))
    assert not multiprocessing.active_children()


def test_other_processes_of_the_caller_live_on() -> None:
    ours = multiprocessing.get_context("spawn").Process(target=asleep, daemon=True)
    ours.start()
    try:
        with pytest.raises(ValueError), workers(Calling(0), 2) as spread:
            list(spread([("fail", 0)]))
        assert multiprocessing.active_children() == [ours]
        with workers(Calling(0), 2) as spread:
            assert list(spread([("add", 1)])) == [(0, 1)]
        assert multiprocessing.active_children() == [ours]
    finally:
        ours.kill()
        ours.join()


SCRIPT = """
import sys
from envs.workers import workers
from tests.envs.test_workers import Calling
if __name__ == "__main__":
    with workers(Calling(0), 2) as spread:
        for _ in spread([("add", 0), ("add", 0), ("sleep", 600), ("sleep", 600)]):
            print("at work", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_who_started_it_however_long_its_job(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MUJOCO_GL": "disabled"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["at work\n"] * 2
        children = list(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))
        assert len(children) == 3, "two workers, and what Python keeps account of its resources with"
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert said == ""
    deadline = time.monotonic() + 10
    while any(map(is_alive, children)):
        assert time.monotonic() < deadline, "a worker is left behind"
        time.sleep(0.05)
