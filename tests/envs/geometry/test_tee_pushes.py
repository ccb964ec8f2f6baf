import numpy as np
import pytest

from envs.geometry.tee import clearances
from envs.geometry.tee_pushes import contacts, ways_round
from envs.worlds.pusht import PUSHER

TOUCH = contacts(PUSHER)


def test_at_every_contact_the_pusher_touches_the_tee_and_they_lie_at_even_distances() -> None:
    gaps = clearances(TOUCH.places, np.zeros((len(TOUCH.places), 3))) - PUSHER
    assert np.abs(gaps).max() < 1e-6
    apart = np.linalg.norm(TOUCH.places - np.roll(TOUCH.places, -1, axis=0), axis=1)
    assert (apart < 1.05 * TOUCH.spacing).all(), "a chord is no longer than the line"
    assert np.median(apart) > 0.95 * TOUCH.spacing


def test_each_contact_is_found_again_by_where_it_lies() -> None:
    assert TOUCH.along(TOUCH.places) == pytest.approx(np.arange(len(TOUCH.places)), abs=0.02)
    assert TOUCH.along(3 * TOUCH.places) == pytest.approx(TOUCH.along(TOUCH.places), abs=1e-9)


def test_a_push_through_the_centroid_only_shifts_and_one_beside_it_turns_towards_its_side() -> None:
    lever = TOUCH.turns / np.abs(TOUCH.turns).max()
    straight = np.abs(lever).argmin()
    towards = -TOUCH.places[straight] / np.linalg.norm(TOUCH.places[straight])
    assert TOUCH.shifts[straight] @ towards > 0.95
    # The T is its own mirror image: what turns it one way on the right turns it the other way on the left.
    mirrored = np.linalg.norm(TOUCH.places[:, None] * [-1, 1] - TOUCH.places[None], axis=-1).argmin(axis=1)
    unlike = np.abs(TOUCH.turns[mirrored] + TOUCH.turns) > 0.2 * np.abs(TOUCH.turns).max()
    assert unlike.mean() < 0.1, "but for contacts beside a corner, whose mirror image is not quite a contact"


def test_the_corners_move_as_a_rigid_body_does() -> None:
    """For a small push the distances between corners stay as they are."""
    small = 1e-4
    moved = TOUCH.tips + small * TOUCH.sweeps
    before = np.linalg.norm(TOUCH.tips[:, None] - TOUCH.tips[None], axis=-1)
    after = np.linalg.norm(moved[:, :, None] - moved[:, None], axis=-1)
    assert np.abs(after - before).max() < 0.01 * small


def test_the_way_round_is_the_shorter_one_and_a_wall_makes_the_other_one_shorter() -> None:
    ways = ways_round(np.array([1.5]), np.ones((1, 8)))[0]
    assert ways.tolist() == [1.5, 0.5, 0.5, 1.5, 2.5, 3.5, 3.5, 2.5]
    walled = np.ones((1, 8))
    walled[0, 2] = 10.0  # from contact 2 to contact 3
    assert ways_round(np.array([1.5]), walled)[0, 3] == 1.5 + 5, "the other way round"
