"""A part that is broken on purpose is the one that is blamed, and none is for what may be chance."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from housecat.evaluation.episodes import Bench, play
from housecat.evaluation.ladder import GUIDED, HIERARCHY, RUNGS, diagnosis_json, parts_of, told
from housecat.evaluation.pairs import PairRequest, make_pairs
from housecat.evaluation.player import Player
from housecat.players.truth import InformedAgent, SimulatorModel, TrueDistance, Truth
from planners.agent import Agent
from planners.energies import TemporalDistance
from planners.flat import Flat
from planners.optimizers.cem import CEM
from tests.housecat.pointmass import PointDistance, PointModel, PointTask, point_world


class Backwards(PointDistance):
    """Likes to be far away."""

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        return 50 - super().steps(z, target)


class Mirrored(PointModel):
    """Imagines the opposite of what an action does."""

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        return super().rollout(z, -actions)


def aside(z: Tensor) -> Tensor:
    """Takes what is seen to be a metre and a half from where it is: not of goals, or they would move along."""
    return z + 1.5


SEARCH, NO_SEARCH = CEM(samples=24, elites=4, iterations=2), CEM(samples=2, elites=1, iterations=1, noise=1e-6)


def bench_of(broken: str) -> Bench:
    model = Mirrored() if broken == "model" else PointModel()
    distance = Backwards() if broken == "distance" else PointDistance()
    search = NO_SEARCH if broken == "search" else SEARCH
    read: Callable[[Tensor], Tensor] = aside if broken == "perception" else lambda z: z

    class Misled(PointModel):
        """Sees what the reader makes of it."""

        def encode(self, context):  # type: ignore[no-untyped-def]
            moved = super().encode(context)
            return read(moved) if (context.frames[:, 0] != context.frames[:, -1]).any() else moved

    class Seen(SimulatorModel):
        """The simulator from where one believes to be; goals are known."""

        def encode(self, context):  # type: ignore[no-untyped-def]
            goal = self.truth.turn is self.truth.worlds
            return self.truth.states if goal else read(self.truth.states)

    def make(name: str, horizon: int | None, generators: list[torch.Generator]) -> Player:
        truth, task = Truth(), PointTask()
        seen = model if broken != "perception" else Misled()
        if name in ("flat_distance", "true_distance"):
            energy = TemporalDistance(distance) if name == "flat_distance" else TrueDistance(task)
            return Agent(Flat(seen, energy, search, 4), seen, generators)
        told = Seen(truth, torch.ones(2)) if name == "true_dynamics" else SimulatorModel(truth, torch.ones(2))
        found = SEARCH if name == "oracle" else search
        return InformedAgent(Flat(told, TrueDistance(task), found, 4), told, generators, 1, truth)

    return Bench(point_world, make, None)


@pytest.mark.parametrize("broken", ["distance", "model", "perception", "search"])
def test_the_part_that_was_broken_on_purpose_is_the_one_that_is_blamed(broken: str) -> None:
    pairs = list(enumerate(make_pairs(point_world(), PairRequest(14, 0, 0, 1)).pairs))
    bench = bench_of(broken)
    outcomes = {name: [one.success for one in play(bench, name, None, pairs, 0)] for name, _ in RUNGS}
    parts = parts_of(outcomes)
    assert [part.name for part in parts if part.blamed] == [broken]
    assert parts[0].loses > 0.6
    first, second, *_ = told(parts, outcomes)
    assert first.startswith("What is learned reaches")
    assert second.startswith(f"The {broken} loses")
    assert all(outcomes["oracle"])


def solved(count: int, of: int = 30) -> list[bool]:
    return [index < count for index in range(of)]


def test_the_sentence_says_how_many_goals_it_would_be_and_how_sure_that_is() -> None:
    outcomes = {name: solved(87, 100) for name, _ in RUNGS} | {"flat_distance": solved(56, 100)}
    said = told(parts_of(outcomes), outcomes)
    assert said[1].startswith("The distance loses 31 of 100 points (")
    assert said[1].endswith("with the true distance 87 instead of 56 of 100 goals.")
    assert said[2].startswith("13 of 100 goals are reached by nobody, the oracle included")
    others = outcomes | {"true_state": solved(100, 100)}
    assert not any("by nobody" in one for one in told(parts_of(others), others)), "somebody reaches what it misses"


def test_what_may_be_chance_is_blamed_on_nothing() -> None:
    outcomes = {name: solved(22) for name, _ in RUNGS} | {"flat_distance": solved(18)}
    parts = parts_of(outcomes)
    assert not any(part.blamed for part in parts)
    assert told(parts, outcomes)[1].startswith("No part can be blamed")
    assert told(parts, outcomes)[2] == (
        "The largest difference, with the true distance 73 instead of 60 of 100 goals, may be chance: play more pairs."
    )
    perfect = {name: solved(30) for name, _ in RUNGS}
    assert len(told(parts_of(perfect), perfect)) == 2


def test_what_is_only_lost_beside_another_truth_is_not_blamed() -> None:
    outcomes = {name: solved(28) for name, _ in RUNGS} | {"true_distance": solved(5)}
    parts = parts_of(outcomes)
    assert not any(part.blamed for part in parts), "with everything learned as many goals are reached"
    assert told(parts, outcomes)[1:] == [
        "No part can be blamed: what is learned is as good as the truth here, or what it lacks may be chance.",
        "With the true distance it is 17 instead of 93 of 100 goals: the rest is used to the learned one.",
        "7 of 100 goals are reached by nobody, the oracle included: nothing learned is to blame for these.",
    ]


def test_parts_that_cannot_be_told_apart_are_blamed_together_and_subgoals_by_themselves() -> None:
    outcomes = {"flat_distance": solved(3), "true_state": solved(30), "oracle": solved(30)}
    assert [part.name for part in parts_of(outcomes)] == ["distance and model and perception", "search"]
    outcomes |= {HIERARCHY: solved(10), GUIDED: solved(30)}
    parts = parts_of(outcomes)
    assert [part.name for part in parts if part.blamed] == ["distance and model and perception", "subgoals"]
    told_of = diagnosis_json(parts, outcomes)
    assert told_of["told"][0] == "What is learned reaches 33 of 100 goals (hierarchy, 30 pairs)."
    assert told_of["players"][GUIDED]["success"] == 1.0
