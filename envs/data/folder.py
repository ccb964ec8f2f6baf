"""Folders that a command may fill: new ones, empty ones and its own; and what is left of a command that was killed."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envs.data.episodes import StoreError, unfinished

_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{16}\.unfinished")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold ``folder``, made where it is missing, for this process; the system lets go of it at any end.

    Raises StoreError: it cannot be made, or another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StoreError(f"cannot make the folder {folder} ({error.strerror}): give another out=DIR") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(f"another process is working in {folder}: wait for it, or give another out=DIR") from None
        yield
    finally:
        os.close(descriptor)


def require_empty(folder: Path, *allowed: str) -> None:
    """Raise StoreError where ``folder`` holds more than what is allowed; leftovers of killed commands go."""
    remove_leftovers(folder)
    if others := sorted({one.name for one in folder.iterdir()} - {*allowed}):
        raise StoreError(f"{folder} holds {others[0]}, which this command did not make: give a new out=DIR")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that becomes ``out`` at the end, and is gone where there was an error.

    Raises StoreError: ``out`` is there already and not empty, or cannot be written.
    """
    if out.is_symlink() or (out.exists() and not (out.is_dir() and not any(out.iterdir()))):
        raise StoreError(f"{out} is there already: name a new folder with out=DIR")
    out = out.absolute()  # Minari joins a relative path to itself
    temporary = unfinished(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(out.parent)
        with held(temporary):
            yield temporary
            temporary.replace(out)
    except OSError as error:
        raise StoreError(f"cannot write {out} ({error.strerror or error}): make room or name another folder") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed commands have left unfinished in ``folder``: by its name ours, and nobody is at work on it."""
    for path in folder.glob(".*.unfinished"):
        if _UNFINISHED.fullmatch(path.name) and not path.is_symlink():
            with suppress(OSError):  # also where it is in use
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                finally:
                    os.close(descriptor)
