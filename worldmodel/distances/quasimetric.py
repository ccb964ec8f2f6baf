"""A temporal distance that keeps the triangle inequality by construction: a quasimetric on embedded latents.

Predicts: the steps of the shortest way, as the length of what intervals between two embeddings cover (interval
quasimetric embedding, arXiv 2211.15120). From a latent to itself it is 0, and no detour is shorter.
Learned by: pushing all pairs apart while one recorded step stays at most one step long; by the triangle inequality a
pair then comes to rest at its shortest way through all recordings (quasimetric reinforcement learning, arXiv
2304.01203). A goal is a picture at rest, reached at any speed, so a moving latent is held at 0 steps from its own still
picture. That costs exactness: who moves away from a goal cannot be farther from it than who stands at the same place.
"""

import numpy as np
import torch
from torch import Tensor, nn

from worldmodel.distances.critic import CriticSettings
from worldmodel.distances.distance import LatentEpisodes, LearnedDistance, Learner

INTERVALS = 8  # whose union is one component, as published
COMPONENTS = 8
SLACK = 0.25  # steps by which a recorded step may be too long, in the root mean square
MULTIPLIER_RATE = 0.02  # of the dual ascent, per update, on the multiplier's logarithm
SOFTNESS = 0.1  # of where the push ends: about 1 / SOFTNESS steps before `longest`


def covered(start: Tensor, end: Tensor) -> Tensor:
    """Length of the union of the intervals from start to max(start, end), both (..., L) -> (...)."""
    start, end = torch.broadcast_tensors(start, end)
    start, order = start.sort(dim=-1)
    end = torch.maximum(end.gather(-1, order), start)
    before = torch.cat([start[..., :1], end.cummax(dim=-1).values[..., :-1]], dim=-1)
    return (end - torch.maximum(start, before)).clamp(min=0).sum(dim=-1)


class Quasimetric(LearnedDistance):
    """Steps as an interval quasimetric: 0 from a latent to itself, never negative, never shorter by a detour."""

    def __init__(self, latent: int, width: int, longest: float, precision: torch.dtype = torch.float32) -> None:
        super().__init__(latent, width, longest, precision)
        self.enter = nn.Linear(latent, width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU()) for _ in range(2)
        )
        self.leave = nn.Linear(width, COMPONENTS * INTERVALS)
        self.balance = nn.Parameter(torch.zeros(()))  # between the mean of the components and the largest

    def embed(self, z: Tensor) -> Tensor:
        """Latents (..., D) -> ends of intervals (..., COMPONENTS, INTERVALS), in steps."""
        hidden = nn.functional.gelu(self.enter(self.whitened(z)))
        with torch.autocast(hidden.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            for layer in self.layers:
                hidden = hidden + layer(hidden)
        return self.leave(hidden.float()).unflatten(-1, (COMPONENTS, INTERVALS)) * 10

    def between(self, start: Tensor, end: Tensor) -> Tensor:
        """Steps between embeddings (..., COMPONENTS, INTERVALS) -> (...), without an upper bound."""
        parts = covered(start, end)
        return torch.lerp(parts.mean(dim=-1), parts.amax(dim=-1), self.balance.sigmoid())

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        """See `LearnedDistance`; cut off at twice `longest`, which leaves a quasimetric one."""
        return self.between(self.embed(z), self.embed(target)).clamp(max=2 * self.longest)


class QuasimetricLearner(Learner):
    """Pairs are pushed apart, recorded steps are held together; a multiplier weighs the two."""

    distance: Quasimetric

    def __init__(self, latent: int, settings: CriticSettings) -> None:
        super().__init__()
        self.settings = settings
        self.distance = Quasimetric(latent, settings.width, settings.longest)
        self.log_multiplier = nn.Parameter(torch.zeros(()), requires_grad=False)

    def loss(self, data: LatentEpisodes, rng: np.random.Generator) -> Tensor:
        distance, count = self.distance, self.settings.batch
        drawn = rng.integers(0, len(data.last), count)
        rows, anywhere = data.here(np.where(drawn < data.last.numpy()[drawn], drawn, drawn - 1), rng.permutation(count))
        here, onward = distance.embed(data.moving[rows]), distance.embed(data.moving[rows + 1])
        goals = distance.embed(data.still[rows + 1])
        apart = nn.functional.softplus(
            self.settings.longest - distance.between(here, goals[anywhere]), beta=SOFTNESS
        ).mean()
        step = (distance.between(here, onward) - 1).clamp(min=0)
        arrival = distance.between(onward, goals)
        excess = step.square().mean() + arrival.square().mean()
        with torch.no_grad():
            self.log_multiplier.add_(MULTIPLIER_RATE * (excess / SLACK**2 - 1).clamp(-1, 1))
        return apart + self.log_multiplier.exp() * excess
