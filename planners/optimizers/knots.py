"""Plans of few numbers: an optimiser searches knots, and the actions between them are interpolated."""

from dataclasses import dataclass

import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from planners.interface import Generators, Optimizer, Score
from planners.settings import setting

INTERPOLATIONS = ("linear", "cubic", "chunks")


@dataclass(frozen=True)
class KnotSettings:
    """How a plan is described."""

    knots: int | None = setting(
        None, "numbers by which each action is described over the horizon; null: one for every control step", 1, 200
    )
    interpolation: str = setting(
        "linear", "of the actions between two knots; chunks: the same action until the next one", choices=INTERPOLATIONS
    )


@dataclass(frozen=True)
class Knots:
    """Any optimiser, over `count` knots; a horizon of fewer control steps has as many knots."""

    optimizer: Optimizer
    count: int
    interpolation: str

    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """Interpolated actions (B, H, A) and their score (B,); see `planners.interface.Optimizer`."""
        spread = spreading(start.shape[1], self.count, self.interpolation).to(start)  # (H, K)
        nearest = torch.linalg.pinv(spread)  # (K, H): the knots that describe the start best

        def actions(knots: Tensor) -> Tensor:
            return torch.clamp(_each(spread, knots), low, high)

        found, energy = self.optimizer(
            lambda knots: score(actions(knots)), torch.clamp(_each(nearest, start), low, high), low, high, generators
        )
        return actions(found), energy


def spreading(horizon: int, count: int, interpolation: str) -> Tensor:
    """The matrix (H, K) that makes actions of knots; the first knot is the first action, the last one the last."""
    count = min(count, horizon)
    if interpolation == "chunks" or count == 1:
        index = torch.arange(horizon) * count // horizon
        return torch.nn.functional.one_hot(index, count).float()
    times, at = torch.linspace(0, 1, horizon).double(), torch.linspace(0, 1, count).double()
    unit = torch.eye(count).double()
    if interpolation == "cubic" and count > 2:
        return torch.from_numpy(CubicSpline(at.numpy(), unit.numpy(), bc_type="natural")(times.numpy())).float()
    left = torch.clamp((times * (count - 1)).floor().long(), max=count - 2)
    share = (times * (count - 1) - left)[:, None]
    return ((1 - share) * unit[left] + share * unit[left + 1]).float()


def _each(matrix: Tensor, rows: Tensor) -> Tensor:
    """matrix (X, Y) times rows (..., Y, A) -> (..., X, A), summed in one order whatever the batch."""
    return sum(matrix[:, y, None] * rows[..., None, y, :] for y in range(matrix.shape[1]))  # type: ignore[return-value]
