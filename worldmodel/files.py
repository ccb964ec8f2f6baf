"""Files and folders that are never seen half-written, that are on the disk when they are seen, and may be anybody's."""

import json
import math
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
from torch import Tensor

_LARGEST_JSON = 10_000_000  # bytes
_PARTIAL, _REPLACED = ".partial", ".replaced"


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
    temporary = path.with_name(f"{path.name}.{os.getpid()}{_PARTIAL}")
    try:
        _write(temporary, data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Makes `folder` of these files and nothing else; until they are all written, what was there stays."""
    restore_folder(folder)
    temporary, old = (folder.with_name(folder.name + suffix) for suffix in (_PARTIAL, _REPLACED))
    for leftover in (temporary, old):
        shutil.rmtree(leftover, ignore_errors=True)
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
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(folder: Path) -> None:
    """Puts back what `replace_folder` had moved aside when it was killed."""
    old = folder.with_name(folder.name + _REPLACED)
    if not folder.exists() and old.exists():
        old.rename(folder)


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


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
