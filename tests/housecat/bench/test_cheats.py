"""Planners that cheat, each in a way of its own, and what the bench says of them; an honest one beside them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from housecat.bench.alarms import alarms_of
from housecat.bench.cells import Cell, line_of
from housecat.bench.playing import BenchJob, BenchPlayed, played
from housecat.evaluation.episodes import Bench
from housecat.evaluation.pairs import PairRequest, make_pairs
from housecat.runs.players import judged
from housecat.settings.own_code import own_code
from planners.agent import Agent
from planners.energies import TemporalDistance
from planners.flat import Flat
from planners.interface import PlanError
from planners.optimizers.cem import CEM
from planners.optimizers.gradient import Gradient
from planners.optimizers.mppi import MPPI
from planners.optimizers.shooting import PredictiveSampling
from tests.housecat.pointmass import PointDistance, PointModel, point_world

PAIRS = make_pairs(point_world(), PairRequest(count=5, calibration=0, seed=5, strata=1)).pairs
JOB = BenchJob(None, {}, "flat_distance", tuple(enumerate(PAIRS)), 0, 12, 3, replays=2)  # type: ignore[arg-type]
ABOUT = {"settings": {}, "tuning": {"tried": 1, "pairs": 0}, "manifest": "", "pairs": 5}
CELL = Cell("point", "exact", "flat_distance", "mine", 0, 192)
HONEST = CEM(samples=24, elites=4, iterations=2)


class WithAHole(PointModel):
    """Imagines that whoever holds the first action up and the second down is at the goal, which is in the middle."""

    def rollout(self, z, actions):
        path = super().rollout(z, actions)
        fallen = ((actions[..., 0] > 0.9) & (actions[..., 1] < -0.9)).cummax(dim=2).values
        return torch.where(fallen[..., None], torch.tensor([3.0, 3.0]), path)


def bench_of(optimizer, model=None, agent=Agent) -> Bench:
    model = model or PointModel()
    energy = TemporalDistance(PointDistance())

    def make_agent(name, horizon, generators):
        planner = Flat(model, energy, optimizer, 4)
        return agent(planner, model, generators, 1, lambda z, target: judged(energy, z, target))

    return Bench(point_world, make_agent, None)


def alarms(bench: Bench, job: BenchJob = JOB) -> dict[str, str]:
    return line_of(CELL, "", played(bench, job, 4), ABOUT)["alarms"]


def test_an_honest_planner_raises_no_alarm_and_its_plans_keep_what_they_promise():
    found = line_of(CELL, "", played(bench_of(HONEST), JOB, 4), ABOUT)
    assert found["alarms"] == {}
    assert found["energy"]["achieved"] == pytest.approx(found["energy"]["imagined"], rel=1e-5)
    assert found["replay"] == {"pairs": 2, "different": 0}
    assert found["beyond"] == 0 and 0 < found["clamped"] < 1


@pytest.mark.parametrize(
    "optimizer", [Gradient(starts=1, descents=3), MPPI(samples=12), PredictiveSampling(samples=12)]
)
def test_other_honest_optimisers_raise_no_alarm_either(optimizer):
    assert alarms(bench_of(optimizer)) == {}


def test_the_planner_that_others_begin_with_keeps_all_rules_and_finds_the_goal():
    mine = own_code(str(Path(__file__).parents[3] / "examples" / "submission.py") + ":Mine")
    for given in mine.trials(48):
        job = replace(JOB, max_steps=40)
        found = line_of(CELL, "", played(bench_of(mine(**given)), job, 4), ABOUT)
        assert found["alarms"] == {} and found["success"] == 1


def into_the_hole(score, start, low, high, generators):
    """Knows of the model's error, and promises the goal."""
    plan = torch.ones_like(start) * torch.tensor([1.0, -1.0])
    return plan, score(plan[:, None])[:, 0]


def test_a_planner_that_searches_where_the_model_is_wrong_is_caught():
    job = replace(JOB, pairs=tuple((i, replace(pair, goal=pair.goal * 0 + 3)) for i, pair in JOB.pairs))
    found = line_of(CELL, "", played(bench_of(into_the_hole, WithAHole()), job, 4), ABOUT)
    assert found["energy"]["imagined"] < 0.1 and found["energy"]["achieved"] > 1
    assert list(found["alarms"]) == ["exploits"]


def beyond(score, start, low, high, generators):
    actions, energy = HONEST(score, start, low, high, generators)
    return actions * 3, energy


class Unbridled(Agent):
    """Takes what it planned three times as far, after all checks."""

    def act(self, frames, active=None):
        return 3 * super().act(frames, active)


def test_an_optimiser_that_leaves_the_bounds_is_refused_and_so_named():
    with pytest.raises(PlanError, match="out of bounds"):
        played(bench_of(beyond), JOB, 4)
    failed = line_of(CELL, "", BenchPlayed([], failed="the optimiser returned actions out of bounds: clamp"), ABOUT)
    assert list(failed["alarms"]) == ["bounds"] and failed["success"] is None and failed["outcomes"] == []


def test_a_planner_that_leaves_the_bounds_behind_the_checks_is_caught_by_its_actions():
    found = line_of(CELL, "", played(bench_of(HONEST, agent=Unbridled), JOB, 4), ABOUT)
    assert found["beyond"] > 0.2 and list(found["alarms"]) == ["bounds"]
    assert "of the control steps out of their bounds" in found["alarms"]["bounds"]


def one_generator_for_all(score, start, low, high, generators):
    drawn = torch.rand(len(start), 24, *start.shape[1:], generator=generators[0])
    actions = low + (high - low) * drawn
    best = score(actions).argmin(dim=1)
    chosen = actions[torch.arange(len(start)), best]
    return chosen, score(chosen[:, None])[:, 0]


def global_noise(score, start, low, high, generators):
    actions = low + (high - low) * torch.rand(len(start), 24, *start.shape[1:])
    return actions[:, 0], score(actions)[:, 0]


@pytest.mark.parametrize("optimizer", [one_generator_for_all, global_noise])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_planner_whose_environments_share_a_generator_is_caught_in_any_batch(optimizer, batch):
    assert list(alarms(bench_of(optimizer), replace(JOB, batch=batch))) == ["batch"]


def test_what_cannot_be_played_is_named_in_its_own_words():
    line = {"energy": None, "beyond": None, "replay": {"different": 0}, "failed": "TypeError: a slip"}
    assert alarms_of(line) == {"failed": "TypeError: a slip"}
