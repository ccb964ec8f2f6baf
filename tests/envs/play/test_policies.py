"""Random play, as numbers."""

import numpy as np
import pytest

from envs import WORLDS, make_world
from envs.play.policies import PushPlay, RandomPlay


def played(seed: int, steps: int = 4000, action_dim: int = 2) -> np.ndarray:
    play = RandomPlay(action_dim, np.random.default_rng(seed))
    return np.stack([play.act(np.zeros(4)) for _ in range(steps)])


def test_play_depends_on_its_generator_alone() -> None:
    np.testing.assert_array_equal(played(1), played(1))
    assert (played(1) != played(2)).any()


@pytest.mark.parametrize("action_dim", [1, 2, 7])
def test_actions_fit_the_bounds_and_the_dimension(action_dim: int) -> None:
    actions = played(0, 500, action_dim)
    assert actions.shape == (500, action_dim)
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1.0


def test_a_direction_lasts_for_five_to_fifteen_steps() -> None:
    actions = np.concatenate([played(seed) for seed in range(4)])[:, 0]
    moving = actions - actions.mean()
    correlation = [(moving[:-lag] * moving[lag:]).mean() / moving.var() for lag in (2, 5, 15, 40)]
    assert correlation[0] > 0.6
    assert correlation[1] > np.exp(-1)
    assert correlation[2] < np.exp(-1)
    assert abs(correlation[3]) < 0.1


def test_play_often_pushes_fully_and_sometimes_coasts() -> None:
    actions = np.concatenate([played(seed) for seed in range(4)])
    assert (np.abs(actions) == 1.0).mean() > 0.4
    assert 0.05 < (actions == 0.0).all(axis=1).mean() < 0.25
    assert np.abs(actions.mean(axis=0)).max() < 0.1


def gliding(play: PushPlay, steps: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Actions ``(steps, A)`` and places of a weightless pusher ``(steps, 2)`` that walks through its object."""
    place, actions, places = np.array([1.0, 0.5]), [], []
    for _ in range(steps):
        actions.append(play.act(place))
        place = place + 0.1 * actions[-1][:2]
        places.append(place)
    return np.stack(actions), np.stack(places)


def push_play(seed: int = 0, action_dim: int = 2) -> PushPlay:
    return PushPlay(action_dim, np.random.default_rng(seed), lambda state: (state, np.zeros(2)), reach=0.2)


def test_pushing_play_depends_on_its_generator_and_the_state_alone() -> None:
    np.testing.assert_array_equal(gliding(push_play(1), 300)[0], gliding(push_play(1), 300)[0])
    assert (gliding(push_play(1), 300)[0] != gliding(push_play(2), 300)[0]).any()


@pytest.mark.parametrize("action_dim", [2, 5])
def test_actions_of_pushing_play_fit_the_bounds_and_the_dimension(action_dim: int) -> None:
    actions, _ = gliding(push_play(0, action_dim), 500)
    assert actions.shape == (500, action_dim)
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1.0
    assert (actions.std(axis=0) > 0.3).all()


def test_pushing_play_comes_to_the_object_from_all_sides_and_also_leaves_it_alone() -> None:
    _, places = gliding(push_play())
    distance = np.hypot(*places.T)
    entering = places[1:][(distance[1:] < 0.2) & (distance[:-1] >= 0.2)]
    assert len(entering) > 40
    sides = np.histogram(np.arctan2(entering[:, 1], entering[:, 0]), bins=4, range=(-np.pi, np.pi))[0]
    assert sides.min() > 0.1 * len(entering)
    assert 0.1 < (distance > 0.6).mean() < 0.7


@pytest.mark.parametrize("name", WORLDS)
def test_play_that_looks_at_the_simulators_state_is_called_scripted(name: str) -> None:
    """Whether its actions are others where the body stands elsewhere, drawn from the same random numbers."""
    world, rng = make_world(WORLDS[name]), np.random.default_rng(0)
    here, there = (world.sample_state(rng) for _ in range(2))
    differs = False
    for seed in range(6):
        one, other = (world.task.play(world.scene.action_dim, np.random.default_rng(seed)) for _ in range(2))
        differs |= any(not np.array_equal(one.act(here), other.act(there)) for _ in range(40))
    assert differs == world.task.scripted
