"""What goes wrong on request goes wrong as it says, and the same way whoever else is played beside."""

from dataclasses import replace

import numpy as np
import pytest

from envs.registry import make_named
from housecat.evaluation.episodes import Bench, play
from housecat.evaluation.pairs import PairRequest, make_pairs
from housecat.evaluation.player import OnTime
from housecat.evaluation.trouble import Trouble, TroubledVector, shifted_picture
from tests.housecat.pointmass import SPEED, PlannedSetup, PointPlayer, point_world, read


def point(trouble: Trouble, seeds: tuple[int, ...] = (0,)) -> TroubledVector:
    vector = TroubledVector([point_world() for _ in seeds], trouble, [np.random.default_rng(seed) for seed in seeds])
    options = [{"start": np.array([3.0, 3.0]), "goal": np.array([5.9, 5.9]), "factors": {}} for _ in seeds]
    vector.reset(options=options)
    return vector


@pytest.mark.parametrize(("delay", "late"), [(0.0, 0), (100.0, 1), (101.0, 2), (300.0, 3)])
def test_an_action_acts_as_many_control_steps_late_as_the_delay_takes(delay: float, late: int) -> None:
    vector, wanted = point(Trouble(delay=delay)), np.linspace(0.1, 0.8, 8)
    moved, before = [], 3.0
    for action in wanted:
        place = vector.step(np.array([[action, 0.0]]))[4]["state"][0, 0]
        moved.append((place - before) / SPEED)
        before = place
    assert moved == pytest.approx([0.0] * late + list(wanted[: len(wanted) - late]))


def test_where_every_frame_is_lost_the_first_one_is_seen_for_ever_and_where_half_is_about_half_are_new() -> None:
    for share, fewest, most in ((1.0, 0, 0), (0.5, 60, 140), (0.0, 200, 200)):
        vector, seen = point(Trouble(dropped=share, action_noise=0.01)), [np.array([3.0, 3.0])]
        for step in range(200):
            frames, _, _, _, infos = vector.step(np.array([[0.1 * (-1) ** step, 0.0]]))
            if not np.array_equal(read(frames)[0], seen[-1]):
                seen.append(infos["state"][0])
            assert np.array_equal(read(frames)[0], seen[-1])
        assert fewest <= len(seen) - 1 <= most


def test_noise_has_the_spread_that_was_asked_for_and_stays_within_the_bounds() -> None:
    vector, moved = point(Trouble(action_noise=0.3)), []
    for _ in range(400):
        vector.worlds[0].set_state(np.array([3.0, 3.0]))
        moved.append((vector.step(np.zeros((1, 2)))[4]["state"][0] - 3.0) / SPEED)
    assert np.std(moved) == pytest.approx(0.3, rel=0.1)
    assert abs(np.mean(moved)) < 0.05 and np.abs(moved).max() <= 1


def test_a_push_changes_the_velocity_by_its_strength_and_comes_as_often_as_it_should() -> None:
    world = make_named("umaze")
    vector = TroubledVector([world], Trouble(pushes=2.0, push=0.7), [np.random.default_rng(1)])
    pair = world.sample_pair(np.random.default_rng(0))
    vector.reset(options=[{"start": pair.start, "goal": pair.goal}])
    kicks, set_state = [], world.set_state

    def seen(state: np.ndarray) -> None:
        kicks.append(np.linalg.norm((state - world.state())[world.scene.velocities]))
        set_state(state)

    world.set_state = seen  # type: ignore[method-assign]
    for _ in range(300):
        vector.step(np.zeros((1, 2)))
    assert kicks == pytest.approx([0.7] * len(kicks))
    assert 40 <= len(kicks) <= 80  # 300 steps of 0.1 s


def test_the_camera_is_off_by_so_many_pixels_in_one_direction_for_a_whole_episode() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    moved = shifted_picture(picture, np.array([2.0, -1.0]))
    assert np.array_equal(moved[2:, :-1], picture[:-2, 1:])
    assert np.array_equal(moved[0, :-1], picture[0, 1:]) and np.array_equal(moved[:, -1], moved[:, -2])
    world = make_named("umaze")
    vector = TroubledVector([world, make_named("umaze")], Trouble(camera=3), [np.random.default_rng(i) for i in (1, 2)])
    pair = world.sample_pair(np.random.default_rng(0))
    frames, _ = vector.reset(options={"start": pair.start, "goal": pair.goal})
    assert not np.array_equal(frames[0], frames[1]) and not np.array_equal(frames[0], world.frame())


def test_what_goes_wrong_in_an_episode_depends_neither_on_the_batch_nor_on_other_trouble() -> None:
    pairs = list(enumerate(make_pairs(point_world(), PairRequest(count=4, calibration=0, seed=5, strata=1)).pairs))
    trouble = Trouble(action_noise=0.3, dropped=0.3, delay=100)
    bench = replace(PlannedSetup()(), trouble=trouble)
    together = play(bench, "random", None, pairs, seed=3)
    alone = [play(bench, "random", None, [one], seed=3)[0] for one in pairs]
    assert [one.path.tobytes() for one in together] == [one.path.tobytes() for one in alone]
    noise = [
        point(one).step(np.zeros((1, 2)))[4]["state"].tobytes()
        for one in (Trouble(action_noise=0.3), Trouble(action_noise=0.3, dropped=0.5, camera=1))
    ]
    assert noise[0] == noise[1]


def test_without_trouble_nothing_is_other_than_it_was() -> None:
    pairs = list(enumerate(make_pairs(point_world(), PairRequest(count=3, calibration=0, seed=5, strata=1)).pairs))
    plain = play(PlannedSetup()(), "flat_distance", None, pairs, seed=3)
    none = play(replace(PlannedSetup()(), trouble=Trouble(push=3.0)), "flat_distance", None, pairs, seed=3)
    assert [one.to_json() for one in plain] == [one.to_json() for one in none]
    assert "missed" not in plain[0].to_json()


class Slow(PointPlayer):
    """Moves right by the number of its act, and takes so many seconds for it."""

    def __init__(self, seconds: list[float]) -> None:
        super().__init__("slow", None, [])
        self.seconds, self.now = seconds, 0.0

    def reset(self, goal_frames: np.ndarray) -> None:
        self.acted = 0

    def act(self, frames: np.ndarray, active: np.ndarray | None = None) -> np.ndarray:
        self.now += self.seconds[self.acted]
        self.acted += 1
        return np.full((1, 2), float(self.acted))


def test_what_comes_too_late_is_counted_and_acts_a_step_later_unless_there_is_something_newer() -> None:
    player = Slow([0.01, 0.06, 0.01, 0.06, 0.07, 0.01])
    timed = OnTime(player, 20.0, lambda: player.now)
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    timed.reset(frames)
    assert [timed.act(frames)[0, 0] for _ in player.seconds] == [1, 1, 3, 3, 4, 6]
    assert timed.missed == 3
    player.seconds = [1.0]
    timed.reset(frames)
    assert (timed.act(frames) == 0).all() and timed.missed == 1


def test_a_player_that_is_never_in_time_misses_every_deadline_of_its_episodes() -> None:
    pairs = list(enumerate(make_pairs(point_world(), PairRequest(count=2, calibration=0, seed=5, strata=1)).pairs))
    bench: Bench = PlannedSetup()()
    hurried = [play(replace(bench, rate=1e6), "flat_distance", None, [one], seed=0, max_steps=5)[0] for one in pairs]
    assert [one.missed for one in hurried] == [5, 5]
    assert all(one.path[0].tolist() == one.path[1].tolist() for one in hurried)  # nothing is done before the first
    easy = play(replace(bench, rate=1e-3), "flat_distance", None, pairs[:1], seed=0, max_steps=5)[0]
    assert easy.missed == 0
