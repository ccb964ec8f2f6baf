import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planners.subgoals.triangle_check import believable, implied, nearest


def metric(seed: int, count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Places in a square of 10 x 10, and the distances between them."""
    places = np.random.default_rng(seed).random((count, 2)) * 10
    return places, np.linalg.norm(places[:, None] - places, axis=-1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), witnesses=st.integers(0, 40))
def test_right_distances_are_left_alone(seed, witnesses):
    _, lengths = metric(seed)
    np.testing.assert_allclose(believable(lengths, witnesses), lengths, atol=1e-12)


def test_right_distances_are_left_alone_where_the_way_there_and_the_way_back_differ():
    places, lengths = metric(0)
    uphill = lengths + np.maximum(places[None, :, 0] - places[:, None, 0], 0)
    np.testing.assert_allclose(believable(uphill), uphill, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_false_shortcut_is_found_out_by_the_neighbours(seed):
    _, lengths = metric(seed, count=60)
    start, end = np.unravel_index(lengths.argmax(), lengths.shape)
    false = lengths.copy()
    false[start, end] = 0.5
    assert believable(false)[start, end] > lengths[start, end] / 2


def test_three_of_seven_witnesses_may_be_wrong_themselves():
    near, onward = np.ones(7), np.array([11.0, 11.0, 11.0, 11.0, 0.1, 0.1, 0.1])
    assert implied(near, onward) == 10.0


def test_witnesses_answer_for_many_places_at_once():
    near, onward = np.array([1.0, 2.0, 3.0]), np.array([[4.0, 9.0], [4.0, 9.0], [4.0, 9.0]])
    np.testing.assert_array_equal(implied(near, onward), [2.0, 7.0])


def test_a_witness_that_knows_no_way_does_not_outvote_those_that_do():
    assert implied(np.ones(3), np.array([np.inf, 5.0, 5.0])) == 4.0
    assert implied(np.ones(3), np.array([np.inf, np.inf, 5.0])) == np.inf


def test_the_nearest_are_chosen_and_all_of_them_where_there_are_few():
    assert set(nearest(np.array([5.0, 1.0, np.inf, 2.0]), 2)) == {1, 3}
    assert set(nearest(np.array([5.0, 1.0]), 3)) == {0, 1}
