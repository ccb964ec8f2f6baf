"""Every form of a goal is read by one parser, and what cannot be meant is told in one line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from envs.data.collect import collect
from envs.goals.forms import around, goal_asked, goal_of
from envs.goals.record import Goal, GoalError, progress
from envs.registry import WORLDS, make_named
from envs.world import World
from housecat.errors import UsageError
from housecat.settings.config import load_config


@pytest.fixture(scope="module")
def puck() -> World:
    return make_named("puck")


@pytest.fixture(scope="module")
def umaze() -> World:
    return make_named("umaze")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("goals") / "umaze"
    collect(WORLDS["umaze"], folder, 3, 8, 0, 1, progress=False)
    return folder


def asked(world: World, *words: str) -> Goal | None:
    """What the command line asks for."""
    return goal_asked(load_config(list(words)).goal.form(), world)


def saved(folder: Path, picture: np.ndarray, name: str = "goal.png") -> Path:
    Image.fromarray(picture).save(folder / name)
    return folder / name


def test_what_is_not_named_is_free_and_what_is_named_counts_within_the_world_s_tolerance(puck: World) -> None:
    goal = asked(puck, "goal.puck=[0.2,-0.1]")
    assert goal is not None and list(goal.regions) == ["puck"]
    for away, reached in ((0.079, True), (0.081, False)):
        for pusher in ((0.5, 0.5), (-0.5, 0.1)):
            state = np.array([*pusher, 0.2 + away, -0.1, 0, 0, 0, 0])
            assert progress(goal, puck.task, state)[0] is reached


def test_several_quantities_all_have_to_hold_and_python_says_the_same_as_the_command_line(puck: World) -> None:
    both = asked(puck, "goal.puck=[0.2,-0.1]", "goal.pusher=[0,0.3]")
    assert both == goal_of({"puck": (0.2, -0.1), "pusher": (0, 0.3)}, puck)
    assert both is not None
    for state, reached in (([0, 0.3, 0.2, -0.1], True), ([0, 0.5, 0.2, -0.1], False), ([0, 0.3, 0.4, -0.1], False)):
        assert progress(both, puck.task, np.array([*state, 0, 0, 0, 0]))[0] is reached


def test_a_region_is_a_ball_or_a_box(puck: World) -> None:
    ball = asked(puck, "goal.region={puck: {center: [0.2, 0.1], radius: 0.3}}")
    box = asked(puck, "goal.region={puck: {low: [0, -1], high: [0.4, 0]}}")
    assert ball is not None and box is not None
    for place, in_ball, in_box in (((0.4, 0.3), True, False), ((0.3, -0.4), False, True), ((-0.2, 0.1), False, False)):
        state = np.array([0.6, 0.6, *place, 0, 0, 0, 0])
        assert [progress(one, puck.task, state)[0] for one in (ball, box)] == [in_ball, in_box]


def test_an_angle_that_turns_is_reached_the_short_way_round() -> None:
    reacher = make_named("reacher")
    goal = goal_of({"shoulder": 3.1}, reacher)
    for angle, reached in ((-3.13, True), (3.1 + 4 * np.pi, True), (-2.9, False), (0.0, False)):
        assert progress(goal, reacher.task, np.array([angle, 0.3, 0, 0]))[0] is reached


def test_a_sequence_is_reached_one_after_the_other_and_any_of_several_at_once(umaze: World) -> None:
    rng = np.random.default_rng(0)
    first, second = (umaze.sample_state(rng) for _ in range(2))
    text = f"goal.state=[{first.tolist()},{second.tolist()}]"
    ordered, either = asked(umaze, text, "goal.order=sequence"), asked(umaze, text)
    assert ordered is not None and either is not None
    assert [progress(either, umaze.task, state)[0] for state in (first, second)] == [True, True]
    done, reached = 0, []
    for state in (second, first, second):
        found, done = progress(ordered, umaze.task, state, done)
        reached.append(found)
    assert reached == [False, False, True]
    umaze.reset(options={"start": second, "goal": ordered})
    assert not umaze.step(np.zeros(2))[4]["success"]


def test_an_episode_towards_a_partial_goal_ends_where_it_holds(puck: World) -> None:
    goal = goal_of({"puck": (0.0, 0.0)}, puck)
    near = np.array([0.5, 0.5, 0.01, 0.0, 0, 0, 0, 0])
    with pytest.raises(ValueError, match="comes with states"):
        puck.reset(options={"start": near, "goal": goal})
    known = Goal(goal.regions, states=near[None])
    puck.reset(seed=0, options={"goal": known})
    assert not progress(known, puck.task, puck.state())[0], "no start is solved"
    puck.reset(options={"start": near, "goal": known})
    assert puck.step(np.zeros(2))[2]


def test_pictures_are_read_from_files_and_frames_from_recordings(umaze: World, recording: Path, tmp_path: Path) -> None:
    frame = umaze.frame(state=umaze.sample_state(np.random.default_rng(1)))
    file = saved(tmp_path, frame)
    one, two = (
        asked(umaze, f"goal={file}"),
        asked(umaze, f"goal.pictures=[{file},{saved(tmp_path, frame[::-1], 'b.png')}]"),
    )
    assert one is not None and one.pictures is not None and not one.judged
    np.testing.assert_array_equal(one.pictures, frame[None])
    assert two is not None and two.pictures is not None and two.pictures.shape == (2, 64, 64, 3)
    found = asked(umaze, f"goal.data={recording}", "goal.episode=1", "goal.frame=4")
    assert found is not None and found.states is not None and found.pictures is not None
    assert not found.states[0, 2:].any(), "a goal is at rest"
    np.testing.assert_array_equal(umaze.frame(state=found.states[0]), found.pictures[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["goal.pukc=[0,0]"], "no quantity 'pukc' to ask for: there are pusher, puck"),
        (["goal.puck_velocity=[0,0]"], "there are pusher, puck"),
        (["goal.puck=[0,0,0]"], "goal.puck is 2 numbers (m), got 3"),
        (["goal.puck=[0.1,nan]"], "goal.puck must be numbers"),
        (["goal.puck=left"], "goal.puck must be numbers, got 'left'"),
        (["goal.puck=[3,0]"], "out of the world's range, -0.629 to 0.629 x -0.627 to 0.627 m: got [3.0, 0.0]"),
        (["goal.region={puck: {middle: [0,0]}}"], "center and radius, or low and high, got middle"),
        (["goal.region={puck: {center: [0,0], radius: -1}}"], "radius"),
        (["goal.region={puck: {low: [0.3,0], high: [0,0]}}"], "low is above its high"),
        (["goal.region=puck"], "goal.region names quantities"),
        (["goal.state=[1,2]"], "a state of world 'puck' is 8 finite numbers, got 2"),
        (["goal.puck=[0,0]", "goal.state=[0,0,0.5,0.5,0,0,0,0]"], "goal.state and goal.NAME exclude each other"),
        (["goal.puck=[0,0]", "goal.region={puck: {low: [0,0], high: [1,1]}}"], "leave one of them out"),
        (["goal.episode=3"], "name it with goal.data=DIR"),
        (["goal.puck=[0,0]", "goal.order=sequence"], "goal.order is of several"),
        (["goal=nowhere.png"], "nowhere.png cannot be read: No such file"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(puck: World, words: list[str], said: str) -> None:
    with pytest.raises(GoalError) as caught:
        asked(puck, *words)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_hold_no_goal_are_told_in_one_line(umaze: World, recording: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    wide = saved(tmp_path, np.zeros((48, 64, 3), np.uint8))
    for words, said in (
        ([f"goal={tmp_path / 'text.png'}"], "is no picture (PNG, JPEG, WEBP, BMP)"),
        ([f"goal={wide}"], "is 48 x 64 pixels, the camera of this world sees 64 x 64"),
        ([f"goal.data={recording}", "goal.episode=3"], "has the episodes 0 to 2, got goal.episode=3"),
        ([f"goal.data={recording}", "goal.frame=9"], "has the frames 0 to 8, got goal.frame=9"),
    ):
        with pytest.raises(GoalError) as caught:
            asked(umaze, *words)
        assert said in str(caught.value) and "\n" not in str(caught.value)


def test_parts_of_a_goal_are_its_own_values_and_an_unknown_one_is_refused(puck: World) -> None:
    state = puck.sample_pair(np.random.default_rng(2)).goal
    regions = around(puck, state, ["puck"])
    assert regions["puck"].low == tuple(state[2:4]) and regions["puck"].radius == puck.tolerance
    with pytest.raises(GoalError, match="no quantity 'ball' to ask for"):
        around(puck, state, ["ball"])


def test_what_is_no_goal_in_python_is_told_in_one_line(puck: World) -> None:
    for wrong, said in (
        ({}, "a goal asks for something"),
        ([], "a state of world 'puck' is 8 finite numbers, got 0"),
        ("puck", "world 'puck' does not know what 'puck' means: ask for one of"),
        (7, "a goal is a picture uint8 (h, w, 3), a state, or quantities by name, got 7"),
        ([np.zeros((64, 64, 3), np.uint8), np.zeros(8)], "several goals in a list are pictures of one size, or states"),
        (np.zeros((32, 32, 3), np.uint8), "the goal picture is 32 x 32 pixels"),
        ({"puck": {"center": (0, 0), "radius": "wide"}}, "goal.puck must be numbers"),
    ):
        with pytest.raises(GoalError) as caught:
            goal_of(wrong, puck)
        assert said in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(GoalError, match="any or sequence, got 'all'"):
        goal_of(np.zeros(8), puck, "all")


def test_a_quantity_is_a_setting_of_no_section_but_the_goal_s() -> None:
    with pytest.raises(UsageError, match="there is no setting 'train.puck'"):
        load_config(["train.puck=[0,0]"])
