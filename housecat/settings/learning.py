"""The settings of what is learnt and how: methods, networks, objectives, training, temporal distance, landmarks."""

from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from housecat.settings.keys import key

METHODS = ("default", "hjepa", "ijepa", "lewm", "pixel", "pldm", "token", "vjepa", "vjepa2_ac")
# Sections that say what is learnt and how: whatever trains reads them.
LEARNING = (
    "method",
    "model",
    "objective",
    "masking",
    "lewm",
    "pldm",
    "decoder",
    "quantizer",
    "upper",
    "dynamics",
    "pretraining",
    "train",
    "finetuning",
    "critic",
    "graph",
)


@dataclass
class MethodConfig:
    """The way to learn, chosen as a whole with `method=NAME`."""

    name: str = key("the method", choices=METHODS)
    encoder: str | None = key(
        "training run, or transformers/NAME, whose encoder is used, frozen, where one is needed; null: train it"
    )


@dataclass
class ModelConfig:
    """The world model, chosen as a whole with `model=NAME`."""

    encoder: str = key(
        "keypoints; vit: video transformer; cnn: convolutional baseline", choices=("keypoints", "vit", "cnn")
    )
    latent: int = key("size of the latent vector; above what it holds of keypoints, twice as many for places", 2, 4096)
    context: int = key("frames that one latent has seen; an even number for vit", 2, 16)
    width: int = key("channels of the encoder", 8)
    depth: int = key("transformer blocks (vit)", 1, 48)
    heads: int = key("attention heads (vit)", 1)
    patch: int = key("side of a patch, pixels (keypoints, vit)", 2)
    keypoints: int = key("places that are looked for in a frame (keypoints)", 1, 1024)
    fixed: str = key(
        "what the latent holds of keypoints as they are: places; components: also what is seen there (default)",
        choices=("places", "components"),
    )
    predictor: str = key(
        "residual; gated: its layers multiply, for bodies that touch and turn (default, hjepa, pldm, pixel)",
        choices=("residual", "gated"),
    )
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
    future: float = key("weight of the newest two frames, predicted from those before them (vjepa); 0: none", 0)


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
    """What draws pictures, for methods that are trained on them (pixel, token)."""

    width: int = key("channels of its finest layer", 4)
    pictures: int = key("pictures of each kind that are drawn of a clip in an update", 1)


@dataclass
class QuantizerConfig:
    """The book of codes that frames are written in (method=token)."""

    codes: int = key("codes in the book", 2, 2**16)
    size: int = key("of the vector of a code", 2, 1024)
    decay: float = key("of the moving averages that the book follows", 0, 0.9999)
    commitment: float = key("weight of the distance of what is encoded from its code", 0)


@dataclass
class DynamicsConfig:
    """What method=vjepa2_ac predicts, and with what."""

    grid: int = key("patches along a side of the frame, pooled from the encoder's", 1)
    channels: int = key("features kept of each of them", 1)
    past: int = key("frames that a latent holds: speed is in their difference", 2, 16)
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
    horizon: int = key("steps of level 2 imagined open-loop; recordings must be longer than stride times horizon", 1)
    prediction: float = key("weight of its prediction error", 0)
    variance: float = key("weight of the variance hinge on its latents and macro-actions", 0)
    covariance: float = key("weight of the covariance penalty on them", 0)
    updates: int = key("updates, on the latents of all recordings, when level 1 has learnt", 1)
    batch: int = key("stretches of recordings in an update", 2)
    learning_rate: float = key("peak of the schedule", 1e-8, 1)


@dataclass
class PretrainingConfig:
    """Training of the keypoints by themselves, before all else: to tell from them what each patch looks like."""

    updates: int = key("updates; 0: none, keypoints begin at random", 0)
    batch: int = key("frames in an update", 1)
    learning_rate: float = key("of the keypoints, constant", 1e-8, 1)


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


@dataclass
class FinetuningConfig:
    """Training of the predictor by itself, on the latents of all recordings (default, hjepa, vjepa2_ac)."""

    updates: int = key("updates; 0: none", 0)
    batch: int = key("latents in an update, from which it imagines", 2)
    horizon: int = key("steps imagined open-loop from each; also what every method's imagination is measured over", 1)
    learning_rate: float = key("peak of the schedule", 1e-8, 1)


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
    lookahead: int = key(
        "recorded steps, at most, that a target follows before it asks the network (expectile); fewer where ways are "
        "shorter, as with world.action_repeat",
        1,
    )
    momentum: float = key("of the target network (expectile)", 0, 1)
    near_goals: float = key("mean offset of goals from the same recording, control steps", 1)


@dataclass
class GraphConfig:
    """The graph of landmarks that the hierarchy searches."""

    landmarks: int = key("landmarks at most", 1)
    candidates: int = key("recorded frames that they are chosen from", 1)
    max_edge: float = key("longest edge, control steps", 1)


def method_settings(kind: type, config: Any, sizes: dict[str, Any]) -> Any:
    """The settings of a method, a dataclass `kind`: its nested dataclasses are filled from the configuration's sections
    of the same names, single values from `sizes`."""
    types, values = get_type_hints(kind), dict[str, Any]()
    for one in fields(kind):
        if is_dataclass(types[one.name]):
            section = asdict(getattr(config, one.name))
            values[one.name] = types[one.name](**{each.name: section[each.name] for each in fields(types[one.name])})
        else:
            values[one.name] = sizes[one.name]
    return kind(**values)
