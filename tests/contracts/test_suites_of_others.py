"""Suites of others that need versions of their own; `.ci/outside` installs these, and runs this."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

import envs
from envs.data.collect import record_episode
from envs.outside.description import outside_spec
from envs.outside.python import environment_spec
from envs.outside.sources import OutsideError

pytestmark = pytest.mark.outside


def made(package: str, name: str, **given: Any) -> Callable[[], gymnasium.Env]:
    pytest.importorskip(package)
    return lambda: gymnasium.make(name, render_mode="rgb_array", disable_env_checker=True, **given)


def reached(info: dict[str, Any], goal: dict[str, Any]) -> bool:
    return bool(info.get("is_success", info.get("success", False)))


@pytest.mark.parametrize(
    ("package", "name", "actions"),
    [
        ("gymnasium_robotics", "HandReach-v3", 20),
        ("gymnasium_robotics", "HandManipulateBlock-v1", 20),
        ("ogbench", "pointmaze-medium-v0", 2),
    ],
)
def test_an_environment_whose_robot_moves_by_actuators_is_a_world(package: str, name: str, actions: int) -> None:
    pytest.importorskip(package)
    world = envs.make_world(outside_spec(f"gymnasium/{name}"))
    episode = record_episode(world, 0, 0, 3)
    assert episode.actions.shape == (3, actions) and np.isfinite(episode.states).all()
    assert all(frame.std() > 5 for frame in episode.frames)


@pytest.mark.parametrize(
    ("package", "name", "why"),
    [
        ("gymnasium_robotics", "FetchReach-v4", "drags its robot by a mocap body"),
        ("ogbench", "cube-single-v0", r"takes actions of shape \(5,\) and has 7 actuators"),
    ],
)
def test_one_with_control_code_of_its_own_is_told_from_it_and_is_a_world_as_an_environment_in_python(
    package: str, name: str, why: str
) -> None:
    make = made(package, name)
    with pytest.raises(OutsideError, match=f"{why}.*world=python world.factory=my_module:make_env") as told:
        outside_spec(f"gymnasium/{name}")
    assert "\n" not in str(told.value)
    world = envs.make_world(environment_spec(make, reached))
    episode = record_episode(world, 0, 0, 4)
    assert episode.actions.shape[0] == 4 and episode.frames[0].std() > 5
    assert (episode.frames[0] != episode.frames[-1]).any()


def test_ogbenchs_own_tasks_are_the_pairs_of_its_environments() -> None:
    """Five goals an environment, which it sets and shows itself."""
    make = made("ogbench", "cube-single-v0")

    class Tasks(gymnasium.Wrapper[Any, Any, Any, Any]):
        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            seen, info = self.env.reset(seed=seed, options={"task_id": 1 + (seed or 0) % 5, "render_goal": True})
            return seen, {**info, "goal_frame": info["goal_rendered"]}

    world = envs.make_world(environment_spec(lambda: Tasks(make())))
    pairs = [world.sample_pair(np.random.default_rng(seed)) for seed in range(3)]
    for pair in pairs:
        assert pair.goal[0] == pair.start[0] and not world.success(pair.start, pair.goal)
        world.reset(options={"start": pair.start, "goal": pair.goal})
        assert (world.goal_frame() != world.frame()).any()
        assert world.step(np.zeros(world.action_space.shape))[-1]["success"] is False
