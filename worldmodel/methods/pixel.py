"""The generative school in pixels: an autoencoder and latent dynamics, trained by the pictures that they draw.

Predicts: the frames of the next steps, drawn from latents that are imagined open-loop with the recorded actions.
Kept from collapse by: reconstruction of the newest frame from its latent, and of later frames from imagined latents.
What a latent is, pictures alone decide; that it be no larger than they need leaves no directions in which nothing is
drawn. The dynamics are also told to arrive where the encoder does, else imagined latents draw the right frames and lie
where no frame is encoded (on the moving square: twice as far as copying); this error teaches the dynamics alone.
Published: latent dynamics under a picture decoder in World Models (arXiv 1803.10122) and PlaNet (arXiv 1811.04551);
here deterministic, with the squared latent in the prior's place (arXiv 1903.12436). As in those, pictures are needed in
training only: planners use the latents.

Encoder and dynamics are those of the default method, fine-tuning on frozen latents included, so that a comparison is
one of what teaches them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worldmodel.losses import objectives
from worldmodel.method import Entry, Method
from worldmodel.methods.default import LatentModel, ModelSettings
from worldmodel.networks.decoders import DecoderSettings, PictureDecoder, choose, take
from worldmodel.networks.predictors import from_every_start, windows

CELL = 16  # pixels to a cell of the grid that a latent is spread over before it is drawn
LEAST = 0.1  # variance of latents that errors of the dynamics are held against
SIZE = 0.01  # weight of the mean squared latent at the end; it rises from 0, for at first it is stronger than pictures


@dataclass(frozen=True)
class PixelSettings:
    """All that the method is told."""

    model: ModelSettings
    decoder: DecoderSettings
    horizon: int  # H, steps imagined open-loop from every start
    frame_size: int  # side of the square training frame in pixels
    action_dim: int  # A

    def __post_init__(self) -> None:
        self.model.check(self.frame_size)


class PixelModel(LatentModel):
    """Encoder, predictor, and a decoder that shows what a latent stands for."""

    def __init__(self, settings: PixelSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__(settings.model, settings.frame_size, settings.action_dim, precision)
        if settings.frame_size % CELL:
            raise ValueError(f"pixel: frame size {settings.frame_size} must be a multiple of {CELL}")
        grid, channels = settings.frame_size // CELL, 4 * settings.decoder.width
        self.spread = nn.Sequential(
            nn.Linear(settings.model.latent, channels * grid * grid), nn.GELU(), nn.Unflatten(1, (channels, grid, grid))
        )
        self.decoder = PictureDecoder(channels, settings.decoder.width, CELL)

    def draw(self, z: Tensor) -> Tensor:
        """The newest frame that latents stand for: (..., D) -> (..., h, w, 3) float32, standardised."""
        with self.autocast():
            pictures = self.decoder(self.spread(z.flatten(0, -2)))
        return pictures.float().unflatten(0, z.shape[:-1])

    @torch.no_grad()
    def watch(self, frames: Tensor, actions: Tensor, ahead: int = 1) -> tuple[Tensor | None, Tensor]:
        """See `Encoder`: error of the pictures of the frame so far ahead, which is what the model was taught by."""
        latents = self.latents(frames)
        imagined = from_every_start(self, latents, actions[:, self.context - 1 :], ahead)[:, :, -1]
        truth = self.encoder.pixels.still(frames[:, -imagined.shape[1] :])
        parts = zip(imagined.split(1), truth.split(1), strict=True)  # pictures of one clip at a time
        return torch.cat([(self.draw(z) - frame).pow(2).mean(dim=(2, 3, 4)) for z, frame in parts]), latents


class Pixel(Method):
    """Reconstruction of frames seen and of frames to come."""

    model: PixelModel
    progress: Tensor

    def __init__(self, settings: PixelSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.settings = settings
        self.model = PixelModel(settings, precision)
        self.register_buffer("progress", torch.tensor(0.0))  # share of the updates that is done

    def terms(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Method`. A few frames of each kind are drawn of each clip, others in each update."""
        model, horizon, count = self.model, self.settings.horizon, self.settings.decoder.pictures
        latents = model.latents(frames)
        imagined = from_every_start(model, latents, actions[:, model.context - 1 :], horizon)
        starts, last = imagined.shape[1], frames[:, model.context - 1 :]  # last: the newest frame of each latent
        seen, index = choose(latents, count, generator)
        fixed = latents.detach()
        arrived = from_every_start(model, fixed, actions[:, model.context - 1 :], horizon)
        ahead, later = choose(imagined.flatten(1, 2), count, generator)
        times = windows(torch.arange(last.shape[1], device=frames.device)[None, :, None], starts, horizon, 1).flatten()
        return {
            "reconstruction": self.error(seen, take(last, index)),
            "prediction": self.error(ahead, take(last, times[later])),
            "size": self.progress * SIZE * latents.pow(2).mean(),
            # In units of the latents' own spread, which pictures leave free; some encoders begin with hardly any, and
            # errors over that would leave nothing of the other gradients, which are scaled down together.
            "dynamics": objectives.prediction(arrived, windows(fixed, starts, horizon, 1))
            / fixed.var(dim=(0, 1)).mean().clamp(min=LEAST),
        }

    def after_update(self, progress: float) -> None:
        self.progress.fill_(progress)

    def error(self, z: Tensor, frames: Tensor) -> Tensor:
        """Mean squared error of the pictures drawn from z (B, K, D) against frames uint8 (B, K, h, w, 3)."""
        return (self.model.draw(z) - self.model.encoder.pixels.still(frames)).pow(2).mean()


ENTRY = Entry(PixelSettings, Pixel)
