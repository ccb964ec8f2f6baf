"""How much each window of a clip surprises a network, and those who know nothing: curves over the frames of clips."""

import hashlib
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from envs.physics.clips import ClipPair
from envs.physics.cues import cues
from worldmodel.model import Encoder, LatentWorldModel

# The trained network; the same before its first update; the trained one's features if nothing ever changed; pixels
# likewise.
WATCHERS = ("trained", "untrained", "copied", "frames")
_TOGETHER = 4  # pairs that are watched at a time: those of two scenes, which share their frames

Known = dict[bytes, list[float]]  # curves of clips by their SHA-256
Curves = dict[str, list[list[float]]]  # by watcher: of each clip, surprise in each window, the last of which ends it


def watched(
    trained: Encoder, untrained: Encoder, clips: Iterable[np.ndarray], ahead: int, known: Known | None = None
) -> Curves:
    """Curves of clips uint8 (T, h, w, 3) by watcher; a network that expects nothing expects that all stays as it is.

    Nothing acts in the clips: actions are 0. What a clip shares with one before it, from its beginning or to its end,
    is watched once; what is `known` of the untrained network is not watched again.
    """
    known, clips = {} if known is None else known, list(clips)
    found: list[dict[str, list[float]]] = []
    window = max(trained.context, untrained.context) + ahead
    for index, clip in enumerate(clips):
        length = len(clip)
        same = [_same(clip, other) for other in clips[:index]]
        heads = [_run(one) for one in same]
        tails = [_run(one[::-1]) for one in same]
        head, tail = max(heads, default=0), max(tails, default=0)
        if head == length:
            found.append(found[heads.index(head)])
            continue
        first, end = max(0, head - window + 1), min(length, length - tail + window - 1)
        curves: dict[str, list[float]] = {name: [] for name in WATCHERS}
        if end - first >= window:  # else each window is that of one before it or of another
            curves = _curves(trained, untrained, clip[first:end], ahead, known)
        for name, values in curves.items():
            before = found[heads.index(head)][name][:first] if first else []
            after = found[tails.index(tail)][name][first + len(values) :] if end < length else []
            curves[name] = [*before, *values, *after]
        found.append(curves)
    return {name: [one[name] for one in found] for name in WATCHERS}


@torch.no_grad()
def _curves(trained: Encoder, untrained: Encoder, clip: np.ndarray, ahead: int, known: Known) -> dict[str, list[float]]:
    """The curve of one clip by watcher."""
    clip = np.ascontiguousarray(clip)
    frames = torch.from_numpy(clip)[None].to(trained.device)
    actions = torch.zeros(1, frames.shape[1] - 1, acts(trained), device=frames.device)

    def told_and_copied(model: Encoder) -> list[list[float]]:
        told, features = model.watch(frames, actions, ahead)
        moved = (features[:, ahead:] - features[:, :-ahead]).pow(2).mean(dim=2)
        return [_digits(moved if told is None else told), _digits(moved)]

    digest = hashlib.sha256(clip.tobytes()).digest()
    if digest not in known:
        known[digest] = told_and_copied(untrained)[0]
    told, moved = told_and_copied(trained)
    pixels = frames.float() / 255
    still = (pixels[:, ahead:] - pixels[:, :-ahead]).abs().mean(dim=(2, 3, 4))
    return dict(zip(WATCHERS, (told, known[digest], moved, _digits(still)), strict=True))


def _digits(curve: Tensor) -> list[float]:
    """(1, W) as numbers of six digits."""
    return [float(f"{value:.6g}") for value in curve[0].tolist()]


def _same(clip: np.ndarray, other: np.ndarray) -> np.ndarray:
    """In which frames (T,) of the first the two are the same; in none if one is longer."""
    return (clip == other).all(axis=(1, 2, 3)) if len(clip) == len(other) else np.zeros(len(clip), bool)


def _run(same: np.ndarray) -> int:
    """How many frames are the same from the first on: (T,) bool."""
    return len(same) if same.all() else int((~same).argmax())


def acts(model: Encoder) -> int:
    """A: numbers in an action of the model; 1 where it knows of none."""
    return len(model.action_low) if isinstance(model, LatentWorldModel) else 1


def watch_pairs(
    trained: Encoder, untrained: Encoder, known: Known, pairs: Iterable[ClipPair], ahead: int
) -> dict[str, Any]:
    """All pairs of a property, in order: {"group", "at": of each pair, "possible", "impossible": Curves, "cues"}."""
    found: dict[str, Any] = {"group": [], "at": []}
    sides = ("possible", "impossible")
    found |= {side: {name: [] for name in WATCHERS} for side in sides}
    found["cues"] = {side: [] for side in sides}
    pairs = iter(pairs)
    while some := list(islice(pairs, _TOGETHER)):
        found["group"] += [one.group for one in some]
        found["at"] += [one.at for one in some]
        clips = [getattr(one, side) for side in sides for one in some]
        curves = watched(trained, untrained, clips, ahead, known)
        for side, own in zip(sides, (slice(len(some)), slice(len(some), None)), strict=True):
            found["cues"][side] += [cues(clip).tolist() for clip in clips[own]]
            for name, rows in curves.items():
                found[side][name] += rows[own]
    return found


def watch_changes(
    trained: Encoder, untrained: Encoder, known: Known, scenes: Iterable[dict[str, np.ndarray]], ahead: int
) -> dict[str, Curves]:
    """Curves of scenes that change in plain view, by the change; see `envs.physics.properties.changes`."""
    found: dict[str, Curves] = {}
    for made in scenes:
        curves = watched(trained, untrained, list(made.values()), ahead, known)
        for place, change in enumerate(made):
            one = found.setdefault(change, {name: [] for name in WATCHERS})
            for name in WATCHERS:
                one[name].append(curves[name][place])
    return found
