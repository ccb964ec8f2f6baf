"""Files and folders that are never seen half-written, that are on the disk when they are seen, and that are ours.

While it is written, something has a name that nobody can guess; a link in its place is not followed. What is read may
be anybody's.
"""

import json
import math
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
from torch import Tensor

_LARGEST_JSON = 10_000_000  # bytes
_REPLACED = ".replaced"
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{16}\.unfinished")


class NotOursError(Exception):
    """What would be written over or deleted is not what this program wrote; the message is one line."""


def require_plain(path: Path) -> None:
    """Raises OSError where there is no such file; ValueError where it is none, or a link leads out of its folder."""
    folder = path.parent.resolve()
    if folder.parent.name == "snapshots":  # of the cache of the Hugging Face Hub, whose files are links to their blobs
        folder = folder.parent.parent
    if not stat.S_ISREG(path.stat().st_mode) or not path.resolve().is_relative_to(folder):
        raise ValueError(f"{path.name} is no regular file in its folder")


def read_json(path: Path, kind: Any) -> Any:
    """What a JSON file says, of that `kind`. Raises OSError; ValueError: it is no plain file, or does not fit."""
    require_plain(path)
    if path.stat().st_size > _LARGEST_JSON:
        raise ValueError(f"{path.name} has more than {_LARGEST_JSON:,} bytes")
    try:
        found = msgspec.json.decode(path.read_bytes())
        msgspec.convert(found, kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    return found


def write_file(path: Path, data: bytes) -> None:
    """Writes `data` under a temporary name beside `path` and renames it."""
    temporary = _unfinished(path)
    try:
        _write(temporary, data)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def replace_folder(folder: Path, files: dict[str, bytes], names: Iterable[str] = ()) -> None:
    """Makes `folder` of these files and nothing else; until they are all written, what was there stays.

    Raises NotOursError, before anything is changed: it holds more than regular files of these, or other, `names`.
    """
    ours, old, temporary = {*files, *names}, folder.with_name(folder.name + _REPLACED), _unfinished(folder)
    restore_folder(folder, ours)
    require_ours(folder, ours)
    remove_folder(old, ours)
    remove_leftovers(folder.parent, ours, folder.name)
    temporary.mkdir(parents=True)
    try:
        for name, data in files.items():
            _write(temporary / name, data)
        _sync(temporary)
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        _sync(folder.parent)
    finally:  # on a full disk, what cannot be finished takes no room
        shutil.rmtree(temporary, ignore_errors=True)
    remove_folder(old, ours)


def restore_folder(folder: Path, names: Iterable[str]) -> None:
    """Puts back what `replace_folder`, of files of these names, had moved aside when it was killed."""
    old = folder.absolute().parent / (folder.name + _REPLACED)  # "." has no name
    if folder.name and not folder.exists() and old.exists():
        with suppress(NotOursError):
            require_ours(old, names)
            old.rename(folder)


def require_ours(folder: Path, names: Iterable[str]) -> None:
    """Raises NotOursError where `folder` is there and is, or holds, more than regular files of these names."""
    inside = folder.iterdir() if folder.is_dir() else ()
    foreign = [one for one in inside if one.name not in names or one.is_symlink() or not one.is_file()]
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        foreign = [folder]
    if foreign:
        raise NotOursError(f"{foreign[0]} is in the way and not of this program: move it, or give another out=DIR")


def remove_folder(folder: Path, names: Iterable[str]) -> None:
    """Deletes a folder of files of these names, if it is there; NotOursError where it holds more.

    It loses its name before its files: half of it is never taken for all of it, and `remove_leftovers` finds the rest.
    """
    require_ours(folder, names)
    if folder.exists():
        left = _unfinished(folder)
        folder.rename(left)
        shutil.rmtree(left)


def remove_leftovers(parent: Path, names: Iterable[str], of: str = "*") -> None:
    """Deletes what was being written, or deleted, in `parent` when a kill came: folders of files of these names."""
    for left in parent.glob(f".{of}.*.unfinished"):
        if _UNFINISHED.fullmatch(left.name):
            with suppress(NotOursError):
                require_ours(left, names)
                shutil.rmtree(left)


def tensor_bytes(tensors: dict[str, Tensor]) -> bytes:
    """Tensors as a safetensors file holds them. Writing these, unlike its own `save_file`, fails with an OSError."""
    return safetensors.torch.save({name: one.detach().cpu().contiguous().clone() for name, one in tensors.items()})


def json_text(data: Any, indent: int | None = None) -> str:
    """`data` as JSON that every reader accepts: what is not a finite number is unknown, hence null."""
    return json.dumps(_known(data), indent=indent, allow_nan=False)


def _known(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _known(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_known(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.unfinished")


def _write(path: Path, data: bytes) -> None:
    """To a new file: whatever is there, be it a link, is an error."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
