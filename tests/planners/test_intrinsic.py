import pytest
import torch
from torch import Tensor

from planners.energies import ActionChange, ActionEffort, LatentDistance
from planners.flat import Flat
from planners.intrinsic import Intrinsic, out_of, within
from planners.optimizers.cem import CEM
from planners.optimizers.gradient import Gradient
from tests.planners.closed_loop import generators

PATH = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], [[0.0, 0.0], [0.0, 3.0], [2.0, 4.0]]])  # N 2, H 3, D 2
STILL = torch.zeros(2, 3, 1)


def violated(rules: Intrinsic, latents: Tensor, actions: Tensor) -> Tensor:
    """Of N paths (N, H, D) by the only limit: (N,)."""
    return rules.of(latents[None], actions[None])[0, :, 0]


class Sliding:
    """A point that each action moves by itself: latents are places in the plane."""

    context, action_low, action_high = 1, -torch.ones(2), torch.ones(2)

    def encode(self, context) -> Tensor:
        raise NotImplementedError

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        return z[:, None, None] + 0.25 * actions.cumsum(dim=2)


def test_a_path_through_a_box_violates_it_by_how_deep_it_gets():
    found = violated(Intrinsic(limits=(out_of((0.5, -1.0), (1.5, 1.0)),)), PATH, STILL)
    torch.testing.assert_close(found, torch.tensor([1.0, 0.0]))
    beside = violated(Intrinsic(limits=(out_of((0.5, -0.25), (1.5, 1.75)),)), PATH, STILL)
    torch.testing.assert_close(beside, torch.tensor([0.25, 0.0]))


def test_a_path_out_of_its_box_violates_it_by_how_far_it_gets():
    found = violated(Intrinsic(limits=(within((-2, -2), (2, 2)),)), PATH, STILL)
    torch.testing.assert_close(found, torch.tensor([0.0, 1.0]))


def test_the_change_of_actions_counts_where_it_is_more_than_allowed():
    actions = torch.tensor([[[0.0], [0.5], [0.0]], [[0.0], [0.1], [0.2]]])
    calm = Intrinsic(most_change=0.2)
    torch.testing.assert_close(violated(calm, PATH, actions), torch.tensor([0.3, 0.0]))
    assert torch.equal(violated(calm, PATH[:, :1], actions[:, :1]), torch.zeros(2))


def test_prices_are_added_to_whatever_the_energy_is():
    def mine(latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        return latents.sum(dim=(-1, -2))

    actions, target = torch.tensor([[[[0.0], [0.5], [0.0]], [[0.0], [0.1], [0.2]]]]), torch.zeros(1, 2)
    expected = mine(PATH[None], actions, target)
    for weight, term in ((0.5, ActionEffort()), (0.25, ActionChange())):
        expected = expected + weight * term(PATH[None], actions, target)
    torch.testing.assert_close(Intrinsic(0.5, 0.25).priced(mine)(PATH[None], actions, target), expected)
    assert Intrinsic().priced(mine) is mine


def test_an_energy_of_places_is_barred_from_those_that_limits_forbid():
    rules = Intrinsic(limits=(out_of((0.5, -1.0), (1.5, 1.0)),), most_change=0.1, weight=10.0)
    paths = PATH[None], STILL[None], torch.zeros(1, 2)
    plain = LatentDistance("l1", "final")
    torch.testing.assert_close(rules.barred(plain)(*paths) - plain(*paths), torch.tensor([[5.0, 0.0]]))
    assert rules.forbids(PATH[0]).tolist() == [False, True, False], "the border may be grazed"


def test_the_multiplier_of_a_known_problem_is_found():
    # Least (x - 2)^2 with x <= 1: x = 1, and the multiplier of the constraint is 2.
    rules, multiplier = Intrinsic(limits=(within((-1,), (1,)),), weight=4.0), torch.zeros(1, 1)
    places = torch.linspace(0, 3, 3001)[None, :, None, None]
    for _ in range(30):
        broken = rules.of(places, torch.zeros(1, 3001, 1, 1))
        best = ((places[..., 0, 0] - 2) ** 2 + rules.added(broken, multiplier)).argmin()
        multiplier = rules.raised(multiplier, broken[:, best])
    assert places[0, best].item() == pytest.approx(1.0, abs=2e-3)
    assert multiplier.item() == pytest.approx(2.0, abs=2e-2)


@pytest.mark.parametrize("optimizer", [CEM(samples=256, elites=16, iterations=12), Gradient()])
def test_a_plan_goes_round_what_it_must_keep_out_of(optimizer):
    start, goal = torch.tensor([[0.0, 0.1]]), torch.tensor([[2.0, 0.1]])
    energy = LatentDistance() + 0.01 * ActionEffort()
    box = ((0.6, -0.4), (1.4, 0.4))
    worst = {}
    for name, rules in (
        ("none", None),
        ("penalty", Intrinsic(limits=(out_of(*box),), weight=2.0, rounds=1)),
        ("lagrangian", Intrinsic(limits=(out_of(*box),), weight=2.0, rounds=8)),
    ):
        plan = Flat(Sliding(), energy, optimizer, 12, rules)(start, goal, None, generators(1))
        worst[name] = violated(Intrinsic(limits=(out_of(*box),)), plan.imagined, plan.actions).item()
    assert worst["none"] > 0.5
    assert worst["lagrangian"] < 0.02
    assert worst["lagrangian"] <= worst["penalty"] < worst["none"]


def test_a_plan_under_constraints_does_not_depend_on_who_else_is_planned_for():
    rules = Intrinsic(limits=(out_of((0.6, -0.4), (1.4, 0.4)),), most_change=0.5)
    planner = Flat(Sliding(), LatentDistance(), CEM(samples=32, elites=4, iterations=3), 6, rules)
    z, target = torch.tensor([[0.0, 0.1], [0.2, 0.3]]), torch.tensor([[2.0, 0.1], [1.0, 1.0]])
    together = planner(z, target, None, generators(2))
    for row in range(2):
        alone = planner(z[row, None], target[row, None], None, [generators(2)[row]])
        assert torch.equal(alone.actions[0], together.actions[row])


@pytest.mark.parametrize("wrong", [{"weight": 0.0}, {"rounds": 0}])
def test_limits_that_limit_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="weight must be above 0"):
        Intrinsic(**wrong)
