import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs import WORLDS, make_world
from envs.play.hindsight import hindsight_pair
from envs.task import Pair
from envs.world import World
from housecat.evaluation.pairs import PairRequest, PairsError, frozen_pairs, make_pairs

REQUEST = PairRequest(count=18, calibration=6, seed=3, strata=4)


@pytest.fixture(scope="module")
def medium() -> World:
    return make_world(WORLDS["medium"])


@pytest.fixture(scope="module", params=["medium", "reacher"])
def world(request: pytest.FixtureRequest) -> World:
    return make_world(WORLDS[request.param])


def test_no_pair_is_solved_at_its_start_and_each_states_its_true_distance(world: World) -> None:
    made = make_pairs(world, REQUEST)
    for pair in made.pairs + made.calibration:
        assert not world.success(pair.start, pair.goal)
        assert pair.distance == pytest.approx(world.distance(pair.start, pair.goal))
        assert pair.steps == pytest.approx(world.steps(pair.start, pair.goal))


def test_every_stratum_gets_its_share_of_the_pairs_and_only_distances_inside_it(world: World) -> None:
    made = make_pairs(world, REQUEST)
    assert len(made.edges) == 5 and np.allclose(np.diff(made.edges, 2), 0)
    counts = np.bincount([made.stratum(index) for index in range(len(made.pairs))])
    assert counts.max() - counts.min() <= 1
    for index, pair in enumerate(made.pairs):
        low, high = made.edges[made.stratum(index)], made.edges[made.stratum(index) + 1]
        assert low <= pair.distance < high


def test_the_range_reaches_from_the_least_to_nearly_the_farthest_distance(medium: World) -> None:
    made = make_pairs(medium, REQUEST)
    assert made.edges[0] == medium.task.nearest
    assert made.edges[-1] > 0.9 * medium.task.diameter  # type: ignore[attr-defined]


def test_the_same_request_gives_the_same_pairs_and_another_seed_gives_others(medium: World) -> None:
    first, again = make_pairs(medium, REQUEST), make_pairs(make_world(WORLDS["medium"]), REQUEST)
    other = make_pairs(medium, replace(REQUEST, seed=4))
    for a, b, c in zip(first.pairs, again.pairs, other.pairs, strict=True):
        assert np.array_equal(a.start, b.start) and np.array_equal(a.goal, b.goal)
        assert not np.array_equal(a.start, c.start)
    assert other.edges == first.edges


def test_a_longer_list_begins_with_the_shorter_one(medium: World) -> None:
    few, many = make_pairs(medium, replace(REQUEST, count=5)), make_pairs(medium, REQUEST)
    assert all(np.array_equal(a.goal, b.goal) for a, b in zip(few.pairs, many.pairs, strict=False))


def test_calibration_pairs_are_never_among_those_that_planners_are_judged_on(medium: World) -> None:
    made = make_pairs(medium, replace(REQUEST, count=40, calibration=40))
    judged = {pair.start.tobytes() for pair in made.pairs}
    assert len(judged) == 40
    assert not judged & {pair.start.tobytes() for pair in made.calibration}


def test_a_least_number_of_steps_is_kept_by_every_pair() -> None:
    large = make_world(WORLDS["large"])
    made = make_pairs(large, replace(REQUEST, min_steps=60))
    assert min(pair.steps for pair in made.pairs + made.calibration) >= 60


def test_the_stricter_of_both_bounds_holds(medium: World) -> None:
    assert make_pairs(medium, replace(REQUEST, min_distance=4.0, min_steps=5)).edges[0] == 4.0
    assert make_pairs(medium, replace(REQUEST, min_distance=1.0, min_steps=30)).edges[0] == pytest.approx(6.0)


@pytest.mark.parametrize("name", ["medium", "pusht", "cube"])
def test_with_an_offset_goals_are_unsolved_states_that_play_reaches_in_so_many_steps(name: str) -> None:
    world = make_world(WORLDS[name])
    made = make_pairs(world, replace(REQUEST, count=8, offset=20))
    near = make_pairs(world, replace(REQUEST, count=8, offset=2))
    for pair in made.pairs + made.calibration:
        assert not world.success(pair.start, pair.goal)
        assert pair.distance == pytest.approx(world.distance(pair.start, pair.goal))
        for state in (pair.start, pair.goal):
            assert np.array_equal(world.scene.at_rest(state), state)
    assert made.edges == [0, max(pair.distance for pair in made.pairs)]
    assert {made.stratum(index) for index in range(8)} == {0}
    assert np.mean([_way(world, pair) for pair in made.pairs]) > np.mean([_way(world, pair) for pair in near.pairs])


def test_the_goal_is_where_the_same_play_was_just_so_many_steps_after_the_start(medium: World) -> None:
    """Position by position on the way of each episode, which is played again from the same random numbers."""
    found, offset = 0, 10
    for seed in range(8):
        pair = hindsight_pair(medium, np.random.default_rng(seed), offset, 0.0)
        rng, way = np.random.default_rng(seed), []
        medium.set_state(medium.sample_state(rng))
        play = medium.play(rng)
        rng.integers(offset + 1)
        for _ in range(2 * offset + 1):
            way.append(medium.scene.at_rest(medium.state()))
            medium.scene.step(play.act(medium.state()))
        at = [index for index, state in enumerate(way[: offset + 1]) if np.array_equal(state, pair.start)]
        if at:  # or the first episode was solved at its start
            found += 1
            assert np.array_equal(way[at[0] + offset], pair.goal)
    assert found >= 4


def _way(world: World, pair: Pair) -> float:
    """How far the body's place at the goal is from that at the start."""
    was, now = world.quantities(pair.start), world.quantities(pair.goal)
    body = next(name for name in ("pusher", "hand", "position") if name in now)
    return float(np.linalg.norm(now[body] - was[body]))


def test_an_offset_goes_with_a_least_distance_and_does_not_depend_on_how_many_pairs(medium: World) -> None:
    asked = replace(REQUEST, count=6, offset=25, min_distance=1.0)
    made, fewer = make_pairs(medium, asked), make_pairs(medium, replace(asked, count=3))
    assert min(pair.distance for pair in made.pairs) >= 1.0 == made.edges[0]
    assert all(np.array_equal(a.goal, b.goal) for a, b in zip(fewer.pairs, made.pairs, strict=False))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_distance": 80.0}, "no goals 80 m away, the farthest are at .* lower evaluate.min_distance"),
        ({"min_steps": 500.0}, "lower evaluate.min_steps"),
        ({"offset": 2, "min_distance": 3.0}, "in 2 control steps random play does not get 3 m far"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_one_line(medium: World, change: dict, message: str) -> None:
    with pytest.raises(PairsError, match=message) as caught:
        make_pairs(medium, replace(REQUEST, **change))
    assert "\n" not in str(caught.value)


def test_pairs_are_read_again_as_they_were_written(medium: World, tmp_path: Path) -> None:
    file = tmp_path / "pairs.json"
    made = frozen_pairs(medium, REQUEST, file)
    before = file.read_bytes()
    again = frozen_pairs(medium, REQUEST, file)
    assert file.read_bytes() == before
    assert again.edges == made.edges and again.world == made.world == medium.spec_dict
    for a, b in zip(made.pairs + made.calibration, again.pairs + again.calibration, strict=True):
        assert np.array_equal(a.start, b.start) and np.array_equal(a.goal, b.goal) and a.distance == b.distance


def test_the_file_counts_and_not_what_would_be_drawn_today(medium: World, tmp_path: Path) -> None:
    file = tmp_path / "pairs.json"
    frozen_pairs(medium, REQUEST, file)
    stored = json.loads(file.read_text())
    stored["pairs"][0], stored["pairs"][4] = stored["pairs"][4], stored["pairs"][0]
    file.write_text(json.dumps(stored))
    assert frozen_pairs(medium, REQUEST, file).pairs[0].start.tolist() == stored["pairs"][0]["start"]


def test_a_file_with_other_pairs_is_refused_in_one_line_and_left_alone(medium: World, tmp_path: Path) -> None:
    file = tmp_path / "pairs.json"
    frozen_pairs(medium, REQUEST, file)
    before = file.read_bytes()
    for change, message in [({"seed": 4}, "seed 3, asked for 4"), ({"count": 50}, "count 18, asked for 50")]:
        with pytest.raises(PairsError, match=message) as caught:
            frozen_pairs(medium, replace(REQUEST, **change), file)
        assert str(file) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(PairsError, match="another world"):
        frozen_pairs(make_world(WORLDS["umaze"]), REQUEST, file)
    assert file.read_bytes() == before


def test_a_damaged_file_is_refused_in_one_line(medium: World, tmp_path: Path) -> None:
    file = tmp_path / "pairs.json"
    frozen_pairs(medium, REQUEST, file)
    stored = json.loads(file.read_text())
    solved = json.loads(file.read_text())
    solved["pairs"][2]["goal"] = solved["pairs"][2]["start"]
    damaged = [
        "",
        "[]",
        file.read_text()[:-40],
        json.dumps({**stored, "pairs": stored["pairs"][1:]}),
        json.dumps(solved),
    ]
    for text in damaged:
        file.write_text(text)
        with pytest.raises(PairsError, match="damaged") as caught:
            frozen_pairs(medium, REQUEST, file)
        assert "\n" not in str(caught.value)
