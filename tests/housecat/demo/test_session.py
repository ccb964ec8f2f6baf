"""What is played, without a page: goals, pushes, settings, steering by hand, and a clock that can be stopped."""

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from envs.data.episodes import StoreError
from envs.data.store import EpisodeStore
from envs.goals.record import GoalError
from housecat.demo.asking import Recorded, pictured, put, said
from housecat.demo.loop import Loop
from housecat.demo.picture import beside
from housecat.demo.session import Moment, Session
from housecat.demo.tape import Tape
from housecat.errors import UsageError
from housecat.runs.wiring import plan_for_store
from tests.housecat.demo.conftest import composed


def test_a_dragged_handle_changes_the_goal_of_the_player_and_what_counts_as_reached(puck: Session) -> None:
    puck.restart(True)
    puck.ask(put(np.array([0.3, -0.2, 0.1]), puck.world))
    before = puck.step()
    assert before.wanted is not None and np.allclose(before.wanted[2:4], [0.3, -0.2], atol=0.09)
    assert np.allclose(before.aim[0, :2], before.wanted[2:4]) and not before.reached
    assert (before.goal == puck.world.frame(state=before.wanted)).all()
    there = before.wanted.copy()
    puck.world.set_state(there)
    assert puck.step().reached
    puck.ask(put(np.array([-0.3, 0.2, 0.1]), puck.world))
    after = puck.step()
    assert not after.reached and after.energy > before.energy - 100 and not (after.goal == before.goal).all()


def test_a_goal_of_ones_own_stays_after_a_reset_and_another_start_has_another(medium: Session) -> None:
    medium.restart(True)
    drawn = medium.look()
    assert drawn.wanted is not None and not medium.world.success(drawn.state, drawn.wanted)
    medium.ask(said("position=[1.5, 1.5]", medium.world))
    asked = medium.look().wanted
    medium.step()
    medium.restart()
    again = medium.look()
    assert asked is not None and again.wanted is not None and (again.wanted == asked).all()
    assert (again.state == drawn.state).all() and again.step == 0
    medium.restart(True)
    assert not (medium.look().state == drawn.state).all() and not (medium.look().wanted == asked).all()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("to the corner", "does not know what"),
        ("puck=[1, 2]", "no quantity"),
        ("position=[99, 99]", "out of the world's range"),
        ("position=[1", "cannot be read"),
        ("position=[0.1]", "2 numbers"),
    ],
)
def test_a_line_that_says_no_goal_is_answered_and_changes_nothing(medium: Session, text: str, reason: str) -> None:
    before = medium.look()
    with pytest.raises(GoalError, match=reason):
        medium.ask(said(text, medium.world))
    assert (medium.look().goal == before.goal).all()


def test_a_sentence_is_a_goal_and_a_model_without_words_says_so_and_keeps_its_own(medium: Session) -> None:
    before = medium.look()
    with pytest.raises(UsageError, match="learnt no words"):
        medium.ask(said("go to the top left", medium.world))
    after = medium.look()
    assert (after.goal == before.goal).all() and (after.wanted == before.wanted).all()


def test_a_picture_of_any_size_is_a_goal_and_what_is_none_is_refused(medium: Session) -> None:
    medium.restart(True)
    content = io.BytesIO()
    state = medium.world.sample_state(np.random.default_rng(1))
    Image.fromarray(medium.world.frame(state=state, size=128)).save(content, "PNG")
    medium.ask(pictured(content.getvalue(), medium.world))
    seen = medium.step()
    assert seen.wanted is None and len(seen.aim) == 0 and seen.goal.shape == (64, 64, 3)
    assert np.abs(seen.goal.astype(int) - medium.world.frame(state=state)).mean() < 8
    with pytest.raises(GoalError, match="no picture"):
        pictured(b"<svg/>", medium.world)
    medium.restart(True)


def test_recorded_frames_are_goals_also_where_only_landmarks_are_left(medium: Session) -> None:
    recorded = Recorded(medium.world, None, medium.trained.landmarks)
    assert recorded.count > 100
    medium.ask(recorded.goal(7))
    assert (medium.look().goal == recorded.picture(7)).all()
    medium.restart(True)


def test_what_is_imagined_begins_where_the_ball_is_and_a_push_surprises(medium: Session) -> None:
    medium.restart(True)
    calm = [medium.step() for _ in range(6)]
    for seen in calm[1:]:
        assert seen.path.shape == (4, 3)
        assert np.linalg.norm(seen.path[0, :2] - seen.state[:2]) < 0.15, "m"
    usual = max(seen.surprise for seen in calm[2:])
    velocity = medium.world.state()[2:]
    medium.shove(3.0)
    assert np.linalg.norm(medium.world.state()[2:] - velocity) == pytest.approx(3.0)
    medium.step()
    assert medium.step().surprise > 1.5 * usual


def test_a_pull_with_the_mouse_moves_the_body_that_is_pulled_and_ends(puck: Session) -> None:
    puck.restart(True)
    model = puck.world.scene.models["train"]
    body = model.body("puck").id
    puck.steer(np.zeros(2))
    start = puck.world.state()
    puck.world.set_state(np.array([-0.5, -0.5, 0.1, 0.1, 0, 0, 0, 0]))
    puck.world.scene.push(body, np.array([2.0, 0.0, 0.0]))
    puck.step()
    pulled = puck.world.state()
    assert pulled[2] > 0.1 and pulled[6] > 0.1 and (pulled[:2] == [-0.5, -0.5]).all()
    puck.world.scene.push(body, np.zeros(3))
    puck.step()
    assert puck.world.state()[6] < pulled[6], "nothing pulls any more, and it slows down"
    puck.world.set_state(start)
    puck.steer(None)


def test_another_player_plays_on_and_who_lacks_something_is_not_offered(medium: Session) -> None:
    assert {"random", "flat_distance", "hierarchy", "oracle"} <= set(medium.players)
    assert not {"hjepa", "cloning", "true_distance"} & set(medium.players)
    medium.restart(True)
    for name in ("random", "oracle", "configured", "hierarchy"):
        medium.choose(name)
        seen = medium.step()
        assert medium.player == name and np.isnan(seen.energy) == (name == "random")
        assert ("steps to go; " in seen.decided) == (name == "configured"), "it says how it plans, and why"
    with pytest.raises(UsageError, match="second level|upper"):
        medium.choose("hjepa")
    assert medium.player == "hierarchy" and np.isfinite(medium.step().energy)


def test_a_setting_changes_the_next_plan_and_a_wrong_one_nothing(medium: Session) -> None:
    medium.restart(True)
    medium.step()
    medium.set("planner.horizon", "6")
    assert medium.step().path.shape == (6, 3)
    with pytest.raises(UsageError, match=r"planner\.samples"):
        medium.set("planner.samples", "1")
    with pytest.raises(UsageError, match="names code"):
        medium.set("planner.optimizer", "mine.py:Mine")
    assert medium.step().path.shape == (6, 3) and medium.changed == {"planner.horizon": "6"}
    medium.set("planner.horizon", "4")


def test_what_a_person_does_is_recorded_as_episodes_that_training_reads(medium: Session, tmp_path) -> None:
    medium.restart(True)
    medium.record(Tape(medium.world, tmp_path / "mine"))
    medium.step()  # the player's: not a person's doing
    medium.steer(np.array([1.0, -0.5]), steps=3)
    states = [medium.world.state(), *(medium.step().state for _ in range(14))]
    medium.restart()  # ends the episode
    medium.steer(np.array([0.0, 2.0]))
    for _ in range(13):
        assert medium.step().by_hand
    medium.record(None)
    medium.steer(None)
    assert not medium.step().by_hand
    store = EpisodeStore.open(tmp_path / "mine")
    first = store.load(0)
    assert list(store.lengths) == [14, 13] and store.world == medium.world.spec_dict
    assert np.allclose(first.states, states) and np.allclose(first.actions[:4], [[1, -0.5]] * 3 + [[0, 0]])
    assert (store.load(1).actions == [0, 1]).all(), "clipped to the bounds"
    assert plan_for_store(composed("medium"), store).frame_size == 64
    medium.record(Tape(medium.world, tmp_path / "mine"))  # goes on behind what is there
    medium.steer(np.zeros(2))
    medium.step()
    medium.record(None)
    medium.steer(None)
    assert len(EpisodeStore.open(tmp_path / "mine")) == 3


def test_a_tape_never_goes_into_a_folder_of_something_else(medium: Session, puck: Session, tmp_path) -> None:
    tape = Tape(puck.world, tmp_path / "puck")
    tape.add(np.zeros(2), puck.world.frame(), puck.world)
    tape.add(np.zeros(2), puck.world.frame(), puck.world)
    tape.end()
    with pytest.raises(StoreError, match="other recordings"):
        Tape(medium.world, tmp_path / "puck")


def test_in_a_pause_a_step_is_one_and_orders_are_carried_out(medium: Session) -> None:
    medium.restart(True)
    shown: list[Moment] = []
    said_: list[str] = []
    loop = Loop(medium, shown.append, said_.append, speed=0)
    loop.playing = False

    def visit() -> None:
        loop.order(lambda session: session.ask(said("position=[1.5, 1.5]", session.world)))
        loop.order(lambda session: session.ask(said("nowhere", session.world)))
        loop.order(lambda session: loop.once())
        loop.order(lambda session: loop.end())

    visitor = threading.Thread(target=visit)
    visitor.start()
    loop.run()
    visitor.join()
    assert [seen.step for seen in shown][-1] == 1 and {seen.step for seen in shown} == {0, 1}
    assert shown[0].wanted is not None and len(said_) == 1 and "does not know what" in said_[0]


def test_a_pause_is_shown_and_holds(medium: Session) -> None:
    medium.restart(True)
    told: list[tuple[bool, int]] = []
    kept: list[bool] = []
    loop = Loop(medium, lambda seen: told.append((loop.playing, seen.step)), str, speed=0)

    def visit() -> None:
        while len(told) < 3:
            time.sleep(0.01)
        loop.order(lambda session: setattr(loop, "playing", False))
        while told[-1][0]:
            time.sleep(0.01)
        held = told[-1]
        time.sleep(0.3)
        kept.append(told[-1] == held)
        loop.order(lambda session: loop.end())

    visitor = threading.Thread(target=visit)
    visitor.start()
    loop.run()
    visitor.join()
    assert kept == [True] and told[0] == (True, 1) and told[-1][1] >= 3


def test_both_pictures_show_path_and_goal(medium: Session) -> None:
    medium.restart(True)
    seen = medium.step()
    drawn, bare = (
        np.asarray(beside(medium.world, one), int)
        for one in (
            seen,
            Moment(**{**seen.__dict__, "path": seen.path[:0], "aim": seen.aim[:0], "subgoal": seen.path[:0]}),
        )
    )
    left, right = (np.abs(drawn - bare)[:256, side].sum() for side in (slice(0, 256), slice(264, 520)))
    assert left > 0 and right > 0


def test_a_goal_that_was_drawn_gives_way_to_another_once_it_is_reached(medium: Session) -> None:
    medium.restart(True)
    medium.choose("oracle")
    goal = medium.look().wanted
    assert goal is not None
    medium.world.set_state(medium.world.scene.at_rest(goal))
    seen = [medium.step() for _ in range(16)]
    assert seen[0].reached and not (seen[-1].wanted == goal).all()
    medium.choose("hierarchy")
