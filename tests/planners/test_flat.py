import pytest
import torch

from planners.energies import ActionEffort, LatentDistance
from planners.flat import Flat
from planners.interface import Plan
from planners.optimizers.cem import CEM
from tests.planners.closed_loop import generators
from tests.planners.point_mass import MEDIUM, Maze, PointMass, at_rest

ENERGY = LatentDistance() + 0.01 * ActionEffort()
START = at_rest(torch.tensor([[1.5, 1.5], [4.5, 5.5]]))
TARGET = at_rest(torch.tensor([[1.5, 2.4], [4.2, 5.5]]))


@pytest.fixture(scope="module")
def model() -> PointMass:
    return PointMass(Maze(MEDIUM))


@pytest.fixture(scope="module")
def plan(model: PointMass) -> Plan:
    return Flat(model, ENERGY, CEM(samples=32, elites=4, iterations=3), horizon=6)(START, TARGET, None, generators(2))


def test_a_plan_says_what_its_actions_lead_to(model, plan):
    assert plan.actions.shape == (2, 6, 2)
    z = START
    for step in range(6):
        z = model.step(z, plan.actions[:, step])
        torch.testing.assert_close(plan.imagined[:, step], z)


def test_a_plan_says_how_good_its_actions_are(plan):
    expected = ENERGY(plan.imagined[:, None], plan.actions[:, None], TARGET)[:, 0]
    torch.testing.assert_close(plan.energy, expected)


def test_a_plan_leads_towards_the_target(plan):
    before, after = ((z - TARGET)[:, :2].norm(dim=-1) for z in (START, plan.imagined[:, -1]))
    assert (after < 0.9 * before).all()


def test_a_flat_plan_aims_at_the_goal_itself(plan):
    assert torch.equal(plan.target, TARGET)
    assert plan.subgoal.tolist() == [-1, -1]
    assert plan.memory is None


def test_calls_count_every_step_that_the_model_imagines_for_one_environment():
    class Counting(PointMass):
        imagined = 0

        def rollout(self, z, actions):
            self.imagined += actions.shape[1] * actions.shape[2]
            return super().rollout(z, actions)

    model = Counting(Maze(MEDIUM))
    plan = Flat(model, ENERGY, CEM(samples=32, elites=4, iterations=3), horizon=6)(START, TARGET, None, generators(2))
    assert plan.calls == model.imagined
    assert plan.calls == (32 * 3 + 1) * 6


def test_the_search_begins_in_the_middle_of_the_bounds_or_where_it_is_told(model):
    class OneSided(PointMass):
        action_low = torch.tensor([0.0, 0.5])

    def unmoved(score, start, low, high, own):
        return start, score(start[:, None])[:, 0]

    cold = Flat(OneSided(model.maze), ENERGY, unmoved, horizon=2)(START, TARGET, None, generators(2))
    assert cold.actions.tolist() == [[[0.5, 0.75]] * 2] * 2
    start = torch.rand(2, 2, 2)
    warm = Flat(model, ENERGY, unmoved, horizon=2)(START, TARGET, start, generators(2))
    assert torch.equal(warm.actions, start)


def test_the_path_of_a_result_is_imagined_whatever_the_optimizer_asked_about(model):
    for questions in ([], [0.1], [0.1, 0.2], [0.2, 0.1]):

        def search(score, start, low, high, own, questions=questions):
            for action in questions:
                score(torch.full((2, 1, 3, 2), action))
            return torch.full((2, 3, 2), 0.2), torch.zeros(2)

        plan = Flat(model, ENERGY, search, horizon=3)(START, TARGET, None, generators(2))
        torch.testing.assert_close(plan.imagined[:, 0], model.step(START, plan.actions[:, 0]))


def test_a_horizon_of_no_steps_is_refused(model):
    with pytest.raises(ValueError, match="horizon"):
        Flat(model, ENERGY, CEM(), horizon=0)
