"""What is kept is what would be made anew."""

import numpy as np

from envs.physics.properties import changes, quadruplet
from housecat.physics.kept import kept, kept_changes, kept_quadruplet


def test_what_is_asked_for_twice_is_made_once_and_is_the_same_bit_for_bit():
    made = []

    def make(seed: int):
        made.append(seed)
        return np.random.default_rng(seed).integers(256, size=(3, 4, 4, 3), dtype=np.uint8)[:, ::-1], {"seed": seed}

    first, again, other = kept(make, 1), kept(make, 1), kept(make, 2)
    assert made == [1, 2]
    assert np.array_equal(first[0], make(1)[0]) and np.array_equal(first[0], again[0]) and first[1] == {"seed": 1}
    assert other[1] == {"seed": 2} and not np.array_equal(first[0], other[0])
    first[0][:] = 0
    assert np.array_equal(kept(make, 1)[0], again[0]), "nobody changes what others get"


def test_clips_of_scenes_are_those_that_are_drawn():
    for _ in range(2):
        found, drawn = kept_quadruplet("inertia", 1, 0, 16), quadruplet("inertia", 1, 0, 16)
        assert np.array_equal(found.possible, drawn.possible) and np.array_equal(found.impossible, drawn.impossible)
        assert found.at == drawn.at and np.array_equal(found.places, drawn.places)
        altered = kept_changes(1, 0, 16)
        assert list(altered) == list(changes(1, 0, 16))
        assert all(np.array_equal(altered[name], clip) for name, clip in changes(1, 0, 16).items())
