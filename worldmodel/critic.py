"""How many control steps from a latent to a goal picture: a goal-conditioned temporal distance, used as an energy.

Predicts: the least expected number of steps until the camera shows the goal, whatever the speed on arrival.
Learned by: temporal differences with an expectile that prefers short ways, so that pieces of different recordings are
stitched (implicit Q-learning, arXiv 2110.06169; goal-conditioned in HIQL, arXiv 2307.11949). The world model is frozen.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from worldmodel.objectives import follow


@dataclass(frozen=True)
class CriticSettings:
    """How the temporal distance is learned."""

    updates: int
    batch: int
    width: int
    learning_rate: float
    expectile: float  # weight of errors above the target; 0.5 is the mean, towards 1 the shortest way seen
    longest: float  # steps; distances are cut off here
    lookahead: int  # steps of a recording, at most, that a target follows before it asks the network
    momentum: float  # of the target network
    near_goals: float  # mean offset in steps of the goals taken from the same recording
    seed: int


class TemporalDistance(nn.Module):
    """Steps from one latent to another, both (..., D); not symmetric, 0 or more, at most about `longest`."""

    center: Tensor
    scale: Tensor

    def __init__(self, latent: int, width: int, longest: float, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.latent, self.width, self.longest, self.precision = latent, width, longest, precision
        self.register_buffer("center", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))
        self.of_place = nn.Linear(latent, width)
        self.of_goal = nn.Linear(latent, width, bias=False)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU()) for _ in range(2)
        )
        self.leave = nn.Linear(width, 1)

    @torch.no_grad()
    def fit_scale(self, latents: Tensor) -> None:
        """Standardises the inputs with the statistics of latents (K, D)."""
        self.center.copy_(latents.mean(dim=0))
        self.scale.copy_(latents.std(dim=0).clamp(min=1e-3))

    def logsteps(self, z: Tensor, target: Tensor) -> Tensor:
        """log(1 + steps): z, target (..., D) -> (...). Ratios of distances matter alike near and far."""
        place = self.of_place((z - self.center) / self.scale)
        goal = self.of_goal((target - self.center) / self.scale)
        hidden = nn.functional.gelu(place + goal)
        # The two wide layers are most of the work; around them all stays fp32, where near distances differ little.
        with torch.autocast(hidden.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            for layer in self.layers:
                hidden = hidden + layer(hidden)
        return nn.functional.softplus(self.leave(hidden).squeeze(-1).float())

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        """Expected control steps from z to target, both (..., D) and broadcast -> (...)."""
        return torch.expm1(self.logsteps(z, target).clamp(max=float(np.log1p(2 * self.longest))))


@dataclass(frozen=True)
class LatentEpisodes:
    """Frozen latents of all recordings, end to end; goals are encoded as a still picture, as a user's goal is."""

    moving: Tensor  # (K, D) float32: latent of the context that ends here
    still: Tensor  # (K, D) float32: latent of this frame standing still
    last: Tensor  # (K,) int64: index of the last row of the same recording


def sample_pairs(data: LatentEpisodes, count: int, near: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Rows and goal rows (count,): half nearby in the same recording, a quarter later in it, a quarter anywhere."""
    last = data.last.numpy()
    rows = rng.integers(0, len(last), count)
    rows = np.where(rows < last[rows], rows, rows - 1)
    left = last[rows] - rows
    offset = np.minimum(rng.geometric(1 / near, count) - 1, left)
    goals = rows + np.where(rng.random(count) < 2 / 3, offset, rng.integers(0, left + 1))
    anywhere = rng.random(count) < 0.25
    goals = np.where(anywhere, rng.integers(0, len(last), count), goals)
    return torch.from_numpy(rows), torch.from_numpy(goals)


def targets(slow: TemporalDistance, data: LatentEpisodes, rows: Tensor, goals: Tensor, ahead: Tensor) -> Tensor:
    """Steps from rows to goals (count,): counted where the recording gets there within `ahead` steps, else these
    steps and what the slow network says from where the recording is by then."""
    onward = ahead + slow.steps(data.moving[rows + ahead], data.still[goals])
    counted = (goals - rows).float()
    reached = (counted >= 0) & (counted <= ahead)  # a later row within reach is of the same recording
    return torch.where(reached, counted, onward).clamp(max=slow.longest)


def expectile_loss(critic: TemporalDistance, z: Tensor, goal: Tensor, target: Tensor, expectile: float) -> Tensor:
    """Expectile regression of log(1 + steps): too long costs `expectile`, too short costs the rest."""
    error = critic.logsteps(z, goal) - torch.log1p(target)
    weight = torch.where(error > 0, expectile, 1 - expectile)
    return (weight * error.pow(2)).mean()


def train_distance(
    data: LatentEpisodes, settings: CriticSettings, device: torch.device, progress: bool = False
) -> TemporalDistance:
    """Learns the temporal distance on frozen latents; the result depends on the data and the settings only."""
    rng = np.random.default_rng(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        critic = TemporalDistance(data.moving.shape[1], settings.width, settings.longest)
    critic.fit_scale(data.moving)
    critic.to(device)
    slow = copy.deepcopy(critic).requires_grad_(False)
    optimizer = torch.optim.AdamW(critic.parameters(), lr=settings.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.updates, pct_start=0.05
    )
    for _ in tqdm(range(settings.updates), desc="distance", unit="update", disable=not progress):
        rows, goals = sample_pairs(data, settings.batch, settings.near_goals, rng)
        ahead = torch.from_numpy(rng.integers(1, settings.lookahead + 1, settings.batch))
        with torch.no_grad():
            target = targets(slow, data, rows, goals, torch.minimum(ahead, data.last[rows] - rows))
        loss = expectile_loss(critic, data.moving[rows], data.still[goals], target, settings.expectile)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        follow(slow, critic, settings.momentum)
    return critic.eval().requires_grad_(False)
