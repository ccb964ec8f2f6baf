"""Processors and memory that this process may use, a container's limits included."""

import os
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")  # of a container, as it sees itself


def cores() -> int:
    """Processors."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory(meminfo: Path = Path("/proc/meminfo"), group: Path = _GROUP) -> int:
    """Bytes that can be had without pushing others out; half of the memory where the system does not tell."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    for line in _read(meminfo).splitlines():
        if line.startswith("MemAvailable"):
            free = int(line.split()[1]) * 1024
    limit, used = _read(group / "memory.max"), _read(group / "memory.current")
    return max(0, min(free, int(limit) - int(used))) if limit.strip().isdigit() and used else free


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
