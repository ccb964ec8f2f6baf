"""Every setting: its type, its range and what it means. The values are in `configs/`, and only there.

The help texts, the check of what a user wrote and the types that the code sees all come from these classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from housecat.settings.keys import key, section
from housecat.settings.learning import (
    METHODS,
    CriticConfig,
    DecoderConfig,
    DynamicsConfig,
    FinetuningConfig,
    GraphConfig,
    LewmConfig,
    MaskingConfig,
    MethodConfig,
    ModelConfig,
    ObjectiveConfig,
    PldmConfig,
    PretrainingConfig,
    QuantizerConfig,
    TrainConfig,
    UpperConfig,
)


@dataclass
class WorldConfig:
    """The world, chosen as a whole with `world=NAME`."""

    name: str | None = key("name in reports; of your own maze: the file's name unless given")
    path: str | None = key("MJCF or URDF file of a robot of your own, with world=mjcf; path= for short")
    options: str | None = key(
        "YAML file about a world of somebody else's: camera, actuators, goal; see envs/outside/options.py"
    )
    layout: str | None = key("text file of your own maze ('#' wall, space or '.' free), with world=pointmaze")
    frame_size: int = key("side of the training camera's frame, pixels", 32, 128)
    action_repeat: int = key("control steps of the world for which an action is held, the camera looking once", 1, 20)


@dataclass
class FactorsConfig:
    """Factors of variation; `housecat worlds` lists them with their bounds."""

    train: Any = key("drawn anew for each recorded episode: none, all, kinds (colour,light), {light: [0.5, 1.0]}, ...")
    test: Any = key("likewise for each start-goal pair of an evaluation")


@dataclass
class CollectConfig:
    """Recording of play."""

    episodes: int = key("episodes to record", 2)
    steps: int = key("control steps in an episode", 8)


@dataclass
class PlannerConfig:
    """Planning: the optimiser (CEM) is the same for all planners."""

    samples: int = key("candidate action sequences in an iteration", 2)
    elites: int = key("best candidates, to which the next iteration is fitted; less than planner.samples", 1)
    iterations: int = key("iterations of CEM at every control step", 1)
    momentum: float = key("share of the old distribution that is kept at a refit", 0, 0.999)
    noise: float = key("spread of the first candidates, as a share of half the action range", 0.001, 10)
    floor: float = key("least spread, as a share of half the action range", 0, 10)
    persistence: float = key("correlation of a candidate's noise from one control step to the next", 0, 0.999)
    effort: float = key("weight of action effort in the energy", 0)
    closeness: float = key("weight of the latent distance beside the temporal one (all but flat_latent)", 0)
    horizon: int = key("control steps imagined by flat_distance and hierarchy", 1, 200)
    execute: int = key("control steps from one plan to the next, at most the horizon", 1, 200)
    near: float = key("control steps from the goal at which the hierarchy aims at the goal itself", 0)
    reach: float = key("control steps away at most that a landmark may be to be aimed at", 1)
    upper_horizon: int = key("steps of level 2 imagined by hjepa", 1, 200)
    upper_samples: int = key("candidate sequences of macro-actions in an iteration (hjepa)", 2)
    upper_elites: int = key("best of them; less than planner.upper_samples (hjepa)", 1)
    upper_iterations: int = key("iterations of CEM on level 2 (hjepa)", 1)
    upper_every: int = key("control steps from one plan on level 2 to the next (hjepa)", 1)
    upper_energy: str = key("what level 2 minimises (hjepa)", choices=("temporal", "latent"))
    patience: int = key("control steps without progress, after which the hierarchy looks for another way", 1)


PLANNERS = ("random", "flat_latent", "flat_distance", "hierarchy", "hjepa")


@dataclass
class EvaluateConfig:
    """Planners on the same frozen start-goal pairs."""

    episodes: int = key("start-goal pairs, each played by every planner", 1)
    planners: list[str] = key("who plays", choices=PLANNERS)
    horizons: list[int] = key("horizons of flat_latent, of which the best on the calibration pairs is taken", 1, 200)
    calibration: int = key("pairs for that choice, on which nothing is judged", 0)
    strata: int = key("equal parts of the range of distances from which pairs are drawn in turn (no offset)", 1, 20)
    min_distance: float | None = key(
        "least true distance of a pair, m or rad; null: the world's own, with offset any", 0
    )
    min_steps: float | None = key("least true distance of a pair, control steps at top speed", 0)
    offset: int | None = key("goals where random play was so many steps after the start; null: goals anywhere", 1)
    max_steps: int | None = key("control steps allowed; null: the world's own limit", 1)
    batch: int = key("episodes side by side in a process", 1)
    timing_steps: int = key("control steps timed for each planner; 0: none", 0)


@dataclass
class CompareConfig:
    """Methods side by side."""

    methods: list[str] = key("methods to compare", choices=METHODS)
    seeds: list[int] = key("each method is trained once with each", 0, 2**31 - 1)
    seconds: float | None = key("wall time for the updates of each method, at its speed here; null: its own updates", 1)
    lewm_times: float = key("as much of it for lewm: at 10, default is 10 times as fast if it succeeds as often", 1)


@dataclass
class Config:
    """All settings of all commands."""

    seed: int = key(
        "of everything random; choose settings on seeds from 100 up, report figures of 0, 1 and 2", 0, 2**31 - 1
    )
    out: str | None = key("folder to write to")
    data: str | None = key("folder of recorded episodes; to merge: several, separated by commas")
    checkpoint: str | None = key("folder of a training run, or the folder model/ in it")
    against: str | None = key("other checkpoints of this world to probe beside it, separated by commas")
    source: str | None = key("data set of another format to import: a folder, or a file")
    format: str | None = key("of a data set to import or export", choices=("lerobot", "minari", "hdf5"))
    size: int | None = key("side of the new frames, pixels; null: as they were", 16, 512)
    camera: str = key("which camera draws the new frames", choices=("train", "people"))
    held_out: float = key("share of the episodes, the last ones, that a split puts aside", 0, 1)
    episodes: int | None = key("episodes to record or to show, or pairs to play (evaluate)", 1)
    workers: int = key("processes for simulation; 0: one for each core", 0, 256)
    device: str = key("where networks are computed", choices=("auto", "cpu", "cuda"))
    precision: str = key("auto: bf16 where the processor has it, else fp32", choices=("auto", "bf16", "fp32"))
    world: WorldConfig = section("where it happens")
    factors: FactorsConfig = section("factors of variation")
    collect: CollectConfig = section("recording of play: random, or scripted where there is an object")
    method: MethodConfig = section("how it is learnt")
    model: ModelConfig = section("what the world model is made of")
    objective: ObjectiveConfig = section("what it is trained for")
    masking: MaskingConfig = section("what is hidden and predicted")
    lewm: LewmConfig = section("predictor of LeWorldModel")
    pldm: PldmConfig = section("terms in time of PLDM")
    decoder: DecoderConfig = section("decoder of methods that draw pictures")
    quantizer: QuantizerConfig = section("book of codes (method=token)")
    dynamics: DynamicsConfig = section("predictor over patches (method=vjepa2_ac)")
    upper: UpperConfig = section("second level (method=hjepa)")
    pretraining: PretrainingConfig = section("first training of keypoints, by themselves")
    train: TrainConfig = section("training of the world model")
    finetuning: FinetuningConfig = section("training of the predictor on the latents of all recordings")
    critic: CriticConfig = section("training of the temporal distance")
    graph: GraphConfig = section("graph of landmarks")
    planner: PlannerConfig = section("planning")
    evaluate: EvaluateConfig = section("evaluation")
    compare: CompareConfig = section("comparison of methods")


@dataclass(frozen=True)
class Setting:
    """One key as a user writes it."""

    name: str  # "train.updates"
    type: Any  # int, float, str, list[int], ...; the type without None
    optional: bool  # null is allowed
    meaning: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]


def settings() -> dict[str, Setting]:
    """All keys by name, in the order of the classes."""
    found = {}
    for name, kind, meta in _fields(Config):
        if is_dataclass(kind):
            for inner, inner_kind, inner_meta in _fields(kind):
                found[f"{name}.{inner}"] = _setting(f"{name}.{inner}", inner_kind, inner_meta)
        else:
            found[name] = _setting(name, kind, meta)
    return found


def _fields(owner: Any) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    types = get_type_hints(owner)
    for one in fields(owner):
        yield one.name, types[one.name], one.metadata


def _setting(name: str, kind: Any, meta: Mapping[str, Any]) -> Setting:
    optional = type(None) in get_args(kind)
    if optional:
        kind = next(part for part in get_args(kind) if part is not type(None))
    return Setting(name, kind, optional, meta["meaning"], meta["low"], meta["high"], meta["choices"])
