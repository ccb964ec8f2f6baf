"""What is done to files before a case: a list of operations, each JSON, `[name, path, ...]`; paths are relative.

write FILE TEXT [TIMES]     a file of this text, so often
bytes FILE AT HEX           bytes put where others were; AT is a share of the length, in millionths
cut FILE SHARE              all but the first so many millionths is gone
grow FILE BYTES             a hole is added to the end
remove PATH; folder PATH; fifo PATH; link PATH TARGET; copy PATH TO
json FILE KEYS VALUE        an entry set; KEYS lead to it, [] is the whole
drop FILE KEYS              an entry removed
line FILE NUMBER TEXT       a line replaced
hdf5 FILE NAME WHAT         a data set or an attribute changed: see `_hdf5`
tensor FILE NAME WHAT       of a safetensors file: see `_tensor`
seal FOLDER                 the manifest of a recording says what its files are now
reseal FOLDER               the same of a training checkpoint
parquet FILE COLUMN WHAT    a column changed: see `_parquet`
plant FOLDER                somebody's files
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

_HUGE = 10**9  # rows that are declared and never written


def apply(operations: Iterable[Any], work: Path) -> None:
    """Does all of it in the folder `work`; `@HERE@` in a text is that folder."""
    for name, path, *more in json.loads(json.dumps(list(operations)).replace("@HERE@", str(work))):
        if name in ("each", "last"):
            found = sorted(work.glob(path))[-1 if name == "last" else 0 :]
            apply([[more[0], str(one.relative_to(work)), *more[1:]] for one in found], work)
            continue
        target = work / path
        if name not in ("remove", "drop", "json", "hdf5", "tensor", "parquet"):
            target.parent.mkdir(parents=True, exist_ok=True)
        _DO[name](target, *more)


def _write(file: Path, text: str, times: int = 1) -> None:
    _clear(file)
    file.write_bytes(text.encode("utf-8", "surrogateescape") * times)


def _bytes(file: Path, at: int, hexadecimal: str) -> None:
    content, new = bytearray(file.read_bytes()), bytes.fromhex(hexadecimal)
    begin = len(content) * at // 1_000_000
    content[begin : begin + len(new)] = new
    file.write_bytes(content)


def _cut(file: Path, share: int) -> None:
    os.truncate(file, file.stat().st_size * share // 1_000_000)


def _grow(file: Path, count: int) -> None:
    os.truncate(file, file.stat().st_size + count)


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _folder(path: Path) -> None:
    _clear(path)
    path.mkdir()


def _fifo(path: Path) -> None:
    _clear(path)
    os.mkfifo(path)


def _link(path: Path, target: str) -> None:
    _clear(path)
    path.symlink_to(target)


def _copy(path: Path, to: str) -> None:
    place = path.parent / to
    (shutil.copytree if path.is_dir() else shutil.copy)(path, place)


def _json(file: Path, keys: list[Any], value: Any) -> None:
    _edit(file, keys, lambda holder, key: holder.__setitem__(key, value), value)


def _drop(file: Path, keys: list[Any]) -> None:
    _edit(file, keys, lambda holder, key: holder.pop(key), None)


def _edit(file: Path, keys: list[Any], change: Callable[[Any, Any], Any], whole: Any) -> None:
    found = json.loads(file.read_text()) if keys else whole
    holder = found
    for key in keys[:-1]:
        holder = holder[key]
    if keys:
        change(holder, keys[-1])
    file.write_text(json.dumps(found))


def _line(file: Path, number: int, text: str) -> None:
    lines = file.read_text().splitlines()
    lines[number % len(lines)] = text
    file.write_text("\n".join(lines) + "\n")


def _hdf5(file: Path, name: str, what: str, *more: Any) -> None:
    with h5py.File(file, "r+") as opened:
        if what in ("attribute", "no attribute"):
            _attribute(opened, name, what, more)
            return
        known = isinstance(opened.get(name), h5py.Dataset) and opened[name].size < _HUGE  # by damage before, it may be
        old = opened[name][()] if known else np.zeros((3, 2))
        shape, kind = old.shape, old.dtype
        if name in opened:
            del opened[name]
        if what == "short":
            opened[name] = old[:-1]
        elif what == "empty":
            opened[name] = old[:0]
        elif what == "wide":
            opened[name] = np.concatenate([old, old], axis=-1) if old.ndim else old
        elif what == "flat":
            opened[name] = old.ravel()
        elif what == "scalar":
            opened[name] = 3.5
        elif what == "nan":
            opened[name] = np.full(shape, np.nan)
        elif what == "large":
            opened[name] = np.full(shape, 1e30 if kind.kind == "f" else np.iinfo(kind).max if kind.kind in "iu" else 0)
        elif what == "negative":
            opened[name] = np.full(shape, -1)
        elif what == "text":
            opened.create_dataset(name, data=np.full(shape or (1,), "x" * 20, object), dtype=h5py.string_dtype())
        elif what == "group":
            opened.create_group(name)
        elif what == "huge":  # rows of a data set that nobody wrote take no room
            opened.create_dataset(name, (_HUGE, *shape[1:]), kind, chunks=(16, *shape[1:]), fillvalue=1)
        elif what == "tall frames":
            opened.create_dataset(name, (*shape[:1], 40_000, 40_000, 3), kind, chunks=(1, 64, 64, 3), fillvalue=1)
        elif what == "external link":
            opened[name] = h5py.ExternalLink(more[0], "frames")
        elif what == "soft link":
            opened[name] = h5py.SoftLink(f"/{name}")
        elif what == "raw":  # bytes of another file
            size = max(1, int(np.prod(shape)))
            opened.create_dataset(name, shape, kind, external=[(more[0], 0, h5py.h5f.UNLIMITED if size else 1)])
        elif what == "virtual":
            layout = h5py.VirtualLayout(shape, kind)
            layout[...] = h5py.VirtualSource(more[0], "frames", shape=shape)
            opened.create_virtual_dataset(name, layout)
        elif what != "gone":
            raise ValueError(what)


def _attribute(opened: h5py.File, name: str, what: str, more: tuple[Any, ...]) -> None:
    if what == "no attribute":
        opened.attrs.pop(name, None)
    else:
        opened.attrs[name] = np.array(more[0]) if isinstance(more[0], list) else more[0]


def _tensor(file: Path, name: str, what: str) -> None:
    import torch
    from safetensors.torch import load, save

    tensors = load(file.read_bytes())
    name = name if name in tensors else sorted(tensors)[len(name) % len(tensors)]
    old = tensors.pop(name)
    if what == "nan":
        tensors[name] = torch.full_like(old, float("nan")) if old.is_floating_point() else old
    elif what == "large":
        tensors[name] = torch.full_like(
            old, 3e38 if old.is_floating_point() else 2**31 if old.element_size() > 4 else 99
        )
    elif what == "int":
        tensors[name] = old.to(torch.int64)
    elif what == "negative":
        tensors[name] = torch.full_like(old, -1) if old.dtype != torch.uint8 else old
    elif what == "short":
        tensors[name] = old[:-1].clone() if old.ndim else old.reshape(1)
    elif what == "empty":
        tensors[name] = old.new_empty(0)
    elif what == "wide":
        tensors[name] = torch.cat([old, old], -1) if old.ndim else old.reshape(1, 1)
    elif what == "scalar":
        tensors[name] = torch.tensor(1.0)
    elif what == "renamed":
        tensors[f"{name}.other"] = old
    elif what == "more":
        tensors |= {name: old, "surplus": torch.zeros(3)}
    elif what == "pickle":
        torch.save(tensors, file)
        return
    elif what == "header":  # says that it is longer than all memory
        file.write_bytes((2**60).to_bytes(8, "little") + file.read_bytes()[8:])
        return
    elif what != "gone":
        raise ValueError(what)
    file.write_bytes(save(tensors))


def _parquet(file: Path, column: str, what: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    names = table.column_names
    column = column if column in names else names[len(column) % len(names)]
    at, rows = names.index(column), table.num_rows
    if what == "gone":
        table = table.remove_column(at)
    elif what == "short":
        table = table.slice(0, max(0, rows - 1))
    else:
        filled = {
            "null": pa.nulls(rows, table.schema.field(at).type),
            "negative": pa.array([-5] * rows),
            "large": pa.array([2_000_000_000] * rows),
            "huge": pa.array([2**62] * rows),
            "nan": pa.array([float("nan")] * rows),
            "text": pa.array(["../../../../trav"] * rows),
            "list": pa.array([[1, 2, 3]] * rows),
        }[what]
        table = table.set_column(at, column, filled)
    pq.write_table(table, file)


def _seal(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in manifest["files"]:
        if (folder / name).is_file():
            manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _reseal(folder: Path) -> None:
    about = json.loads((folder / "state.json").read_text())
    about["digest"] = hashlib.sha256((folder / "state.safetensors").read_bytes()).hexdigest()
    (folder / "state.json").write_text(json.dumps(about))


def _plant(folder: Path) -> None:
    for name in ("planted.txt", "model/planted.tex", "checkpoints/planted/notes.md", "episodes/planted.h5"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("somebody's")


_DO: dict[str, Callable[..., None]] = {
    "write": _write,
    "bytes": _bytes,
    "cut": _cut,
    "grow": _grow,
    "remove": _clear,
    "folder": _folder,
    "fifo": _fifo,
    "link": _link,
    "copy": _copy,
    "json": _json,
    "drop": _drop,
    "line": _line,
    "hdf5": _hdf5,
    "tensor": _tensor,
    "parquet": _parquet,
    "seal": _seal,
    "reseal": _reseal,
    "plant": _plant,
}
