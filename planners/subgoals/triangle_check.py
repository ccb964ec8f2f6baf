"""Whether a distance can be believed: what the landmarks nearby say about it.

From a witness w that is close to a: steps(w, b) <= steps(w, a) + steps(a, b), so steps(a, b) cannot be less than
steps(w, b) - steps(w, a). One witness may err like anything learned; the median of a few errs rarely.
"""

import numpy as np
from numpy.typing import NDArray

WITNESSES = 7  # an odd number: three of seven may be wrong


def nearest(steps: NDArray, count: int = WITNESSES) -> NDArray:
    """Indices of the `count` smallest of steps (M,), in no order; of all, where there are fewer."""
    count = min(count, len(steps))
    return np.argpartition(steps, count - 1)[:count]


def implied(near: NDArray, onward: NDArray) -> NDArray:
    """The least steps that k witnesses imply, from the place that they are close to.

    Args:
        near: (k,) steps from each witness to the place.
        onward: (k, ...) steps from each witness to what is asked about.

    Returns:
        (...), the median over the witnesses; 0 or less where they imply nothing.
    """
    return np.median((onward.T - near).T, axis=0)


def believable(lengths: NDArray, witnesses: int = WITNESSES) -> NDArray:
    """Raises those distances (M, M) that the landmarks near their start or near their end contradict.

    A distance that is right stays as it is, because what right distances imply is never more than the truth.
    """
    if witnesses < 1 or len(lengths) < 2:
        return lengths
    apart = np.maximum(lengths, lengths.T)
    np.fill_diagonal(apart, np.inf)  # nobody is his own witness
    asked = [nearest(row, min(witnesses, len(lengths) - 1)) for row in apart]
    from_start = np.stack([implied(lengths[near, a], lengths[near]) for a, near in enumerate(asked)])
    from_end = np.stack([implied(lengths[b, near], lengths.T[near]) for b, near in enumerate(asked)]).T
    return np.maximum(lengths, np.maximum(from_start, from_end))
