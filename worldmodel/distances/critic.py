"""How many control steps from a latent to a goal picture: a goal-conditioned temporal distance, used as an energy.

Predicts: the least expected number of steps until the camera shows the goal, whatever the speed on arrival.
Learned by: temporal differences with an expectile that prefers short ways, so that pieces of different recordings are
stitched (implicit Q-learning, arXiv 2110.06169; goal-conditioned in HIQL, arXiv 2307.11949). The world model is frozen.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from worldmodel.distances.distance import LatentEpisodes, LearnedDistance, Learner
from worldmodel.losses.objectives import follow
from worldmodel.settings import setting


@dataclass(frozen=True)
class CriticSettings:
    """Training of the temporal distance: steps from a latent to a goal."""

    kind: str = setting(
        "expectile", "how steps are learned", choices=("expectile", "quasimetric", "contrastive")
    )  # names in `KINDS`; the rest of this file is "expectile"
    updates: int = setting(2000, "updates", 50, 1e7)
    batch: int = setting(1024, "pairs of latent and goal in an update", 2, 65536)
    width: int = setting(256, "hidden units", 8, 8192)
    learning_rate: float = setting(1e-3, "peak of the schedule", 1e-8, 1)
    expectile: float = setting(
        0.8,
        "0.5: mean of the ways seen; towards 1: shortest",
        0.001,
        0.999,
        only=("kind", "expectile", "contrastive"),
    )
    longest: float = setting(100.0, "distances are cut off here, control steps", 2, 1e4)
    lookahead: int = setting(
        12,
        "recorded steps, at most, before a target asks the network; fewer where ways are shorter (world.action_repeat)",
        1,
        1e4,
        only=("kind", "expectile"),
    )
    momentum: float = setting(0.97, "of the target network", 0, 1, only=("kind", "expectile"))
    near_goals: float = setting(
        12.0,
        "mean offset of goals in the same recording, control steps",
        1,
        1e4,
        only=("kind", "expectile", "contrastive"),
    )
    seed: int = 0


class ExpectileDistance(LearnedDistance):
    """Steps from one latent to another, both (..., D); not symmetric, 0 or more, at most about `longest`."""

    def __init__(self, latent: int, width: int, longest: float, precision: torch.dtype = torch.float32) -> None:
        super().__init__(latent, width, longest, precision)
        self.of_place = nn.Linear(latent, width)
        self.of_goal = nn.Linear(latent, width, bias=False)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU()) for _ in range(2)
        )
        self.leave = nn.Linear(width, 1)

    def logsteps(self, z: Tensor, target: Tensor) -> Tensor:
        """log(1 + steps): z, target (..., D) -> (...). Ratios of distances matter alike near and far."""
        place = self.of_place(self.whitened(z))
        goal = self.of_goal(self.whitened(target))
        hidden = nn.functional.gelu(place + goal)
        # The two wide layers are most of the work; around them all stays fp32, where near distances differ little.
        with torch.autocast(hidden.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            for layer in self.layers:
                hidden = hidden + layer(hidden)
        return nn.functional.softplus(self.leave(hidden).squeeze(-1).float())

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        return torch.expm1(self.logsteps(z, target).clamp(max=float(np.log1p(2 * self.longest))))


def sample_pairs(
    data: LatentEpisodes, count: int, near: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and goal rows (count,): half nearby in the same recording, a quarter later in it, a quarter anywhere."""
    last = data.last.numpy()
    rows = rng.integers(0, len(last), count)
    rows = np.where(rows < last[rows], rows, rows - 1)
    left = last[rows] - rows
    offset = np.minimum(rng.geometric(1 / near, count) - 1, left)
    goals = rows + np.where(rng.random(count) < 2 / 3, offset, rng.integers(0, left + 1))
    anywhere = rng.random(count) < 0.25
    return rows, np.where(anywhere, rng.integers(0, len(last), count), goals)


def targets(slow: ExpectileDistance, data: LatentEpisodes, rows: Tensor, goals: Tensor, ahead: Tensor) -> Tensor:
    """Steps from rows to goals (count,): counted where the recording gets there within `ahead` steps, else these
    steps and what the slow network says from where the recording is by then."""
    onward = ahead + slow.steps(data.moving[rows + ahead], data.still[goals])
    counted = (goals - rows).float()
    reached = (counted >= 0) & (counted <= ahead)  # a later row within reach is of the same recording
    return torch.where(reached, counted, onward).clamp(max=slow.longest)


def expectile_loss(critic: ExpectileDistance, z: Tensor, goal: Tensor, target: Tensor, expectile: float) -> Tensor:
    """Expectile regression of log(1 + steps): too long costs `expectile`, too short costs the rest."""
    error = critic.logsteps(z, goal) - torch.log1p(target)
    weight = torch.where(error > 0, expectile, 1 - expectile)
    return (weight * error.pow(2)).mean()


class ExpectileLearner(Learner):
    """Temporal differences towards a slowly following copy of the network."""

    distance: ExpectileDistance

    def __init__(self, latent: int, settings: CriticSettings) -> None:
        super().__init__()
        self.settings = settings
        self.distance = ExpectileDistance(latent, settings.width, settings.longest)
        self.slow = copy.deepcopy(self.distance).requires_grad_(False)

    def begin(self, data: LatentEpisodes) -> None:
        super().begin(data)
        self.slow.fit_whitening(data.moving)

    def loss(self, data: LatentEpisodes, rng: np.random.Generator) -> Tensor:
        asked = self.settings
        drawn, ends = sample_pairs(data, asked.batch, asked.near_goals, rng)
        steps = np.minimum(rng.integers(1, asked.lookahead + 1, asked.batch), data.last.numpy()[drawn] - drawn)
        rows, goals, ahead = data.here(drawn, ends, steps)
        with torch.no_grad():
            target = targets(self.slow, data, rows, goals, ahead)
        return expectile_loss(self.distance, data.moving[rows], data.still[goals], target, asked.expectile)

    def after_update(self) -> None:
        follow(self.slow, self.distance, self.settings.momentum)
