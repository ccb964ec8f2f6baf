"""Numbers about one checkpoint on recordings: what its layers know, how far it imagines, where its energy is lowest.

Everything that is fitted is fitted on the recordings that a training on the same data would see, and judged on the
ones that it would hold out.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from envs.data.store import EpisodeStore
from envs.registry import measured
from envs.streams import stream
from housecat.evaluation.statistics import Rate
from worldmodel.diagnosis.geometry import effective_rank, straightness, variation
from worldmodel.diagnosis.imagination import Futures, futures, latent_errors, physical_errors
from worldmodel.diagnosis.landscape import landscape
from worldmodel.diagnosis.measures import latents_of
from worldmodel.diagnosis.probes import Estimate, Linear, fit_attentive, fit_linear, r2, ratio
from worldmodel.model import Encoder, LatentWorldModel
from worldmodel.networks.components import principal
from worldmodel.streams import torch_stream

FIT, JUDGED = 6000, 500  # moments that probes are fitted on and judged on
LINEAR = 1500  # of them, for linear probes
FEW, DRAWS = 100, 5  # labels of a probe with few of them, and how often they are drawn
UPDATES = 1200  # of an attentive probe
CLIPS = 200  # that imagination, energy and surprise are judged on
SURPRISING = 8  # frames of a clip whose order is changed, at least
PIXELS = "pixels"  # the source of features that is no network


@dataclass(frozen=True)
class Moments:
    """Recorded contexts with what the simulator says of their last frame, if it is known."""

    frames: Tensor  # (K, T, h, w, 3) uint8
    actions: Tensor  # (K, T-1, A)
    measured: dict[str, Tensor]  # (K, T, n) each
    recording: Tensor  # (K,) which recording each is from

    def targets(self) -> Tensor:
        """All quantities side by side (K, n); n is 0 where nothing is known."""
        nothing = torch.empty(len(self.frames), 0)
        return torch.cat([nothing, *(values[:, -1] for values in self.measured.values())], dim=1)

    def parts(self) -> Iterator[tuple[str, slice]]:
        """Where each quantity is in `targets`."""
        begin = 0
        for name, values in self.measured.items():
            yield name, slice(begin, begin + values.shape[-1])
            begin += values.shape[-1]


def moments(store: EpisodeStore, count: int, length: int, rng: np.random.Generator) -> Moments:
    """Clips of `length` frames."""
    clips = store.clips(rng, count, length)
    states = measured(store.world, clips.states) if store.manifest["states"] else {}
    known = {name: torch.from_numpy(np.asarray(v)).float() for name, v in states.items()}
    return Moments(
        torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), known, torch.from_numpy(clips.episode)
    )


@dataclass(frozen=True)
class Diagnosis:
    """What is looked at: recordings to fit on and to judge on, and the seed of all that is drawn."""

    recorded: EpisodeStore
    unseen: EpisodeStore
    seed: int

    def numbers(self) -> int:
        """How many numbers describe a state of the world."""
        return moments(self.unseen, 1, 1, stream(self.seed, "numbers")).targets().shape[1]

    def probes(self, models: dict[str, Encoder]) -> dict[str, Any]:
        """Probes by source, layer and quantity: of every layer of the models, and of principal components of pixels.

        The components are as many as the latent of the first model has dimensions.
        """
        length = max(2, *(model.context for model in models.values()))
        fit = moments(self.recorded, FIT, length, stream(self.seed, "moments fitted on"))
        test = moments(self.unseen, JUDGED, length, stream(self.seed, "moments judged on"))
        found: dict[str, Any] = {}
        with tqdm(desc="probe", unit="layer", total=None) as bar:
            for source, model in models.items():
                features = [layers_of(model, part.frames) for part in (fit, test)]
                found[source] = {}
                for layer in features[0]:
                    found[source][layer] = probe(fit, test, features[0][layer], features[1][layer], self.seed)
                    bar.update()
            rows = pixel_components(fit.frames, test.frames, next(iter(models.values())).latent)
            found[PIXELS] = {"components": probe(fit, test, rows[0], rows[1], self.seed)}
            bar.update()
        return found

    def geometry(self, model: Encoder) -> dict[str, Any]:
        """Spread, rank and straightness of the latents of held-out recordings."""
        latents = latents_of(model, self._clips(model, 4).frames.to(model.device)).cpu()
        rows = latents.flatten(0, 1)
        spread = rows.std(dim=0)
        straight = straightness(latents)
        return {
            "dimensions": rows.shape[1],
            "rank": effective_rank(rows),
            "std": spread.tolist(),
            "variation": variation(rows),
            "straightness": straight if math.isfinite(straight) else None,
        }

    def imagination(self, model: LatentWorldModel, horizon: int) -> dict[str, Any]:
        """Open-loop error after each of `horizon` steps, in the latent space and in the world's units."""
        clips = self._clips(model, horizon + 3)
        latents, read = self._latents(model, clips), self._reading(model)
        used = clips.actions[:, model.context - 1 :]
        found = futures(model, latents, used, horizon, torch_stream(self.seed, "actions of other clips"))
        errors = latent_errors(found)
        generator = torch_stream(self.seed, "intervals of imagination")
        shares = {
            name: asdict(ratio(errors[name][:, -1:], errors["copied"][:, -1:], generator))
            for name in ("imagined", "shuffled")
        }
        physical = {
            name: self._physical(found, read, clips.measured[name][:, model.context - 1 :], part)
            for name, part in clips.parts()
        }
        return {
            "horizon": horizon,
            "latent": {name: error.mean(dim=0).tolist() for name, error in errors.items()},
            "over_copying": shares,
            "physical": {name: one for name, one in physical.items() if one is not None},
        }

    def landscape(self, model: LatentWorldModel, steps: int, cells: int) -> dict[str, Any]:
        """How often the energy over the first action is lowest where the true action is; goal `steps` steps ahead.

        The action is looked for on a grid of `cells` by `cells`.
        """
        clips = self._clips(model, steps)
        latents = self._latents(model, clips).to(model.device)
        actions = clips.actions[:, model.context - 1 :][:, :steps].to(model.device)
        found = landscape(model, latents[:, 0], latents[:, steps], actions, cells)
        return {
            "steps": steps,
            "cells": cells,
            "within_one_cell": asdict(Rate.of(found.found.tolist())),
            "chance": found.chance(),
            "grid": found.grid.tolist(),
            "examples": [
                {"energy": energy.tolist(), "true": true.tolist()}
                for energy, true in zip(found.energy[:4], found.true[:4], strict=True)
            ],
        }

    def surprise(self, model: Encoder) -> dict[str, Any] | None:
        """How often a clip surprises more when its frames come in another order; None: the model does not tell."""
        clips = self._clips(model, max(SURPRISING, 2 * model.context) - model.context)
        order = disordered(len(clips.frames), clips.frames.shape[1], torch_stream(self.seed, "orders of frames"))
        shuffled = clips.frames.gather(1, order[..., None, None, None].expand_as(clips.frames))
        found = []
        for frames in (clips.frames, shuffled):
            each = surprise_of(model, frames, clips.actions)
            if each is None:
                return None
            found.append(each)
        recorded, other = found
        return {
            "frames": clips.frames.shape[1],
            "recorded": float(recorded.mean()),
            "shuffled": float(other.mean()),
            "raised": asdict(Rate.of((other > recorded).tolist())),
        }

    def _clips(self, model: Encoder, steps: int) -> Moments:
        return moments(self.unseen, CLIPS, model.context + steps, stream(self.seed, "clips judged on"))

    def _latents(self, model: Encoder, clips: Moments) -> Tensor:
        return latents_of(model, clips.frames.to(model.device)).cpu()

    def _reading(self, model: Encoder) -> Linear:
        fit = moments(self.recorded, LINEAR, model.context, stream(self.seed, "moments read from"))
        return fit_linear(self._latents(model, fit)[:, -1], fit.targets())

    def _physical(self, found: Futures, read: Linear, truth: Tensor, part: slice) -> dict[str, Any] | None:
        spread = float(truth.flatten(0, 1).std(dim=0).norm())
        one = physical_errors(found, lambda z: read(z)[..., part], truth, spread)
        if one is None:
            return None
        return {
            "starts": one.starts,
            "of": one.of,
            "moved": one.moved.tolist(),
            "error": {name: error.tolist() for name, error in one.errors.items()},
            "share": {name: float(error[-1] / one.moved[-1]) for name, error in one.errors.items()},
        }


def disordered(clips: int, frames: int, generator: torch.Generator) -> Tensor:
    """An order of the frames of each clip, (B, T): any but that in which they were recorded, and its reverse."""
    orders = torch.stack([torch.randperm(frames, generator=generator) for _ in range(clips)])
    ascending = torch.arange(frames)
    while (same := (orders == ascending).all(dim=1) | (orders == ascending.flip(0)).all(dim=1)).any():
        orders[same] = torch.stack([torch.randperm(frames, generator=generator) for _ in range(int(same.sum()))])
    return orders


def surprise_of(model: Encoder, frames: Tensor, actions: Tensor, chunk: int = 32) -> Tensor | None:
    """Mean surprise of clips (K, T, h, w, 3) in chunks that bound the memory: (K,); see `Encoder.surprise`."""
    found = []
    for some, done in zip(frames.split(chunk), actions.split(chunk), strict=True):
        each = model.surprise(some.to(model.device), done.to(model.device))
        if each is None:
            return None
        found.append(each.mean(dim=1).cpu())
    return torch.cat(found)


@torch.no_grad()
def layers_of(model: Encoder, frames: Tensor, chunk: int = 64) -> dict[str, Tensor]:
    """Features of each layer at the last frame of clips (K, T, h, w, 3): (K, P, width), of the latent (K, D)."""
    seen = frames[:, -model.context :]
    parts = [model.layers(part.to(model.device)) for part in seen.split(chunk)]
    return {name: torch.cat([part[name][:, -1].cpu() for part in parts]) for name in parts[0]}


def pixel_components(frames: Tensor, others: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Principal components of the pixels of clips (K, T, h, w, 3), fitted on the first ones: (K, count) of each.

    Of the last frame and its difference to the one before, which count alike: most pixels hardly ever change.
    """

    def still_and_motion(clips: Tensor) -> tuple[Tensor, Tensor]:
        newest, before = clips[:, -1].float().flatten(1), clips[:, -2].float().flatten(1)
        return newest, newest - before

    still, motion = still_and_motion(frames[:1000])
    gain = (still - still.mean(dim=0)).pow(2).mean().sqrt() / motion.pow(2).mean().sqrt().clamp(min=1e-6)
    fitted = torch.cat([still, gain * motion], dim=1)
    center, directions = fitted.mean(dim=0), principal(fitted, count)[0].float()

    def mapped(clips: Tensor) -> Tensor:
        """In chunks that bound the memory."""
        parts = (still_and_motion(part) for part in clips.split(250))
        return torch.cat([(torch.cat([newest, gain * moved], dim=1) - center) @ directions for newest, moved in parts])

    return mapped(frames), mapped(others)


def probe(fit: Moments, test: Moments, known: Tensor, asked: Tensor, seed: int) -> dict[str, Any]:
    """Linear, attentive and few-label probes of features (K, P, width) or (K, D), by quantity; null: it never varies.

    Returns:
        by quantity, none where no states are known, {"linear", "attentive": {"value", "low", "high"}, R2 with its
        interval over recordings, and
        "few": {"mean", "low", "high"}, over draws of the labels}.
    """
    if not fit.measured:
        return {}
    flat, flat_asked = known.flatten(1), asked.flatten(1)
    targets, wanted = fit.targets(), test.targets()
    generator = torch_stream(seed, "probes")
    tokens, tokens_asked = (rows[:, None] if rows.ndim == 2 else rows for rows in (known, asked))
    linear = fit_linear(flat[:LINEAR], targets[:LINEAR])(flat_asked)
    attentive = fit_attentive(tokens, targets, generator, UPDATES)(tokens_asked)
    few = []
    for _ in range(DRAWS):
        rows = torch.randperm(len(flat), generator=generator)[:FEW]
        few.append(fit_linear(flat[rows], targets[rows])(flat_asked))
    found = {}
    for name, part in fit.parts():

        def judged(predicted: Tensor, part: slice = part) -> Estimate | None:
            return r2(predicted[:, part], wanted[:, part], test.recording, torch_stream(seed, "intervals of probes"))

        scores = [judged(one) for one in (linear, attentive)]
        drawn = [one.value for one in map(judged, few) if one is not None]
        found[name] = {
            "linear": None if scores[0] is None else asdict(scores[0]),
            "attentive": None if scores[1] is None else asdict(scores[1]),
            "few": {"mean": float(np.mean(drawn)), "low": min(drawn), "high": max(drawn)} if drawn else None,
        }
    return found
