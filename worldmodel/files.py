"""Files and folders that are never seen half-written, and that are on the disk when they are seen."""

import os
import shutil
from pathlib import Path

import safetensors.torch
from torch import Tensor

_PARTIAL, _REPLACED = ".partial", ".replaced"


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
