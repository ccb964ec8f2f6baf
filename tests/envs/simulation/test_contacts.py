"""Which geoms touch: what the simulator says, and the two forms that it is stored in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from envs import WORLDS, make_world
from envs.simulation.contacts import as_rows, joined, per_frame


def test_a_ball_in_the_open_touches_nothing_and_one_at_a_wall_touches_it() -> None:
    scene = make_world(WORLDS["umaze"]).scene
    scene.set_state(np.array([1.5, 1.5, 0.0, 0.0]))
    assert scene.contacts().shape == (0, 2)
    for _ in range(15):
        scene.step(np.array([-1.0, 0.0]))
    pairs = scene.contacts()
    assert len(pairs) == 1
    assert pairs[0, 0] < pairs[0, 1]


def test_asking_for_contacts_changes_nothing_that_follows() -> None:
    scene = make_world(WORLDS["umaze"]).scene
    ends = []
    for asked in (False, True):
        scene.set_state(np.array([1.5, 1.5, -2.0, 1.0]))
        for _ in range(12):
            scene.step(np.array([-1.0, 0.3]))
            if asked:
                scene.contacts()
        ends.append(scene.state())
    np.testing.assert_array_equal(ends[0], ends[1])


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4), min_size=1, max_size=6))
def test_both_forms_hold_the_same_pairs(frames: list[list[tuple[int, int]]]) -> None:
    touching = [np.array(pairs, np.int32).reshape(-1, 2) for pairs in frames]
    rows = joined(touching)
    assert rows.dtype == np.int32
    for frame, pairs in enumerate(touching):
        np.testing.assert_array_equal(rows[rows[:, 0] == frame, 1:], pairs)
    number, table = per_frame(rows, len(frames))
    assert number.tolist() == [len(pairs) for pairs in frames]
    np.testing.assert_array_equal(as_rows(table), rows)
