"""Lengths of the shortest drives of a car in the open."""

import numpy as np
import pytest

from envs.geometry.reeds_shepp import drive_lengths

RADIUS = 1.3
HERE = np.zeros(3)


def poses(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform((-4, -4, -7), (4, 4, 7), (count, 3))


def turn(heading: np.ndarray) -> np.ndarray:
    return np.abs((heading + np.pi) % (2 * np.pi) - np.pi)


def drive(pose: np.ndarray, curvature: float, length: float) -> np.ndarray:
    """Where ``length`` m at a constant curvature lead, backwards where it is negative."""
    if curvature == 0:
        return pose + length * np.array([np.cos(pose[2]), np.sin(pose[2]), 0.0])
    heading = pose[2] + curvature * length
    moved = np.array([np.sin(heading) - np.sin(pose[2]), np.cos(pose[2]) - np.cos(heading)]) / curvature
    return np.array([*(pose[:2] + moved), heading])


@pytest.mark.parametrize(
    ("goal", "length"),
    [
        ((2.0, 0.0, 0.0), 2.0),
        ((-2.0, 0.0, 0.0), 2.0),
        ((0.0, 0.0, 0.0), 0.0),
        ((0.0, 0.0, 2 * np.pi), 0.0),
        ((RADIUS, RADIUS, np.pi / 2), RADIUS * np.pi / 2),
        ((-RADIUS, RADIUS, -np.pi / 2), RADIUS * np.pi / 2),
        ((0.0, 0.0, np.pi), RADIUS * np.pi),  # a turn on the spot: three arcs of 60 degrees
        ((0.0, 20.0, 0.0), 20.0 + RADIUS * (np.pi - 2.0)),  # nearly: turn, straight on, turn back
    ],
)
def test_drives_of_known_length(goal: tuple[float, float, float], length: float) -> None:
    assert drive_lengths(HERE[None], np.array(goal), RADIUS)[0] == pytest.approx(
        length, abs=0.15 if goal[1] > 9 else 1e-9
    )


def test_no_drive_that_a_car_makes_is_shorter() -> None:
    rng = np.random.default_rng(0)
    for _ in range(600):
        goal, driven = HERE, 0.0
        for _ in range(rng.integers(1, 6)):
            curvature, length = rng.choice([-1, 0, 1]) / RADIUS, rng.uniform(-3.0, 3.0)
            goal, driven = drive(goal, curvature, length), driven + abs(length)
        assert drive_lengths(HERE[None], goal, RADIUS)[0] <= driven + 1e-9


def test_it_is_at_least_as_far_as_the_crow_flies_and_as_far_as_the_heading_takes_to_turn() -> None:
    starts = poses(1000)
    lengths = drive_lengths(starts, HERE, RADIUS)
    assert np.isfinite(lengths).all()
    assert (lengths >= np.hypot(*starts[:, :2].T) - 1e-9).all()
    assert (lengths >= RADIUS * turn(starts[:, 2]) - 1e-9).all()


def test_lengths_are_the_same_both_ways_and_no_detour_is_shorter() -> None:
    starts, through = poses(200), poses(1, seed=1)[0]
    there = drive_lengths(starts, HERE, RADIUS)
    back = np.array([drive_lengths(HERE[None], start, RADIUS)[0] for start in starts])
    np.testing.assert_allclose(there, back, atol=1e-9)
    detour = drive_lengths(starts, through, RADIUS) + drive_lengths(through[None], HERE, RADIUS)
    assert (there <= detour + 1e-9).all()


def test_a_move_ahead_changes_the_length_by_no_more_than_itself() -> None:
    starts = poses(1000)
    moved = np.stack([drive(start, 0.0, 1e-3) for start in starts])
    change = drive_lengths(moved, HERE, RADIUS) - drive_lengths(starts, HERE, RADIUS)
    assert np.abs(change).max() <= 1e-3 + 1e-9
