"""Memory is what the system has left, and no more than a container may take."""

from pathlib import Path

import pytest

from envs.data.machine import free_memory


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, 4096 * 1024), ("max", 4096 * 1024), ("3000000", 2_000_000), ("500000", 0)]
)
def test_a_containers_limit_counts_where_it_is_tighter(limit: str | None, expected: int, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  8192 kB\nMemAvailable:  4096 kB\n")
    if limit is not None:
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text("1000000\n")
    assert free_memory(tmp_path / "meminfo", tmp_path) == expected


def test_a_system_that_does_not_tell_has_something(tmp_path: Path) -> None:
    assert free_memory(tmp_path / "none", tmp_path) > 0
