"""A process that has loaded everything and runs each command line that it is sent in a fork of itself.

It draws nothing and computes nothing, for a forked OpenGL context or thread pool would be broken; so a case costs what
the command itself does, not the seconds of importing. Orders come in on stdin, outcomes go out on stdout, a line of
JSON each.
"""

import atexit
import ctypes
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

MODULES = (
    *("torch", "mujoco", "matplotlib.figure", "scipy.stats", "gymnasium", "pyarrow.parquet", "av", "PIL.Image"),
    *("torch.utils.tensorboard", "hydra", "housecat.__main__", "housecat.cli.commands", "housecat.cli.export"),
    *("envs.data.exchange.lerobot", "envs.data.exchange.hdf5", "envs.data.exchange.minari", "housecat.report.page"),
    *("torch._dynamo", "torch.export", "matplotlib.backends.backend_agg"),
)
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: whoever loses its parent becomes ours, and is seen
_PAGE, _TICK = resource.getpagesize(), 0.02
_ADDRESSES = 12 << 30  # bytes of address space above ours, so that a bomb hurts nobody before it is seen


def main() -> None:
    """Answers orders until stdin ends."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints is no answer
    for name in MODULES:
        importlib.import_module(name)
    importlib.import_module("housecat.settings.config").load_config([])  # and what it keeps
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(carry_out(json.loads(line))) + "\n")
        answers.flush()


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Runs a command line in a fork.

    Order: `arguments`, `work` and `home` and `temporary` (folders), `seconds` and `bytes` (limits; of memory, what it
    takes more than this process), and for a kill `signal`, `group` (whether all of its processes get it), `after`
    (seconds) and `once` (a pattern in the working folder, from whose first match these count; "": from its start).
    Outcome: `code` (negative: the signal that ended it), `seconds` that it had the processor or waited for something
    else, `processor` (seconds of it), `bytes`, `stopped` ("hang", "memory", "signal" or ""), `survivors`
    (command lines), `out`, `err`.
    """
    files = [Path(order["temporary"]) / f".{name}" for name in ("out", "err")]
    before, most, began = _held(os.getpid()), 0, time.monotonic()
    child = os.fork()
    if child == 0:
        _become(order, files)
    stopped, now, waited, disk, since, work = "", 0.0, 0.0, 0.0, None, Path(order["work"])
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            break
        now, last, members = time.monotonic() - began, now, list(_members())
        disk += now - last if _state(child) == "D" else 0.0
        waited = max([waited, *(disk + _starved(one) for one in members)])
        if "signal" in order and since is None and (not order["once"] or any(work.glob(order["once"]))):
            since = now if order["once"] else 0.0
        if not stopped and since is not None and now - since >= order["after"]:
            with suppress(ProcessLookupError):  # it has no group of its own yet: at the next look
                (os.killpg if order["group"] else os.kill)(child, order["signal"])
                stopped = "signal"
        most = max(most, sum(map(_held, members)) - before)
        over = most > order["bytes"]
        if over or max(now - waited, now / 6) > order["seconds"]:
            stopped = "memory" if over else "hang"
            _end(members)
        time.sleep(_TICK if now > 0.2 else _TICK / 10)
    seconds = time.monotonic() - began - waited
    survivors = _survivors()
    texts = [file.read_bytes().decode(errors="backslashreplace") if file.exists() else "" for file in files]
    for file in files:
        file.unlink(missing_ok=True)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": round(seconds, 3),
        "processor": round(usage.ru_utime + usage.ru_stime, 3),
        "bytes": most,
        "stopped": stopped,
        "survivors": survivors,
        "out": texts[0],
        "err": texts[1],
    }


def _become(order: dict[str, Any], files: list[Path]) -> None:
    """In the fork: what the `housecat` script is and does; never returns."""
    code = 70
    try:
        os.setsid()
        for number, file in zip((1, 2), files, strict=True):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        os.environ |= {"HOME": order["home"], "TMPDIR": order["temporary"]}
        tempfile.tempdir = None  # looked for anew
        os.chdir(order["work"])
        used = _addresses()
        resource.setrlimit(resource.RLIMIT_AS, (used + _ADDRESSES, used + _ADDRESSES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background would ignore it
        program = sys.modules["housecat.__main__"]
        sys.modules["__main__"] = program  # what processes that it spawns take for the main module
        sys.argv = ["housecat", *order["arguments"]]
        code = exec(order["arguments"][1]) or 0 if sys.argv[1:2] == ["@PYTHON@"] else program.main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        traceback.print_exception(error)
    finally:
        try:
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _members(process: int | None = None) -> Iterator[int]:
    """All processes below one, by default ours: those of the case, for there are no others."""
    for thread in Path(f"/proc/{process or os.getpid()}/task").glob("*/children"):
        try:
            children = [int(word) for word in thread.read_text().split()]
        except OSError:
            continue
        for child in children:
            if _state(child) not in ("Z", ""):
                yield child
            yield from _members(child)


def _survivors() -> list[str]:
    """Who is still there two seconds after the command ended; they are ended, too."""
    deadline = time.monotonic() + 2
    while list(_members()) and time.monotonic() < deadline:
        time.sleep(_TICK)
        _reap()
    left = list(_members())
    lines = [Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace") for one in left]
    _end(left)
    _reap()
    return lines


def _end(members: list[int]) -> None:
    for one in members:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _reap() -> None:
    """Collects orphans that came to us."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _state(process: int) -> str:
    """ "R", "S", "Z" for one that has ended, ...; "" for one that is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _held(process: int) -> int:
    """Memory of its own in use, bytes: a fork begins with ours, and without the files that we have mapped."""
    try:
        resident, shared = Path(f"/proc/{process}/statm").read_text().split()[1:3]
        return (int(resident) - int(shared)) * _PAGE
    except (OSError, ValueError):
        return 0


def _addresses() -> int:
    """Address space in use, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE


def _starved(process: int) -> float:
    """Seconds that a process was ready to run and had no processor, because others had them."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


if __name__ == "__main__":
    main()
