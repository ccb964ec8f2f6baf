"""Mazes as text, and the ball in them."""

from pathlib import Path

import numpy as np
import pytest

import envs
from envs.play.policies import RandomPlay
from envs.registry import make_named
from envs.worlds.mazes import LAYOUTS, RADIUS, PointMazeTask, maze_spec, parse_layout, read_layout

IMPOSSIBLE = [
    ("#####\n#  #\n#####", "maze line 2 has 4 characters, line 1 has 5"),
    ("#####\n# x #\n#####", "maze line 2, column 3: 'x' is neither wall"),
    ("#####\n#   \n#####", "maze line 2 has 4 characters"),
    ("#####\n#    \n#####", "maze line 2, column 5: the border is open"),
    ("#####\n# # #\n#####", "maze line 2, column 4: no way leads here from line 2, column 2"),
    ("####\n# ##\n## #\n####", "maze line 3, column 3: no way leads here"),
    ("###\n# #\n###", "the maze has 1 free cells"),
    ("###\n###\n###", "the maze has 0 free cells"),
    ("", "the maze has 0 free cells"),
]


@pytest.mark.parametrize(("text", "message"), IMPOSSIBLE)
def test_an_impossible_maze_is_refused_in_one_line_that_says_where(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_layout(text)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=message):
        envs.make_world(maze_spec("mine", text))


def test_a_users_file_becomes_a_world_with_dots_and_spaces_alike(tmp_path: Path) -> None:
    file = tmp_path / "maze.txt"
    file.write_text("######\n#..  #\n####.#\n######\n")
    world = envs.make_world(maze_spec("mine", read_layout(file)))
    pair = world.sample_pair(np.random.default_rng(0))
    assert not world.success(pair.start, pair.goal)
    assert world.max_steps >= 2 * pair.steps


def test_an_unreadable_maze_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read the maze file .*nowhere\.txt: No such file"):
        read_layout(tmp_path / "nowhere.txt")
    (tmp_path / "bad.txt").write_text("###\n#?#\n###")
    with pytest.raises(ValueError, match=r"bad\.txt: maze line 2, column 2"):
        read_layout(tmp_path / "bad.txt")
    (tmp_path / "picture.txt").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ValueError, match="cannot read the maze file"):
        read_layout(tmp_path / "picture.txt")


def test_the_smallest_maze_still_has_goals() -> None:
    world = envs.make_world(maze_spec("tiny", "####\n#  #\n####"))
    pair = world.sample_pair(np.random.default_rng(0))
    assert pair.distance > world.tolerance


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_the_ball_stays_in_the_maze_whatever_it_runs_into(name: str) -> None:
    world = make_named(name)
    rng = np.random.default_rng(0)
    deepest = RADIUS
    for _ in range(5):
        world.set_state(world.sample_state(rng, moving=True))
        play = RandomPlay(2, rng)
        for _ in range(100):
            world.scene.step(play.act(world.state()))
            deepest = min(deepest, float(world.task.space.clearance(world.state()[None, :2])[0]))
    assert RADIUS - 0.03 < deepest < RADIUS  # it did press into walls, by less than 3 cm


def test_full_force_brings_the_ball_to_two_metres_a_second_with_inertia() -> None:
    world = envs.make_world(maze_spec("runway", "#" * 22 + "\n#" + " " * 20 + "#\n" + "#" * 22))
    world.set_state(np.array([1.5, 1.5, 0.0, 0.0]))
    speeds = []
    for _ in range(30):
        world.scene.step(np.array([1.0, 0.0]))
        speeds.append(world.state()[2])
    assert speeds[3] == pytest.approx(2.0 * (1 - np.exp(-1)), abs=0.03)  # after one time constant, 0.4 s
    assert speeds[-1] == pytest.approx(2.0, abs=0.01)
    world.scene.step(np.zeros(2))
    assert world.state()[2] == pytest.approx(2.0 * np.exp(-0.25), abs=0.03)  # it coasts


def test_walls_are_frictionless() -> None:
    world = make_named("umaze")
    world.set_state(np.array([1.3, 3.7, 0.0, 0.0]))
    for _ in range(10):
        world.scene.step(np.array([1.0, 1.0]))  # along the upper wall, pressing against it
    assert world.state()[2] == pytest.approx(2.0 * (1 - np.exp(-2.5)), abs=0.05)


def test_the_balls_place_can_be_read_from_a_frame_to_a_tenth_of_a_pixel() -> None:
    world = make_named("fourrooms")
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(60):
        state = np.array([*rng.uniform((3.0, 9.0), (4.0, 10.0)), 0.0, 0.0])
        x, y = world.pixels(state[:2], "train", 64)
        rows, columns = slice(int(y) - 4, int(y) + 5), slice(int(x) - 4, int(x) + 5)
        patch = world.frame(state=state).astype(float)[rows, columns]
        ball = patch[..., 0] - patch[..., 2] - (patch[0, 0, 0] - patch[0, 0, 2])  # how orange, beside the floor
        at_x = (ball.sum(axis=0) * (np.arange(9) + columns.start + 0.5)).sum() / ball.sum()
        at_y = (ball.sum(axis=1) * (np.arange(9) + rows.start + 0.5)).sum() / ball.sum()
        errors.append((at_x - x, at_y - y))
    assert np.sqrt(np.mean(np.square(errors))) < 0.1


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_states_are_drawn_from_every_cell_and_touch_no_wall(name: str) -> None:
    world = make_named(name)
    rng = np.random.default_rng(0)
    states = np.stack([world.sample_state(rng) for _ in range(3000)])
    assert world.task.space.clearance(states[:, :2]).min() >= RADIUS
    cells = {(int(x), int(y)) for x, y in states[:, :2]}
    assert len(cells) == (~parse_layout("\n".join(LAYOUTS[name]))).sum()
    np.testing.assert_array_equal(states[:, 2:], 0.0)


def test_random_play_bumps_into_walls_and_covers_the_medium_maze() -> None:
    world = make_named("medium")
    rng = np.random.default_rng(0)
    visited = []
    for _ in range(60):
        world.set_state(world.sample_state(rng, moving=True))
        play = RandomPlay(2, rng)
        for _ in range(60):
            world.scene.step(play.act(world.state()))
            visited.append(world.state())
    states = np.stack(visited)
    rows, columns = np.nonzero(~parse_layout("\n".join(LAYOUTS["medium"])))
    assert {(int(x), int(y)) for x, y in states[:, :2]} >= set(zip(columns.tolist(), (7 - rows).tolist(), strict=True))
    assert 0.2 < (world.task.space.clearance(states[:, :2]) < RADIUS + 1e-3).mean() < 0.7
    assert np.linalg.norm(states[:, 2:], axis=1).mean() * world.dt == pytest.approx(0.1, abs=0.03)


def test_success_does_not_reach_through_a_wall() -> None:
    task = PointMazeTask(parse_layout("\n".join(LAYOUTS["umaze"])), max_steps=1)
    below, above = np.array([1.5, 1.7, 0, 0]), np.array([1.5, 3.3, 0, 0])
    assert np.hypot(*(below - above)[:2]) < 2.0
    assert not task.success(below, above)
    assert task.distance(below, above) > 4.0
    assert task.success(below, below + np.array([0.2, 0.1, 0, 0]))
    assert not task.success(below, below + np.array([0.26, 0, 0, 0]))
