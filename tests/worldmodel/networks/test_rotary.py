"""Rotary positions equal a slow reference, and attention with them sees differences of places only."""

import cmath

import pytest
import torch

from worldmodel.losses.masking import places
from worldmodel.networks import rotary
from worldmodel.networks.encoders import Block


@pytest.mark.parametrize(("size", "pairs"), [(32, 5), (16, 2), (64, 10), (4, 0)])
def test_turning_equals_a_slow_reference(size: int, pairs: int) -> None:
    torch.manual_seed(0)
    channels, place = torch.randn(size), (2, 5, 7)
    found = rotary.turn(channels, rotary.angles(torch.tensor(place, dtype=torch.float32), size))
    slow = channels.tolist()
    for axis in range(3):
        for k in range(pairs):
            first = 2 * (axis * pairs + k)
            angle = place[axis] * rotary.SLOWEST ** (-k / pairs)
            turned = complex(slow[first], slow[first + 1]) * cmath.exp(1j * angle)
            slow[first], slow[first + 1] = turned.real, turned.imag
    assert torch.allclose(found, torch.tensor(slow), atol=1e-5)


def test_products_depend_on_the_difference_of_places_only() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 32)

    def product(first: list[float], second: list[float]) -> float:
        turned = (rotary.turn(x, rotary.angles(torch.tensor(at), 32)) for x, at in ((query, first), (key, second)))
        return float(torch.dot(*turned))

    assert product([1, 2, 3], [0, 5, 1]) == pytest.approx(product([4, 6, 8], [3, 9, 6]), abs=1e-4)
    for axis in range(3):
        moved = [1.0, 2.0, 3.0]
        moved[axis] += 1
        assert abs(product(moved, [0, 5, 1]) - product([1, 2, 3], [0, 5, 1])) > 1e-3


def test_a_block_with_rotary_positions_ignores_a_common_shift_and_sees_an_exchange() -> None:
    torch.manual_seed(0)
    block, tokens, where = Block(24, 2), torch.randn(2, 12, 24), places(1, 3, 4)
    angles = rotary.angles(where, 12)[None]
    before = block(tokens, angles)
    shifted = rotary.angles(where + torch.tensor([3.0, 1.0, 2.0]), 12)[None]
    assert torch.allclose(block(tokens, shifted), before, atol=1e-5)
    assert not torch.allclose(block(tokens, angles.flip(1)), before, atol=1e-3)
    assert not torch.allclose(block(tokens), before, atol=1e-3)
