"""`housecat doctor`: is everything here that the other commands need, and if not, what to type."""

import importlib.util
import json
import platform
import shutil
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from housecat import hardware

OWN_PACKAGES = ("envs", "worldmodel", "planners")
INSTALL = "./install.sh"  # makes an environment in which nothing else can be in the way
GIGABYTE = 2**30
DISK_NEEDED = 2 * GIGABYTE  # recordings, checkpoints and report of a run, with room to spare
MEMORY_NEEDED = 4 * GIGABYTE  # the recordings of the default run are kept decoded, some 1.1 GB, beside torch


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str  # what was found, in a few words
    do: str = ""  # what to type; empty where nothing is to be done


def doctor(as_json: bool) -> int:
    """Prints what was found; 0 where all is well, 1 where something is to be done."""
    checks = [check for look in CHECKS for check in look()]
    healthy = all(check.ok for check in checks)
    if as_json:
        print(json.dumps({"ok": healthy, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            print(f"{'ok' if check.ok else 'TO DO':6} {check.name:{width}}  {check.found}")
            if check.do:
                print(f"{'':6} {'':{width}}  -> {check.do}")
        print("all is well" if healthy else "something is to be done: see the lines with an arrow")
    return 0 if healthy else 1


def check_python() -> list[Check]:
    """Python is new enough."""
    fine = sys.version_info >= (3, 11)
    found = f"{platform.python_version()} at {sys.executable}"
    return [Check("python", fine, found, "" if fine else "install Python 3.11 or newer, then ./install.sh")]


def check_packages() -> list[Check]:
    """Every package that housecat needs."""
    return fitting(_requirements())


def fitting(requirements: list[str]) -> list[Check]:
    """Whether packages are there in a version that fits, for requirements like "numpy>=2"."""
    checks = []
    for requirement in requirements:
        name = _name_of(requirement)
        found = _version(name)
        fine = found is not None and _fits(requirement, found)
        do = "" if fine else f"{sys.executable} -m pip install '{requirement}'"
        checks.append(Check(name, fine, (found or "missing") + ("" if fine else f", needed is {requirement}"), do))
    return checks


def misplaced_packages() -> list[str]:
    """A line for each of our packages that is not imported from beside this one: others use these names too."""
    home = Path(__file__).resolve().parents[2]
    lines = []
    for name in OWN_PACKAGES:
        spec = importlib.util.find_spec(name)
        where = Path(spec.origin).resolve().parent.parent if spec is not None and spec.origin else None
        if where != home:
            found = f"imported from {where} and not" if where else "missing"
            remedy = "install it into an environment of its own with ./install.sh"
            if where == Path.cwd():  # `python -m` and notebooks look there first
                remedy = "run from another folder, or the command `housecat`, which does not look here"
            lines.append(f"the package '{name}' is {found} from {home}, where housecat is: {remedy}")
    return lines


def check_own_packages() -> list[Check]:
    """envs, worldmodel and planners are ours."""
    lines = misplaced_packages()
    if not lines:
        return [Check("own packages", True, f"{', '.join(OWN_PACKAGES)} beside housecat")]
    return [Check("own packages", False, *line.rsplit(": ", 1)) for line in lines]


def check_processor() -> list[Check]:
    """Cores and bf16 units; a machine without them only takes longer."""
    if not _simulates():
        return []
    from envs.data.machine import cores

    units = hardware.bf16_units()
    arithmetic = f"bf16 by {', '.join(units)}" if units else "no bf16 units: networks compute in fp32, which is slower"
    return [Check("processor", True, f"{hardware.processor()}, {cores()} cores, {arithmetic}")]


def check_rendering() -> list[Check]:
    """A frame of each camera is really made, and shows something."""
    if misplaced_packages():
        return [Check("rendering", False, "cannot be tried before `own packages` is mended")]
    if not _simulates():
        return [Check("rendering", False, "cannot be tried without mujoco and gymnasium", INSTALL)]
    from envs import WORLDS, make_world
    from envs.simulation.backend import RenderingError, renderer_name

    try:
        world = make_world(WORLDS["umaze"])
        world.reset(seed=0)
        pictures = {camera: world.frame(camera) for camera in ("train", "people")}
        began = time.perf_counter()
        for _ in range(20):
            world.frame("train")
        rate = 20 / (time.perf_counter() - began)
        name = renderer_name()
        world.close()
    except RenderingError as error:
        reason, command, packages = str(error).partition("apt-get")
        return [Check("rendering", False, reason.rstrip(" :"), command + packages or "unset MUJOCO_GL")]
    for camera, picture in pictures.items():
        if picture.std() < 1:
            do = "unset MUJOCO_GL, or install another driver: apt-get install -y libosmesa6"
            return [Check("rendering", False, f"{name} renders the {camera} camera's frame in one colour", do)]
    return [Check("rendering", True, f"{name}, {rate:.0f} training frames/s in one process")]


def check_graphics_card() -> list[Check]:
    """Whether torch sees a CUDA device; none is needed."""
    if importlib.util.find_spec("torch") is None:
        return []
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "none, networks are computed by the processor"
    return [Check("graphics card", True, name)]


def check_disk() -> list[Check]:
    """Room in the present folder."""
    free = shutil.disk_usage(".").free
    fine = free >= DISK_NEEDED
    do = "" if fine else f"free {DISK_NEEDED / GIGABYTE:.0f} GB here, or write elsewhere with out=DIR"
    return [Check("disk", fine, f"{free / GIGABYTE:.1f} GB free in {Path.cwd()}", do)]


def check_memory() -> list[Check]:
    """Memory that is free now."""
    if not _simulates():
        return []
    from envs.data.machine import free_memory

    free = free_memory()
    fine = free >= MEMORY_NEEDED
    do = "" if fine else "close other programs, or record less: collect.episodes=500"
    return [Check("memory", fine, f"{free / GIGABYTE:.1f} GB free", do)]


CHECKS: tuple[Callable[[], list[Check]], ...] = (
    check_python,
    check_packages,
    check_own_packages,
    check_processor,
    check_graphics_card,
    check_rendering,
    check_disk,
    check_memory,
)


def _simulates() -> bool:
    """Whether our own worlds, and what lies beside them, can be imported."""
    return not misplaced_packages() and all(
        importlib.util.find_spec(name) is not None for name in ("mujoco", "gymnasium")
    )


def _requirements() -> list[str]:
    """What housecat needs, as its installation says, or in a checkout its project file."""
    try:
        wanted = requires("housecat") or []
    except PackageNotFoundError:
        project = Path(__file__).parents[2] / "pyproject.toml"
        wanted = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [line for line in wanted if ";" not in line]


def _name_of(requirement: str) -> str:
    return requirement[: next((i for i, c in enumerate(requirement) if c in "<>=!~ ["), len(requirement))]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _fits(requirement: str, found: str) -> bool:
    try:
        from packaging.requirements import Requirement
    except ImportError:  # comes with matplotlib, whose absence is reported on a line of its own
        return True
    return Requirement(requirement).specifier.contains(found, prereleases=True)
