"""LeWorldModel: a vision transformer and a transformer that predicts, end to end, with two loss terms.

Predicts: the latent of the next frame from those of the last frames and the action, one step, teacher-forced.
Kept from collapse by: SIGReg. There is no stop-gradient, no teacher and no reconstruction.
Published: LeWorldModel (arXiv 2603.19312); sizes from its section 3 and appendix D: ViT-tiny (12 layers, 3 heads, width
192), class token, projector with batch normalisation (its hidden width, 2048, is that of the published code); predictor
of 6 layers and 16 heads of 64 with dropout 0.1 and AdaLN that starts at zero, history of 3, its own projector; SIGReg
weighs 0.1. The paper counts about 5 M for the encoder and 10 M for the predictor; the two projectors are 1.6 M more.

What differs: the state that planners hold is the stack of the last latents and nothing else, so the actions before them
are not given to the predictor again, which neighbouring latents tell; the action now to be taken modulates the whole
history; the predictor is then fine-tuned on frozen latents like that of every method. SIGReg takes the frames of all
clips and times together, for batches smaller than the published 128.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worldmodel.losses import objectives
from worldmodel.method import Entry, Method
from worldmodel.model import LatentWorldModel
from worldmodel.networks.frames import FrameTransformer, check_sizes
from worldmodel.networks.predictors import rollout_of_stack, windows
from worldmodel.settings import setting


@dataclass(frozen=True)
class LeWMNetSettings:
    """What the networks are made of."""

    context: int = setting(3, "frames in the history", 2, 16)
    width: int = setting(192, "channels of the encoder, of the predictor and of a frame's latent", 8, 8192)
    depth: int = setting(12, "transformer blocks of the encoder", 1, 48)
    heads: int = setting(3, "attention heads of the encoder", 1, 128)
    patch: int = setting(8, "side of a patch, pixels", 2, 128)
    predictor_width: int = setting(2048, "hidden units of the predictor's feed-forward layers and projectors", 8, 8192)
    predictor_depth: int = setting(6, "transformer blocks of the predictor", 1, 32)


@dataclass(frozen=True)
class PredictorSettings:
    """Attention of the predictor."""

    heads: int = setting(16, "attention heads", 1, 128)
    head_size: int = setting(64, "channels of an attention head", 1, 1024)
    dropout: float = setting(0.1, "share of what a block adds that training drops", 0, 0.9)


@dataclass(frozen=True)
class LeWMObjectiveSettings:
    """How much each term weighs."""

    prediction: float = setting(1.0, "weight of the prediction error", 0, 1e6)
    sigreg: float = setting(0.1, "weight of SIGReg", 0, 1e6)


@dataclass(frozen=True)
class LeWMSettings:
    """All that the method is told."""

    model: LeWMNetSettings
    lewm: PredictorSettings
    objective: LeWMObjectiveSettings
    frame_size: int  # side of the square training frame in pixels
    action_dim: int  # A

    def __post_init__(self) -> None:
        check_sizes(self.frame_size, self.model.patch, self.model.width, self.model.heads)


class Projector(nn.Sequential):
    """Out of the space of a layer normalisation, whose outputs SIGReg cannot make normal: (K, width) -> (K, width)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(nn.Linear(width, hidden), nn.BatchNorm1d(hidden), nn.GELU(), nn.Linear(hidden, width))


def dropped(values: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Sets a share of the values to 0 and scales the others up, or leaves all as they are without a generator."""
    if generator is None or share == 0:
        return values
    kept = torch.rand(values.shape, generator=generator) >= share
    return values * kept.to(values.device) / (1 - share)


class ModulatedBlock(nn.Module):
    """A transformer block that a condition modulates; it starts as the identity (AdaLN-zero, arXiv 2212.09748)."""

    def __init__(self, width: int, hidden: int, settings: PredictorSettings) -> None:
        super().__init__()
        self.heads, self.dropout = settings.heads, settings.dropout
        inner = settings.heads * settings.head_size
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.query_key_value = nn.Linear(width, 3 * inner)
        self.attention_out = nn.Linear(inner, width)
        self.feed = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, tokens: Tensor, condition: Tensor, generator: torch.Generator | None) -> Tensor:
        """Tokens (K, T, width), condition (K, width) -> (K, T, width); a generator drops out what training drops."""
        shift, scale, gate, shift_feed, scale_feed, gate_feed = self.modulation(condition)[:, None].chunk(6, dim=-1)
        seen = self.attend(self.norm(tokens) * (1 + scale) + shift)
        tokens = tokens + gate * dropped(seen, self.dropout, generator)
        fed = self.feed(self.norm(tokens) * (1 + scale_feed) + shift_feed)
        return tokens + gate_feed * dropped(fed, self.dropout, generator)

    def attend(self, tokens: Tensor) -> Tensor:
        """Attention of all tokens to each other, (K, T, width) -> (K, T, width)."""
        shaped = self.query_key_value(tokens).unflatten(-1, (3, self.heads, -1))
        query, key, value = shaped.permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
        return self.attention_out((weights @ value).transpose(1, 2).flatten(2))


class HistoryPredictor(nn.Module):
    """From the latents of the last frames and an action to the latent of the next frame."""

    def __init__(self, settings: LeWMSettings) -> None:
        super().__init__()
        asked, width = settings.model, settings.model.width
        self.act = nn.Sequential(nn.Linear(settings.action_dim, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.positions = nn.Parameter(0.02 * torch.randn(asked.context, width))
        self.blocks = nn.ModuleList(
            ModulatedBlock(width, asked.predictor_width, settings.lewm) for _ in range(asked.predictor_depth)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, history: Tensor, action: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """History (K, context, width), action (K, A) -> features of the next frame (K, width), not yet projected."""
        tokens, condition = history + self.positions, self.act(action)
        for block in self.blocks:
            tokens = block(tokens, condition, generator)
        return self.norm(tokens[:, -1])


class StackModel(LatentWorldModel):
    """Latents of single frames; what planners hold is the last `context` of them, oldest first, as one vector.

    A still picture is the same latent `context` times over, so the distance to a goal is over all of the stack: only
    who has come and stays is at the goal.
    """

    def __init__(self, settings: LeWMSettings, precision: torch.dtype = torch.float32) -> None:
        asked = settings.model
        super().__init__(asked.context, asked.context * asked.width, settings.action_dim, precision)
        self.width = asked.width
        self.encoder = FrameTransformer(
            settings.frame_size, asked.patch, asked.width, asked.depth, asked.heads, gatherers=1
        )
        self.projector = Projector(asked.width, asked.predictor_width)
        self.predictor = HistoryPredictor(settings)
        self.predictor_projector = Projector(asked.width, asked.predictor_width)

    def fit_pixels(self, frames: Tensor) -> None:
        self.encoder.pixels.fit(frames)

    def single(self, frames: Tensor) -> Tensor:
        """The latent of each frame: uint8 (B, T, h, w, 3) -> (B, T, width) float32."""
        with self.autocast():
            gathered = self.encoder(frames)[:, :, 0]
            return self.projector(gathered.flatten(0, 1)).float().unflatten(0, frames.shape[:2])

    def latents(self, frames: Tensor) -> Tensor:
        single = self.single(frames)
        return windows(single, single.shape[1] - self.context + 1, self.context, 0).flatten(2)

    def still(self, frames: Tensor) -> Tensor:
        """See `Encoder`; each frame is looked at once."""
        return self.single(frames[:, None]).expand(-1, self.context, -1).flatten(1)

    def next(self, history: Tensor, action: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The next frame's latent: history (K, context, width), action (K, A) -> (K, width) float32.

        `generator`: of the dropout; None: nothing is dropped.
        """
        with self.autocast():
            return self.predictor_projector(self.predictor(history, action, generator)).float()

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        return rollout_of_stack(self.next, z.reshape(-1, self.context, self.width), actions)


class LeWorldModel(Method):
    """Next-latent prediction and SIGReg."""

    model: StackModel

    def __init__(self, settings: LeWMSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.settings = settings
        self.model = StackModel(settings, precision)

    def terms(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        asked, model, context = self.settings.objective, self.model, self.model.context
        single = model.single(frames)
        histories = windows(single, single.shape[1] - context, context, 0)
        predicted = model.next(histories.flatten(0, 1), actions[:, context - 1 :].flatten(0, 1), generator)
        return {
            "prediction": asked.prediction * objectives.prediction(predicted, single[:, context:].flatten(0, 1)),
            "sigreg": asked.sigreg * objectives.sigreg(single, generator),
        }


ENTRY = Entry(LeWMSettings, LeWorldModel)
