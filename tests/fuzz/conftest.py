"""The warm process and the materials, made once for the fuzz and the kills."""

from collections.abc import Iterator

import pytest

from tests.fuzz.__main__ import prepare
from tests.fuzz.judge import Warm
from tests.fuzz.materials import Materials


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """The process in whose forks commands run."""
    with Warm() as process:
        yield process


@pytest.fixture(scope="session")
def materials(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Materials:
    """What cases are made of; not to be changed."""
    return prepare(tmp_path_factory.mktemp("materials"), warm)
