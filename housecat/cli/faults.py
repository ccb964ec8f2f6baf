"""What a machine can run out of, with the remedy that suits the command; and where code of the user's own fails."""

import errno
import os
import re
import resource
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from housecat.errors import UsageError

_FULL, _FILES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), (errno.EMFILE, errno.ENFILE)
# How libraries say that there is no memory, in errors of their own: torch, MuJoCo, C++, HDF5, the loader, oneDNN.
_NO_MEMORY = (
    *("allocate memory", "not enough memory", "out of memory", "bad_alloc", "start new thread", "allocation failed"),
    *("failed to map segment", "could not create a primitive"),
)
# Bytes of address space that `ulimit -v` must leave: to begin with, and that whatever fails may not be for want of it.
LEAST, _SPARE = 2**30, 2**29
_LESS = {
    "workers": "write workers=1",
    "train.batch": "take a smaller train.batch",
    "against": "name fewer checkpoints in against",
}
# Of tracebacks of other processes, which travel as text: see `envs.workers`.
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>\S+)')
_OURS = [str(Path(__file__).parents[2] / name) for name in ("envs", "worldmodel", "planners", "housecat")]
_ROOTS = [*_OURS, *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))]
_ONWARD = "then the same command goes on from here"


def of_machine(error: BaseException, reads: Callable[[str], bool]) -> str | None:
    """One line about an error that comes of a lack of room, files or memory; None for any other.

    `reads`: whether the command reads a setting.
    """
    for one in _causes(error):
        number, said = getattr(one, "errno", None), str(one)
        where = f"{one.filename}: " if isinstance(one, OSError) and one.filename else ""
        if number in _FULL or "No space left on device" in said:
            elsewhere = ", or write elsewhere with out=DIR" * reads("out")
            return f"{where}the disk is full: free space{elsewhere}; {_ONWARD}"
        if number in _FILES:
            fewer = " or write workers=1" * reads("workers")
            return f"{where}too many files are open: raise the limit with ulimit -n{fewer}; {_ONWARD}"
        lacking = isinstance(one, MemoryError) or number == errno.ENOMEM or any(word in said for word in _NO_MEMORY)
        if lacking or (starved(_SPARE) and not isinstance(error, UsageError)):
            less = [told for name, told in _LESS.items() if reads(name)]
            return f"the memory is full: {' or '.join(['close other programs', *less])}; {_ONWARD}"
    return None


def of_user(error: BaseException) -> str | None:
    """Where, in code of the user's own, an error or its cause was raised: "cart.py, line 23, in step"; None: nowhere.

    Their code is all that belongs neither to this program nor to Python and the packages that are installed.
    """
    for one in _causes(error):
        frames = [(frame.filename, str(frame.lineno), frame.name) for frame in traceback.extract_tb(one.__traceback__)]
        ours = [place for place, (file, *_) in enumerate(frames) if _is_in(file, _OURS)]
        frames = frames[ours[0] if ours else 0 :]  # whoever called us is not who failed
        for note in getattr(one, "__notes__", ()):
            frames += [(found["file"], found["line"], found["name"]) for found in _FRAME.finditer(note)]
        for file, line, name in reversed(frames):
            installed = not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
            if os.path.isfile(file) and not installed and not _is_in(file, _ROOTS):
                shown = os.path.relpath(file)
                return f"{file if shown.startswith('..') else shown}, line {line}, in {name}"
    return None


def _is_in(file: str, roots: Sequence[str]) -> bool:
    return any(Path(file).is_relative_to(root) for root in roots)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # one may come back to itself
        yield error
        seen.add(id(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def starved(least: int) -> bool:
    """Whether `ulimit -v` leaves less than that."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return False
    with open("/proc/self/statm", encoding="ascii") as file:
        return limit - int(file.read().split()[0]) * resource.getpagesize() < least
