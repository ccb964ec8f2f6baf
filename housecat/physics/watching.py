"""How much each window of a clip surprises a network, and those who know nothing: curves over the frames of clips."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from envs.physics.clips import ClipPair
from envs.physics.cues import cues
from envs.physics.properties import changes
from worldmodel.model import Encoder, LatentWorldModel

# The trained network; the same before its first update; the trained one's features if nothing ever changed; pixels
# likewise.
WATCHERS = ("trained", "untrained", "copied", "frames")
_TOGETHER = 4  # pairs that are watched at a time: those of two scenes, which share their frames

Curves = dict[str, list[list[float]]]  # by watcher: of each clip, surprise in each window, the last of which ends it


def watched(trained: Encoder, untrained: Encoder, clips: np.ndarray, ahead: int) -> Curves:
    """Curves of clips uint8 (B, T, h, w, 3) by watcher; a network that expects nothing expects that all stays as it is.

    Nothing acts in the clips: actions are 0. What a clip shares with one before it, from its beginning or to its end,
    is watched once.
    """
    found: list[dict[str, list[float]]] = []
    length, window = clips.shape[1], max(trained.context, untrained.context) + ahead
    for index, clip in enumerate(clips):
        same = [(clip == other).all(axis=(1, 2, 3)) for other in clips[:index]]
        heads = [_run(one) for one in same]
        tails = [_run(one[::-1]) for one in same]
        head, tail = max(heads, default=0), max(tails, default=0)
        if head == length:
            found.append(found[heads.index(head)])
            continue
        first, end = max(0, head - window + 1), min(length, length - tail + window - 1)
        curves = _curves(trained, untrained, clip[first:end], ahead)
        for name, values in curves.items():
            before = found[heads.index(head)][name][:first] if first else []
            after = found[tails.index(tail)][name][first + len(values) :] if end < length else []
            curves[name] = [*before, *values, *after]
        found.append(curves)
    return {name: [one[name] for one in found] for name in WATCHERS}


@torch.no_grad()
def _curves(trained: Encoder, untrained: Encoder, clip: np.ndarray, ahead: int) -> dict[str, list[float]]:
    """The curve of one clip by watcher."""
    frames = torch.from_numpy(clip)[None].to(trained.device)
    actions = torch.zeros(1, frames.shape[1] - 1, acts(trained), device=frames.device)
    found: dict[str, Tensor] = {}
    for name, model in (("untrained", untrained), ("trained", trained)):
        told, features = model.watch(frames, actions, ahead)
        found["copied"] = (features[:, ahead:] - features[:, :-ahead]).pow(2).mean(dim=2)
        found[name] = found["copied"] if told is None else told
    pixels = frames.float() / 255
    found["frames"] = (pixels[:, ahead:] - pixels[:, :-ahead]).abs().mean(dim=(2, 3, 4))
    return {name: [float(f"{value:.6g}") for value in found[name][0].tolist()] for name in WATCHERS}


def _run(same: np.ndarray) -> int:
    """How many frames are the same from the first on: (T,) bool."""
    return len(same) if same.all() else int((~same).argmax())


def acts(model: Encoder) -> int:
    """A: numbers in an action of the model; 1 where it knows of none."""
    return len(model.action_low) if isinstance(model, LatentWorldModel) else 1


def watch_pairs(trained: Encoder, untrained: Encoder, pairs: Iterable[ClipPair], ahead: int) -> dict[str, Any]:
    """All pairs of a property, in order: {"group", "at": of each pair, "possible", "impossible": Curves, "cues"}."""
    found: dict[str, Any] = {"group": [], "at": []}
    sides = ("possible", "impossible")
    found |= {side: {name: [] for name in WATCHERS} for side in sides}
    found["cues"] = {side: [] for side in sides}
    for some in _alike(pairs):
        found["group"] += [one.group for one in some]
        found["at"] += [one.at for one in some]
        for side in sides:
            clips = [getattr(one, side) for one in some]
            found["cues"][side] += [cues(clip).tolist() for clip in clips]
            for name, rows in watched(trained, untrained, np.stack(clips), ahead).items():
                found[side][name] += rows
    return found


def watch_changes(
    trained: Encoder, untrained: Encoder, count: int, seed: int, size: int, ahead: int
) -> dict[str, Curves]:
    """Curves of scenes that change in plain view, by the change; see `envs.physics.properties.changes`."""
    found: dict[str, Curves] = {}
    for index in range(count):
        made = changes(seed, index, size)
        curves = watched(trained, untrained, np.stack(list(made.values())), ahead)
        for place, change in enumerate(made):
            one = found.setdefault(change, {name: [] for name in WATCHERS})
            for name in WATCHERS:
                one[name].append(curves[name][place])
    return found


def _alike(pairs: Iterable[ClipPair]) -> Iterator[Sequence[ClipPair]]:
    """A few pairs at a time, whose clips are equally long."""
    some: list[ClipPair] = []
    for pair in pairs:
        if some and (len(some) == _TOGETHER or len(some[0].possible) != len(pair.possible)):
            yield some
            some = []
        some.append(pair)
    if some:
        yield some
