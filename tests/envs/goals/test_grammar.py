"""Sentences: what they mean, which of them there are, and which are held out."""

import numpy as np
import pytest

from envs import WORLDS, make_world
from envs.goals.drawing import saying, standing_for
from envs.goals.forms import goal_asked, goal_of
from envs.goals.grammar import SPLITS, language_of
from envs.goals.meaning import holds
from envs.goals.record import GoalError, progress
from envs.world import World
from envs.worlds.mazes import maze_spec


@pytest.fixture(scope="module")
def puck() -> World:
    return make_world({**WORLDS["puck"], "frame_size": 16})


def drawn(world: World, count: int = 200) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([world.sample_state(rng) for _ in range(count)])


def truth(world: World, text: str, states: np.ndarray) -> np.ndarray:
    (said,) = language_of(world).said(text)
    return holds(said.bounds, world.task.quantities, states)


@pytest.mark.parametrize("name", ["puck", "umaze", "reacher", "arm"])
def test_what_is_left_and_at_the_top_is_so_in_the_picture(name):
    world = make_world({**WORLDS[name], "frame_size": 16})
    language, states = language_of(world), drawn(world)
    actor = next(one for one in language.meanings if one.relation == "left")
    quantity = language.meanings[actor][0].quantity
    seen = world.pixels(world.quantities(states)[quantity], size=100)
    for low, high, axis in (("left", "right", 0), ("top", "bottom", 1)):
        first, second = (
            holds(language.meanings[actor._replace(relation=one)], world.task.quantities, states) for one in (low, high)
        )
        assert first.any() and second.any() and not (first & second).any()
        assert seen[first, axis].mean() < seen[second, axis].mean() - 10


def test_a_corner_is_both_of_its_sides_and_things_stand_to_each_other_as_they_say(puck):
    states = drawn(puck)
    corner = truth(puck, "push the puck into the top left corner", states)
    assert (
        corner == truth(puck, "Move the puck to the left!", states) & truth(puck, "push the puck to the top", states)
    ).all()
    left = truth(puck, "push the puck left of the pusher", states)
    assert left.any() and (left == truth(puck, "move the pusher right of the puck", states)).all()
    near, far = (truth(puck, f"push the puck {where} the pusher", states) for where in ("next to", "far from"))
    apart = np.linalg.norm(states[:, :2] - states[:, 2:4], axis=1)
    assert apart[near].max() < apart[far].min()


def test_an_arm_is_folded_where_its_elbow_is_bent_either_way():
    world = make_world({**WORLDS["reacher"], "frame_size": 16})
    states = np.array([[0.3, 2.5, 0, 0], [0.3, -2.5, 0, 0], [0.3, 0.0, 0, 0], [0.3, 1.0, 0, 0]])
    assert truth(world, "fold the arm", states).tolist() == [True, True, False, False]
    assert truth(world, "stretch the arm", states).tolist() == [False, False, True, False]


@pytest.mark.parametrize("name", ["puck", "medium", "reacher", "arm"])
def test_what_is_held_out_is_never_heard_but_its_parts_are(name):
    language = language_of(make_world({**WORLDS[name], "frame_size": 16}))
    seen, phrasings, combinations = (language.of(split) for split in SPLITS)
    assert seen and phrasings and combinations
    assert not set(seen) & set(phrasings) and not set(seen.values()) & set(combinations.values())
    assert set(phrasings.values()) == set(seen.values())
    words = set(" ".join(seen).split())
    for text, concept in combinations.items():
        assert set(text.split()) <= words
        assert concept.thing in {one.thing for one in seen.values()}


def test_states_that_are_drawn_for_sentences_are_of_those_that_they_are_true_of(puck):
    language, rng = language_of(puck), np.random.default_rng(0)
    for text in list(language.sentences)[::160]:
        (said,) = language.said(text)
        assert holds(said.bounds, puck.task.quantities, saying(puck, said, 4, rng)).all()


def test_a_sequence_is_reached_part_by_part(puck):
    goal = goal_of("push the puck to the left, then go to the top; and then push the puck home", puck)
    assert [one.text for one in goal.said] == ["push the puck to the left", "go to the top", "push the puck home"]
    left, top, home = standing_for(puck, goal, 8, np.random.default_rng(0))
    assert progress(goal, puck.task, home)[1] == 0
    done = 0
    for state, expected in ((left, 1), (left, 1), (top, 2), (home, 3)):
        reached, done = progress(goal, puck.task, state, done)
        assert done >= expected and reached == (done == 3)


@pytest.mark.parametrize(
    "words", ["open the drawer", "puck the left to push", "push the puck to the left then dance", ""]
)
def test_a_sentence_that_the_world_cannot_mean_is_told_what_can_be_asked(puck, words):
    with pytest.raises(GoalError, match="does not know what .* ask for one of .* 'push the puck"):
        goal_asked({"words": words}, puck)
    with pytest.raises(GoalError, match="exclude each other"):
        goal_asked({"words": "go home", "state": [0.0] * 8}, puck)


def test_a_maze_of_any_layout_can_be_spoken_of_and_only_places_that_it_has():
    world = make_world(maze_spec("corridor", "#####\n#   #\n#####", 16))
    language = language_of(world)
    assert {one.relation for one in language.meanings} >= {"left", "right"}
    for bounds in language.meanings.values():
        assert holds(bounds, world.task.quantities, drawn(world, 600)).any()
