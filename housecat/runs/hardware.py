"""What the processor of this machine is, and whether it has bf16 units. Nothing here needs torch."""

import platform
from pathlib import Path

BF16_FLAGS = ("amx_bf16", "avx512_bf16")  # as /proc/cpuinfo calls the units that multiply bf16 matrices


def processor() -> str:
    """What the system calls the processor."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def bf16_units() -> list[str]:
    """Which of `BF16_FLAGS` the processor has; none where the system does not tell."""
    flags = _cpuinfo("flags").split()
    return [flag for flag in BF16_FLAGS if flag in flags]


def machine() -> str:
    """Processor, cores that may be used and bf16 units in a few words, as figures name where they were measured."""
    from envs.data.machine import cores  # which `housecat doctor`, where mujoco is missing, must do without

    return f"{processor()}, {cores()} cores, {' and '.join(bf16_units()) or 'no bf16 units'}"


def _cpuinfo(name: str) -> str:
    for line in _lines(Path("/proc/cpuinfo")):
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
