"""How long work will take: a few updates, steps and encodings are made on random data, timed and multiplied."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from envs.data.collect import record_episode
from envs.data.episodes import episode_bytes
from envs.data.machine import cores, processes
from envs.files import read_json
from envs.registry import make_world
from envs.workers import SIMULATOR
from housecat.errors import UsageError
from housecat.evaluation.episodes import one_thread
from housecat.evaluation.recommending import PAIRS, candidates
from housecat.files import write_json
from housecat.runs import steering, wiring
from housecat.runs.training import TrainingPlan, make_method
from housecat.settings.schema import Config
from worldmodel.distances.critics import KINDS, distance_stage
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.method import Method
from worldmodel.model import LatentWorldModel
from worldmodel.stages.end_to_end import end_to_end
from worldmodel.stages.ensemble import ensemble_stage
from worldmodel.stages.keypoint_pretraining import pretraining
from worldmodel.stages.predictor_finetuning import finetuning
from worldmodel.training import TrainingStage, learn

_START, _REPORT = 4.0, 20.0  # seconds until worker processes are at work; for a report with its videos
_PLAYED = 0.6  # share of the steps allowed that is played
_FINETUNING = 0.5  # share of the time, at most, in which the predictor is trained further


@dataclass(frozen=True)
class RandomClips:
    """A batch of clips; no two frames have anything in common."""

    frames: np.ndarray  # (B, T, h, w, 3) uint8
    actions: np.ndarray  # (B, T-1, A) float32


def stages_of(plan: TrainingPlan, method: Method) -> Iterator[TrainingStage]:
    """What the plan trains, on random frames and latents; none needs another to have run."""

    def sample(rng: np.random.Generator, batch: int, length: int) -> RandomClips:
        frames = rng.integers(0, 256, (batch, length, plan.frame_size, plan.frame_size, 3), dtype=np.uint8)
        return RandomClips(frames, rng.uniform(-1, 1, (batch, length - 1, plan.action_dim)).astype(np.float32))

    first = pretraining(method.model, sample, plan.pretraining)
    if first is not None:
        yield first
    if plan.train.updates:
        some = sample(np.random.default_rng(0), plan.train.batch, plan.train.length + method.model.context - 1)
        yield end_to_end(method, lambda *asked: some, plan.train)
    if isinstance(method.model, LatentWorldModel):
        method.eval().requires_grad_(False)
        drawn = torch.randn(1000, method.model.latent + plan.action_dim, generator=torch.Generator().manual_seed(0))
        latents, actions = drawn.to(plan.device).split([method.model.latent, plan.action_dim], dim=1)
        data = LatentEpisodes(latents, latents, torch.full((1000,), 999), actions)
        yield from filter(None, (finetuning(method, data, plan.finetuning), method.second_level(data, 0)))
        yield from [stage for beside in [ensemble_stage(data, plan.ensemble)] if beside for stage in beside[1:]]
        yield distance_stage(data, plan.critic, plan.device)[1]


def seconds_per_update(stage: TrainingStage, seconds: float) -> float:
    """Mean time of an update over about so many seconds, after two that warm up; they change what they train."""
    learn(replace(stage, updates=1))
    few = max(1, min(stage.updates, round(seconds / _seconds(lambda: learn(replace(stage, updates=1))))))
    return _seconds(lambda: learn(replace(stage, updates=few))) / few


@dataclass(frozen=True)
class Speed:
    """Of whole updates (encoder, losses, gradients, optimiser)."""

    frames: float  # camera frames trained on in a second, each of a clip counted once; 0: none are
    update: float  # seconds; of the encoder's training where that is trained first; 0: there are no updates
    finetuning: float  # seconds of an update of the predictor alone; 0: there are none
    apart: float  # seconds of what is trained apart: keypoints before the updates, a second level after them


def speed_of(plan: TrainingPlan, seconds: float = 5.0) -> Speed:
    """How fast this plan's method is trained, each stage timed for so long."""
    method = make_method(plan)
    each = {stage.name: (seconds_per_update(stage, seconds), stage.updates) for stage in stages_of(plan, method)}
    update = each.get("train", (0.0, 0))[0]
    frames = plan.train.batch * (plan.train.length + method.model.context - 1) / update if update else 0.0
    if isinstance(plan.first, TrainingPlan):
        first = speed_of(plan.first, seconds)
        frames, update = first.frames, first.update
    apart = sum(each[name][0] * each[name][1] for name in ("pretraining", "second level") if name in each)
    return Speed(frames, update, each.get("finetuning", (0.0, 0))[0], apart)


def speeds_of(plans: dict[str, TrainingPlan], kept: Path) -> dict[str, Speed]:
    """The speed of each method, timed in this process; those in the file `kept` are taken from there, the others added.

    So that a comparison that goes on where it was stopped gives each method the updates that it was given before.
    """
    found = read_json(kept, dict[str, Speed], UsageError, "delete it") if kept.exists() else {}
    found |= {name: asdict(speed_of(plan)) for name, plan in plans.items() if name not in found}
    write_json(kept, found)
    return {name: Speed(**found[name]) for name in plans}


def updates_within(seconds: float, speed: Speed, finetuning: int) -> dict[str, int]:
    """The updates that fit into this time, as settings; of those of `finetuning` as many as fit into half of it."""
    again = max(1, min(finetuning, int(_FINETUNING * seconds / speed.finetuning))) if speed.finetuning else finetuning
    left = seconds - speed.apart - again * speed.finetuning
    return {"train.updates": max(1, int(left / speed.update)) if speed.update else 1, "finetuning.updates": again}


def estimate(config: Config, spec: dict[str, Any]) -> dict[str, float]:
    """Seconds that each stage of a quickstart will take on this machine, as busy as it is now."""
    world = make_world(spec)
    plan = wiring.training_plan(config, world.scene.frame_size, world.scene.action_dim)
    method, training = make_method(plan), 0.0
    plans = [(plan, method)] + ([(plan.first, make_method(plan.first))] if isinstance(plan.first, TrainingPlan) else [])
    for asked, trained in plans:
        training += sum(stage.updates * seconds_per_update(stage, 0.5) for stage in stages_of(asked, trained))
    model, several = method.model.eval(), min(processes(config.workers, SIMULATOR), cores())
    frames = torch.zeros(16, plan.frame_size, plan.frame_size, 3, dtype=torch.uint8, device=plan.device)
    recorded = config.collect.episodes * config.collect.steps
    with torch.no_grad():
        training += recorded / len(frames) * _seconds(lambda: model.recording(frames), times=2)
    planning = _step(config, model) if isinstance(model, LatentWorldModel) else 0.0
    judged = wiring.evaluate_settings(config)
    playing = min(judged.workers, cores()) * (1 if plan.device.type == "cpu" else judged.batch)
    plays = (config.evaluate.max_steps or world.max_steps) * planning * _PLAYED
    episode = _seconds(lambda: episode_bytes(record_episode(world, 0, 0, config.collect.steps)), times=2)
    return {
        "collect": _START + config.collect.episodes * episode / several,
        "train": training,
        "evaluate": _START + plays / playing,
        "report": _REPORT,
    }


@one_thread()
def _step(config: Config, model: LatentWorldModel) -> float:
    """Seconds of a control step of every episode in one process, of all planners together."""
    judged = config.evaluate
    compared = candidates(judged.planners, judged.calibration)
    network = KINDS[config.critic.kind].network(
        model.latent, config.critic.width, config.critic.longest, model.precision
    )
    distance, z, total = network.to(model.device), torch.zeros(1, model.latent, device=model.device), 0.0
    for name in {*judged.planners} - {"random"}:
        horizon = max(judged.horizons) if name == "flat_latent" else None
        flat = "flat_distance" if name not in ("flat_latent", "flat_distance") else name
        planner = steering.build_planner(config, flat, horizon, model, distance, None)
        episodes = judged.episodes + (min(PAIRS, judged.calibration) if name in compared else 0)
        total += episodes * _seconds(partial(planner, z, z, None, [torch.Generator().manual_seed(0)]), times=3)
    return total


def _seconds(work: Callable[[], Any], times: int = 1) -> float:
    """Mean time of a call."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times
