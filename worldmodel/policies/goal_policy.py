"""From a latent and a goal latent straight to an action, learnt from recordings whose own later frames are the goals.

Goal-conditioned behaviour cloning (Ding et al. 2019, arXiv 1906.05838; Ghosh et al. 2019, arXiv 1912.06088) takes any
later frame of the recording as the goal, inverse dynamics (Agrawal et al. 2016, arXiv 1606.07419) one a few steps
later. Of what was done on the way to such a goal, the mean is learnt.
"""

import itertools
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from worldmodel.distances.distance import LatentEpisodes
from worldmodel.streams import drawn_weights, stream, torch_stream
from worldmodel.training import TrainingStage, learn, parameters, warmed

WIDTH = 128  # hidden units
UPDATES, BATCH, RATE = 1500, 256, 1e-3


class GoalPolicy(nn.Module):
    """Acts towards a goal without imagining anything.

    `latent`: D; `action`: A, actions are in [-1, 1].
    """

    center: Tensor
    scale: Tensor

    def __init__(self, latent: int, action: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))
        sizes = (3 * latent, WIDTH, WIDTH)
        layers = [(nn.Linear(*pair), nn.LayerNorm(WIDTH), nn.SiLU()) for pair in itertools.pairwise(sizes)]
        self.layers = nn.Sequential(*(one for each in layers for one in each), nn.Linear(WIDTH, action), nn.Tanh())

    def forward(self, z: Tensor, goal: Tensor) -> Tensor:
        """Latents z and goals, both (B, D) -> actions (B, A)."""
        z, goal = ((one - self.center) / self.scale for one in (z, goal))
        return self.layers(torch.cat([z, goal, goal - z], dim=-1))


def fit_policy(data: LatentEpisodes, purpose: str, ahead: int | None, seed: int, updates: int = UPDATES) -> GoalPolicy:
    """Learns to do what was done where the recording came to the goal 1 to `ahead` control steps later.

    Args:
        purpose: names its random numbers.
        ahead: None: however much later, up to the end of the recording.

    Raises ValueError: no recording has two rows, so nothing was done in any.
    """
    starts = torch.nonzero(torch.arange(len(data.last)) < data.last)[:, 0].numpy()
    if not len(starts):
        raise ValueError("recordings of one latent tell no action")
    last = data.last.numpy()
    with drawn_weights(seed, purpose):
        policy = GoalPolicy(data.moving.shape[1], data.actions.shape[1]).to(data.moving.device)
    spread = data.moving.std(dim=0)
    policy.center.copy_(data.moving.mean(dim=0))
    policy.scale.copy_(spread.clamp(min=max(1e-4 * float(spread.max()), 1e-12)))

    def loss(rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        rows = rng.choice(starts, BATCH)
        left = last[rows] - rows
        here, there = data.here(rows, rows + rng.integers(1, (left if ahead is None else np.minimum(left, ahead)) + 1))
        return {"action": (policy(data.moving[here], data.still[there]) - data.actions[here]).pow(2).mean()}

    rate, advice = partial(warmed, updates=updates, peak=RATE), "record play whose actions are finite"
    drawn = stream(seed, purpose), torch_stream(seed, purpose)
    learn(TrainingStage(purpose, policy, [parameters(policy, decay=1e-4)], loss, updates, rate, advice, *drawn))
    return policy.requires_grad_(False)
