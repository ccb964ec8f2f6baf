"""Pushes that are noticed in time, and alarms that are false."""

from dataclasses import dataclass, replace

import numpy as np

from envs.registry import make_named
from envs.vector import WorldVector
from housecat.evaluation.noticing import Notes, noticed
from housecat.evaluation.trouble import Trouble, TroubledVector
from planners.configurator import ONWARD, Decision
from tests.housecat.pointmass import plan

CALM = Decision(ONWARD, "20 steps to go", 20.0, 0.1, False)


@dataclass(frozen=True)
class Episode:
    targets: list[int]
    pushed: list[int] | None
    surprised: list[int] | None


def episode(steps: int, pushed: list[int] | None, surprised: list[int] | None) -> Episode:
    return Episode([0] * steps, pushed, surprised)


def test_a_push_is_noticed_by_an_alarm_within_five_steps_and_what_comes_elsewhere_is_false():
    found = noticed([episode(20, [3, 12], [4, 18]), episode(10, [], [])])
    assert (found["noticed"]["value"], found["noticed"]["n"]) == (0.5, 2)
    assert found["false_alarms"]["n"] == 20 and found["false_alarms"]["value"] == 1 / 20


def test_a_push_at_the_end_is_no_failure_but_counts_where_it_was_noticed():
    assert noticed([episode(10, [7], [])])["false_alarms"]["value"] == 0
    assert "noticed" not in noticed([episode(10, [7], [])])
    assert noticed([episode(10, [7], [9])])["noticed"]["value"] == 1


def test_of_players_that_tell_no_surprises_nothing_is_said():
    assert noticed([episode(10, None, None)]) == {}
    notes = Notes(1)
    notes.add(0, [0], WorldVector([make_named("umaze")]), plan(1, 5, 0))
    assert notes.of(0) == {}


def test_the_control_steps_of_pushes_and_surprises_are_noted_for_each_episode():
    worlds = [make_named("umaze") for _ in range(2)]
    vector = TroubledVector(worlds, Trouble(pushes=100.0, push=0.1), [np.random.default_rng(row) for row in range(2)])
    vector.reset(options=[{"goal": None}, {"goal": None}])
    notes, alarmed = Notes(2), replace(CALM, surprised=True)
    for step in range(3):
        vector.step(np.zeros((2, 2)))
        notes.add(step, [0, 1], vector, replace(plan(2, 5, 0), decided=(CALM, alarmed if step == 1 else CALM)))
    assert [notes.of(row) for row in range(2)] == [
        {"pushed": [0, 1, 2], "surprised": []},
        {"pushed": [0, 1, 2], "surprised": [1]},
    ]
