"""Factors of variation: what they do to masses, forces, light and cameras, and what is refused."""

from typing import Any

import numpy as np
import pytest

import envs
from envs.factors import checked_ranges, sample_factors
from envs.registry import make_named
from envs.simulation.cameras import View
from envs.world import World
from envs.worlds.mazes import TOP_SPEED, maze_spec


@pytest.fixture
def maze() -> World:
    return make_named("umaze")


def pushed(world: World, steps: int, action: tuple[float, float] = (1.0, 0.0)) -> np.ndarray:
    """Velocity ``(2,)`` after pushing the ball from rest in the middle of the U-maze's upper corridor."""
    world.set_state(np.array([1.4, 3.5, 0.0, 0.0]))
    for _ in range(steps):
        world.scene.step(np.array(action))
    return world.state()[2:]


def test_twice_the_mass_gains_half_the_speed(maze: World) -> None:
    light = pushed(maze, 1)[0]
    maze.set_factors({"mass": 2.0, "damping": 1.0})
    # dv = F t / m while it is slow; damping takes a little from both.
    assert pushed(maze, 1)[0] == pytest.approx(light / 2, rel=0.12)


def test_top_speed_is_strength_over_damping(maze: World) -> None:
    for values in ({}, {"strength": 0.6}, {"damping": 1.6}, {"strength": 1.2, "damping": 1.6}):
        maze.set_factors(values)
        speed = TOP_SPEED * values.get("strength", 1.0) / values.get("damping", 1.0)
        maze.set_state(np.array([1.4, 3.5, speed, 0.0]))
        maze.scene.step(np.array([1.0, 0.0]))
        assert maze.state()[2] == pytest.approx(speed, rel=1e-6)


def test_a_smaller_ball_comes_nearer_to_the_wall_and_covers_fewer_pixels(maze: World) -> None:
    def orange() -> int:
        frame = maze.frame().astype(int)
        return int((frame[..., 0] - frame[..., 2] > 100).sum())

    pushed(maze, 30, (0.0, 1.0))
    large, place = orange(), maze.state()[1]
    maze.set_factors({"ball_size": 0.75})
    pushed(maze, 30, (0.0, 1.0))
    assert maze.state()[1] - place == pytest.approx(0.25 * 0.3, abs=0.01)
    assert orange() == pytest.approx(0.75**2 * large, rel=0.15)


def test_less_light_makes_everything_darker_in_proportion(maze: World) -> None:
    maze.set_state(np.array([1.5, 3.5, 0.0, 0.0]))
    bright = maze.frame().astype(float)
    maze.set_factors({"light": 0.5})
    np.testing.assert_allclose(maze.frame(), bright / 2, atol=2)


def test_a_colour_is_changed_where_it_is_and_nowhere_else(maze: World) -> None:
    maze.set_state(np.array([1.5, 3.5, 0.0, 0.0]))
    plain = maze.frame().astype(int)
    maze.set_factors({"wall_red": 0.25})
    change = maze.frame().astype(int) - plain
    wall = np.abs(plain - (69, 82, 102)).max(axis=-1) < 12
    assert wall.mean() > 0.2
    assert (np.abs(change[wall] - (64, 0, 0)).max(axis=-1) <= 6).mean() > 0.95
    ball = (plain[..., 0] - plain[..., 2]) > 120
    assert np.abs(change[ball]).max() <= 6


@pytest.mark.parametrize("camera", ["train", "people"])
def test_places_in_the_picture_follow_the_camera(maze: World, camera: str) -> None:
    rng = np.random.default_rng(0)
    names = [name for name, factor in maze.factors.items() if factor.kind == "camera"]
    assert len(names) == 5
    for trial in range(6):
        ranges = {name: (maze.factors[name].low, maze.factors[name].high) for name in names}
        maze.set_factors(sample_factors(ranges, np.random.default_rng(trial)))
        assert maze.scene.view != View((2.5, 2.5, 0.0), 3.5)
        state = maze.sample_state(rng)
        picture = maze.frame(camera, state=state, size=128).astype(int)
        x, y = maze.pixels(maze.located(state), camera, 128)
        around = picture[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].reshape(-1, 3).mean(axis=0)
        assert around[0] - around[2] > 100


def test_links_of_another_thickness_move_alike() -> None:
    reacher = make_named("reacher")
    state = reacher.sample_state(np.random.default_rng(0), moving=True)
    ends, frames = [], []
    for value in (0.7, 1.3):
        reacher.set_factors({"thickness": value})
        reacher.set_state(state)
        frames.append(reacher.frame())
        for _ in range(5):
            reacher.step(np.ones(2))
        ends.append(reacher.state())
    np.testing.assert_array_equal(*ends)
    assert (frames[0] != frames[1]).any()


def test_a_reset_draws_from_the_ranges_in_the_description_and_says_what_it_drew() -> None:
    world = envs.make_world({**maze_spec("umaze"), "factors": {"light": [0.5, 0.7], "mass": 2.0}})
    seen = [world.reset(seed=seed)[1]["factors"] for seed in range(20)]
    lights = [values["light"] for values in seen]
    assert min(lights) >= 0.5 and max(lights) <= 0.7 and len(set(lights)) == 20
    assert all(values["mass"] == 2.0 for values in seen)
    assert world.reset(seed=3)[1]["factors"] == seen[3]
    _, info = world.reset(options={"factors": {"light": 1.1}})
    assert info["factors"] == {"light": 1.1}
    assert world.step(np.zeros(2))[-1]["factors"] == {"light": 1.1}


def test_values_that_were_set_outlast_a_reset(maze: World) -> None:
    maze.set_factors({"light": 0.6})
    assert maze.reset(seed=0)[1]["factors"] == {"light": 0.6}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lihgt": 1.0}, "this world has no factor 'lihgt': did you mean 'light'?"),
        ({"gravity": 9.8}, "this world has no factor 'gravity'"),
        ({"mass": 3.0}, "factor 'mass' is a number from 0.5 to 2 times, got 3.0"),
        ({"mass": float("nan")}, "factor 'mass' is a number"),
        ({"mass": "heavy"}, "factor 'mass' is a number"),
    ],
)
def test_impossible_values_are_refused_and_change_nothing(maze: World, values: dict[str, Any], message: str) -> None:
    maze.set_factors({"mass": 1.5})
    with pytest.raises(ValueError) as caught:
        maze.set_factors(values)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)
    assert maze.factor_values == {"mass": 1.5}


def test_kinds_stand_for_all_their_factors_and_ranges_for_themselves(maze: World) -> None:
    factors = maze.factors
    assert checked_ranges(None, factors) == checked_ranges("none", factors) == {}
    assert set(checked_ranges("all", factors)) == set(factors)
    chosen = checked_ranges("light, physics", factors)
    assert {factors[name].kind for name in chosen} == {"light", "physics"}
    assert chosen == checked_ranges(["physics", "light"], factors)
    assert chosen["mass"] == (0.5, 2.0)
    assert checked_ranges({"mass": [0.8, 1.2], "light": 0.5}, factors) == {"mass": (0.8, 1.2), "light": (0.5, 0.5)}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("colours", "there is no kind of factors 'colours': factors are none, all, some of colour"),
        ({"mass": [1.2, 0.8]}, "the range of factor 'mass' is empty: 1.2 is above 0.8"),
        ({"mass": [0.5, 1.0, 2.0]}, "the range of factor 'mass' is [low, high] or one number"),
        ({"mass": [0.1, 1.0]}, "factor 'mass' is a number from 0.5 to 2 times, got 0.1"),
        ({"weight": [0.5, 1.0]}, "this world has no factor 'weight'"),
        (7, "factors are none, all"),
    ],
)
def test_impossible_ranges_are_refused(maze: World, asked: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        checked_ranges(asked, maze.factors)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_values_fill_their_range_evenly_and_do_not_depend_on_its_place_in_the_list() -> None:
    ranges = {"b": (0.0, 1.0), "a": (5.0, 6.0)}
    drawn = [sample_factors(ranges, np.random.default_rng(seed)) for seed in range(200)]
    assert 0.4 < np.mean([one["b"] for one in drawn]) < 0.6
    assert all(0 <= one["b"] <= 1 and 5 <= one["a"] <= 6 for one in drawn)
    assert sample_factors({"a": (5.0, 6.0), "b": (0.0, 1.0)}, np.random.default_rng(0)) == drawn[0]


def test_a_screen_hides_what_is_behind_it_and_no_picture_of_a_goal(maze: World) -> None:
    maze.reset(seed=0, options={"start": np.array([1.5, 3.5, 0.0, 0.0]), "goal": np.array([3.5, 3.5, 0.0, 0.0])})
    plain, goal = maze.frame().astype(int), maze.goal_frame()
    where = maze.scene.view.pixels(np.array([1.5, 3.5]), 64) / 64 - 0.5
    maze.set_factors({"screen": 0.4, "screen_right": float(where[0]), "screen_up": float(-where[1])})
    covered = maze.frame().astype(int)
    hidden = (np.abs(covered - (76, 76, 89)).max(axis=-1) < 30) & (covered != plain).any(axis=-1)
    assert ((covered != plain).any(axis=-1) & ~hidden).mean() < 0.02, "only the screen's edge is neither"
    assert (plain[..., 0] - plain[..., 2] > 100).any() and not (covered[..., 0] - covered[..., 2] > 100).any()
    np.testing.assert_array_equal(maze.goal_frame(), goal)
    np.testing.assert_array_equal(maze.frame(screened=False), plain)


@pytest.mark.parametrize("name", ["puck", "cube"])
def test_a_screen_takes_the_share_of_the_picture_that_it_is_said_to_take(name: str) -> None:
    world = make_named(name)
    world.reset(seed=0)
    plain = world.frame(size=128)
    world.set_factors({"screen": 0.5})
    share = float((world.frame(size=128) != plain).any(axis=-1).mean())
    level = abs(world.scene.view.axes()[2][2])  # it lies level, and is seen at an angle
    assert share == pytest.approx(0.25 * level, rel=0.15)
