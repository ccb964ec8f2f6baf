"""Impossible clips differ from possible ones in what is possible, and in nothing that needs no understanding."""

import numpy as np
import pytest

from envs.physics.cues import NAMES, cues, judged_by_cues
from envs.physics.properties import CHANGES, changes, quadruplet
from envs.physics.scenario import PROPERTIES

GROUPS = 6
every = pytest.mark.parametrize("name", PROPERTIES)


@pytest.fixture(scope="module")
def made():
    return {name: [quadruplet(name, 1, index, 32) for index in range(GROUPS)] for name in PROPERTIES}


@every
def test_partners_are_bit_identical_before_the_violation_and_differ_from_then_on(made, name):
    for one in made[name]:
        for possible, impossible in zip(one.possible, one.impossible, strict=True):
            assert (possible[: one.at] == impossible[: one.at]).all()
            differ = (possible != impossible).any(axis=(1, 2, 3))
            assert differ[one.at :].any() and 10 <= one.at <= 20


@every
def test_states_of_the_impossible_are_those_of_the_possible_exchanged_at_the_violation(made, name):
    for one in made[name]:
        first, second, crossed, back = one.places
        for mine, other, spliced in ((first, second, crossed), (second, first, back)):
            assert (spliced[: one.at] == mine[: one.at]).all()
            halves = np.stack([mine[one.at :], other[one.at :]])
            assert (spliced[one.at :] == halves).any(axis=0).all()


@pytest.mark.parametrize("name", ["permanence", "continuity", "shape", "colour", "inertia"])
def test_all_frames_of_the_impossible_clips_are_frames_of_the_possible_ones(made, name):
    for one in made[name]:
        known = {frame.tobytes() for clip in one.possible for frame in clip}
        assert all(frame.tobytes() in known for clip in one.impossible for frame in clip)


@pytest.mark.parametrize("name", ["permanence", "continuity", "shape", "colour"])
def test_what_is_exchanged_behind_a_screen_is_not_seen_to_change(made, name):
    for one in made[name]:
        assert (one.possible[0][one.at] == one.possible[1][one.at]).all()


@pytest.mark.parametrize("name", ["solidity", "gravity", "inertia", "support", "collision"])
def test_what_is_exchanged_in_plain_view_does_not_jump(made, name):
    for one in made[name]:
        steps = np.abs(np.diff(one.places[:, :, [0, 1, 3, 4]], axis=1))
        assert steps[2:].max() < 1.3 * steps[:2].max() + 0.02


def test_where_gravity_or_support_is_violated_nothing_passes_through_anything(made):
    for one in made["gravity"]:
        assert one.places[:, :, 1].min() > 0.19, "above the floor, on which a ball of this radius at least would lie"
        first, second, crossed, back = one.places[:, one.at :, 1]
        assert first[5] > first[0] and second[5] < second[0], "on the rope it rises, thrown it falls"
        assert crossed[5] < crossed[0] and back[5] > back[0]
    for one in made["support"]:
        assert (one.places[:, one.at + 1 :, 8] > 1).all(), "the board is gone in all four"
        fallen = one.places[:, one.at, 1] - one.places[:, one.at + 6, 1]
        assert fallen[[0, 3]].min() > 0.05 > 0.02 > fallen[[1, 2]].max()


def test_a_judge_of_low_level_cues_alone_is_at_chance_on_all_properties(made):
    right = []
    for name in PROPERTIES:
        rows = [np.array([cues(clip) for one in made[name] for clip in clips(one)]) for clips in (possible, impossible)]
        scores = judged_by_cues(*rows, np.repeat(np.arange(GROUPS), 2))
        right.append((scores[1] > scores[0]).mean())
        # Two pairs of a group exchange their halves, so what is more in one is less in the other.
        spread = np.abs(rows[1] - rows[0]).mean(axis=0) + 1e-6
        assert (np.abs((rows[1] - rows[0]).mean(axis=0)) < 0.75 * spread)[[0, 1, 3, 4]].all(), name
    assert 0.4 < np.mean(right) < 0.6


def possible(one):
    return one.possible


def impossible(one):
    return one.impossible


def test_cues_tell_brightness_amount_and_direction_of_motion():
    frames = np.zeros((8, 32, 32, 3), np.uint8)
    for time in range(8):
        frames[time, 20 - time : 26 - time, 4 + 2 * time : 10 + 2 * time] = 200
    found = dict(zip(NAMES, cues(frames), strict=True))
    turned = dict(zip(NAMES, cues(frames[:, ::-1, ::-1]), strict=True))
    assert found["to the right"] > found["upwards"] > 0 > turned["upwards"] > turned["to the right"]
    assert found["motion"] == pytest.approx(turned["motion"]) and found["speed"] > 0
    assert cues(frames // 2)[0] == pytest.approx(found["brightness"] / 2)


def test_a_judge_of_cues_finds_a_cue_where_there_is_one():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 6))
    scores = judged_by_cues(rows, rows + np.eye(6)[1], np.repeat(np.arange(20), 2))
    assert (scores[1] > scores[0]).mean() == 1.0


def test_changes_in_plain_view_begin_alike_and_nothing_is_no_change():
    made = changes(0, 0, 32)
    assert set(made) == {*CHANGES, "was"}
    assert (made["nothing"] == made["was"]).all()
    differ = {name: (made[name] != made["was"]).any(axis=(1, 2, 3)) for name in CHANGES[:3]}
    assert len({int(one.argmax()) for one in differ.values()}) == 1 and all(one.any() for one in differ.values())


def test_a_quadruplet_depends_on_its_seed_and_index_alone():
    first, again, other = (quadruplet("inertia", 1, index, 32) for index in (3, 3, 4))
    assert (first.possible == again.possible).all() and (first.impossible == again.impossible).all()
    assert (first.possible != other.possible).any()
