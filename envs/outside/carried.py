"""The model of a robot in MJCF with all its files, in one archive that recordings and checkpoints carry.

A description knows the archive by its digest, so that the robot is the same wherever the recording or the checkpoint
has been moved, and when the files that it was made of have changed or gone. An archive may be a stranger's: it is
bounded, unpacked in memory alone, and its model is tried in a process of its own like any other, see `trial.py`.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from envs.files import BY_HAND, read_plain
from envs.outside.sources import OutsideError
from envs.outside.trial import LARGEST_ARCHIVE, unpacked

ARCHIVE = "robot.zip"  # beside what is described

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive, whenever
_known: dict[str, bytes] = {}  # archives by digest, in this process


def pack(path: Path) -> str:
    """Makes the archive of the model in an MJCF file known to this process, and returns its digest.

    Raises ValueError: one of its files cannot be read, or they are too large to be carried; the message is a reason.
    """
    main = path.resolve()
    files = {main: read_plain(main, BY_HAND)}
    for one in _named_files(main):
        files[one] = files.get(one) or read_plain(one, LARGEST_ARCHIVE)
        if (size := sum(map(len, files.values()))) > LARGEST_ARCHIVE:
            raise ValueError(f"its files are more than {size:,} bytes, {LARGEST_ARCHIVE:,} are carried at most")
    root = Path(os.path.commonpath([one.parent for one in files]))
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for one in [main, *sorted(files.keys() - {main})]:
            archive.writestr(zipfile.ZipInfo(one.relative_to(root).as_posix(), _LONG_AGO), files[one])
    content = written.getvalue()
    unpacked(content)
    digest = hashlib.sha256(content).hexdigest()
    _known[digest] = content
    return digest


def admit(content: bytes | None, spec: dict[str, Any], whose: Path | str) -> None:
    """Makes the archive of the robot in a description known to this process; None: ``whose`` carries none.

    Raises OutsideError: it is not the one that the description means.
    """
    digest = spec.get("digest")
    if content is None or digest is None or digest in _known:
        return
    if hashlib.sha256(content).hexdigest() != digest:
        raise OutsideError(f"{ARCHIVE} in {whose} is not the robot that it was made with: copy it anew")
    _known[digest] = content


def admit_beside(folder: Path, spec: dict[str, Any]) -> None:
    """The same of the archive in a folder, if there is one."""
    if spec.get("digest") is None or spec["digest"] in _known:
        return
    try:
        admit(read_plain(folder / ARCHIVE, LARGEST_ARCHIVE, folder), spec, folder)
    except FileNotFoundError:
        return
    except OutsideError:
        raise
    except (OSError, ValueError) as error:
        raise OutsideError(f"cannot read {folder / ARCHIVE} ({error}): copy it anew") from error


def carried(spec: dict[str, Any]) -> bytes | None:
    """The archive of the robot in a description; None where it is of none, or nobody has shown it to this process."""
    return _known.get(spec.get("digest") or "")


def _named_files(main: Path) -> Iterator[Path]:
    """All files that an MJCF or URDF file names, and those that the models among them name."""
    left, seen, folders = [main], {main}, {main.parent}
    while left:
        document = left.pop()
        folders.add(document.parent)
        try:
            elements = list(ElementTree.fromstring(read_plain(document, BY_HAND)).iter())
        except ElementTree.ParseError as error:
            raise ValueError(f"{document.name} is not plain XML ({error})") from error
        bases = [one.get(kind) for one in elements for kind in ("meshdir", "texturedir", "assetdir")]
        folders |= {folder / base for folder in tuple(folders) for base in filter(None, bases)}
        for element in elements:
            named = [value for key, value in element.items() if key.startswith("file")]
            if absolute := [value for value in named if value.startswith("/")]:
                raise ValueError(f"{absolute[0]} is named by where it lies on this machine")
            for place in (folder / part for folder in folders for value in named for part in (value, Path(value).name)):
                found = place.resolve()
                if found not in seen and found.is_file():
                    seen.add(found)
                    yield found
                    if found.suffix in (".xml", ".mjcf", ".urdf"):
                        left.append(found)
