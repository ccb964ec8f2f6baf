"""How the whole suite runs."""

import os

import pytest

# Several test processes share the cores, and threads that wait for each other are slow: one thread for each, from
# before torch is imported, and in every process that a test starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest group first, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: "test_end_to_end" not in item.nodeid)
