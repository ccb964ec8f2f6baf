"""Every setting: its type, its range and what it means. The values are in `configs/`, and only there.

The help texts, the check of what a user wrote and the types that the code sees all come from these classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, get_args, get_type_hints


def key(meaning: str, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()) -> Any:
    """A setting; numbers must be in [low, high], texts among the choices, members of a list likewise."""
    return field(metadata={"meaning": meaning, "low": low, "high": high, "choices": choices})


def section(meaning: str) -> Any:
    """A group of settings."""
    return field(metadata={"meaning": meaning})


@dataclass
class WorldConfig:
    """The world, chosen as a whole with `world=NAME`."""

    name: str | None = key("name in reports; of your own maze: the file's name unless given")
    path: str | None = key("MJCF or URDF file of a robot of your own, with world=mjcf; path= for short")
    options: str | None = key("YAML file about a world of somebody else's: camera, actuators, goal (envs/options.py)")
    layout: str | None = key("text file of your own maze ('#' wall, space or '.' free), with world=pointmaze")
    frame_size: int = key("side of the training camera's frame, pixels", 32, 128)


@dataclass
class FactorsConfig:
    """Factors of variation; `housecat worlds` lists them with their bounds."""

    train: Any = key("drawn anew for each recorded episode: none, all, kinds (colour,light), {light: [0.5, 1.0]}, ...")
    test: Any = key("likewise for each start-goal pair of an evaluation")


@dataclass
class CollectConfig:
    """Recording of random play."""

    episodes: int = key("episodes to record", 2)
    steps: int = key("control steps in an episode", 8)


METHODS = ("default", "hjepa", "ijepa", "lewm", "pixel", "pldm", "vjepa", "vjepa2_ac")
# Sections that say what is learnt and how: whatever trains reads them.
LEARNING = (
    "method",
    "model",
    "objective",
    "masking",
    "lewm",
    "pldm",
    "decoder",
    "upper",
    "dynamics",
    "train",
    "critic",
    "graph",
)


@dataclass
class MethodConfig:
    """The way to learn, chosen as a whole with `method=NAME`."""

    name: str = key("the method", choices=METHODS)
    encoder: str | None = key("training run whose encoder is used, frozen, by a method that needs one; null: train it")


@dataclass
class ModelConfig:
    """The world model, chosen as a whole with `model=NAME`."""

    encoder: str = key(
        "keypoints; vit: video transformer; cnn: convolutional baseline", choices=("keypoints", "vit", "cnn")
    )
    latent: int = key("size of the latent vector", 2, 4096)
    context: int = key("frames that one latent has seen; an even number for vit", 2, 16)
    width: int = key("channels of the encoder", 8)
    depth: int = key("transformer blocks (vit)", 1, 48)
    heads: int = key("attention heads (vit)", 1)
    patch: int = key("side of a patch, pixels (keypoints, vit)", 2)
    keypoints: int = key("places that are looked for in a frame (keypoints)", 1, 1024)
    predictor_width: int = key("hidden units of the predictor", 8)
    predictor_depth: int = key("residual layers of the predictor", 1, 32)


@dataclass
class ObjectiveConfig:
    """What the world model is trained for, chosen as a whole with `objective=NAME`."""

    name: str = key("what keeps latents apart", choices=("variance_covariance", "sigreg", "ema"))
    prediction: float = key("weight of the open-loop prediction error", 0)
    inverse: float = key("weight of inverse dynamics", 0)
    variance: float = key("weight of the variance hinge (variance_covariance)", 0)
    covariance: float = key("weight of the covariance penalty (variance_covariance)", 0)
    sigreg: float = key("weight of SIGReg (sigreg)", 0)
    momentum: float = key(
        "of the teacher (ema, ijepa, vjepa); 1 / (1 - momentum) must be far below train.updates", 0, 1
    )


@dataclass
class MaskingConfig:
    """What is hidden and predicted (ijepa, vjepa)."""

    motion: float = key("share of the blocks that are placed where something moves, the others anywhere", 0, 1)
    last_momentum: float = key("of the teacher at the end; at first it is objective.momentum", 0, 1)
    context: float = key("weight of the loss on what is visible (vjepa); 0: none", 0)


@dataclass
class LewmConfig:
    """Attention of the predictor of LeWorldModel (method=lewm)."""

    heads: int = key("attention heads", 1)
    head_size: int = key("channels of an attention head", 1)
    dropout: float = key("share of what a block adds that training drops", 0, 0.9)


@dataclass
class PldmConfig:
    """What PLDM asks of latents along a clip (method=pldm)."""

    time_variance: float = key("weight of the variance hinge within each clip", 0)
    time_similarity: float = key("weight of the step from a latent to the next", 0)


@dataclass
class DecoderConfig:
    """What draws pictures, for methods that are trained on them (method=pixel)."""

    width: int = key("channels of its finest layer", 4)
    pictures: int = key("pictures of each kind that are drawn of a clip in an update", 1)


@dataclass
class DynamicsConfig:
    """What method=vjepa2_ac predicts, and with what."""

    grid: int = key("patches along a side of the frame, pooled from the encoder's", 1)
    channels: int = key("features kept of each of them", 1)
    past: int = key("frames that a latent holds: speed is in their difference", 1, 16)
    window: int = key("steps that attention sees", 1)
    width: int = key("channels of the predictor", 8)
    depth: int = key("transformer blocks of the predictor", 1, 32)
    heads: int = key("attention heads of the predictor", 1)


@dataclass
class UpperConfig:
    """The second level of method=hjepa: a slower clock and macro-actions."""

    stride: int = key("control steps in a step of level 2", 2, 100)
    macro: int = key("size of a macro-action", 1, 64)
    latent: int = key("size of its latent; 0: that of level 1 is shared", 0, 4096)
    width: int = key("hidden units of its networks", 8)
    depth: int = key("residual layers of its predictor", 1, 32)
    horizon: int = key("steps of level 2 imagined open-loop; stride times horizon must be below train.length", 1)
    prediction: float = key("weight of its prediction error", 0)
    variance: float = key("weight of the variance hinge on its latents and macro-actions", 0)
    covariance: float = key("weight of the covariance penalty on them", 0)
    gradient: float = key("share of its gradient that reaches level 1", 0, 1)


@dataclass
class TrainConfig:
    """Training of the world model."""

    updates: int = key("updates", 1)
    batch: int = key("clips in an update", 2)
    length: int = key("latents in a clip", 2)
    horizon: int = key("steps imagined open-loop from every latent; less than train.length", 1)
    learning_rate: float = key("peak of the schedule", 1e-8, 1)
    schedule: str = key("cosine, or wsd: constant with a short decay; both warm up", choices=("cosine", "wsd"))
    weight_decay: float = key("of matrices", 0, 1)
    gradient_norm: float = key("gradients are scaled down to this norm", 1e-6)
    measure_every: int = key("updates between measurements on recordings held out", 1)
    save_every: int = key("updates between checkpoints: what an interruption can cost", 1)


CRITICS = ("expectile", "quasimetric", "contrastive")


@dataclass
class CriticConfig:
    """Training of the temporal distance: steps from a latent to a goal."""

    kind: str = key("how steps are learned; quasimetric reads neither expectile nor near_goals", choices=CRITICS)
    updates: int = key("updates", 50)
    batch: int = key("pairs of latent and goal in an update", 2)
    width: int = key("hidden units", 8)
    learning_rate: float = key("peak of the schedule", 1e-8, 1)
    expectile: float = key("0.5: the mean of the ways seen; towards 1: the shortest", 0.001, 0.999)
    longest: float = key("distances are cut off here, control steps", 2)
    lookahead: int = key("recorded steps, at most, that a target follows before it asks the network (expectile)", 1)
    momentum: float = key("of the target network (expectile)", 0, 1)
    near_goals: float = key("mean offset of goals from the same recording, control steps", 1)


@dataclass
class GraphConfig:
    """The graph of landmarks that the hierarchy searches."""

    landmarks: int = key("landmarks at most", 1)
    candidates: int = key("recorded frames that they are chosen from", 1)
    max_edge: float = key("longest edge, control steps", 1)


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
    strata: int = key("equal parts of the range of distances from which pairs are drawn in turn", 1, 20)
    min_distance: float | None = key("least true distance of a pair, m or rad; null: the world's own", 0)
    min_steps: float | None = key("least true distance of a pair, control steps at top speed", 0)
    max_steps: int | None = key("control steps allowed; null: the world's own limit", 1)
    batch: int = key("episodes side by side in a process", 1)
    timing_steps: int = key("control steps timed for each planner; 0: none", 0)


@dataclass
class CompareConfig:
    """Methods side by side."""

    methods: list[str] = key("methods to compare", choices=METHODS)
    seeds: list[int] = key("each method is trained once with each", 0, 2**31 - 1)


@dataclass
class Config:
    """All settings of all commands."""

    seed: int = key("of everything that is random", 0, 2**31 - 1)
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
    collect: CollectConfig = section("recording of random play")
    method: MethodConfig = section("how it is learnt")
    model: ModelConfig = section("what the world model is made of")
    objective: ObjectiveConfig = section("what it is trained for")
    masking: MaskingConfig = section("what is hidden and predicted")
    lewm: LewmConfig = section("predictor of LeWorldModel")
    pldm: PldmConfig = section("terms in time of PLDM")
    decoder: DecoderConfig = section("decoder of methods that draw pictures")
    dynamics: DynamicsConfig = section("predictor over patches (method=vjepa2_ac)")
    upper: UpperConfig = section("second level (method=hjepa)")
    train: TrainConfig = section("training of the world model")
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
