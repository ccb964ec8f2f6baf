"""Environments in Python as worlds: led to their states, judged by their user's word, and refused in one line."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

from envs.data.collect import collect
from envs.outside.python import environment_spec
from envs.outside.sources import OutsideError
from envs.registry import make_world


class Dot(gymnasium.Env):
    """A dot on a strip 2 m long; the action, from 0 to 10, is its speed in dm/s to the right of 5."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    action_space: gymnasium.Space = gymnasium.spaces.Box(0.0, 10.0, (1,), np.float32)
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def __init__(self, render_mode: str | None = "rgb_array", ends: int = 10**9) -> None:
        self.render_mode, self.ends, self.size = render_mode, ends, 32

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.x, self.taken = self.np_random.uniform(-1, 1), 0
        return np.array([self.x]), {"state": np.array([self.x])}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.x, self.taken = float(np.clip(self.x + 0.1 * (action[0] - 5) / 5, -1, 1)), self.taken + 1
        return np.array([self.x]), 0.0, self.taken >= self.ends, False, {"state": np.array([self.x])}

    def render(self) -> Any:
        picture = np.zeros((self.size, self.size, 3), np.uint8)
        picture[:, int((self.x + 1) / 2 * (self.size - 1))] = 255
        return picture


def near(info: dict[str, Any], goal: dict[str, Any]) -> bool:
    return bool(abs(info["state"] - goal["state"]) < 0.05)


def test_actions_from_minus_one_to_one_span_the_environments_own_range() -> None:
    world = make_world(environment_spec(Dot, near))
    world.reset(seed=0, options={"goal": None})
    began = world.scene.live.info["state"][0]
    step = -np.sign(began)
    world.step(np.array([step]))
    assert world.scene.live.info["state"][0] == pytest.approx(began + 0.1 * step)
    world.use_own_units()
    world.step(np.array([5.0 + 5.0 * step]))
    assert world.scene.live.info["state"][0] == pytest.approx(began + 0.2 * step)
    assert world.action_space.high == 10.0


def test_a_pair_is_a_reset_and_a_picture_that_other_play_came_to_and_is_the_same_in_every_process() -> None:
    one, other = (make_world(environment_spec(Dot, near)) for _ in range(2))
    pair = one.sample_pair(np.random.default_rng(4), 10, 20)
    assert 10 <= pair.distance < 20 and pair.start[1] == 0 and not one.success(pair.start, pair.goal)
    for world in (one, other):
        world.reset(options={"start": pair.start, "goal": pair.goal})
    np.testing.assert_array_equal(one.goal_frame(), other.frame(state=pair.goal))
    assert (one.goal_frame() != one.frame()).any()


def test_success_is_what_the_users_function_says_of_here_and_of_the_goal() -> None:
    world = make_world(environment_spec(Dot, near))
    pair = world.sample_pair(np.random.default_rng(1))
    world.reset(options={"start": pair.start, "goal": pair.goal})
    goal = world.scene.moment(pair.goal)[1]["state"][0]
    for _ in range(30):
        gap = goal - world.scene.live.info["state"][0]
        info = world.step(np.clip([10 * gap], -1, 1))[-1]
        assert info["success"] == (abs(world.scene.live.info["state"][0] - goal) < 0.05)
        if info["success"]:
            return
    pytest.fail("it never arrived")


def test_without_a_function_goals_are_moments_of_play_that_the_environment_calls_a_success() -> None:
    class Right(Dot):
        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            *rest, info = super().step(action)
            return *rest, {**info, "success": self.x > 0.5}  # type: ignore[return-value]

        def reset(self, **asked: Any) -> tuple[np.ndarray, dict[str, Any]]:
            seen, info = super().reset(**asked)
            return seen, {**info, "success": self.x > 0.5}

    world = make_world(environment_spec(Right))
    for seed in range(3):
        pair = world.sample_pair(np.random.default_rng(seed))
        assert world.scene.moment(pair.goal)[1]["state"] > 0.5 >= world.scene.moment(pair.start)[1]["state"]


class Tasks(Dot):
    """Sets the place to go to itself, and shows it."""

    def reset(self, **asked: Any) -> tuple[np.ndarray, dict[str, Any]]:
        seen, info = super().reset(**asked)
        begun, self.x = self.x, self.np_random.uniform(-1, 1)
        self.aim, shown, self.x = self.x, self.render(), begun
        return seen, {**info, "goal_frame": shown, "aim": self.aim}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        *rest, info = super().step(action)
        return *rest, {**info, "success": abs(self.x - self.aim) < 0.05}  # type: ignore[return-value]


def test_a_pair_of_an_environment_that_sets_goals_is_what_its_reset_sets() -> None:
    world = make_world(environment_spec(Tasks))
    pair = world.sample_pair(np.random.default_rng(3))
    assert pair.goal[0] == pair.start[0] and not world.success(pair.start, pair.goal)
    world.reset(options={"start": pair.start, "goal": pair.goal})
    aim = world.scene.live.info["aim"]
    alone = Tasks()
    alone.reset(seed=int(pair.start[0]))
    alone.x = aim
    np.testing.assert_array_equal(world.goal_frame("people"), world.frame("people", state=pair.goal))
    np.testing.assert_array_equal(world.scene.moment(pair.goal)[0], alone.render())
    for _ in range(30):
        info = world.step(np.clip([10 * (aim - world.scene.live.info["state"][0])], -1, 1))[-1]
        if info["success"]:
            return
    pytest.fail("it never arrived")


def test_only_a_world_that_sets_goals_has_them_as_states() -> None:
    world = make_world(environment_spec(Dot, near))
    with pytest.raises(ValueError, match="a state of this world is a seed"):
        world.frame(state=world.scene.way(3, -1))


def test_a_shown_goal_that_is_no_picture_is_refused() -> None:
    class Told(Tasks):
        def reset(self, **asked: Any) -> tuple[np.ndarray, dict[str, Any]]:
            seen, info = super().reset(**asked)
            return seen, {**info, "goal_frame": np.zeros(3)}

    world = make_world(environment_spec(Told))
    with pytest.raises(OutsideError, match=r"Told draws float64 \(3,\): render\(\) must return uint8"):
        world.sample_pair(np.random.default_rng(0))


def test_an_episode_is_shown_again_as_it_was() -> None:
    world = make_world(environment_spec(Dot, near))
    world.reset(seed=2)
    rng, path, seen = np.random.default_rng(0), [world.state()], [world.frame("people")]
    for _ in range(6):
        world.step(rng.uniform(-1, 1, 1))
        path.append(world.state())
        seen.append(world.frame("people"))
    stored = np.round(np.stack(path), 4)  # as they are written down
    np.testing.assert_array_equal(world.frames(stored, "people"), seen)
    np.testing.assert_array_equal(world.frames(stored, "people", [0, 3, 6]), [seen[0], seen[3], seen[6]])


def test_a_recording_ends_where_the_environment_ends_it_and_keeps_what_it_tells(tmp_path: Any) -> None:
    spec = environment_spec(lambda: Dot(ends=7), near)
    store = collect(spec, tmp_path / "data", episodes=3, steps=20, seed=0, workers=1, progress=False)
    assert store.lengths.tolist() == [7, 7, 7] and store.manifest["states"] and store.manifest["renderer"] is None
    episode = store.load(1)
    moved = 0.1 * episode.actions[:, 0].astype(np.float64)
    inside = np.abs(episode.states[1:, 0]) < 1
    np.testing.assert_allclose(np.diff(episode.states[:, 0])[inside], moved[inside], atol=1e-5)
    assert episode.frames.shape == (8, 64, 64, 3)


DRAWN_BY_MUJOCO = """
import gymnasium, mujoco, numpy as np
from envs.outside.python import environment_spec

class Drawn(gymnasium.Env):
    render_mode = "rgb_array"
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='.1'/></worldbody></mujoco>")

    def reset(self, *, seed=None, options=None):
        self.data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self.data)
        return np.zeros(1), {}

    def render(self):
        renderer = mujoco.Renderer(self.model, 32, 32)
        renderer.update_scene(self.data)
        return renderer.render()

print(environment_spec(Drawn)["name"])
"""


def test_an_environment_that_draws_with_mujocos_renderer_needs_no_screen_and_no_variable() -> None:
    without = {name: value for name, value in os.environ.items() if name not in ("MUJOCO_GL", "DISPLAY")}
    done = subprocess.run([sys.executable, "-c", DRAWN_BY_MUJOCO], env=without, capture_output=True, text=True)
    assert done.stdout == "Drawn\n", done.stderr


def test_nothing_is_made_because_a_description_names_it() -> None:
    spec = {**environment_spec(Dot, near), "name": "os:system"}
    with pytest.raises(OutsideError, match="no recording or checkpoint may name one"):
        make_world(spec)


class Growing(Dot):
    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.size += 1
        return super().step(action)


class Grey(Dot):
    def render(self) -> Any:
        return super().render()[..., 0]


class Blind(Dot):
    def render(self) -> Any:
        return None


class Keys(Dot):
    action_space = gymnasium.spaces.Dict({"wheel": gymnasium.spaces.Box(-1, 1, (1,))})


class Endless(Dot):
    action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: Blind(render_mode=None),
            "gives no pictures, its render_mode is None: make it with render_mode='rgb_array'",
        ),
        (Grey, r"draws uint8 \(32, 32\): render\(\) must return uint8 \(height, width, 3\)"),
        (Keys, "takes actions of Dict.*: a Box of one axis is needed"),
        (Endless, "takes actions without bounds: give its Box finite low and high"),
        (lambda: 3, "returned int: return a gymnasium.Env"),
        (lambda: Dot("rgb_array", 1, 2, 3), "the environment cannot be made: TypeError: .*takes from 1 to 3"),
        (Growing, "draws 33 x 33 pixels, before it was 32 x 32: all pictures must be of one size"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(OutsideError, match=said) as told:
        world = make_world(environment_spec(make, near))
        world.reset(seed=0, options={"goal": None})
        world.step(np.zeros(1))
    assert "\n" not in str(told.value)


def test_when_nothing_says_that_a_goal_is_reached_the_line_says_how_to() -> None:
    world = make_world(environment_spec(Dot))
    with pytest.raises(OutsideError, match="world.success=my_module:success"):
        world.sample_pair(np.random.default_rng(0))
