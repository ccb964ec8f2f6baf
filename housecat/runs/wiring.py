"""Where settings become objects: worlds and training plans; `steering.py` makes planners. Sizes come from the data."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from envs import WORLDS, make_world
from envs.data.machine import processes
from envs.data.store import EpisodeStore
from envs.factors import checked_ranges
from envs.files import shortened
from envs.outside.carried import admit
from envs.outside.description import outside_spec
from envs.outside.python import environment_spec
from envs.specs import check_spec
from envs.workers import PLAYER
from envs.worlds.mazes import maze_spec, read_layout
from housecat import hardware
from housecat.errors import UsageError
from housecat.evaluation.evaluate import EvaluateSettings
from housecat.evaluation.pairs import PairRequest
from housecat.runs.training import TrainingPlan
from housecat.settings.config import method_settings, names_of, value_of
from housecat.settings.groups import OUTSIDE
from housecat.settings.own_code import own_code
from housecat.settings.schema import Config, WorldConfig
from worldmodel import checkpoint
from worldmodel.methods.registry import METHODS
from worldmodel.networks import pretrained

_TOGETHER = 64  # episodes, at least, that a graphics card plays at a time


def world_spec(config: Config) -> dict[str, Any]:
    """The description of the world for `envs.make_world`.

    Raises UsageError: the maze is impossible; OutsideError: a world of somebody else's is not there or cannot be
    used.
    """
    spec = _spec_at_own_pace(config.world)
    return spec if config.world.action_repeat == 1 else {**spec, "action_repeat": config.world.action_repeat}


def _spec_at_own_pace(world: WorldConfig) -> dict[str, Any]:
    if world.factory is not None:
        success = None if world.success is None else own_code(world.success)
        named = None if world.name == "python" else world.name
        return environment_spec(own_code(world.factory), success, world.frame_size, named)
    if world.path is not None:
        name = str(world.name) if world.name != "mjcf" else Path(world.path).stem
        return outside_spec(name, world.path, world.options, world.frame_size)
    if str(world.name).partition("/")[0] in OUTSIDE:
        return outside_spec(str(world.name), None, world.options, world.frame_size)
    if world.layout is None:
        if world.name not in WORLDS:
            raise UsageError(f"world.name={shortened(world.name)} is no world of ours: choose one with world=NAME")
        return {**WORLDS[str(world.name)], "frame_size": world.frame_size}
    try:
        layout = read_layout(world.layout)
    except ValueError as error:
        raise UsageError(f"world.layout: {error}") from error
    return maze_spec(world.name or Path(world.layout).stem, layout, world.frame_size)


def recorded_spec(config: Config) -> dict[str, Any]:
    """The world in which episodes are recorded. Raises UsageError for an impossible maze or `factors.train`."""
    return varied(world_spec(config), config.factors.train, "factors.train")


def evaluated_spec(config: Config, spec: dict[str, Any]) -> dict[str, Any]:
    """The world `spec` as it is evaluated. Raises UsageError for an impossible `factors.test`."""
    return varied(without_factors(spec), config.factors.test, "factors.test")


def varied(spec: dict[str, Any], asked: Any, setting: str) -> dict[str, Any]:
    """The world `spec` with its factors drawn from the ranges that a setting asks for."""
    if asked in (None, "none"):
        return spec
    try:
        ranges = checked_ranges(asked, make_world(spec).factors)
    except ValueError as error:
        raise UsageError(f"{setting}: {error}") from error
    return {**spec, "factors": {name: list(ends) for name, ends in ranges.items()}} if ranges else spec


def without_factors(spec: dict[str, Any]) -> dict[str, Any]:
    """The description of a world whatever is varied in it."""
    return {key: value for key, value in spec.items() if key != "factors"}


def identity_of(spec: dict[str, Any]) -> dict[str, Any]:
    """What tells a world from others: neither what is varied in it nor, of a robot in a file, where the file lies."""
    moved = {"factors", *(("path", "name", "digest") if spec.get("path") and spec.get("fingerprint") else ())}
    return {key: value for key, value in spec.items() if key not in moved}


def device(config: Config) -> torch.device:
    """Where networks are computed. Raises UsageError if that device is not there."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device=cuda, but torch finds no CUDA device: write device=cpu, or install torch for CUDA")
    if config.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(config.device)


def precision(config: Config) -> torch.dtype:
    """bf16 if asked for, or if the device multiplies it fast; fp32 otherwise."""
    if config.precision != "auto":
        return {"bf16": torch.bfloat16, "fp32": torch.float32}[config.precision]
    fast = torch.cuda.is_bf16_supported() if device(config).type == "cuda" else bool(hardware.bf16_units())
    return torch.bfloat16 if fast else torch.float32


def training_plan(config: Config, frame_size: int, action_dim: int) -> TrainingPlan:
    """All that training needs to know, for frames of this size (pixels) and actions (A).

    Raises UsageError: the method builds on an encoder that is not there, or is given one and needs none.
    """
    asked, entry = config.method, METHODS[config.method.name]
    if asked.encoder is not None and entry.encoder is None:
        raise UsageError(f"method.encoder is for methods that use a frozen encoder, {asked.name} trains its own")
    first: TrainingPlan | pretrained.BackboneSettings | Path | None = None
    if entry.encoder is not None and asked.encoder is None:
        first = training_plan(replace(config, method=replace(asked, name=entry.encoder)), frame_size, action_dim)
    elif asked.encoder is not None and pretrained.is_named(asked.encoder):
        first = pretrained.look_up(asked.encoder, frame_size)
    elif asked.encoder is not None:
        first = checkpoint.folder_of(Path(asked.encoder))
    sizes: dict[str, Any] = {"frame_size": frame_size, "action_dim": action_dim}
    if isinstance(first, TrainingPlan):
        sizes["encoder"] = checkpoint.description(first.method, first.settings)
    elif isinstance(first, pretrained.BackboneSettings):
        sizes["encoder"] = checkpoint.description(pretrained.METHOD, first)
    elif first is not None:
        sizes["encoder"] = found = checkpoint.described(first)
        if METHODS[found["method"]].imagines:
            raise UsageError(
                f"method.encoder={asked.encoder} is a world model ({found['method']}), {asked.name} builds on an "
                "encoder: train one with method=vjepa or method=ijepa"
            )
    try:
        settings = method_settings(config, asked.name, **sizes)
    except ValueError as error:
        raise UsageError(str(error)) from error
    seed = config.seed
    return TrainingPlan(
        method=asked.name,
        settings=settings,
        frame_size=frame_size,
        action_dim=action_dim,
        first=first,
        pretraining=replace(config.pretraining, seed=seed),
        train=replace(config.train, updates=0 if entry.encoder else config.train.updates, seed=seed),
        finetuning=replace(config.finetuning, seed=seed),
        ensemble=replace(config.ensemble, seed=seed),
        critic=replace(config.critic, seed=seed),
        graph=replace(config.graph, seed=seed),
        precision=precision(config),
        device=device(config),
    )


def plan_for_store(config: Config, store: EpisodeStore) -> TrainingPlan:
    """The training plan for recorded episodes.

    Raises UsageError: they are too short for the settings, or not what the training camera saw.
    """
    if store.manifest["camera"] != "train":
        raise UsageError(
            f"{store.path} has frames of the {store.manifest['camera']}'s camera, planners see those of the training "
            "camera: housecat rerender camera=train"
        )
    store.check_sizes()
    first = store.load(0)
    plan = training_plan(config, first.frames.shape[1], first.actions.shape[1])
    frames = int(store.lengths.max()) + 1
    if frames < plan.frames:
        raise UsageError(
            f"{store.path} has episodes of {frames} frames, {clip_settings(config)} need {plan.frames}: lower them or "
            "record longer episodes"
        )
    return plan


def clip_settings(config: Config) -> str:
    """The settings that say how long a recording must be, with their values."""
    every = ("model.context", "dynamics.past", "train.length", "upper.stride", "upper.horizon", "finetuning.horizon")
    *said, last = (f"{name}={value_of(config, name)}" for name in every if name in names_of(config))
    return f"{', '.join(said)} and {last}"


def pair_request(config: Config) -> PairRequest:
    """Which start-goal pairs the evaluation asks for."""
    asked = config.evaluate
    farness = asked.min_distance, asked.min_steps, asked.offset
    return PairRequest(asked.episodes, asked.calibration, config.seed, asked.strata, *farness)


def evaluate_settings(config: Config) -> EvaluateSettings:
    """How the planners are judged."""
    judged = config.evaluate
    card = device(config).type != "cpu" and not config.workers  # one process has it, and plays many at a time
    batch = max(judged.batch, _TOGETHER) if card else judged.batch
    return EvaluateSettings(
        planners=tuple(judged.planners),
        horizons=tuple(judged.horizons),
        max_steps=judged.max_steps,
        hold=judged.hold,
        workers=1 if card else processes(config.workers, PLAYER),
        batch=batch if judged.rate is None else 1,  # a deadline is one environment's
        timing_steps=judged.timing_steps,
        trouble={**config.trouble.asked(), **({} if judged.rate is None else {"rate": judged.rate})},
    )


def trained_world(folder: Path) -> dict[str, Any]:
    """The description of the world that the checkpoint in `folder` was trained in, without loading its weights."""
    world = checkpoint.read_config(folder)["about"].get("world")
    try:
        check_spec(world)
    except ValueError as error:
        raise UsageError(f"checkpoint {folder} is damaged ({error}): train again or copy it anew") from error
    admit(checkpoint.robot_of(folder), world, f"checkpoint {folder}")
    return world


def check_world(what: str, found: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raises UsageError if `what` is of the world `found` and not of the one asked for (descriptions of worlds).

    A world whose factors are varied in another way is the same world.
    """
    if identity_of(found) == identity_of(asked):
        return
    names = [_named(spec) for spec in (found, asked)]
    if names[0] == names[1]:
        names[1] = f"another layout of {names[1]}"
    raise UsageError(
        f"{what} is of world {names[0]}, asked for is {names[1]}: leave out world=, or record and train in that world"
    )


def _named(spec: dict[str, Any]) -> str:
    held = f", actions repeated for {spec['action_repeat']} steps" if "action_repeat" in spec else ""
    return f"'{spec['name']}' ({spec['family']}, {spec['frame_size']} pixels{held})"
