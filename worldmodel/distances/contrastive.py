"""A temporal distance from telling apart: which goal comes later in the same recording, which is from another one.

Predicts: how unlikely a goal is to come soon, as the distance of two embeddings, turned into control steps.
Learned by: InfoNCE over the goals of a batch, with positives a geometric number of steps ahead (contrastive
reinforcement learning, arXiv 2206.07568; distances from it, arXiv 2406.17098). Steps come from a rising curve that is
fitted at the end: of recorded pairs that look equally far, it takes those that were quickest. Nothing is stitched
beyond what the embedding generalises.
"""

import numpy as np
import torch
from torch import Tensor, nn

from worldmodel.distances.critic import CriticSettings
from worldmodel.distances.distance import LatentEpisodes, LearnedDistance, Learner

KNOTS = 24  # of the curve
PAIRS = 40_000  # that it is fitted to
PENALTY = 0.01  # on the squared logarithm of the partition function, which keeps scores from drifting


class Contrastive(LearnedDistance):
    """Steps as a rising function of the distance between an embedded place and an embedded goal."""

    raw: Tensor
    counted: Tensor

    def __init__(self, latent: int, width: int, longest: float, precision: torch.dtype = torch.float32) -> None:
        super().__init__(latent, width, longest, precision)
        self.of_place, self.of_goal = (
            nn.Sequential(
                nn.Linear(latent, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(),
                nn.Linear(width, width // 4),
            )
            for _ in range(2)
        )  # fmt: skip
        self.register_buffer("raw", torch.linspace(0, 1, KNOTS))  # (KNOTS,) rising
        self.register_buffer("counted", torch.linspace(0, 1, KNOTS))  # (KNOTS,) steps, rising, the first one 0

    def unlikeness(self, z: Tensor, target: Tensor) -> Tensor:
        """Distance of the embeddings of z and target, both (..., D) and broadcast -> (...)."""
        z, target = self.whitened(z), self.whitened(target)  # in fp32: small directions are found under large ones
        with torch.autocast(z.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            place, goal = self.of_place(z), self.of_goal(target)
        return (place.float() - goal.float()).square().sum(dim=-1).add(1e-6).sqrt()

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        """See `LearnedDistance`; beyond the last knot the curve goes on as steeply as on the whole."""
        return on_curve(self.unlikeness(z, target), self.raw, self.counted).clamp(0, 2 * self.longest)


def fit_curve(raw: Tensor, counted: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """A rising curve through what `share` of the counted steps fall below, among pairs of about the same raw distance.

    From raw and counted (n,), n at least KNOTS, to knots (KNOTS,) of both, rising; the first is at 0 steps.
    """
    order = raw.argsort()
    parts = zip(raw[order].tensor_split(KNOTS - 1), counted[order].tensor_split(KNOTS - 1), strict=True)
    middles, levels = zip(*((part.median(), steps.quantile(share)) for part, steps in parts), strict=True)
    start = raw.quantile(0.001)
    gap = torch.finfo(raw.dtype).eps * raw.abs().max() * 8
    places = torch.stack([start, *middles]) + gap * torch.arange(KNOTS)
    heights = torch.stack([torch.zeros(()), *levels]).cummax(dim=0).values
    return places, heights + 1e-3 * torch.arange(KNOTS)


def on_curve(raw: Tensor, knots: Tensor, heights: Tensor) -> Tensor:
    """Height (...) of the curve over raw (...): straight between knots, level before the first, and onward."""
    index = torch.searchsorted(knots, raw.contiguous()).clamp(1, len(knots) - 1)
    left, right = knots[index - 1], knots[index]
    share = ((raw - left) / (right - left)).clamp(0, 1)
    onward = (raw - knots[-1]).clamp(min=0) * (heights[-1] - heights[0]) / (knots[-1] - knots[0])
    return torch.lerp(heights[index - 1], heights[index], share) + onward


class ContrastiveLearner(Learner):
    """Each place of a batch has to find its own goal among all, and each goal its place."""

    distance: Contrastive

    def __init__(self, latent: int, settings: CriticSettings) -> None:
        super().__init__()
        self.settings = settings
        self.distance = Contrastive(latent, settings.width, settings.longest)

    def loss(self, data: LatentEpisodes, rng: np.random.Generator) -> Tensor:
        count, last = self.settings.batch, data.last.numpy()
        drawn = rng.integers(0, len(last), count)
        ahead = np.minimum(drawn + rng.geometric(1 / self.settings.near_goals, count) - 1, last[drawn])
        rows, goals = data.here(drawn, ahead)
        place = self.distance.of_place(self.distance.whitened(data.moving[rows]))
        goal = self.distance.of_goal(self.distance.whitened(data.still[goals]))
        scores = -torch.cdist(place, goal)
        own = torch.arange(count, device=scores.device)
        forward, backward = (nn.functional.cross_entropy(way, own) for way in (scores, scores.T))
        return forward + backward + PENALTY * scores.logsumexp(dim=1).square().mean()

    @torch.no_grad()
    def finish(self, data: LatentEpisodes, rng: np.random.Generator) -> None:
        """Fits the curve to pairs of the recordings, all offsets alike."""
        drawn = rng.integers(0, len(data.last), PAIRS)
        offset = rng.integers(0, data.last.numpy()[drawn] - drawn + 1)
        rows, goals = data.here(drawn, drawn + offset)
        raw = self.distance.unlikeness(data.moving[rows], data.still[goals]).cpu()
        counted = torch.from_numpy(offset).float()
        knots, heights = fit_curve(raw, counted, 1 - self.settings.expectile)
        self.distance.raw.copy_(knots)
        self.distance.counted.copy_(heights)
