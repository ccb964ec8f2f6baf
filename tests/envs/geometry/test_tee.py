"""The T: its shape, what it touches, and how much of another T it covers."""

import numpy as np
import pytest

from envs.geometry.tee import AREA, GYRATION, PIXEL, clearances, corners, coverage, edge_middles, rotations

UNIT = 30 * PIXEL


def inside(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    return clearances(points, pose) == 0


def test_the_t_is_the_published_one() -> None:
    bar, stem = corners(np.zeros(3))
    assert np.ptp(bar, axis=0) == pytest.approx([120 * PIXEL, 30 * PIXEL])
    assert np.ptp(stem, axis=0) == pytest.approx([30 * PIXEL, 90 * PIXEL])
    assert bar[:, 1].max() == pytest.approx(stem[:, 1].min())
    assert pytest.approx(edge_middles(np.zeros(3))) == [0, bar[:, 1].min()]


def test_a_pose_says_where_the_centroid_is_and_the_radius_of_gyration_is_about_it() -> None:
    points = np.random.default_rng(0).uniform(-0.25, 0.25, (400_000, 2))
    points = points[inside(points, np.zeros(3))]
    assert len(points) / 400_000 * 0.25 == pytest.approx(AREA, rel=0.02)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-3)
    assert np.sqrt((points**2).sum(axis=1).mean()) == pytest.approx(GYRATION, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_coverage_is_the_share_that_dense_sampling_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    goal = rng.uniform((-0.3, -0.3, -np.pi), (0.3, 0.3, np.pi))
    pose = goal + rng.uniform(-1, 1, 3) * (0.08, 0.08, np.pi)
    points = goal[:2] + rng.uniform(-0.25, 0.25, (200_000, 2))
    points = points[inside(points, goal)]
    assert coverage(pose, goal) == pytest.approx(inside(points, pose).mean(), abs=0.015)
    assert coverage(pose, goal) == pytest.approx(coverage(goal, pose))


def test_coverage_of_cases_worked_out_by_hand() -> None:
    goal = np.array([0.1, -0.2, 0.7])
    along = np.array([np.cos(0.7), np.sin(0.7), 0.0])
    assert coverage(goal, goal) == pytest.approx(1.0)
    assert coverage(goal + np.array([0, 0, 2 * np.pi]), goal) == pytest.approx(1.0)
    assert coverage(goal + UNIT * along, goal) == pytest.approx(3 / 7)  # of the bar three quarters, of the stem nothing
    assert coverage(goal + UNIT / 2 * along, goal) == pytest.approx((3.5 + 1.5) / 7)
    assert coverage(goal + np.array([1, 0, 0]), goal) == 0.0


def test_clearances_are_distances_from_the_outline() -> None:
    pose = np.array([0.3, 0.1, np.pi / 2])  # the stem points along -x, the bar's outer edge faces +x
    edge = edge_middles(pose)
    np.testing.assert_allclose(edge, [0.3 + 19 / 14 * UNIT, 0.1], atol=1e-12)
    points = edge + np.array([[0.05, 0], [-0.01, 0], [0.03, 2 * UNIT + 0.04]])
    np.testing.assert_allclose(clearances(points, pose), [0.05, 0.0, 0.05], atol=1e-12)


def test_rotations_turn_from_the_frame_of_the_t_into_the_worlds_and_keep_the_shape_of_the_angles() -> None:
    angles = np.random.default_rng(0).uniform(-2 * np.pi, 2 * np.pi, (2, 3))
    matrices = rotations(angles)
    assert matrices.shape == (2, 3, 2, 2)
    np.testing.assert_allclose(rotations(np.array(np.pi / 2)) @ [1, 0], [0, 1], atol=1e-12)  # counter-clockwise
    np.testing.assert_allclose(
        matrices @ np.swapaxes(matrices, -1, -2), np.broadcast_to(np.eye(2), (2, 3, 2, 2)), atol=1e-12
    )
    np.testing.assert_allclose(matrices @ rotations(-angles), np.broadcast_to(np.eye(2), (2, 3, 2, 2)), atol=1e-12)
    poses = np.stack([np.zeros_like(angles), np.zeros_like(angles), angles], axis=-1)
    np.testing.assert_allclose(edge_middles(poses), matrices @ edge_middles(np.zeros(3)), atol=1e-12)
