"""What is hidden in recordings from which memory is learnt."""

import numpy as np

from worldmodel.losses.hiding import hidden, lost, screened


def recording(length: int = 20) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (length, 32, 40, 3), dtype=np.uint8)


def test_a_screen_is_a_rectangle_of_one_colour_that_stands_still_and_hides_no_more():
    frames, sizes = recording(), []
    for seed in range(50):
        covered = screened(frames.copy(), 3, 9, np.random.default_rng(seed))
        changed = (covered != frames).any(axis=-1)
        assert not changed[:3].any() and not changed[9:].any()
        rows, columns = (np.flatnonzero(changed[3:9].any(axis=axes)) for axes in ((0, 2), (0, 1)))
        inside = covered[3:9, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].reshape(-1, 3)
        assert (inside == inside[0]).all()
        sizes.append(len(rows) * len(columns) / changed[0].size)
    assert min(sizes) > 0.02 and max(sizes) < 0.45 and len({round(size, 2) for size in sizes}) > 10


def test_a_lost_frame_is_the_one_before_it_again_and_the_first_is_never_lost():
    frames = recording(200)
    seen = lost(frames, np.random.default_rng(0))
    assert (seen[0] == frames[0]).all()
    gone = (seen != frames).any(axis=(1, 2, 3))
    assert 0.2 < gone.mean() < 0.5
    for step in np.flatnonzero(gone):
        assert (seen[step] == seen[step - 1]).all()


def test_some_recordings_stay_as_they_are_and_none_is_changed_in_place():
    frames = recording()
    kept = frames.copy()
    changed = [(hidden(frames, np.random.default_rng(seed)) != frames).any() for seed in range(100)]
    assert 0.75 < np.mean(changed) < 0.99 and (frames == kept).all()
