"""The runner: what it stands on, how far random play takes it, and when it has arrived."""

import numpy as np
import pytest

from envs.registry import make_named
from envs.worlds.runner import Rhythm, RunnerTask

WORLD = make_named("runner")
TASK = WORLD.task


def standing(along: float, tilt: float = 0.0) -> np.ndarray:
    state = np.zeros(WORLD.scene.state_dim)
    state[[0, 2]] = along, tilt
    return state


def test_the_distance_is_along_the_pen_and_arriving_asks_for_an_upright_trunk() -> None:
    assert isinstance(TASK, RunnerTask)
    assert TASK.distance(standing(0.4, 1.0), standing(-0.3)) == pytest.approx(0.7)
    assert TASK.success(standing(0.09, 0.5), standing(0.0))
    assert not TASK.success(standing(0.11), standing(0.0))
    assert not TASK.success(standing(0.0, 1.0), standing(0.0))
    assert TASK.success(standing(0.0, 2 * np.pi + 0.1), standing(0.0))


def test_starts_stand_on_the_floor_and_stay_where_they_are() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        start = WORLD.sample_state(rng)
        WORLD.set_state(start)
        for _ in range(10):
            WORLD.scene.step(np.zeros(6))
        assert abs(WORLD.state()[0] - start[0]) < 0.3
        assert abs(WORLD.state()[1] - start[1]) < 0.25  # it sinks into its springs, and falls from nowhere


def test_a_rhythm_carries_the_runner_and_the_pen_holds_it() -> None:
    farthest, ways = 0.0, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        WORLD.set_state(WORLD.sample_state(rng))
        play, places = Rhythm(6, rng), [WORLD.state()[0]]
        for _ in range(60):
            WORLD.scene.step(play.act(WORLD.state()))
            places.append(WORLD.state()[0])
        ways.append(np.ptp(places))
        farthest = max(farthest, np.abs(places).max())
    assert np.median(ways) > 0.5
    assert farthest < 2.0


def test_the_trunk_is_seen_in_the_picture_wherever_it_stands() -> None:
    for along in (-1.2, 1.2):
        x, y = WORLD.pixels(WORLD.located(standing(along)), "train", 64)
        assert 5 < x < 59
        assert 5 < y < 59
