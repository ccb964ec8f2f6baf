"""Optimisers of other packages find a known optimum through our protocol; where those packages are installed."""

import threading
from functools import partial

import pytest
import torch

from benchmarks.peers import Ask, PytorchMPPI, StableWorldmodelCEM, in_turns
from planners.optimizers.budget import Budgeted

PACKAGES = {StableWorldmodelCEM: "stable_worldmodel", PytorchMPPI: "pytorch_mppi"}
LOW, HIGH = -torch.ones(2), torch.ones(2)
BEST = torch.tensor([[[0.5, -0.5]] * 3, [[-0.2, 2.0]] * 3])  # (B, H, A); the last one lies out of bounds


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.outside, id=kind.__name__) for kind in PACKAGES])
def optimizer(request):
    pytest.importorskip(PACKAGES[request.param])
    return request.param(samples=256, iterations=12)


def score(actions: torch.Tensor) -> torch.Tensor:
    assert (actions >= LOW).all() and (actions <= HIGH).all()
    return (actions - BEST[: len(actions), None]).square().sum(dim=(2, 3))


def generators() -> list[torch.Generator]:
    return [torch.Generator().manual_seed(row) for row in range(2)]


def test_it_finds_the_optimum_within_the_bounds(optimizer):
    actions, energy = optimizer(score, torch.zeros(2, 3, 2), LOW, HIGH, generators())
    torch.testing.assert_close(actions, BEST.clamp(LOW, HIGH), atol=0.25, rtol=0)
    torch.testing.assert_close(energy, score(actions[:, None])[:, 0])


def test_an_environment_is_searched_as_if_it_were_alone(optimizer):
    start = torch.zeros(2, 3, 2)
    together, _ = optimizer(score, start, LOW, HIGH, generators())
    alone, _ = optimizer(score, start[:1], LOW, HIGH, generators()[:1])
    assert torch.equal(alone[0], together[0])


def test_a_budget_of_calls_is_each_environments_own(optimizer):
    candidates = optimizer.samples * optimizer.iterations + 1
    asked = []

    def counted(actions: torch.Tensor) -> torch.Tensor:
        asked.append(actions.shape[:2])
        return score(actions)

    within = Budgeted(optimizer, calls=3 * candidates)
    actions, _ = within(counted, torch.zeros(2, 3, 2), LOW, HIGH, generators())
    assert torch.equal(actions, optimizer(score, torch.zeros(2, 3, 2), LOW, HIGH, generators())[0])
    assert {rows for rows, _ in asked} == {2} and sum(count for _, count in asked) == candidates
    best, energy = Budgeted(optimizer, calls=3 * 300)(score, torch.zeros(2, 3, 2), LOW, HIGH, generators())
    torch.testing.assert_close(energy, score(best[:, None])[:, 0])


def drawing(row: int, ask: Ask, rounds: int) -> torch.Tensor:
    """A search that draws from torch's own generator, in more rounds than others."""
    torch.manual_seed(row)
    tried = torch.zeros(0, 3, 2)
    for _ in range(rounds):
        drawn = torch.randn(16 + row, 3, 2)
        tried = torch.cat([tried, drawn[ask(drawn).argsort()[:1]]])
    return tried[-1]


@pytest.mark.parametrize("kind", PACKAGES)
def test_it_is_tuned_with_as_many_settings_as_ours_which_it_can_be_made_with(kind):
    for one in kind.trials(128)[:4]:
        assert kind(**one).samples * kind(**one).iterations <= 127
    assert len(kind.trials(128)) >= 4


def test_searches_that_take_turns_find_what_each_finds_alone_though_they_share_a_generator():
    before = torch.random.get_rng_state()
    searches = [partial(drawing, 0, rounds=3), partial(drawing, 1, rounds=5)]
    together, energy = in_turns(score, torch.zeros(2, 3, 2), LOW, HIGH, searches)
    for row, search in enumerate(searches):
        alone = search(lambda actions, row=row: (actions.clamp(LOW, HIGH) - BEST[row]).square().sum(dim=(1, 2)))
        assert torch.equal(together[row], alone.clamp(LOW, HIGH))
    torch.testing.assert_close(energy, score(together[:, None])[:, 0])
    torch.random.set_rng_state(before)


def test_a_search_that_fails_is_told_and_leaves_no_other_waiting():
    def failing(ask: Ask) -> torch.Tensor:
        ask(torch.zeros(4, 3, 2))
        raise ZeroDivisionError("a slip")

    running = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="a slip"):
        in_turns(score, torch.zeros(2, 3, 2), LOW, HIGH, [partial(drawing, 0, rounds=9), failing])
    assert threading.active_count() == running
