"""The same wall time for every method: how fast each is on this machine, and how many updates that makes."""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from housecat.files import write_json
from housecat.runs.speed import RandomClips, random_clips, random_latents, seconds_per_update
from housecat.runs.training import TrainingPlan, make_method
from worldmodel.methods import hjepa
from worldmodel.stages.keypoint_pretraining import pretrain
from worldmodel.stages.predictor_finetuning import finetune

_TIMED = 5.0  # seconds that each method's updates are timed
_LOOKED = 5  # updates of `look` that are timed
_REHEARSED = 3  # updates of `finetune` and of level 2 that are timed
_SHARE = 0.5  # of the time, at most, in which the predictor is trained further


@dataclass(frozen=True)
class Speed:
    """Of whole updates (encoder, losses, gradients, optimiser)."""

    frames: float  # camera frames trained on in a second, each of a clip counted once; 0: none are
    update: float  # seconds; of the encoder's training where that is trained first; 0: there are no updates
    finetuning: float  # seconds of an update of the predictor alone; 0: there are none
    apart: float  # seconds of what is trained apart: keypoints before the updates, a second level after them


def speeds_of(plans: dict[str, TrainingPlan], kept: Path) -> dict[str, Speed]:
    """The speed of each method, timed in this process; those in the file `kept` are taken from there, the others added.

    So that a comparison that goes on where it was stopped gives each method the updates that it was given before.
    """
    found = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for name, plan in plans.items():
        if name not in found:
            found[name] = asdict(speed_of(plan))
    write_json(kept, found)
    return {name: Speed(**found[name]) for name in plans}


def speed_of(plan: TrainingPlan) -> Speed:
    """How fast this plan's method is trained."""
    frames = update = 0.0
    if isinstance(plan.first, TrainingPlan):
        first = speed_of(plan.first)
        frames, update = first.frames, first.update
    elif plan.train.updates:
        method = make_method(plan)
        clips = random_clips(plan, method.model.context)
        update = seconds_per_update(method, plan, clips, _TIMED)
        frames = clips.count / update
    return Speed(frames, update, seconds_per_finetuning(plan), seconds_apart(plan))


def seconds_per_finetuning(plan: TrainingPlan) -> float:
    """Mean time of an update of the predictor alone; 0 where the method fine-tunes nothing."""
    method = make_method(plan).requires_grad_(False)
    few = replace(plan.finetuning, updates=min(_REHEARSED, plan.finetuning.updates))
    data = random_latents(method.model.latent, plan.action_dim)
    began = time.perf_counter()
    updates = finetune(method, data, few)
    return (time.perf_counter() - began) / updates if updates else 0.0


def seconds_apart(plan: TrainingPlan) -> float:
    """Time in which keypoints learn to look and a second level learns; 0 where there are neither."""
    return _seconds_of_look(plan) + _seconds_of_level_2(plan)


def _seconds_of_look(plan: TrainingPlan) -> float:
    few = replace(plan.pretraining, updates=min(_LOOKED, plan.pretraining.updates))
    model = make_method(plan).model
    clips = random_clips(plan, model.context)

    def sample(rng: np.random.Generator, batch: int, length: int) -> RandomClips:
        return replace(clips, frames=np.resize(clips.frames, (batch, length, *clips.frames.shape[2:])))

    pretrain(model, sample, replace(few, updates=min(1, few.updates)))  # warms up
    began = time.perf_counter()
    told = pretrain(model, sample, few)
    return (time.perf_counter() - began) * plan.pretraining.updates / few.updates if told is not None else 0.0


def _seconds_of_level_2(plan: TrainingPlan) -> float:
    if not isinstance(plan.settings, hjepa.HJepaSettings):
        return 0.0
    asked = plan.settings.upper
    few = replace(asked, updates=min(_REHEARSED, asked.updates))
    method = make_method(replace(plan, settings=replace(plan.settings, upper=few))).requires_grad_(False)
    began = time.perf_counter()
    method.finish(random_latents(method.model.latent, plan.action_dim), plan.train.seed)
    return (time.perf_counter() - began) * asked.updates / few.updates


def updates_within(seconds: float, speed: Speed, finetuning: int) -> dict[str, int]:
    """The updates that fit into this time, as settings; of those of `finetuning` as many as fit into half of it."""
    again = max(1, min(finetuning, int(_SHARE * seconds / speed.finetuning))) if speed.finetuning else finetuning
    left = seconds - speed.apart - again * speed.finetuning
    updates = max(1, int(left / speed.update)) if speed.update else 1
    return {"train.updates": updates, "finetuning.updates": again}
