import pytest
import torch

from planners.optimizers.cem import CEM
from planners.optimizers.knots import INTERPOLATIONS, Knots, spreading


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize(("horizon", "count"), [(1, 1), (8, 1), (8, 3), (8, 8), (5, 9), (12, 4)])
def test_knots_that_are_alike_make_actions_that_are_alike(interpolation, horizon, count):
    spread = spreading(horizon, count, interpolation)
    assert spread.shape == (horizon, min(count, horizon))
    torch.testing.assert_close(spread.sum(dim=1), torch.ones(horizon))


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_the_first_and_the_last_action_are_knots(interpolation):
    spread = spreading(9, 4, interpolation)
    torch.testing.assert_close(spread[0], torch.tensor([1.0, 0, 0, 0]))
    torch.testing.assert_close(spread[-1], torch.tensor([0, 0, 0, 1.0]))


def test_a_line_between_knots_is_a_line():
    torch.testing.assert_close(spreading(7, 3, "linear") @ torch.tensor([0.0, 3.0, 6.0]), torch.arange(7.0))


def test_a_cubic_goes_through_its_knots_and_has_no_corners():
    at = torch.linspace(0, 1, 5).double()
    actions = spreading(101, 5, "cubic").double() @ torch.sin(3 * at)
    torch.testing.assert_close(actions[::25], torch.sin(3 * at), atol=1e-5, rtol=0)
    bends = actions.diff().diff().abs()
    assert bends.max() < 5 * bends.median()


def test_chunks_hold_an_action_until_the_next_one():
    assert torch.equal(spreading(6, 2, "chunks") @ torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1, 1, 2, 2, 2]))


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_actions_stay_within_their_bounds_and_are_of_so_many_knots(interpolation):
    low, high, seen = -torch.ones(1), torch.ones(1), []

    def score(actions):
        seen.append(actions)
        return (actions - 3.0).square().sum(dim=(2, 3))

    optimizer = Knots(CEM(samples=32, elites=4, iterations=4), 3, interpolation)
    actions, energy = optimizer(
        score, torch.zeros(2, 10, 1), low, high, [torch.Generator().manual_seed(i) for i in (0, 1)]
    )
    asked = torch.cat([one.flatten(0, 1) for one in seen])[..., 0]
    assert asked.abs().max() <= 1
    if interpolation != "cubic":  # whose overshoot is cut off
        assert torch.linalg.matrix_rank(asked.double(), rtol=1e-5) == 3
    assert actions.shape == (2, 10, 1)
    assert torch.equal(energy, score(actions[:, None])[:, 0])
    assert actions.mean() > 0.8
