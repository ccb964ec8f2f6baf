"""How long a quickstart will take is said before it starts."""

import pytest

from housecat.runs.estimate import in_words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (12.4, "12 s"), (44, "40 s"), (91, "2 min"), (725, "12 min")]
)
def test_times_are_told_as_roughly_as_they_are_known(seconds, words):
    assert in_words(seconds) == words
