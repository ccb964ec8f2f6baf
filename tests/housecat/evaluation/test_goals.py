"""Goals of an evaluation: given ones, and parts of those that the pairs have."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.goals.forms import goal_of
from envs.goals.record import Goal, progress
from envs.registry import make_named
from housecat.cli.main import explain
from housecat.errors import UsageError
from housecat.evaluation.episodes import play
from housecat.evaluation.evaluate import evaluate
from housecat.evaluation.goals import Asked, shown, towards
from housecat.evaluation.pairs import PairRequest, PairsError, frozen_pairs, make_pairs
from housecat.runs.goals import asked_of, request_of
from housecat.settings.config import load_config
from tests.housecat.conftest import Outcome
from tests.housecat.evaluation.test_evaluate import ABOUT, SETTINGS
from tests.housecat.pointmass import PlannedSetup, PointTask, point_world

REQUEST = PairRequest(count=8, calibration=0, seed=3, strata=3)
WORLD = point_world()


def test_goals_are_shown_without_the_screens_that_stand_before_what_is_seen() -> None:
    world = make_named("puck")
    pair = make_pairs(world, PairRequest(1, 0, 3, 1)).pairs[0]
    given = replace(pair, wanted=Goal(states=pair.goal[None]))
    plain, asked = shown([world], [pair]), shown([world], [given])
    world.set_factors({"screen": 0.7})
    assert (world.frame(state=pair.goal) != plain[0]).any()
    np.testing.assert_array_equal(shown([world], [pair]), plain)
    np.testing.assert_array_equal(shown([world], [given]).shown, asked.shown)


def test_pairs_towards_a_given_goal_differ_in_their_starts_none_of_which_is_solved() -> None:
    goal = goal_of({"position": (3.0, 4.0)}, WORLD)
    made = make_pairs(WORLD, REQUEST, goal)
    assert len({pair.start.tobytes() for pair in made.pairs}) == 8
    for pair in made.pairs:
        assert not progress(goal, WORLD.task, pair.start)[0] and progress(goal, WORLD.task, pair.goal)[0]
        assert (
            pair.distance == pytest.approx(WORLD.distance(pair.start, pair.goal)) and pair.distance >= PointTask.nearest
        )
    with pytest.raises(PairsError, match="lower evaluate.min_distance"):
        make_pairs(WORLD, replace(REQUEST, min_distance=50.0), goal)


def test_pairs_of_a_given_goal_are_frozen_and_told_from_those_of_another(tmp_path: Path) -> None:
    goal, file = goal_of({"position": (3.0, 4.0)}, WORLD), tmp_path / "pairs.json"
    asked = replace(REQUEST, goal={"part": {"position": [3.0, 4.0]}})
    made, again = (frozen_pairs(WORLD, asked, file, goal) for _ in range(2))
    assert [pair.start.tolist() for pair in made.pairs] == [pair.start.tolist() for pair in again.pairs]
    with pytest.raises(PairsError, match="holds other pairs"):
        frozen_pairs(WORLD, replace(asked, goal={"part": {"position": [3.0, 2.0]}}), file, goal)
    with pytest.raises(PairsError, match="holds other pairs"):
        frozen_pairs(WORLD, REQUEST, file)


def test_what_is_asked_of_frozen_pairs_is_a_part_of_each_pair_s_own_goal() -> None:
    pairs = make_pairs(WORLD, REQUEST).pairs
    asked = towards(WORLD, pairs, Asked(only=("position",), samples=5), 3)
    for before, now in zip(pairs, asked, strict=True):
        assert (now.start == before.start).all() and (now.goal == before.goal).all()
        assert now.wanted is not None and now.wanted.states is not None and now.wanted.states.shape == (5, 2)
        assert now.wanted.regions["position"].low == tuple(before.goal)


@pytest.mark.parametrize("asked", [Asked(only=("position",)), Asked(goal_of({"position": (3.0, 4.0)}, WORLD))])
def test_planners_reach_partial_goals_and_success_is_the_world_s_word_on_what_was_named(asked: Asked) -> None:
    drawn = make_pairs(WORLD, REQUEST, asked.goal).pairs
    pairs = towards(WORLD, drawn, asked, 3)
    for name in ("flat_distance", "hierarchy"):
        for result in play(PlannedSetup()(), name, None, list(enumerate(pairs)), seed=0):
            wanted = pairs[result.pair].wanted
            assert wanted is not None and result.success
            reached = [progress(wanted, WORLD.task, state)[0] for state in result.path]
            assert reached == [False] * (len(reached) - 1) + [True]


def test_a_sequence_is_played_in_order() -> None:
    places = np.array([[1.0, 5.0], [5.0, 5.0], [5.0, 1.0]])
    goal = Goal(states=places, order="sequence")
    made = make_pairs(WORLD, replace(REQUEST, count=4), goal)
    played = play(
        PlannedSetup()(), "flat_distance", None, list(enumerate(towards(WORLD, made.pairs, Asked(goal), 3))), 0, 120
    )
    for result in played:
        assert result.success
        passed = [int(np.argmin(np.linalg.norm(result.path - place, axis=1))) for place in places]
        assert passed == sorted(passed) and passed[-1] == len(result.path) - 1


def test_results_say_what_was_asked_for_and_how_many_pairs_asked_for_nothing(tmp_path: Path) -> None:
    pairs = make_pairs(WORLD, replace(REQUEST, count=4))
    settings = replace(SETTINGS, planners=("flat_distance",), timing_steps=2)
    whole = evaluate(PlannedSetup(), pairs, settings, ABOUT, tmp_path, progress=False)
    part = evaluate(
        PlannedSetup(), pairs, replace(settings, asked=Asked(only=("position",))), ABOUT, tmp_path, progress=False
    )
    assert "goal" not in whole
    assert part["goal"] == {
        "only": ["position"], "regions": {}, "order": "any", "targets": "pictures", "samples": 16, "solved_at_start": 0
    }  # fmt: skip
    assert json.loads((tmp_path / "results.json").read_text())["goal"] == part["goal"]


def test_what_excludes_each_other_or_is_not_in_the_world_is_told_in_one_line_with_exit_code_2() -> None:
    for words, said in (
        (["evaluate.ask=[position]", "goal.position=[3,3]"], "leave one out"),
        (["evaluate.offset=9", "goal.position=[3,3]"], "evaluate.offset draws goals, goal.* gives one"),
        (["goal.ball=[3,3]"], "world 'point' has no quantity 'ball' to ask for: there are position"),
    ):
        with pytest.raises((UsageError, ValueError)) as caught:
            asked_of(load_config(words), WORLD)
        message, code = explain(caught.value)
        assert said in message and code == 2 and "\n" not in message


def test_a_picture_counts_by_what_it_shows_not_by_its_name() -> None:
    config = load_config(["goal=here.png"])
    one, other = (Goal(pictures=np.full((1, 8, 8, 3), shade, np.uint8)) for shade in (3, 4))
    assert request_of(config, one) == request_of(config, one) != request_of(config, other)
    assert request_of(load_config([]), None).goal is None


def test_a_quantity_that_the_world_lacks_is_refused_before_recording(
    command: Callable[..., Outcome],
) -> None:
    refused = command("quickstart", "world=umaze", "out=run", "evaluate.ask=[puck]", "workers=1")
    refused.is_one_line_saying("world 'umaze' has no quantity 'puck' to ask for: there are position")
    assert not Path("run").exists()
