"""Where what a goal asks for is lost on the way from the pixels to the planner, for each quantity of a world.

    python benchmarks/lost.py RUN [RUN ...] [updates=400] [moments=3000] [goals=40]

For each run of the default method, whose recordings are still where it was trained on them, R2 on those held out:

    pixels      a network of the same size, trained with labels for `updates`: whether it can be seen at all
    untrained   linear probe of the latent before the first update
    keypoints   the same after keypoint pre-training
    trained     the same after training; "learned" and "fixed": of these dimensions alone
    imagined    what that probe reads from the latent imagined 1 and 8 steps on
    distance    rank correlation of the temporal distance with the true steps between recorded states; what it says over
                what is true; and what it says of a body at rest that is moved, or turned, in one coordinate alone, by
                1, 3 and 10 tolerances: true steps and said ones, medians

Writes `benchmarks/results/lost.json`.
"""

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import trange

from benchmarks.calibration import calibrate, recorded_pairs
from benchmarks.record import RESULTS, sizes, write
from envs.data.store import EpisodeStore
from envs.quantities import Quantity, askable
from envs.registry import make_world
from envs.streams import stream
from envs.world import World
from housecat.diagnosis.measurements import Moments, moments
from housecat.diagnosis.probe import recordings_of, untrained
from housecat.runs.training import HELD_OUT
from worldmodel import checkpoint
from worldmodel.diagnosis.measures import latents_of
from worldmodel.diagnosis.probes import Linear, explained, fit_linear
from worldmodel.distances.distance import LearnedDistance
from worldmodel.methods.default import LatentModel
from worldmodel.stages.keypoint_pretraining import PretrainingSettings, pretraining
from worldmodel.training import learn

TELEPORTS = (1, 3, 10)  # tolerances
AHEAD = (1, 8)  # steps imagined
_JUDGED = 500  # moments
_BATCH = 64
_CPU = torch.device("cpu")


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each run."""
    size, others = sizes(arguments, updates=400, moments=3000, goals=40)
    found = {}
    for run in others:
        folder = checkpoint.folder_of(Path(run))
        loaded = checkpoint.load(folder, _CPU, torch.float32)
        data = recordings_of(folder)
        if data is None or not isinstance(loaded.model, LatentModel):
            raise SystemExit(f"{run} needs its recordings in data/, and a model of the default method")
        seed = int(loaded.about["seed"])
        recorded, unseen = EpisodeStore.open(data).at_least(loaded.about["shortest"]).split(HELD_OUT)
        one = {"seed": seed, "quantities": of_quantities(loaded, recorded, unseen, seed, size)}
        if loaded.distance is not None:
            world = make_world(recorded.world)
            one["distance"] = of_distance(loaded.model, loaded.distance, unseen, world, seed, size["goals"])
        found[recorded.world["name"]] = one
        print(recorded.world["name"], one, flush=True)
    write("lost", {"worlds": found}, results)


def of_quantities(
    loaded: checkpoint.Loaded, recorded: EpisodeStore, unseen: EpisodeStore, seed: int, size: dict[str, int]
) -> dict[str, dict[str, float | None]]:
    """R2 of each quantity in each place where it may be lost."""
    model = loaded.model
    assert isinstance(model, LatentModel)
    long = model.context + max(AHEAD)
    fit = moments(recorded, size["moments"], long, stream(seed, "moments fitted on"))
    test = moments(unseen, _JUDGED, long, stream(seed, "moments judged on"))
    ends = [_context(part, model.context) for part in (fit, test)]
    method = untrained(loaded, ends[0].frames[:128], _CPU, seed)
    found: dict[str, dict[str, float | None]] = {name: {} for name, _ in fit.parts()}

    def note(column: str, predicted: Tensor, truth: Moments, at: int = -1) -> None:
        for name, part in truth.parts():
            r2 = float(explained(predicted[:, part], truth.measured[name][:, at].float()).nanmean())
            found[name][column] = r2 if math.isfinite(r2) else None

    def probed(column: str, network: Any, dimensions: slice = slice(None)) -> Linear:
        rows = [latents_of(network, part.frames)[:, -1, dimensions] for part in ends]
        probe = fit_linear(rows[0], ends[0].targets())
        note(column, probe(rows[1]), ends[1])
        return probe

    note("pixels", supervised(loaded, ends[0], ends[1], seed, size["updates"]), ends[1])
    probed("untrained", method)
    looking = pretraining(method, lambda *asked: recorded.clips(*asked), PretrainingSettings(seed=seed))
    if looking is not None:
        learn(looking, progress=True)
        probed("keypoints", method.eval().requires_grad_(False))
    learned = model.latent - model.fixed
    probed("learned", model, slice(learned))
    if model.fixed:
        probed("fixed", model, slice(learned, None))
    read = probed("trained", model)
    with torch.no_grad():
        here = latents_of(model, _context(test, model.context).frames)[:, -1]
        imagined = model.imagine(here, test.actions[:, model.context - 1 :])
    for steps in AHEAD:
        note(f"imagined {steps}", read(imagined[:, steps - 1]), test, model.context - 1 + steps)
    return found


def supervised(loaded: checkpoint.Loaded, fit: Moments, test: Moments, seed: int, updates: int) -> Tensor:
    """What a network of the same size, trained with labels on the same frames, says of others (K, n)."""
    network = untrained(loaded, fit.frames[:128], _CPU, seed).train().requires_grad_(True)
    targets = fit.targets()
    mean, scale = targets.mean(dim=0), targets.std(dim=0).clamp(min=1e-6)
    head, rng = nn.Linear(network.latent, targets.shape[1]), np.random.default_rng(seed)
    optimizer = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=2e-3)
    for _ in trange(updates, desc="with labels", unit="update"):
        rows = torch.from_numpy(rng.integers(0, len(fit.frames), _BATCH))
        said = head(network.latents(fit.frames[rows])[:, -1])
        optimizer.zero_grad()
        nn.functional.mse_loss(said, (targets[rows] - mean) / scale).backward()
        optimizer.step()
    with torch.no_grad():
        return head(latents_of(network.eval(), test.frames)[:, -1]) * scale + mean


def of_distance(
    model: LatentModel, distance: LearnedDistance, unseen: EpisodeStore, world: World, seed: int, goals: int
) -> dict[str, Any]:
    """How the temporal distance orders and scales what is far, and what it says of teleports."""
    rng = np.random.default_rng(seed)
    told, true = recorded_pairs(model, distance, unseen, world, rng, goals, 50)
    far = true > 2
    found: dict[str, Any] = {
        "rank": calibrate(told, true, (0.0, np.inf)).rank,
        "said_over_true": float(np.median(told[far] / true[far])),
        "teleports": {},
    }
    starts = [world.sample_state(rng) for _ in range(goals)]
    for quantity in askable(world.task.quantities):
        at = coordinate(quantity, starts[0])
        if at is not None:
            found["teleports"][quantity.name] = teleports(model, distance, world, quantity, at, starts)
    return found


def teleports(
    model: LatentModel, distance: LearnedDistance, world: World, quantity: Quantity, at: int, starts: list[np.ndarray]
) -> list[dict[str, float]]:
    """Medians of true and said steps from states at rest to the same with one coordinate changed."""
    found = []
    for times in TELEPORTS:
        assert quantity.tolerance is not None
        moved = [state.copy() for state in starts]
        for state in moved:
            state[at] += times * quantity.tolerance
        pictures = [torch.from_numpy(np.stack([world.frame(state=s) for s in some])) for some in (starts, moved)]
        here, there = (model.still(frames) for frames in pictures)
        true = [world.task.steps(state, goal) for state, goal in zip(starts, moved, strict=True)]
        said = distance.steps(here, there)
        found.append({"by": times * quantity.tolerance, "true": float(np.median(true)), "said": float(said.median())})
    return found


def coordinate(quantity: Quantity, state: np.ndarray) -> int | None:
    """Which number of a state is the first that the quantity reads as it is; None: it is worked out of several."""
    before = quantity.read(state)
    for at in range(len(state)):
        moved = state.copy()
        moved[at] += 1e-3
        if np.isclose(np.abs(quantity.read(moved) - before).sum(), 1e-3, rtol=1e-3):
            return at
    return None


def _context(part: Moments, count: int) -> Moments:
    """The first frames of clips, as many as a latent sees, with what is known of them."""
    known = {name: values[:, :count] for name, values in part.measured.items()}
    return replace(part, frames=part.frames[:, :count], actions=part.actions[:, : count - 1], measured=known)


if __name__ == "__main__":
    main(sys.argv[1:])
