"""Drives of a car among walls."""

import numpy as np
import pytest

from envs.geometry.drives import Drives
from envs.geometry.geodesics import FreeSpace
from envs.geometry.reeds_shepp import drive_lengths

RADIUS = 1.3
SIDE = 10  # m
OUTLINE = np.array([[x, y] for x in (-0.3, 0.0, 0.4, 0.8, 1.2) for y in (-0.38, 0.0, 0.38)])


def drives(*walls: str) -> Drives:
    """On a floor of 10 x 10 m with a wall round it and, where given, one of these rows in the middle."""
    wall = np.ones((SIDE, SIDE), bool)
    wall[1:-1, 1:-1] = False
    for row, cells in enumerate(walls):
        wall[5 + row] = [cell == "#" for cell in cells]
    return Drives(FreeSpace(wall, 0.38), (SIDE, SIDE), OUTLINE, RADIUS)


def test_in_the_open_they_are_little_longer_than_the_shortest() -> None:
    rng = np.random.default_rng(0)
    poses = rng.uniform((3.0, 3.0, -7.0), (7.0, 7.0, 7.0), (400, 3))
    goal = np.array([5.0, 5.0, 1.0])
    excess = drives().lengths(poses, goal) - drive_lengths(poses, goal, RADIUS)
    assert excess.min() > -0.2
    assert np.median(excess) < 0.7


def test_at_the_goal_nothing_is_left_to_drive() -> None:
    for heading in (0.1, 3.1, -3.1, 9.0):
        goal = np.array([5.1, 4.9, heading])
        assert drives().lengths(goal[None], goal)[0] < 0.7


def test_a_wall_makes_the_car_drive_round_it() -> None:
    below, above = np.array([[3.0, 2.5, 0.0]]), np.array([3.0, 7.5, 0.0])
    open_floor = drives().lengths(below, above)[0]
    walled = drives("#######  #").lengths(below, above)[0]
    assert open_floor < 8.0
    assert walled > np.hypot(7.0 - 3.0, 4.5 - 2.5) + np.hypot(7.0 - 3.0, 7.5 - 5.0)  # by the end of the wall


def test_a_gap_too_narrow_for_the_car_is_no_way_through() -> None:
    below, above = np.array([[2.0, 2.5, 1.57]]), np.array([2.0, 7.5, 1.57])
    narrow, wide = drives("## ####  #"), drives("#  ####  #")
    narrow_length, wide_length = (one.lengths(below, above)[0] for one in (narrow, wide))
    assert wide_length == pytest.approx(5.0, abs=0.6)
    assert narrow_length > wide_length + 0.2


def test_poses_in_a_wall_are_farther_than_those_before_it() -> None:
    goal = np.array([5.0, 8.0, 1.57])
    free, inside, deeper = drives("##########").lengths(
        np.array([[5.0, 6.9, 1.57], [5.0, 4.7, 1.57], [5.0, 4.0, 1.57]]), goal
    )
    assert free < inside < deeper
    assert np.isfinite(deeper)
