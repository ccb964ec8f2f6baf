"""Data sets of an HDF5 file that lie in this very file: HDF5 itself would follow links and references to any other.

Nothing is allocated for a data set before its type and size are known to be what they should be.
"""

from collections.abc import Collection
from typing import Any

import h5py

LARGEST = 2**31  # bytes of the frames of one episode, decoded

_OWN = frozenset({1, 2, 3})  # filters: deflate, shuffle, Fletcher's checksum
# Further ones that are a part of HDF5, and those that hdf5plugin registers where its user has installed it.
FILTERS = _OWN | {4, 5, 6, 307, 32001, 32004, 32008, 32013, 32015, 32017, 32018, 32026, 32028, 32029}
DENSEST = 1100  # times smaller, at most, is what is deflated


def column(
    group: Any, name: str, kinds: str, shape: tuple[int | None, ...] | None, filters: Collection[int] = _OWN
) -> h5py.Dataset:
    """The data set ``name`` of a file or group.

    Args:
        kinds: NumPy's letters for the kinds of numbers that it may hold, e.g. "f" or "iu".
        shape: None for what may be of any length, or for any shape.
        filters: by number, those that may decode it.

    Raises ValueError: it is not there, lies elsewhere, is of another type or shape, or too large.
    """
    found = member(group, name)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in kinds:
        raise ValueError(f"{name} is no table of numbers as it should be")
    require_contained(found, filters, LARGEST if filters is _OWN else 2**62)
    given, wanted = found.shape, found.shape if shape is None else shape
    filled = tuple(n if want is None else want for want, n in zip(wanted, given, strict=False))
    if len(wanted) != len(given) or filled != given:
        raise ValueError(f"{name} has the shape {given}, expected {shape} (None: any)")
    return found


def member(group: Any, name: str) -> Any:
    """What has that name in a file or group; ValueError where it is not there, or is a link to something else."""
    if name not in group or not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is not there, or is a link to another place, which is not followed")
    return group[name]


def require_contained(found: h5py.Dataset, filters: Collection[int] = _OWN, most: int = LARGEST) -> None:
    """Raises ValueError where a data set lies in another file, needs other filters, or is larger than it can be."""
    made, name = found.id.get_create_plist(), found.name
    if found.is_virtual or made.get_external_count():
        raise ValueError(f"{name} lies in another file, which is not read")
    used = {made.get_filter(index)[0] for index in range(made.get_nfilters())}
    if unknown := used - {*filters}:
        raise ValueError(f"{name} is compressed by the filter {min(unknown)}, which is not read")
    if found.nbytes > most or (used <= _OWN and found.nbytes > DENSEST * found.id.get_storage_size()):
        raise ValueError(f"{name} claims to be {found.nbytes:,} bytes, more than there can be")


def require_all_contained(group: h5py.Group, filters: Collection[int] = _OWN) -> None:
    """The same of everything below a group."""
    for name in group:
        found = member(group, name)
        if isinstance(found, h5py.Dataset):
            require_contained(found, filters)
        elif isinstance(found, h5py.Group):
            require_all_contained(found, filters)
