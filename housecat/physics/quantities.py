"""What can be read of a clip: gravity, friction, mass and the like, by ridge regression on values never fitted on.

Clips are split by value: of ten ranges of a quantity, as many clips in each, three are left out of the fit. A probe
that knows only the values it has seen fails there. Beside each network: one picture that stands still, which shows none
of it, and the true sequence of states, which holds all of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from envs.physics.measurable import FUTURES, QUANTITIES, measurable, two_futures
from envs.physics.scenario import FRAMES, Scenario
from envs.physics.stage import Motion, draw, simulate
from housecat.evaluation.statistics import Rate
from housecat.physics.kept import kept
from worldmodel.diagnosis.measures import latents_of
from worldmodel.diagnosis.probes import fit_linear, r2
from worldmodel.model import Encoder, LatentWorldModel, PatchEncoder
from worldmodel.networks.predictors import from_every_start
from worldmodel.streams import torch_stream

LEFT_OUT = (2, 5, 8)  # of ten ranges of values
TIMES = 4  # windows of a clip whose features are put side by side, the first to the last
SIDE = 4  # features of more places are averaged down to so many along a side
HORIZON = 8  # frames imagined of two futures
_CHUNK = 16  # clips that a network sees at a time


def read_quantities(trained: Encoder, untrained: Encoder, count: int, seed: int, size: int) -> dict[str, Any]:
    """R2 by quantity and source: {"trained", "untrained": {layer: Estimate}, "single frame", "states": Estimate}."""
    found: dict[str, Any] = {}
    for name in tqdm(QUANTITIES, desc="read", unit="quantity"):
        each = [(name, seed, index, size) for index in range(count)]
        told = [kept(_scene, *one)[1] for one in each]
        values, motions = np.array([one[1] for one in told]), [one[2] for one in told]
        drawn = (kept(_scene, *one)[0] for one in each)
        features = features_of({"trained": trained, "untrained": untrained}, drawn)
        states = [np.concatenate([motion.places[:, :6], motion.speeds], axis=1).ravel() for motion in motions]
        sizes = [[body.radius for body in one.movers] for one, _, _ in told]
        features["states"] = {"": torch.from_numpy(np.concatenate([states, sizes], axis=1)).float()}
        generator = torch_stream(seed, "intervals of quantities")
        r2s = {
            source: {layer: held_out_r2(rows, values, generator) for layer, rows in layers.items()}
            for source, layers in features.items()
        }
        found[name] = {**r2s, "states": r2s["states"][""], "single frame": r2s["single frame"][""]}
    return found


def _scene(name: str, seed: int, index: int, size: int) -> tuple[np.ndarray, tuple[Scenario, float, Motion]]:
    one, value = measurable(name, seed, index)
    motion = simulate(one)
    return draw(one, motion.places, size), (one, value, motion)


def features_of(networks: dict[str, Encoder], clips: Iterable[np.ndarray]) -> dict[str, dict[str, Tensor]]:
    """Rows (K, n) of K clips (T, h, w, 3), by network and layer; "single frame" is of the first network."""
    found: dict[str, dict[str, list[Tensor]]] = {}
    first, clips = next(iter(networks.values())), iter(clips)
    while some := list(islice(clips, _CHUNK)):
        frames = torch.from_numpy(np.stack(some))
        each = {name: clip_layers(model, frames) for name, model in networks.items()}
        each["single frame"] = {"": first.still(frames[:, frames.shape[1] // 2].to(first.device)).cpu()}
        for name, layers in each.items():
            for layer, rows in layers.items():
                found.setdefault(name, {}).setdefault(layer, []).append(rows)
    return {name: {layer: torch.cat(rows) for layer, rows in layers.items()} for name, layers in found.items()}


@torch.no_grad()
def clip_layers(model: Encoder, frames: Tensor) -> dict[str, Tensor]:
    """Features of a few windows side by side, by layer: frames (B, T, h, w, 3) -> (B, TIMES * n)."""
    ends = np.linspace(model.context, frames.shape[1], TIMES).round().astype(int)
    parts = [model.layers(frames[:, end - model.context : end].to(model.device)) for end in ends]
    newest = model.patches if isinstance(model, PatchEncoder) else 0  # places of a layer that holds several times
    return {name: torch.cat([pooled(part[name][:, -1].cpu(), newest) for part in parts], dim=1) for name in parts[0]}


def pooled(features: Tensor, newest: int = 0) -> Tensor:
    """(B, P, width) or (B, D) -> (B, n): of more than `newest` places the last, square maps at SIDE x SIDE of them."""
    if features.ndim == 3:
        features = features[:, -newest:]
    side = round(features.shape[1] ** 0.5)
    if features.ndim == 2 or side <= SIDE or side**2 != features.shape[1]:
        return features.flatten(1)
    square = features.transpose(1, 2).unflatten(2, (side, side))
    return nn.functional.adaptive_avg_pool2d(square, SIDE).flatten(1)


def held_out_r2(rows: Tensor, values: np.ndarray, generator: torch.Generator) -> dict[str, float]:
    """R2 with its interval on values that are left out of the fit: rows (K, n), values (K,)."""
    ranges = torch.from_numpy(np.argsort(np.argsort(values)) * 10 // len(values))
    asked = torch.isin(ranges, torch.tensor(LEFT_OUT))
    targets = torch.from_numpy(values).float()[:, None]
    told = fit_linear(rows[~asked], targets[~asked])(rows[asked])
    found = r2(told, targets[asked], torch.arange(int(asked.sum())), generator)
    assert found is not None  # values are drawn from a range
    return asdict(found)


@torch.no_grad()
def imagine_futures(model: Encoder, count: int, seed: int, size: int) -> dict[str, Any] | None:
    """Two futures of one start: does what is imagined part as the simulator's do? None: the model imagines nothing.

    By what differs (FUTURES): "agrees", how often the imagined difference points where the true one does; "share",
    the median error of the difference over its size: 1 is no better than to imagine no difference.
    """
    if not isinstance(model, LatentWorldModel):
        return None
    begin, found = FRAMES // 2, {}
    for name in FUTURES:

        def shown(index: int, name: str = name) -> list[tuple[Tensor, Tensor, Tensor]]:
            drawn, told = kept(_futures, name, seed, index, size)
            acts = len(model.action_low)
            return [_seen(clip, place, pushes, acts) for clip, place, pushes in zip(drawn, *told, strict=True)]

        # The probe is fitted on other starts.
        fitted = [one for index in range(count, 2 * count) for one in shown(index)]
        latents = latents_of(model, torch.stack([frames for frames, _, _ in fitted])).cpu()
        places = torch.stack([place[model.context - 1 :] for _, place, _ in fitted])
        read = fit_linear(latents.flatten(0, 1), places.flatten(0, 1))
        true, told = [], []
        for index in range(count):
            frames, place, actions = (torch.stack(part) for part in zip(*shown(index), strict=True))
            z = latents_of(model, frames[:, : begin + 1])[:, -1:]
            ahead = z.expand(-1, HORIZON + 1, -1)  # the last start alone is imagined from
            imagined = from_every_start(model, ahead, actions[:, begin:][:, :HORIZON].to(model.device), HORIZON)
            moved = read(imagined[:, 0, -1].float().cpu()) - read(z[:, 0].cpu())
            true.append((place[:, begin + HORIZON] - place[:, begin]).diff(dim=0)[0])
            told.append(moved.diff(dim=0)[0])
        found[name] = agreement(torch.stack(true), torch.stack(told))
    return found


def agreement(true: Tensor, told: Tensor) -> dict[str, Any]:
    """Differences of two futures, true and imagined, (K, 2) each."""
    share = (told - true).norm(dim=1) / true.norm(dim=1).clamp(min=1e-9)
    return {"agrees": asdict(Rate.of(((true * told).sum(dim=1) > 0).tolist())), "share": float(share.median())}


def _futures(name: str, seed: int, index: int, size: int) -> tuple[np.ndarray, Any]:
    """Both futures, and of each the places of all and the pushes."""
    scenes = two_futures(name, seed, index)
    places = [simulate(one).places for one in scenes]
    frames = np.stack([draw(one, motion, size) for one, motion in zip(scenes, places, strict=True)])
    return frames, (places, [one.pushes for one in scenes])


def _seen(frames: np.ndarray, places: np.ndarray, pushes: Sequence[float], acts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames (T, h, w, 3), place of the first body (T, 2), actions (T-1, A)."""
    actions = torch.zeros(FRAMES - 1, acts)
    if pushes:
        actions[:, 0] = torch.tensor(pushes[: FRAMES - 1])
    return torch.from_numpy(frames), torch.from_numpy(places[:, :2]).float(), actions
