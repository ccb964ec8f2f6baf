"""Recording that is stopped from outside: what is whole stays, and the same command goes on."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import envs
from envs.data.store import EpisodeStore, StoreError
from tests.envs.conftest import record, recorded_files

ROOT = Path(envs.__file__).parents[1]
SCRIPT = """
import json, sys
from envs.data.collect import collect
from envs.data.store import StoreError
from envs.workers import WorkerError
if __name__ == "__main__":
    spec, out, episodes, workers = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    try:
        collect(spec, out, episodes, 20, 0, workers=workers, progress=False)
    except (StoreError, WorkerError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.fixture
def endless(spec: dict[str, Any], tmp_path: Path) -> Iterator[Callable[[Path, int], subprocess.Popen[str]]]:
    """Starts long collections into a folder by so many workers, each in a process group as a terminal makes it."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    processes = []

    def start(out: Path, workers: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(spec), str(out), "5000", str(workers)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A job in the background ignores Ctrl-C, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for_episodes(out: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(list((out / "episodes").glob("0*.h5"))) < count:
        assert time.monotonic() < deadline, "nothing was recorded"
        time.sleep(0.01)


def group_is_gone(group: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_collection_leaves_whole_episodes_no_processes_and_goes_on(
    endless: Callable[[Path, int], subprocess.Popen[str]], spec: dict[str, Any], tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "data"
    process = endless(out, workers)
    wait_for_episodes(out, 8)
    process.kill()  # SIGKILL to the collecting process alone
    process.communicate()
    assert group_is_gone(process.pid)
    with pytest.raises(StoreError, match="is unfinished"):
        EpisodeStore.open(out)
    there = recorded_files(out)
    whole = {name: digest for name, digest in there.items() if name.endswith(".h5") and not name.startswith(".")}
    assert len(whole) >= 8
    resumed = record(spec, out, episodes=len(whole) + 4)
    fresh = record(spec, tmp_path / "fresh", episodes=len(whole) + 4)
    assert resumed.check() == []
    assert resumed.manifest["files"] == fresh.manifest["files"]
    assert not list((out / "episodes").glob(".*"))  # nothing half written is left


def test_a_killed_worker_is_reported_and_what_it_wrote_is_kept(
    endless: Callable[[Path, int], subprocess.Popen[str]], spec: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "data"
    process = endless(out, 2)
    wait_for_episodes(out, 4)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    os.kill(next(child for child, command in commands.items() if b"spawn_main" in command), signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("WorkerError: a worker process was killed by SIGKILL")
    assert errors.count("\n") == 1
    assert group_is_gone(process.pid)
    assert record(spec, out, episodes=6).check() == []


def test_ctrl_c_stops_all_processes_quietly_and_loses_no_whole_episode(
    endless: Callable[[Path, int], subprocess.Popen[str]], spec: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "data"
    process = endless(out, 2)
    wait_for_episodes(out, 4)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert group_is_gone(process.pid)
    assert record(spec, out, episodes=5).check() == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_takes_no_more_is_reported_and_what_is_there_stays(
    recorded: Path, spec: dict[str, Any], tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "data"
    record(spec, out, episodes=3)
    before = recorded_files(out)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(spec), str(out), "6", str(workers)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),  # no file above 2 kB
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("StoreError: cannot write")
    assert "make room" in done.stderr
    assert done.stderr.count("\n") == 1
    assert recorded_files(out) == before
    assert EpisodeStore.open(out).check() == []
    assert recorded_files(record(spec, out).path) == recorded_files(recorded)
