"""Too little memory, too few files, a worker that is killed: one line with the remedy, and the same command goes on."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.housecat.runs.test_full_disk import COMMANDS, EVALUATED, ROOT, inputs, outcome

__all__ = ["inputs"]  # a fixture
pytestmark = pytest.mark.slow  # minutes, and how much memory a command needs depends on the machine
REMEDIES = {
    resource.RLIMIT_AS: "the memory is full: close other programs",
    resource.RLIMIT_NOFILE: "too many files are open: raise the limit with ulimit -n",
}


def start(
    folder: Path, line: str, inputs: dict[str, Path], first: Callable[[], Any] | None = None
) -> subprocess.Popen[str]:
    """`housecat` in a process and a group of its own, which does `first` before all else."""
    words = line.split()
    for name, path in inputs.items():
        words = [word.replace(name, str(path)) for word in words]
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "housecat", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=first,
    )


def is_refused_in_one_line_or_done(folder: Path, line: str, inputs: dict[str, Path], limit: tuple[int, int]) -> str:
    kind, most = limit
    process = start(folder, line, inputs, lambda: resource.setrlimit(kind, (most, most)))
    _, said = process.communicate(timeout=600)
    if process.returncode == 0:
        return "done"
    assert process.returncode == 2, (limit, process.returncode, said)
    assert "Traceback" not in said and "fault in this program" not in said, said
    last = said.strip().splitlines()[-1]
    assert last.startswith("housecat: ") and REMEDIES[limit[0]] in last, said
    return "refused"


def goes_on(folder: Path, line: str, inputs: dict[str, Path], whole: Path) -> None:
    for place in (whole, folder):
        process = start(place, line, inputs)
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
    assert outcome(folder / "out") == outcome(whole / "out")


def starves(name: str, limits: list[tuple[int, int]], inputs: dict[str, Path], tmp_path: Path) -> list[str]:
    found = [is_refused_in_one_line_or_done(tmp_path / "less", COMMANDS[name], inputs, limit) for limit in limits]
    goes_on(tmp_path / "less", COMMANDS[name], inputs, tmp_path / "whole")
    return found


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_too_little_memory_is_told_in_one_line_and_the_command_goes_on(
    name: str, inputs: dict[str, Path], tmp_path: Path
) -> None:
    limits = [(resource.RLIMIT_AS, megabytes * 2**20) for megabytes in (900, 1200)]
    assert starves(name, limits, inputs, tmp_path) == ["refused", "refused"]


def test_too_few_files_are_told_in_one_line_and_the_command_goes_on(inputs: dict[str, Path], tmp_path: Path) -> None:
    assert starves("train", [(resource.RLIMIT_NOFILE, 5)], inputs, tmp_path) == ["refused"]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_so_it_is_at_any_moment_of_any_command(name: str, inputs: dict[str, Path], tmp_path: Path) -> None:
    memory = [(resource.RLIMIT_AS, megabytes * 2**20) for megabytes in (300, 600, 900, 1200, 1600, 2000, 2500, 3500)]
    files = [(resource.RLIMIT_NOFILE, count) for count in (4, 5, 6, 8, 10, 14, 20)]
    assert "refused" in starves(name, [*memory, *files], inputs, tmp_path)


def workers_of(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def group_is_gone(group: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


LONG = f"evaluate checkpoint=RUN out=out {EVALUATED} workers=2 evaluate.batch=1 episodes=12 evaluate.max_steps=40"


def test_a_worker_that_the_system_kills_is_told_in_one_line_and_the_evaluation_goes_on(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    process = start(tmp_path / "killed", LONG, inputs)
    deadline = time.monotonic() + 120
    while len(workers_of(process.pid)) < 2 or not (tmp_path / "killed" / "out" / "pairs.json").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    last = said.strip().splitlines()[-1]
    assert last.startswith("housecat: a worker process was killed by SIGKILL") and "write workers=1" in last
    assert group_is_gone(process.pid)
    goes_on(tmp_path / "killed", LONG, inputs, tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_who_is_ended_leaves_no_process_and_at_most_one_line(
    number: signal.Signals, inputs: dict[str, Path], tmp_path: Path
) -> None:
    process = start(tmp_path / "ended", LONG, inputs)
    deadline = time.monotonic() + 120
    while len(workers_of(process.pid)) < 2:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert group_is_gone(process.pid)
    if number == signal.SIGTERM:
        assert process.returncode == 130
        assert said.splitlines()[-1] == "housecat: interrupted; the same command goes on from here"
        assert "resource_tracker" not in said and "Traceback" not in said


@pytest.fixture
def group() -> Iterator[Path]:
    """A group of processes as a container is one, whose memory can be limited."""
    place = Path("/sys/fs/cgroup")
    place = (place / "memory" if (place / "memory").is_dir() else place) / f"housecat-test-{os.getpid()}"
    try:
        place.mkdir()
        if not ((place / "memory.max").exists() or (place / "memory.limit_in_bytes").exists()):
            place.rmdir()
            raise PermissionError
    except OSError:
        pytest.skip("groups of processes cannot be made here")
    yield place
    place.rmdir()


def start_within(
    group: Path, megabytes: int, folder: Path, line: str, inputs: dict[str, Path]
) -> subprocess.Popen[str]:
    limit = group / ("memory.max" if (group / "memory.max").exists() else "memory.limit_in_bytes")
    limit.write_text(str(megabytes * 2**20))
    return start(folder, line, inputs, first=lambda: (group / "cgroup.procs").write_text("0"))


@pytest.mark.parametrize("megabytes", [220, 330])
def test_the_limit_of_a_container_is_told_in_one_line_and_the_command_goes_on(
    megabytes: int, group: Path, inputs: dict[str, Path], tmp_path: Path
) -> None:
    process = start_within(group, megabytes, tmp_path / "less", COMMANDS["train"], inputs)
    _, said = process.communicate(timeout=600)
    assert process.returncode in (0, 2), (process.returncode, said)
    if process.returncode == 2:
        assert REMEDIES[resource.RLIMIT_AS] in said.strip().splitlines()[-1], said
    goes_on(tmp_path / "less", COMMANDS["train"], inputs, tmp_path / "whole")


def test_what_a_container_cannot_hold_is_refused_before_any_work(
    group: Path, inputs: dict[str, Path], tmp_path: Path
) -> None:
    line = f"{COMMANDS['train']} model.predictor_width=4096 model.predictor_depth=4"
    process = start_within(group, 1000, tmp_path / "less", line, inputs)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 2 and said.count("\n") == 1
    assert "model.predictor_depth=4 take at least 1 GiB of memory, of which 0." in said
    assert not (tmp_path / "less" / "out").exists()
