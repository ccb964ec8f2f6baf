"""The arm that several worlds share: where its parts are, and how it is made to point down."""

import mujoco
import numpy as np
import pytest

from envs.geometry.robot import GRIP, JOINTS, LINK, PALM, SHOULDER_HEIGHT, places, pointing_down
from envs.registry import make_named

LOW, HIGH = np.array([(joint.low, joint.high) for joint in JOINTS]).T


def test_an_arm_with_all_angles_at_0_stands_straight_up() -> None:
    up = places(np.zeros(7))
    np.testing.assert_allclose(up.joints[:, :2], 0.0, atol=1e-12)
    np.testing.assert_allclose(up.joints[[1, 3, 5], 2], SHOULDER_HEIGHT + LINK * np.arange(3))
    np.testing.assert_allclose(up.axes[:, 2], [0, 0, 1], atol=1e-12)


def test_bending_the_shoulder_reaches_towards_the_cameras() -> None:
    bent = places(np.array([0, np.pi / 2, 0, 0, 0, 0, 0]))
    np.testing.assert_allclose(bent.joints[5], [-2 * LINK, 0, SHOULDER_HEIGHT], atol=1e-12)


def test_the_simulator_agrees_about_every_joint_and_the_hand() -> None:
    rng, scene = np.random.default_rng(0), make_named("arm").scene
    model = scene.models["train"]
    data = mujoco.MjData(model)
    for _ in range(10):
        data.qpos[:] = rng.uniform(LOW, HIGH)
        mujoco.mj_kinematics(model, data)
        found = places(data.qpos)
        np.testing.assert_allclose([data.body(joint.name).xpos for joint in JOINTS], found.joints, atol=1e-9)
        np.testing.assert_allclose(data.body("hand_roll").xmat.reshape(3, 3), found.axes, atol=1e-9)
        np.testing.assert_allclose(data.site("grip").xpos, found.along(GRIP), atol=1e-9)


def test_many_arms_are_placed_like_one_after_the_other() -> None:
    angles = np.random.default_rng(1).uniform(LOW, HIGH, (3, 4, 7))
    together = places(angles).along(PALM)
    assert together.shape == (3, 4, 3)
    np.testing.assert_allclose(together[2, 1], places(angles[2, 1]).along(PALM))


@pytest.mark.parametrize("yaw", [-0.5, 0.0, 0.5])
def test_a_hand_that_points_down_holds_the_place_that_was_asked_for(yaw: float) -> None:
    place = np.array([-0.45, 0.2, 0.1])
    hand = places(pointing_down(place, yaw))
    np.testing.assert_allclose(hand.along(GRIP), place, atol=1e-9)
    np.testing.assert_allclose(hand.axes[:, 2], [0, 0, -1], atol=1e-9)
    assert np.arctan2(hand.axes[1, 0], hand.axes[0, 0]) == pytest.approx(yaw)


def test_a_place_beyond_the_arms_length_is_refused() -> None:
    with pytest.raises(ValueError, match="farther from the shoulder than the arm is long"):
        pointing_down(np.array([-0.9, 0.0, 0.1]), 0.0)
