"""The energy over the first action: does it lie lowest where the action that was really taken is?

The goal is what the camera saw some steps later; all later actions are the recorded ones, the first is varied over a
grid (as in V-JEPA 2-AC, arXiv 2506.09985). Energy: squared distance of the imagined end from the goal's latent.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel.networks.predictors import Imagines


@dataclass(frozen=True)
class Landscape:
    """Energies of many starts over a grid of the first action's first two numbers (or its only one)."""

    grid: Tensor  # (G,) values along each axis, in [-1, 1]
    energy: Tensor  # (K, G, G), second number first; (K, 1, G) where actions are single numbers
    true: Tensor  # (K, 2 or 1) the first numbers of the action that was taken
    found: Tensor  # (K,) bool: the minimum is within one cell of it

    def chance(self) -> float:
        """How often a minimum anywhere on the grid would be that near."""
        cell = self.grid[1] - self.grid[0]
        near = (self.grid - self.true[..., None]).abs() <= cell * 1.001  # (K, 2, G)
        return float(near.float().mean(dim=-1).prod(dim=-1).mean())


@torch.no_grad()
def landscape(model: Imagines, z: Tensor, goal: Tensor, actions: Tensor, cells: int) -> Landscape:
    """The landscape of starts z (K, D) with goals (K, D) and the actions (K, H, A) that lead from one to the other."""
    grid = torch.linspace(-1, 1, cells, device=z.device)
    axes = min(2, actions.shape[-1])
    corners = torch.cartesian_prod(*[grid] * axes).view(-1, axes)  # the last axis varies fastest
    varied = actions[:, None].repeat(1, len(corners), 1, 1)
    varied[:, :, 0, :axes] = corners.flip(-1)  # so the first number varies fastest: along the columns
    ends = torch.stack(
        [model.imagine(one.expand(len(corners), -1), way)[:, -1] for one, way in zip(z, varied, strict=True)]
    )
    energy = (ends.float() - goal[:, None]).pow(2).sum(dim=-1)
    lowest = corners.flip(-1)[energy.argmin(dim=1)]
    true = actions[:, 0, :axes]
    found = ((lowest - true).abs() <= (grid[1] - grid[0]) * 1.001).all(dim=-1)
    shape = (len(z), cells if axes == 2 else 1, cells)
    return Landscape(grid.cpu(), energy.view(shape).cpu(), true.cpu(), found.cpu())
