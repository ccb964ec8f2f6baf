"""Factors of variation from the settings to the pairs: trained in one range, tested in another."""

import json

import numpy as np
import pytest

from envs import make_world
from envs.data.collect import record_episode
from housecat.errors import UsageError
from housecat.evaluation.pairs import PairRequest, frozen_pairs, make_pairs
from housecat.runs import wiring
from housecat.settings.config import load_config

REQUEST = PairRequest(count=8, calibration=1, seed=3, strata=2)


def spec_of(*arguments):
    return wiring.recorded_spec(load_config(["world=umaze", "world.frame_size=32", *arguments]))


def test_each_episode_has_values_of_its_own_that_depend_on_seed_and_number_alone():
    world = make_world(spec_of("factors.train={light: [0.5, 0.7], mass: [0.8, 1.2]}"))
    seen = []
    for index in (0, 1, 2, 1):
        record_episode(world, 5, index, 1)
        seen.append(world.factor_values)
        assert 0.5 <= seen[-1]["light"] <= 0.7 and 0.8 <= seen[-1]["mass"] <= 1.2
    assert seen[1] == seen[3] and seen[0] != seen[1] != seen[2]


def test_recorded_motion_begins_alike_whatever_is_varied():
    plain, varied = make_world(spec_of()), make_world(spec_of("factors.train=colour,light"))
    one, other = (record_episode(world, 5, 2, 4) for world in (plain, varied))
    np.testing.assert_array_equal(one.states, other.states)
    assert (one.frames != other.frames).any()


def test_pairs_are_played_in_the_test_ranges_and_are_otherwise_the_same_pairs(tmp_path):
    config = load_config(["world=umaze", "factors.train={light: [0.8, 1.0]}", "factors.test={light: [0.5, 0.7]}"])
    recorded = wiring.recorded_spec(config)
    tested = wiring.evaluated_spec(config, recorded)
    assert tested["factors"] == {"light": [0.5, 0.7]}
    pairs = frozen_pairs(make_world(tested), REQUEST, tmp_path / "pairs.json")
    values = [pair.factors["light"] for pair in pairs.pairs]
    assert all(0.5 <= value <= 0.7 for value in values) and len(set(values)) == 8
    again = frozen_pairs(make_world(tested), REQUEST, tmp_path / "pairs.json")
    assert [pair.factors for pair in again.pairs] == [pair.factors for pair in pairs.pairs]
    plain = make_pairs(make_world(wiring.world_spec(config)), REQUEST)
    for one, other in zip(plain.pairs, pairs.pairs, strict=True):
        np.testing.assert_array_equal(one.start, other.start)
        assert one.factors == {}


def test_without_a_setting_an_evaluation_is_in_the_world_as_it_was_made():
    config = load_config(["world=umaze"])
    recorded = wiring.recorded_spec(load_config(["world=umaze", "factors.train=physics"]))
    assert "factors" in json.loads(json.dumps(recorded))
    assert wiring.evaluated_spec(config, recorded) == wiring.world_spec(config)
    wiring.check_world("the recording", recorded, wiring.world_spec(config))  # it is the same world


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("factors.train={lihgt: [0, 1]}", "factors.train: this world has no factor 'lihgt': did you mean 'light'?"),
        ("factors.train={light: [0.5, 9]}", "factors.train: factor 'light' is a number from 0.4 to 1.2 times, got 9"),
        ("factors.train=everything", "factors.train: there is no kind of factors 'everything'"),
        ("factors.train={light: [", "factors.train='{light: [' cannot be read"),
    ],
)
def test_what_cannot_be_varied_is_said_in_one_line(argument, message):
    with pytest.raises(UsageError) as error:
        spec_of(argument)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)
