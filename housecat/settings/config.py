"""Settings of a command: the files in `configs/` composed by Hydra, the command line on top, all of it checked."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from housecat.errors import UsageError
from housecat.settings.overrides import OUTSIDE, parse
from housecat.settings.schema import Config, Setting, settings

GROUPS = ("world", "method", "model", "objective")
FRAMEWISE = ("lewm", "token")  # methods with an encoder of their own, which sees one frame at a time


def config_folder() -> Path:
    """Where the configuration files are: inside the installed package, or beside it in a checkout."""
    installed = Path(__file__).parents[1] / "configs"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "configs"


def group_choices(group: str) -> list[str]:
    """The files of a group, by name."""
    return sorted(file.stem for file in (config_folder() / group).glob("*.yaml"))


def load_config(arguments: list[str], complete: bool = True) -> Config:
    """The settings that `key=value` arguments ask for.

    Args:
        complete: False: those that suit a world are still to come, so whether they go together is not asked yet.

    Raises:
        UsageError: a key, a type, a range or a combination is wrong.
    """
    known = settings()
    asked = parse(arguments, {group: group_choices(group) for group in GROUPS}, known)
    composed = _compose([f"{group}={name}" for group, name in asked.groups.items()])
    for name, value in asked.values.items():
        # A value is not a formula, even where a path holds the characters of one.
        literal = value.replace("${", r"\${") if isinstance(value, str) else value
        OmegaConf.update(composed, name, literal, force_add=True)
    config = _typed(composed)
    check_ranges(config, known)
    if complete:
        check_combinations(config)
    return config


def for_command(config: Config, command: str) -> Config:
    """The short setting `episodes` put where the command reads it."""
    if config.episodes is None:
        return config
    if command == "evaluate":
        return replace(config, evaluate=replace(config.evaluate, episodes=config.episodes))
    return replace(config, collect=replace(config.collect, episodes=config.episodes))


def to_yaml(config: Config, sections: tuple[str, ...], world: dict[str, Any]) -> str:
    """These settings, single ones and whole sections, as a file that people read; the world as it is described."""
    chosen = {**asdict(config), "world": world}
    return yaml.dump({name: chosen[name] for name in chosen if name in sections}, Dumper=_Readable, sort_keys=False)


def value_of(config: Config, name: str) -> Any:
    """The value of "train.updates" and the like."""
    found: Any = config
    for part in name.split("."):
        found = getattr(found, part)
    return found


def check_ranges(config: Config, known: dict[str, Setting]) -> None:
    """Raises UsageError for the first value outside its range or choices."""
    for name, setting in known.items():
        value = value_of(config, name)
        for one in value if isinstance(value, list) else [value]:
            if one is None:
                continue
            if setting.choices and one not in setting.choices:
                raise UsageError(f"{name} must be one of {', '.join(setting.choices)}, got '{one}'")
            too_low = setting.low is not None and one < setting.low
            if too_low or (setting.high is not None and one > setting.high):
                raise UsageError(f"{name} must be {_range(setting)}, got {one:.10g}")
        if isinstance(value, list) and not value:
            raise UsageError(f"{name} must not be empty")
        if isinstance(value, list) and len({*map(str, value)}) < len(value):
            raise UsageError(f"{name} names something twice, which would count twice: {value}")


def check_combinations(config: Config) -> None:
    """Raises UsageError where settings that are right one by one do not go together."""
    world, model, train, planner, judged = config.world, config.model, config.train, config.planner, config.evaluate
    outside = world.path is not None or str(world.name).partition("/")[0] in OUTSIDE
    if world.path is None and world.name == "mjcf":
        raise UsageError("world=mjcf is a robot of your own: name its MJCF file with path=FILE")
    if world.path is not None and world.name != "mjcf" and world.name in group_choices("world"):
        raise UsageError(f"world.path is a robot, world '{world.name}' has none: write world=mjcf")
    if world.options is not None and not outside:
        raise UsageError(f"world.options describes a world of somebody else's, and world '{world.name}' is none")
    if world.layout is None and world.name is None:
        raise UsageError("world=pointmaze is your own maze: name its text file with world.layout=FILE")
    if world.layout is not None and world.name in group_choices("world"):
        raise UsageError(f"world.layout is a maze, world '{world.name}' has none: write world=pointmaze")
    if config.method.name in FRAMEWISE:
        if world.frame_size % model.patch:
            raise UsageError(f"model.patch must divide world.frame_size ({world.frame_size}), got {model.patch}")
        if model.width % model.heads:
            raise UsageError(f"model.width must be a multiple of model.heads ({model.heads}), got {model.width}")
    elif model.encoder in ("keypoints", "vit") and world.frame_size % model.patch:
        raise UsageError(f"model.patch must divide world.frame_size ({world.frame_size}), got {model.patch}")
    elif model.encoder == "keypoints":
        fixed = model.keypoints * (2 if model.fixed == "places" else 1)
        if model.latent <= fixed:
            raise UsageError(
                f"model.latent must be above the {fixed} numbers that model.keypoints={model.keypoints} gives it as "
                f"{model.fixed}, got {model.latent}"
            )
        if config.method.name in ("default", "hjepa") and not config.finetuning.updates:
            raise UsageError(
                "finetuning.updates must be at least 1 for model=keypoints, whose predictor learns only there to move "
                "keypoints, got 0"
            )
    elif model.encoder == "vit":
        if model.context % 2:
            raise UsageError(f"model.context must be even for the video transformer, got {model.context}")
        if model.width % model.heads or model.width % 2:
            raise UsageError(
                f"model.width must be even and a multiple of model.heads ({model.heads}), got {model.width}"
            )
    elif model.encoder == "cnn" and world.frame_size % 16:
        raise UsageError(f"world.frame_size must be a multiple of 16 for model=cnn, got {world.frame_size}")
    if config.method.name in ("vjepa", "vjepa2_ac") and config.masking.future and model.context < 4:
        raise UsageError(
            f"model.context must be at least 4 for masking.future, which tells two frames from those before, got "
            f"{model.context}"
        )
    if config.method.name == "vjepa2_ac" and not config.finetuning.updates:
        raise UsageError("finetuning.updates must be at least 1 for method=vjepa2_ac, which learns only there, got 0")
    if train.horizon >= train.length:
        raise UsageError(f"train.horizon must be less than train.length ({train.length}), got {train.horizon}")
    if planner.elites >= planner.samples:
        raise UsageError(f"planner.elites must be less than planner.samples ({planner.samples}), got {planner.elites}")
    shortest = min(planner.horizon, *judged.horizons)
    if planner.execute > shortest:
        raise UsageError(f"planner.execute must be at most the shortest horizon ({shortest}), got {planner.execute}")
    if "flat_latent" in judged.planners and len(judged.horizons) > 1 and judged.calibration == 0:
        raise UsageError("evaluate.calibration must be at least 1 to choose among several evaluate.horizons, got 0")


def _compose(overrides: list[str]) -> DictConfig:
    with initialize_config_dir(str(config_folder().resolve()), version_base="1.3"):
        try:
            return compose("config", overrides)
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            raise _damaged(error) from error


def _typed(composed: DictConfig) -> Config:
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Config), composed)
        return OmegaConf.to_object(merged)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> UsageError:
    where = getattr(error, "full_key", None)
    reason = str(error).splitlines()[0]
    return UsageError(f"{config_folder()}{f', {where}' if where else ''}: {reason}: put the configuration files right")


def _range(setting: Setting) -> str:
    if setting.high is None:
        return f"at least {setting.low:.10g}"
    return f"from {setting.low:.10g} to {setting.high:.10g}"


class _Readable(yaml.SafeDumper):
    """Writes texts of several lines, such as mazes, as they look."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)
