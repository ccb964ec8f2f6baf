"""The autoregressive school: frames become a few tokens, a transformer predicts the tokens of the next frame.

Predicts: the code of every place of the next frame, from the codes of the last frames and the action.
Kept from collapse by: reconstruction of the frames from their codes. The transformer teaches the codes nothing.
Published: IRIS (arXiv 2209.00588), a discrete autoencoder of 16 tokens a frame, 512 codes, and a transformer over
tokens and actions, teacher-forced; quantisation of VQ-VAE (arXiv 1711.00937), see quantizer.py.

What differs, so that a CPU can plan. The codes of a frame are predicted side by side, not one after the other: given
the frames before and the action they are nearly independent where the world is deterministic, and a step is one pass.
What a place was in the last frames is folded into one token, so a step costs as many tokens as a frame has and one for
the action; a cache of keys and values would save nothing, and would have to be part of the latent. Nothing is sampled:
the mean over the codes is imagined, and the code nearest to it is read for the next step. The latent that planners see,
the vectors of all codes of the last frames in a row, tells actions apart that lead to the same codes, and distances
between latents mean something. Like that of every method, the predictor is fine-tuned open-loop on frozen latents.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worldmodel.losses import objectives
from worldmodel.method import Entry, Method
from worldmodel.model import LatentWorldModel
from worldmodel.networks.decoders import DecoderSettings, PictureDecoder, choose, take
from worldmodel.networks.encoders import Block
from worldmodel.networks.frames import FrameTransformer, check_sizes
from worldmodel.networks.predictors import from_every_start, rollout_of_stack, windows
from worldmodel.networks.quantizer import Quantizer, QuantizerSettings, straight_through
from worldmodel.settings import setting


@dataclass(frozen=True)
class TokenNetSettings:
    """What the networks are made of."""

    context: int = setting(3, "frames whose tokens predict the next", 2, 16)
    width: int = setting(128, "channels of the encoder", 8, 8192)
    depth: int = setting(2, "transformer blocks of the encoder", 1, 48)
    heads: int = setting(4, "attention heads of the encoder and of the predictor", 1, 128)
    patch: int = setting(16, "side of the patch that a token stands for, pixels", 2, 128)
    predictor_width: int = setting(128, "channels of the transformer that predicts", 8, 8192)
    predictor_depth: int = setting(2, "its blocks", 1, 32)


@dataclass(frozen=True)
class TokenSettings:
    """All that the method is told."""

    model: TokenNetSettings
    quantizer: QuantizerSettings
    decoder: DecoderSettings
    frame_size: int  # side of the square training frame in pixels
    action_dim: int  # A

    def __post_init__(self) -> None:
        check_sizes(self.frame_size, self.model.patch, self.model.width, self.model.heads)


class TokenPredictor(nn.Module):
    """From the vectors of the last frames' codes, and an action, to where each vector of the next frame should be."""

    def __init__(self, settings: TokenSettings) -> None:
        super().__init__()
        asked, size = settings.model, settings.quantizer.size
        width, places = asked.predictor_width, (settings.frame_size // asked.patch) ** 2
        self.embed = nn.Linear(asked.context * size, width)
        self.act = nn.Linear(settings.action_dim, width)
        self.positions = nn.Parameter(0.02 * torch.randn(places + 1, width))
        self.blocks = nn.Sequential(*(Block(width, asked.heads) for _ in range(asked.predictor_depth)))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, size))

    def forward(self, history: Tensor, action: Tensor) -> Tensor:
        """History (K, context, P, size), action (K, A) -> (K, P, size): the newest vectors and a change."""
        tokens = self.embed(history.transpose(1, 2).flatten(2))
        tokens = torch.cat([tokens, self.act(action)[:, None]], dim=1) + self.positions
        return history[:, -1] + self.leave(self.blocks(tokens)[:, :-1])


class TokenModel(LatentWorldModel):
    """Codes of single frames; the latent is the vectors of all codes of the last `context` frames, oldest first."""

    def __init__(self, settings: TokenSettings, precision: torch.dtype = torch.float32) -> None:
        asked, size = settings.model, settings.quantizer.size
        grid = settings.frame_size // asked.patch
        super().__init__(asked.context, asked.context * grid**2 * size, settings.action_dim, precision)
        self.grid, self.shape = grid, (asked.context, grid**2, size)
        self.encoder = FrameTransformer(settings.frame_size, asked.patch, asked.width, asked.depth, asked.heads)
        self.enter = nn.Sequential(nn.Linear(asked.width, size), nn.LayerNorm(size, elementwise_affine=False))
        self.quantizer = Quantizer(settings.quantizer)
        self.decoder = PictureDecoder(size, settings.decoder.width, asked.patch)
        self.predictor = TokenPredictor(settings)
        self.sharpness = nn.Parameter(torch.tensor(1.0))  # log of how fast a code gets unlikely with its distance

    def fit_pixels(self, frames: Tensor) -> None:
        self.encoder.pixels.fit(frames)

    def places(self, frames: Tensor) -> Tensor:
        """What is encoded of each place, not yet a code: frames uint8 (B, T, h, w, 3) -> (B, T, P, size) float32."""
        with self.autocast():
            features = self.encoder(frames)
        return self.enter(features.float())

    def codes(self, frames: Tensor) -> Tensor:
        """The vectors of the codes of each frame: uint8 (B, T, h, w, 3) -> (B, T, P, size) float32."""
        return self.quantizer.vectors[self.quantizer.nearest(self.places(frames))]

    def draw(self, vectors: Tensor) -> Tensor:
        """The frame that the vectors of its codes stand for: (..., P, size) -> (..., h, w, 3) float32, standardised."""
        grid = vectors.flatten(0, -3).transpose(1, 2).unflatten(2, (self.grid, self.grid))
        with self.autocast():
            return self.decoder(grid).float().unflatten(0, vectors.shape[:-2])

    def latents(self, frames: Tensor) -> Tensor:
        return self.stacked(self.codes(frames))

    def stacked(self, codes: Tensor) -> Tensor:
        """Vectors of codes (B, T, P, size) -> latents (B, T - context + 1, D), those of the last `context` frames."""
        return windows(codes.flatten(2), codes.shape[1] - self.context + 1, self.context, 0).flatten(2)

    def still(self, frames: Tensor) -> Tensor:
        """See `Encoder`; each frame is looked at once."""
        return self.codes(frames[:, None]).expand(-1, self.context, -1, -1).flatten(1)

    def logits(self, history: Tensor, action: Tensor) -> Tensor:
        """How likely each code is in the next frame: history (K, context, P, size), action (K, A) -> (K, P, codes).

        The nearer a code is to where the predictor points, the likelier, so that what was learnt of one code holds
        for its neighbours.
        """
        with self.autocast():
            pointed = self.predictor(history, action).float()
        return self.sharpness.exp() * self.quantizer.closeness(pointed)

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        """See `LatentWorldModel`: the mean of the next frame's codes enters the latent, and the oldest frame leaves it.

        What is read of a latent is the nearest codes, as in training: on the moving square the error after six steps
        is a quarter smaller than with the means themselves, which blur more with every step.
        """
        book = self.quantizer

        def newest(history: Tensor, action: Tensor) -> Tensor:
            read = straight_through(history, book.vectors[book.nearest(history)])
            return self.logits(read, action).softmax(dim=-1) @ book.vectors

        return rollout_of_stack(newest, z.reshape(-1, *self.shape), actions)

    @torch.no_grad()
    def watch(self, frames: Tensor, actions: Tensor, ahead: int = 1) -> tuple[Tensor | None, Tensor]:
        """See `Encoder`: how unlikely the codes of the frame so far ahead were, which is what the model was taught."""
        index = self.quantizer.nearest(self.places(frames))
        latents, used = self.stacked(self.quantizer.vectors[index]), actions[:, self.context - 1 :]
        starts = latents.shape[1] - ahead
        z, last = latents[:, :starts], used[:, ahead - 1 :]
        if ahead > 1:
            z = from_every_start(self, latents[:, :-1], used[:, :-1], ahead - 1)[:, :, -1]
        logits = self.logits(z.reshape(-1, *self.shape), last.flatten(0, 1))
        unlikely = nn.functional.cross_entropy(
            logits.transpose(1, 2), index[:, -starts:].flatten(0, 1), reduction="none"
        )
        return unlikely.mean(dim=1).view(len(frames), starts), latents


class Token(Method):
    """A discrete autoencoder, and a transformer over its codes and the actions."""

    model: TokenModel

    def __init__(self, settings: TokenSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.settings = settings
        self.model = TokenModel(settings, precision)

    def terms(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Method`; first of all the book of codes follows what is encoded."""
        model, asked = self.model, self.settings
        places = model.places(frames)
        fixed = places.detach()
        model.quantizer.follow(fixed.flatten(0, -2), model.quantizer.nearest(fixed).flatten(), generator)
        index = model.quantizer.nearest(fixed)
        codes = model.quantizer.vectors[index]
        shown, times = choose(straight_through(places, codes), asked.decoder.pictures, generator)
        drawn = model.draw(shown) - model.encoder.pixels.still(take(frames, times))
        starts = frames.shape[1] - model.context
        history = windows(codes.flatten(2), starts, model.context, 0).flatten(0, 1).unflatten(2, codes.shape[2:])
        logits = model.logits(history, actions[:, model.context - 1 :].flatten(0, 1))
        return {
            "reconstruction": drawn.pow(2).mean(),
            "commitment": asked.quantizer.commitment * objectives.prediction(places, codes),
            "prediction": nn.functional.cross_entropy(logits.flatten(0, -2), index[:, model.context :].flatten()),
        }


ENTRY = Entry(TokenSettings, Token)
