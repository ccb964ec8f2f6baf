"""The minimum of an energy that is known is found where it is known to be."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from worldmodel.diagnosis.landscape import landscape


@dataclass
class Pushed:
    """Every action moves the latent by `gain` times itself."""

    gain: float

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        return z[..., None, :] + self.gain * actions.cumsum(dim=-2)


def starts(count: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    z, actions = torch.randn(count, size, generator=generator), torch.rand(count, 3, size, generator=generator) * 2 - 1
    return z, z + actions.sum(dim=1), actions


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("cells", [5, 11])
def test_the_minimum_lies_at_the_action_that_led_to_the_goal(size: int, cells: int) -> None:
    z, goal, actions = starts(40, size)
    found = landscape(Pushed(1.0), z, goal, actions, cells)
    assert found.found.all()
    assert found.energy.shape == (40, 1 if size == 1 else cells, cells)


def test_the_energy_of_a_cell_is_its_squared_distance_from_the_true_action() -> None:
    z, goal, actions = starts(5, 2)
    found = landscape(Pushed(2.0), z, goal + actions.sum(dim=1), actions, 11)
    first, second = found.grid[None, None, :], found.grid[None, :, None]
    away = (first - actions[:, 0, 0, None, None]) ** 2 + (second - actions[:, 0, 1, None, None]) ** 2
    assert torch.allclose(found.energy, 4 * away, atol=1e-4)


def test_a_model_with_the_wrong_sign_finds_it_no_more_often_than_chance() -> None:
    z, goal, actions = starts(200, 2)
    found = landscape(Pushed(-1.0), z, goal, actions, 11)
    assert float(found.found.float().mean()) < 0.15


def test_chance_is_how_often_a_minimum_anywhere_is_near_enough() -> None:
    z, goal, actions = starts(400, 2)
    found = landscape(Pushed(1.0), z, goal, actions, 11)
    corners = torch.cartesian_prod(found.grid, found.grid)
    near = ((corners - actions[:, None, 0]).abs() <= 0.2 * 1.001).all(dim=-1).float()
    assert found.chance() == pytest.approx(float(near.mean()))
    assert found.chance() < 0.08
