"""Processors and memory that this process may use, the limits of a container and of `ulimit -v` included."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")  # of containers
_NAMES = {  # limit, use and what of that would be given back, by version of these groups
    2: ("memory.max", "memory.current", "inactive_file"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
_NO_LIMIT = 2**60  # bytes: version 1 says "none" by a number beyond


def cores() -> int:
    """Processors."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processes(asked: int, each: int) -> int:
    """How many processes to work in: as many as are asked for; 0: one for each processor, if each gets that memory."""
    return asked or max(1, min(cores(), free_memory() // each))


def free_memory(proc: Path = Path("/proc"), groups: Path = _GROUPS) -> int:
    """Bytes that can be had without pushing others out; half of the memory where the system does not tell."""
    free = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2]
    for line in _read(proc / "meminfo").splitlines():
        if line.startswith("MemAvailable"):
            free = [int(line.split()[1]) * 1024]
    limit, taken = resource.getrlimit(resource.RLIMIT_AS)[0], _read(proc / "self/statm").split()
    if limit != resource.RLIM_INFINITY and taken:
        free.append(limit - int(taken[0]) * os.sysconf("SC_PAGE_SIZE"))
    return max(0, min([*free, *(limit - used for limit, used in _in_groups(proc, groups))]))


def stay_within_container() -> None:
    """Lets allocations beyond a container's limit fail, which can be told; this process would be killed for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [limit for limit, _ in _in_groups(Path("/proc"), _GROUPS)]
    if limits and soft == resource.RLIM_INFINITY:
        facts = dict(line.split(":", 1) for line in _read(Path("/proc/self/status")).splitlines())
        data, touched = (int(facts[name].split()[0]) * 1024 for name in ("VmData", "RssAnon"))
        resource.setrlimit(
            resource.RLIMIT_DATA, (min(limits) + data - touched, hard)
        )  # what is untouched takes nothing


def _in_groups(proc: Path, groups: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of each group of processes that this one belongs to, and that is limited."""
    for line in _read(proc / "self/cgroup").splitlines():
        number, controllers, place = line.split(":", 2)
        if number == "0":
            root, (most, used, reclaimed) = groups, _NAMES[2]
        elif "memory" in controllers.split(","):
            root, (most, used, reclaimed) = groups / "memory", _NAMES[1]
        else:
            continue
        inside = root / place.lstrip("/")  # from within a container there may be no such place: its root counts
        for folder in (one for one in (inside, *inside.parents) if one.is_relative_to(root)):
            limit, current = _read(folder / most).strip(), _read(folder / used).strip()
            if limit.isdigit() and current.isdigit() and int(limit) < _NO_LIMIT:
                facts = dict(one.split() for one in _read(folder / "memory.stat").splitlines())
                yield int(limit), int(current) - int(facts.get(reclaimed, 0))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
