"""Memory is what the system has left, and no more than a container or `ulimit -v` lets this process take."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from envs.data.machine import cores, free_memory, processes

SYSTEM = 4096 * 1024
V2, V1 = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


def system(proc: Path, membership: str) -> Path:
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal:  8192 kB\nMemAvailable:  4096 kB\n")
    (proc / "self" / "cgroup").write_text(membership)
    return proc


def group(folder: Path, names: tuple[str, str], limit: str, used: int = 1_000_000, cached: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\ntotal_inactive_file {cached}\n")


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, SYSTEM), ("max", SYSTEM), ("3000000", 2_000_000), ("500000", 0)]
)
@pytest.mark.parametrize(
    ("membership", "place", "names"),
    [
        ("0::/\n", ".", V2),
        ("0::/user/job\n", "user/job", V2),
        ("0::/user/job\n", "user", V2),  # the limit of a group holds for those within it
        ("12:cpu,memory:/docker/1\n0::/\n", "memory/docker/1", V1),
        ("12:memory:/docker/1\n", "memory", V1),  # as a container without a view of its own sees itself
    ],
)
def test_the_limit_of_a_container_counts_where_it_is_tighter(
    limit: str | None, expected: int, membership: str, place: str, names: tuple[str, str], tmp_path: Path
) -> None:
    if limit is not None:
        group(tmp_path / "groups" / place, names, limit)
    assert free_memory(system(tmp_path / "proc", membership), tmp_path / "groups") == expected


def test_what_a_container_keeps_of_files_that_were_read_is_free(tmp_path: Path) -> None:
    group(tmp_path / "groups", V2, "3000000", used=2_900_000, cached=1_500_000)
    assert free_memory(system(tmp_path / "proc", "0::/\n"), tmp_path / "groups") == 1_600_000


def test_a_limit_of_the_address_space_counts() -> None:
    code = "from envs.data.machine import free_memory; print(free_memory())"
    limit = 3 * 2**30
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MUJOCO_GL": "disabled"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert 0 < int(done.stdout) < limit


def test_a_system_that_does_not_tell_has_something(tmp_path: Path) -> None:
    assert free_memory(tmp_path / "none", tmp_path) > 0


def test_no_more_processes_are_started_than_the_memory_holds() -> None:
    assert processes(3, 2**60) == 3, "who asks for a number gets it"
    assert processes(0, 1) == cores()
    assert processes(0, 2**60) == 1
