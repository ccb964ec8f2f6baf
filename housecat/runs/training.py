"""From a data set to a checkpoint: world model, its predictor once more, temporal distance, graph of landmarks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Union

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from envs.data.store import EpisodeStore
from envs.outside.carried import carried
from envs.registry import measured
from housecat.errors import UsageError
from housecat.runs.folder import open_run
from planners.subgoals.landmarks import GraphSettings, build_landmarks, choose_landmarks
from worldmodel import checkpoint
from worldmodel.diagnosis import measures
from worldmodel.diagnosis.measures import Labelled
from worldmodel.distances.critic import CriticSettings
from worldmodel.distances.critics import train_distance
from worldmodel.distances.distance import LatentEpisodes, LearnedDistance
from worldmodel.method import Method
from worldmodel.methods import hjepa
from worldmodel.methods.registry import METHODS
from worldmodel.model import Encoder, LatentWorldModel
from worldmodel.networks import pretrained
from worldmodel.progress import TrainingFolder
from worldmodel.readings import errors, fit_readings
from worldmodel.stages.end_to_end import TrainSettings, train
from worldmodel.stages.ensemble import Ensemble, EnsembleSettings, ensemble_stage
from worldmodel.stages.keypoint_pretraining import PretrainingSettings
from worldmodel.stages.predictor_finetuning import FinetuningSettings, finetuning
from worldmodel.streams import drawn_weights, stream, torch_stream
from worldmodel.surprise import surprising
from worldmodel.training import learn

HELD_OUT = 0.07  # share of the recordings that training never sees
PROBE_CLIPS = 600  # that linear probes are fitted on
UNSEEN_CLIPS = 150  # that everything is judged on
TRAINED = ("model", "encoder", "checkpoints", "metrics.jsonl", "tensorboard")  # what a training writes
_LATENT_UPDATES = 4  # on latents take the time of one on frames, or less


@dataclass(frozen=True)
class TrainingPlan:
    """All that `housecat train` was asked for."""

    method: str  # name in METHODS
    settings: Any  # of that method
    frame_size: int  # side of the square frames, pixels
    action_dim: int  # A
    first: Union[
        "TrainingPlan", pretrained.BackboneSettings, Path, None
    ]  # its frozen encoder: how to train it, or where it is
    pretraining: PretrainingSettings
    train: TrainSettings
    finetuning: FinetuningSettings
    ensemble: EnsembleSettings
    critic: CriticSettings
    graph: GraphSettings
    precision: torch.dtype
    device: torch.device

    @property
    def horizon(self) -> int:
        """H, the steps over which open-loop imagination is trained or measured."""
        return max(self.train.horizon, self.finetuning.horizon)

    @property
    def updates(self) -> int:
        """Updates on clips of frames: its own, or those of the encoder that is trained first."""
        return self.first.updates if isinstance(self.first, TrainingPlan) else self.train.updates

    @property
    def context(self) -> int:
        """Frames that a latent has seen."""
        return METHODS[self.method].context(self.settings)

    @property
    def frames(self) -> int:
        """Frames that a recording must have, for this and for the encoder that is trained first."""
        return max(self.context + self.clip, self.first.frames if isinstance(self.first, TrainingPlan) else 0)

    @property
    def clip(self) -> int:
        """T, latents in the longest clip that a recording must yield."""
        above = self.settings.upper.control_steps + 1 if isinstance(self.settings, hjepa.HJepaSettings) else 0
        return max(self.train.length, self.horizon + 1, above)


def train_from_store(data: Path, out: Path, plan: TrainingPlan, planner: dict[str, Any] | None = None) -> Path:
    """Trains on the episodes in `data`, writes the run to `out` and returns the checkpoint folder `out/model`.

    Goes on where an interrupted run in `out` was left. `planner`: settings to plan with, kept in the checkpoint.
    """
    encoder = plan.first
    if isinstance(encoder, TrainingPlan):
        with open_run(out / "encoder", "", "housecat train") as run:
            run.claim(*TRAINED)
            encoder = train_from_store(data, out / "encoder", encoder)
    method = make_method(plan, encoder)
    model = method.model
    # What is too short for a clip is too short for a context: it has nothing to learn from.
    shortest = model.context + plan.clip - 1
    store = EpisodeStore.open(data).at_least(shortest)
    recorded, unseen = store.split(HELD_OUT)
    seen = labelled(recorded, PROBE_CLIPS, model.context, plan)
    judged = labelled(unseen, UNSEEN_CLIPS, model.context, plan)
    comparable = replace(plan, first=None, device=torch.device("cpu"))
    beneath = checkpoint.digest(encoder) if isinstance(encoder, Path) else ""
    folder = TrainingFolder(out, method, f"{comparable} {store.fingerprint()} {beneath}")
    train(method, recorded.clips, seen, judged, plan.train, plan.pretraining, folder)
    model.requires_grad_(False)
    if not folder.passed():
        method.finalise(seen.frames.to(plan.device))
    distance, ensemble, landmarks = None, None, dict[str, Tensor]()
    probes, read = None, dict[str, Any]()
    if isinstance(model, LatentWorldModel):
        latents, states = encode_recordings(model, recorded)
        ensemble, distance = train_on_latents(
            method, latents, plan, folder, lambda: measures.diagnose(model, seen, judged)
        )
        landmarks = make_landmarks(latents.still, states, distance, plan.graph)
        probes, read = make_probes(model, latents.still, measured(store.world, states), judged, plan.graph.seed)
    folder.close()
    about = about_training(store, shortest, plan, folder.lines[-1]) | {"planner": planner or {}, "probes": read}
    if isinstance(model, LatentWorldModel):
        about["surprise"] = surprising(model, judged.frames, judged.actions)
    learnt = model, distance, landmarks
    checkpoint.save(out / "model", plan.method, plan.settings, *learnt, about, carried(store.world), ensemble, probes)
    return out / "model"


def train_on_latents(
    method: Method,
    latents: LatentEpisodes,
    plan: TrainingPlan,
    folder: TrainingFolder,
    diagnose: Callable[[], dict[str, float]],
) -> tuple[Ensemble | None, LearnedDistance]:
    """Predictor, second level, ensemble and temporal distance, on frozen latents; the last two are returned."""
    save_every = _LATENT_UPDATES * plan.train.save_every

    def measure(done: int, terms: dict[str, float]) -> str:
        numbers = {f"held_out/{name}": value for name, value in diagnose().items()}
        folder.write({"step": plan.train.updates + done, **numbers})
        return ""

    predictor = finetuning(method, latents, plan.finetuning)
    if predictor is not None:
        learn(replace(predictor, measure=measure), folder, True, save_every)
    second = method.second_level(latents, plan.train.seed)
    if second is not None:
        learn(second, folder, True, save_every)
    beside = ensemble_stage(latents, plan.ensemble)
    if beside is not None:
        learn(beside[1], folder, True, save_every)
    distance = train_distance(latents, plan.critic, plan.device, folder, True, save_every)
    return beside and beside[0].eval().requires_grad_(False), distance


def about_training(store: EpisodeStore, shortest: int, plan: TrainingPlan, last: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of how it came about, for its user and its model card; JSON-able.

    `shortest`: control steps that a recording needs in order to be used; `last`: a measurement, as the log has it.
    """
    numbers = {name.removeprefix("held_out/"): v for name, v in last.items() if name.startswith("held_out/")}
    return {
        "world": store.world,
        "data": store.manifest.get("seed"),
        "renderer": store.manifest.get("renderer"),
        "recordings": len(store),
        "shortest": shortest,
        "updates": plan.updates or None,  # a predictor on an encoder of others makes none
        "seed": plan.train.seed,
        "measured": numbers,
    }


def make_method(plan: TrainingPlan, encoder: pretrained.BackboneSettings | Path | None = None) -> Method:
    """The method with weights drawn from the plan's seed, on its device.

    `encoder`: checkpoint of the frozen encoder that it builds on, or which backbone of others that is.

    Raises UsageError: the settings do not fit each other, the frames or the frozen encoder.
    """
    with drawn_weights(plan.train.seed, "methods"):
        try:
            method = METHODS[plan.method].make(plan.settings, plan.precision)
        except ValueError as error:
            raise UsageError(str(error)) from error
    if isinstance(encoder, pretrained.BackboneSettings):
        method.adopt(pretrained.load(encoder, plan.precision))
    elif encoder is not None:
        method.adopt(checkpoint.load(encoder, torch.device("cpu"), plan.precision).model)
    return method.to(plan.device)


def labelled(store: EpisodeStore, count: int, context: int, plan: TrainingPlan) -> Labelled:
    """Clips with the physical quantities that probes are asked for."""
    clips = store.clips(stream(plan.train.seed, "measured clips"), count, context + plan.horizon)
    known = {name: torch.from_numpy(values) for name, values in measured(store.world, clips.states).items()}
    return Labelled(torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), known)


@torch.no_grad()
def encode_recordings(model: Encoder, store: EpisodeStore) -> tuple[LatentEpisodes, np.ndarray]:
    """Latents of every recorded frame, in motion and as a still picture, with actions, and its states (K, S)."""
    moving, still, last, actions, states = [], [], [], [], []
    rows = 0
    device = model.device
    with tqdm(range(len(store)), desc="encode", unit="episode") as bar:
        for index in bar:
            episode = store.episode(index)
            frames = torch.from_numpy(np.asarray(episode.frames)).to(device)
            in_motion, at_rest = model.recording(frames)
            moving.append(in_motion)
            still.append(at_rest)
            rows += len(in_motion)
            last.append(torch.full((len(in_motion),), rows - 1))
            taken = torch.from_numpy(np.asarray(episode.actions))[model.context - 1 :]
            actions.append(torch.cat([taken, taken.new_zeros(1, taken.shape[1])]))
            states.append(episode.states[model.context - 1 :])
    latents = LatentEpisodes(torch.cat(moving), torch.cat(still), torch.cat(last), torch.cat(actions)).to(device)
    return latents, np.concatenate(states)


def make_landmarks(
    still: Tensor, states: np.ndarray, distance: LearnedDistance, settings: GraphSettings
) -> dict[str, Tensor]:
    """Recorded states spread over what was seen, joined where the temporal distance is short."""
    generator = torch_stream(settings.seed, "landmarks")
    chosen = torch.randperm(len(still), generator=generator)[: settings.candidates].to(still.device)
    kept = chosen[choose_landmarks(still[chosen], distance, settings.landmarks, generator)]
    graph = build_landmarks(still[kept], torch.from_numpy(states)[kept.cpu()], distance, settings.max_edge)
    return {"latents": graph.latents, "steps": graph.steps, "edges": graph.edges, "states": graph.states}


@torch.no_grad()
def make_probes(
    model: Encoder, still: Tensor, known: dict[str, np.ndarray], judged: Labelled, seed: int
) -> tuple[dict[str, Tensor] | None, dict[str, Any]]:
    """Probes of what is `known` by name (K, n) of latents (K, D), and their sizes and errors on recordings held out."""
    quantities = {name: torch.from_numpy(np.asarray(values)) for name, values in known.items()}
    readings = fit_readings(still, quantities, torch_stream(seed, "probes of quantities"))
    if readings is None:
        return None, {}
    latents = torch.cat([model.still(part.to(model.device)).cpu() for part in judged.frames[:, -1].split(32)])
    return readings.tensors(), errors(readings, latents, {name: v[:, -1] for name, v in judged.measured.items()})
