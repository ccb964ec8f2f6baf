"""How long a quickstart will take: a few seconds of each kind of work are done, timed and multiplied."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from envs.data.collect import record_episode
from envs.data.episodes import write_episode
from envs.registry import make_world
from housecat.evaluation.episodes import one_thread
from housecat.runs import hardware, wiring
from housecat.runs.budget import seconds_apart, seconds_per_finetuning
from housecat.runs.speed import random_clips, random_latents, seconds_per_update
from housecat.runs.training import TrainingPlan, make_method
from housecat.settings.schema import Config
from worldmodel.distances.critics import KINDS, train_distance
from worldmodel.method import Method
from worldmodel.model import LatentWorldModel

_START = 4.0  # seconds until worker processes are at work
_TIMED = 1.0  # seconds that updates are timed
_REPORT = 20.0  # seconds for a report with its videos
_PLAYED = {"flat_latent": 0.95}  # share of the steps allowed that is played, by planner
_PLAYED_ELSE = 0.5


def estimate(config: Config, spec: dict[str, Any]) -> dict[str, float]:
    """Seconds that each stage will take on this machine as busy as it is now."""
    world = make_world(spec)
    plan = wiring.training_plan(config, world.scene.frame_size, world.scene.action_dim)
    method = make_method(plan)
    model = method.model
    processes = min(config.workers or hardware.cores(), hardware.cores())
    max_steps = config.evaluate.max_steps or world.max_steps
    training_time = _updates(plan, method) + _on_latents(config, plan, method)
    if isinstance(plan.first, TrainingPlan):
        training_time += _updates(plan.first, make_method(plan.first))
    method.eval().requires_grad_(False)
    planning = _evaluate(config, model, max_steps) if isinstance(model, LatentWorldModel) else 0.0
    return {
        "collect": _START + config.collect.episodes * _episode(world, config.collect.steps) / processes,
        "train": training_time,
        "evaluate": _START + planning / processes,
        "report": _REPORT,
    }


def in_words(seconds: float) -> str:
    """ "3 s", "40 s" or "12 min"."""
    if seconds < 20:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds, -1):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _episode(world: Any, steps: int) -> float:
    """Seconds to record an episode and write it."""
    with tempfile.TemporaryDirectory() as folder:

        def record() -> None:
            write_episode(Path(folder) / "episode.h5", record_episode(world, 0, 0, steps))

        return _seconds(record, times=3)


def _on_latents(config: Config, plan: TrainingPlan, method: Method) -> float:
    """Seconds for the encoding of all recordings and what is learnt on their latents, temporal distance included."""
    frames = torch.from_numpy(random_clips(plan, method.model.context).frames[0])
    encoded = len(frames) - method.model.context + 1

    @torch.no_grad()
    def encode() -> None:
        method.model.recording(frames.to(plan.device))

    recorded = config.collect.episodes * (config.collect.steps + 1) / encoded * _seconds(encode, times=5)
    after = _critic(plan, method.model.latent) + plan.finetuning.updates * seconds_per_finetuning(plan)
    return seconds_apart(plan) + recorded + after


def _updates(plan: TrainingPlan, method: Method) -> float:
    """Seconds of all updates."""
    if not plan.train.updates:
        return 0.0
    return plan.train.updates * seconds_per_update(method, plan, random_clips(plan, method.model.context), _TIMED)


def _critic(plan: TrainingPlan, latent: int) -> float:
    """Seconds to learn the temporal distance."""
    few = replace(plan.critic, updates=30)
    data = random_latents(latent, plan.action_dim)
    began = time.perf_counter()
    train_distance(data, few, plan.device)
    return (time.perf_counter() - began) * plan.critic.updates / few.updates


@one_thread()
def _evaluate(config: Config, model: LatentWorldModel, max_steps: int) -> float:
    """Seconds of planning in one process: all pairs and planners, and the calibration of flat_latent."""
    judged = config.evaluate
    critic = config.critic
    network = KINDS[critic.kind].network
    distance = network(model.latent, critic.width, critic.longest, torch.float32).to(model.device)

    def control_step(name: str, horizon: int | None) -> float:
        planner = wiring.build_planner(config, name, horizon, model, distance, None)
        z = torch.zeros(1, model.latent, device=model.device)
        generators = [torch.Generator().manual_seed(0)]
        return _seconds(lambda: planner(z, z, None, generators), times=3)

    total = 0.0
    for name in set(judged.planners) - {"random"}:
        horizon = judged.horizons[-1] if name == "flat_latent" else None
        step = control_step("flat_distance" if name in ("hierarchy", "hjepa") else name, horizon)
        total += _PLAYED.get(name, _PLAYED_ELSE) * judged.episodes * step
    if "flat_latent" in judged.planners and len(judged.horizons) > 1:
        steps = sum(control_step("flat_latent", horizon) for horizon in judged.horizons)
        total += _PLAYED["flat_latent"] * judged.calibration * steps
    return max_steps * total


def _seconds(work: Callable[[], Any], times: int) -> float:
    """Mean time of a call, after one that warms up."""
    work()
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times
