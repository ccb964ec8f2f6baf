"""The default method: one encoder, one predictor and an inverse-dynamics head, trained end to end on one latent space.

Predicts: the latents of the next steps, open-loop, from every start in the clip, with the recorded actions; and once
more, by the predictor alone, when the encoder is frozen (`finetuning`).
Kept from collapse by: the objective that the settings name, and the inverse-dynamics head.
Published: open-loop rollouts with variance-covariance and inverse dynamics in PLDM (arXiv 2502.14819), next-latent
prediction with SIGReg in LeWorldModel (arXiv 2603.19312), the teacher in V-JEPA (arXiv 2404.08471).
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worldmodel.losses import objectives
from worldmodel.method import Entry, Method
from worldmodel.model import LatentWorldModel
from worldmodel.networks.encoders import ContextEncoder, ConvEncoder, VideoTransformer, own_encoder
from worldmodel.networks.keypoints import FIXED, KeypointEncoder
from worldmodel.networks.predictors import GatedPredictor, ResidualPredictor, from_every_start, rollout, windows
from worldmodel.own_code import handed_over, is_own
from worldmodel.settings import OWN, setting

PREDICTORS = {"residual": ResidualPredictor, "gated": GatedPredictor}
OBJECTIVES = ("variance_covariance", "sigreg", "ema")


@dataclass(frozen=True)
class ModelSettings:
    """What the networks are made of."""

    encoder: str = setting(
        "keypoints",
        "keypoints; vit: video transformer; cnn: convolutions; or your own class",
        choices=("keypoints", "vit", "cnn", OWN),
    )
    latent: int = setting(
        112, "size of the latent vector; above what it holds of keypoints, two for each place", 2, 4096
    )
    context: int = setting(4, "frames that one latent has seen; an even number for vit", 2, 16)
    width: int = setting(32, "channels of the encoder", 8, 4096)
    depth: int = setting(2, "transformer blocks", 1, 48, only=("encoder", "vit"))
    heads: int = setting(4, "attention heads", 1, 128, only=("encoder", "vit"))
    patch: int = setting(4, "side of a patch, pixels", 2, 128, only=("encoder", "keypoints", "vit"))
    keypoints: int = setting(32, "places that are looked for in a frame", 1, 1024, only=("encoder", "keypoints"))
    fixed: str = setting(
        "places",
        "what the latent holds of keypoints as they are: places; components: also what is seen there",
        choices=FIXED,
        only=("encoder", "keypoints"),
    )
    predictor: str = setting(
        "residual",
        "residual; gated: its layers multiply, for things that touch and turn",
        choices=("residual", "gated"),
    )
    predictor_width: int = setting(384, "hidden units of the predictor", 8, 8192)
    predictor_depth: int = setting(2, "residual layers of the predictor", 1, 32)

    def check(self, frame_size: int) -> None:
        """Raises ValueError where these do not go together, or not with frames of this size (pixels)."""
        if self.encoder in ("keypoints", "vit") and frame_size % self.patch:
            raise ValueError(f"model.patch must divide world.frame_size ({frame_size}), got {self.patch}")
        if self.encoder == "cnn" and frame_size % 16:
            raise ValueError(f"world.frame_size must be a multiple of 16 for model=cnn, got {frame_size}")
        if self.encoder == "vit" and self.context % 2:
            raise ValueError(f"model.context must be even for the video transformer, got {self.context}")
        if self.encoder == "vit" and (self.width % self.heads or self.width % 2):
            raise ValueError(f"model.width must be even and a multiple of model.heads ({self.heads}), got {self.width}")
        fixed = self.keypoints * (2 if self.fixed == "places" else 1)
        if self.encoder == "keypoints" and self.latent <= fixed:
            raise ValueError(
                f"model.latent must be above the {fixed} numbers that model.keypoints={self.keypoints} gives it as "
                f"{self.fixed}, got {self.latent}"
            )


@dataclass(frozen=True)
class ObjectiveSettings:
    """What keeps latents apart, and how much each term weighs."""

    name: str = setting("variance_covariance", "what keeps latents apart", choices=OBJECTIVES)
    prediction: float = setting(1.0, "weight of the open-loop prediction error", 0, 1e6)
    inverse: float = setting(1.0, "weight of inverse dynamics", 0, 1e6)
    variance: float = setting(2.0, "weight of the variance hinge", 0, 1e6, only=("name", "variance_covariance"))
    covariance: float = setting(0.1, "weight of the covariance penalty", 0, 1e6, only=("name", "variance_covariance"))
    sigreg: float = setting(0.1, "weight of SIGReg", 0, 1e6, only=("name", "sigreg"))
    momentum: float = setting(
        0.99, "of the teacher; 1 / (1 - momentum) must be far below train.updates", 0, 1, only=("name", "ema")
    )


@dataclass(frozen=True)
class DefaultSettings:
    """All that the method is told."""

    model: ModelSettings
    objective: ObjectiveSettings
    horizon: int  # H, steps imagined open-loop from every start
    frame_size: int  # side of the square training frame in pixels
    action_dim: int  # A

    def __post_init__(self) -> None:
        self.model.check(self.frame_size)

    @property
    def needs_finetuning(self) -> str:
        """Why the predictor must be fine-tuned; empty: it need not be."""
        moves = "model=keypoints, whose predictor learns only there to move keypoints"
        return moves if self.model.encoder == "keypoints" else ""


def make_encoder(asked: ModelSettings, frame_size: int) -> ContextEncoder:
    """The encoder that the settings name. Raises ValueError for a name or sizes that do not exist."""
    size, context, latent, width = frame_size, asked.context, asked.latent, asked.width
    if asked.encoder == "keypoints":
        return KeypointEncoder(size, context, latent, asked.patch, width, asked.keypoints, asked.fixed)
    if asked.encoder == "vit":
        return VideoTransformer(size, context, latent, asked.patch, width, asked.depth, asked.heads)
    if asked.encoder == "cnn":
        return ConvEncoder(size, context, latent, width)
    if is_own(asked.encoder):
        return own_encoder(handed_over(asked.encoder), asked.encoder, size, context, latent)
    raise ValueError(f"model.encoder: '{asked.encoder}' is unknown, choose keypoints, vit or cnn")


class LatentModel(LatentWorldModel):
    """Encoder and action-conditioned predictor over one latent vector.

    The last `fixed` dimensions of the latent are not learned; 0 with most encoders.
    """

    def __init__(
        self, asked: ModelSettings, frame_size: int, action_dim: int, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__(asked.context, asked.latent, action_dim, precision)
        self.encoder = make_encoder(asked, frame_size)
        predictor = PREDICTORS[asked.predictor]
        self.predictor = predictor(asked.latent, action_dim, asked.predictor_width, asked.predictor_depth)
        self.fixed = self.encoder.fixed

    def fit_pixels(self, frames: Tensor) -> None:
        self.encoder.pixels.fit(frames)

    def latents(self, frames: Tensor) -> Tensor:
        with self.autocast():
            return self.encoder(frames).float()

    def still(self, frames: Tensor) -> Tensor:
        with self.autocast():
            return self.encoder.still(frames).float()

    def recording(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        with self.autocast():
            moving, still = self.encoder.recording(frames)
        return moving.float(), still.float()

    def learned(self, z: Tensor) -> Tensor:
        """The dimensions of latents (..., D) that are learned."""
        return z[..., : self.latent - self.fixed]

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        with self.autocast():
            return rollout(self.predictor, z, actions)


class VectorModel(LatentModel):
    """Encoder, action-conditioned predictor and inverse-dynamics head over one latent vector."""

    def __init__(
        self, asked: ModelSettings, frame_size: int, action_dim: int, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__(asked, frame_size, action_dim, precision)
        # Linear, so that motion must be linear in the latent: a force is a difference of speeds.
        self.inverse = nn.Linear(2 * (asked.latent - self.fixed), action_dim)


class Default(Method):
    """Prediction in latent space with an objective that keeps latents apart."""

    model: VectorModel

    def __init__(self, settings: DefaultSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.settings = settings
        self.model = VectorModel(settings.model, settings.frame_size, settings.action_dim, precision)
        teaches = settings.objective.name == "ema"
        self.teacher = copy.deepcopy(self.model.encoder).requires_grad_(False) if teaches else None

    def begin(self) -> None:
        if self.teacher is not None:
            self.teacher.load_state_dict(self.model.encoder.state_dict())

    def terms(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        return self.terms_of(self.model.latents(frames), frames, actions[:, self.model.context - 1 :], generator)

    def terms_of(
        self, latents: Tensor, frames: Tensor, actions: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The same with the latents (B, T', D) of the frames, and the actions (B, T'-1, A) between them."""
        asked, model, horizon = self.settings.objective, self.model, self.settings.horizon
        # What is fixed is left out, so that nothing that has to be learned can lean on it; `finetune` brings it in.
        latents = targets = model.learned(latents)
        if self.teacher is not None:
            with torch.no_grad(), model.autocast():
                targets = model.learned(self.teacher(frames).float())
        blind, ahead = (nn.functional.pad(one, (0, model.fixed)) for one in (latents, targets))
        imagined = from_every_start(model, blind, actions, horizon)
        error = objectives.prediction(imagined, windows(ahead, imagined.shape[1], horizon, 1))
        terms = {"prediction": error * (model.latent / latents.shape[-1])}
        with model.autocast():
            terms["inverse"] = objectives.inverse_dynamics(model.inverse, latents, actions)
        if asked.name == "variance_covariance":
            terms["variance"] = objectives.variance(latents)
            terms["covariance"] = objectives.covariance(latents)
        elif asked.name == "sigreg":
            terms["sigreg"] = objectives.sigreg(latents, generator)
        return {name: term * getattr(asked, name) for name, term in terms.items()}

    def finalise(self, frames: Tensor) -> None:
        if self.settings.model.fixed == "components":
            self.model.encoder.finalise(frames)

    @property
    def imagines_before_finetuning(self) -> bool:
        """See `Method`; it has not seen what is fixed."""
        return not self.model.fixed

    def after_update(self, progress: float) -> None:
        if self.teacher is not None:
            objectives.follow(self.teacher, self.model.encoder, self.settings.objective.momentum)


ENTRY = Entry(DefaultSettings, Default)
