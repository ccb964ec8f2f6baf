"""Clips in folders: written for models of others, and read where others made them.

What is written, schema 1: PROPERTY/0000/possible_1, possible_2, impossible_1 and impossible_2, folders of PNG pictures
00.png and on or of one video without loss, clip.webm, and `manifest.json`:

    schema, kind    1, "housecat physics clips"
    seed, frame_size, dt, frames    what they were drawn from; pixels; s between two frames; frames of a clip
    clips           [{"property", "group", "possible", "partner": the folder of the clip that begins alike, "at": the
                    first frame in which the two differ, "folder", "files": {name: SHA-256}}]

Read are such folders; those of IntPhys (arXiv 1803.07616): runs with `status.json` and pictures in scene/; and any with
`possible` and `impossible` side by side, in which clips of one name belong together: folders of pictures or with a
video, animated WebP or GIF files, or WebM or MP4 files.
"""

import hashlib
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageSequence

from envs.data.episodes import StoreError, json_text
from envs.data.exchange.formats import needed
from envs.data.folder import new_folder
from envs.files import BY_PROGRAMS, Count, Maybe, many, read_json, read_plain, record
from envs.physics.properties import Quadruplet, quadruplet
from envs.physics.scenario import DT, FRAMES
from envs.pictures import scaled

_PICTURES, _ANIMATED, _VIDEOS = (".png", ".jpg", ".jpeg", ".webp"), (".webp", ".gif"), (".webm", ".mp4")
_LONGEST = 1000  # frames that are read of a clip
_ADVICE = "see docs/guides/physics.md for how clips must lie"
_CLIP = record(
    property=str, group=Count, possible=bool, partner=str, folder=str, files=dict[str, str], at=Count | None | Maybe
)
_MANIFEST = record(schema=Literal[1], kind=Literal["housecat physics clips"], clips=many(_CLIP, 1, 10**6))
_STATUS = record(header=record(is_possible=bool))

Group = tuple[str, list[Path], list[Path]]  # property, possible clips, impossible clips


@dataclass(frozen=True)
class ClipPair:
    """A clip that can be and one that cannot."""

    property: str
    group: int  # pairs of one group were made of one scene
    possible: np.ndarray  # (T, h, w, 3) uint8
    impossible: np.ndarray
    at: int | None  # the first frame in which they differ; None: nobody says


def generated(
    names: Sequence[str], groups: int, seed: int, size: int, make: Callable[..., Quadruplet] = quadruplet
) -> Iterator[ClipPair]:
    """Two pairs of each group of each property; ``make``: does what `quadruplet` does."""
    for name, index in itertools.product(names, range(groups)):
        made = make(name, seed, index, size)
        for possible, impossible in zip(made.possible, made.impossible, strict=True):
            yield ClipPair(name, index, possible, impossible, made.at)


def export_clips(out: Path, names: Sequence[str], groups: int, seed: int, size: int, kind: str = "png") -> int:
    """Writes the clips of these properties to the new folder ``out``, ``kind`` png or webm; how many there are.

    Raises StoreError: ``out`` is there already or cannot be written, or what writes videos is not installed.
    """
    if kind == "webm":
        needed("av", "physics.format=webm")
    clips: list[dict[str, Any]] = []
    with new_folder(out) as folder:
        for number, pair in enumerate(generated(names, groups, seed, size)):
            words = [f"{pair.property}/{pair.group:04d}/{im}possible_{number % 2 + 1}" for im in ("", "im")]
            for place, frames in enumerate((pair.possible, pair.impossible)):
                about = {"property": pair.property, "group": pair.group, "possible": place == 0, "at": pair.at}
                files = _write(folder / words[place], frames, kind)
                clips.append({**about, "folder": words[place], "partner": words[1 - place], "files": files})
        head = {"schema": 1, "kind": "housecat physics clips", "seed": seed, "frame_size": size}
        told = json_text({**head, "dt": DT, "frames": FRAMES, "clips": clips}, 1)
        (folder / "manifest.json").write_text(told, encoding="utf-8")
    return len(clips)


def _write(folder: Path, frames: np.ndarray, kind: str) -> dict[str, str]:
    folder.mkdir(parents=True)
    if kind == "webm":
        from envs.data.exchange.video import write_video

        write_video(folder / "clip.webm", frames, 1 / DT)
    for index, frame in enumerate(frames if kind == "png" else ()):
        Image.fromarray(frame).save(folder / f"{index:02d}.png")
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def read_clips(folder: Path, size: int) -> Iterator[ClipPair]:
    """All pairs of a folder, one after another, at ``size`` pixels.

    Raises StoreError: there are none, or what is there is damaged or was changed.
    """
    if not folder.is_dir():
        raise StoreError(f"there is no folder {folder}: name one of possible and impossible clips, {_ADVICE}")
    if (folder / "manifest.json").exists():
        yield from _of_manifest(folder, size)
        return
    groups = sorted([*_intphys(folder), *_side_by_side(folder)])
    if not groups:
        raise StoreError(f"{folder} holds no possible and impossible clips: {_ADVICE}")
    for number, (name, possible, impossible) in enumerate(groups):
        if len(possible) != len(impossible):
            counts = f"{len(possible)} possible and {len(impossible)} impossible clips"
            raise StoreError(f"{[*possible, *impossible][0]} and beside it: {counts}, not as many of each: {_ADVICE}")
        clips = [[_frames(path, folder, size) for path in paths] for paths in (possible, impossible)]
        for first, second in zip(clips[0], _partners(*clips), strict=True):
            yield ClipPair(name, number, first, second, None)


def _of_manifest(folder: Path, size: int) -> Iterator[ClipPair]:
    file = folder / "manifest.json"
    told = read_json(file, _MANIFEST, StoreError, _ADVICE)["clips"]
    clips = {one["folder"]: one for one in told}
    for one in (one for one in told if one["possible"]):
        if one["partner"] not in clips:
            raise StoreError(f"{file} says nothing of {one['partner']}: {_ADVICE}")
        pair = []
        for each in (one, clips[one["partner"]]):
            for name, digest in each["files"].items():
                if hashlib.sha256(_content(folder / each["folder"] / name, folder)).hexdigest() != digest:
                    raise StoreError(f"{folder / each['folder'] / name} is not what {file} says: copy the clips anew")
            pair.append(_frames(folder / each["folder"], folder, size))
        yield ClipPair(one["property"], one["group"], pair[0], pair[1], one.get("at"))


def _intphys(folder: Path) -> list[Group]:
    """Runs lie in PROPERTY/SCENE/RUN; those of one scene are a group."""
    groups: dict[Path, Group] = {}
    for file in sorted(folder.rglob("status.json")):
        possible = read_json(file, _STATUS, StoreError, _ADVICE)["header"]["is_possible"]
        parts = file.relative_to(folder).parts
        name = parts[0] if len(parts) > 3 else folder.name
        _, can, cannot = groups.setdefault(file.parent.parent, (name, [], []))
        (can if possible else cannot).append(file.parent / "scene")
    return list(groups.values())


def _side_by_side(folder: Path) -> list[Group]:
    groups: list[Group] = []
    for first in sorted(path for path in folder.rglob("possible") if path.is_dir()):
        for path in sorted(first.iterdir()):
            other = first.parent / "impossible" / path.name
            groups.append((first.parent.name, [path], [other] if other.exists() else []))
    return groups


def _partners(possible: list[np.ndarray], impossible: list[np.ndarray]) -> Sequence[np.ndarray]:
    """The impossible clips in such an order that as many frames as may be are those of the possible ones."""

    def alike(first: np.ndarray, second: np.ndarray) -> int:
        length = min(len(first), len(second))
        differ = (first[:length] != second[:length]).any(axis=(1, 2, 3))
        return int(differ.argmax()) if differ.any() else length

    if len(possible) > 4:
        return impossible
    return max(
        itertools.permutations(impossible), key=lambda order: sum(map(alike, possible, order))
    )  # the first of equals


def _content(file: Path, folder: Path) -> bytes:
    try:
        return read_plain(file, BY_PROGRAMS, folder)
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read ({error}): copy the clips anew") from error


def _frames(clip: Path, folder: Path, size: int) -> np.ndarray:
    """The pictures of a folder, in the order of their names, or of a video, as squares of ``size`` pixels."""
    try:
        if clip.is_dir() and (videos := [path for path in clip.iterdir() if path.suffix.lower() in _VIDEOS]):
            clip = min(videos)
        if clip.suffix.lower() in _VIDEOS:
            needed("av", f"the video {clip}")
            from envs.data.exchange.video import decoded

            pictures: Iterator[np.ndarray] = decoded(_content(clip, folder), clip.suffix.lower())
        elif clip.is_dir():
            files = sorted(path for path in clip.iterdir() if path.suffix.lower() in _PICTURES)
            pictures = (np.asarray(_opened(path, folder).convert("RGB")) for path in files)
        elif clip.suffix.lower() in _ANIMATED:
            pictures = (np.asarray(one.convert("RGB")) for one in ImageSequence.Iterator(_opened(clip, folder)))
        else:
            raise ValueError("it is neither a folder of pictures nor an animated WebP or GIF, nor WebM or MP4")
        return np.concatenate([scaled(one[None], size) for one in itertools.islice(pictures, _LONGEST)])
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise StoreError(f"the clip {clip} cannot be read ({error}): {_ADVICE}") from error


def _opened(path: Path, folder: Path) -> Image.Image:
    return Image.open(io.BytesIO(_content(path, folder)))
