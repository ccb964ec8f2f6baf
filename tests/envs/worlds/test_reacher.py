"""The arm: how fast it moves, where its tip is, and how postures are compared."""

import numpy as np
import pytest

from envs.registry import make_named
from envs.worlds.reacher import ELBOW_LIMIT, LINK, ReacherTask

TASK = ReacherTask()


def posture(shoulder: float, elbow: float) -> np.ndarray:
    return np.array([shoulder, elbow, 0.0, 0.0])


def test_the_shoulder_counts_modulo_a_turn_and_the_elbow_does_not() -> None:
    assert TASK.distance(posture(3.1, 0), posture(-3.1, 0)) == pytest.approx(2 * np.pi - 6.2)
    assert TASK.distance(posture(0.2 + 4 * np.pi, 0), posture(0, 0)) == pytest.approx(0.2)
    assert TASK.distance(posture(0, 2.5), posture(0, -2.5)) == pytest.approx(5.0)


def test_the_distance_is_the_larger_of_the_two_errors() -> None:
    assert TASK.distance(posture(0.3, 1.0), posture(0.0, 0.3)) == pytest.approx(0.7)


def test_success_asks_for_both_joints() -> None:
    assert TASK.success(posture(0.09, -0.09), posture(0, 0))
    assert not TASK.success(posture(0.09, -0.11), posture(0, 0))
    assert TASK.success(posture(2 * np.pi, 0.05), posture(0, 0))


def test_the_fingertip_is_two_links_away_when_stretched() -> None:
    np.testing.assert_allclose(TASK.located(posture(np.pi / 2, 0)), [0, 2 * LINK], atol=1e-12)
    np.testing.assert_allclose(TASK.located(posture(0, np.pi / 2)), [LINK, LINK], atol=1e-12)
    assert TASK.located(np.zeros((3, 5, 4))).shape == (3, 5, 2)


@pytest.mark.parametrize("joint", [0, 1])
@pytest.mark.parametrize("elbow", [0.0, 1.5])
def test_each_joint_reaches_top_speed_with_inertia_in_any_posture(joint: int, elbow: float) -> None:
    world = make_named("reacher")
    world.set_state(posture(0.0, -2.0 if joint == 1 else elbow))
    action, speeds = np.zeros(2), []
    action[joint] = 1.0
    for _ in range(12):
        world.scene.step(action)
        speeds.append(world.state()[2 + joint])
    assert max(speeds) == pytest.approx(2.5, abs=0.25)
    assert 0.15 < 0.1 * (1 + np.argmax(np.array(speeds) > 0.63 * 2.5)) < 0.45  # the time constant, s


def test_the_elbow_stops_at_its_limits() -> None:
    world = make_named("reacher")
    world.set_state(posture(0.0, 0.0))
    for _ in range(40):
        world.scene.step(np.array([0.0, 1.0]))
    assert world.state()[1] == pytest.approx(ELBOW_LIMIT, abs=0.05)


def test_both_links_are_seen_at_least_five_pixels_wide() -> None:
    frame = make_named("reacher").frame(state=posture(0.0, 0.0)).astype(int)
    column = frame[:, [40, 54]]  # across the middle of each link, the arm stretched to the right
    blue = column[:, 0, 2] - column[:, 0, 0] > 60
    orange = column[:, 1, 0] - column[:, 1, 2] > 60
    assert blue.sum() >= 5
    assert orange.sum() >= 5
