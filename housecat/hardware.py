"""What the processor of this machine is, and whether it has bf16 units. Nothing here needs torch."""

import platform
from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/gpus")
BF16_FLAGS = ("amx_bf16", "avx512_bf16")  # as /proc/cpuinfo calls the units that multiply bf16 matrices


def processor() -> str:
    """What the system calls the processor."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def bf16_units() -> list[str]:
    """Which of `BF16_FLAGS` the processor has; none where the system does not tell."""
    flags = _cpuinfo("flags").split()
    return [flag for flag in BF16_FLAGS if flag in flags]


def accelerators() -> list[str]:
    """Models of the NVIDIA cards that the driver knows of."""
    lines = [line for file in sorted(_DRIVER.glob("*/information")) for line in _lines(file)]
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]


def machine() -> str:
    """Processor, cores that may be used, bf16 units and graphics cards in a few words, as figures name where they were
    measured."""
    from envs.data.machine import cores  # which `housecat doctor`, where mujoco is missing, must do without

    units = " and ".join(bf16_units()) or "no bf16 units"
    return ", ".join([processor(), f"{cores()} cores", units, *accelerators()])


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
