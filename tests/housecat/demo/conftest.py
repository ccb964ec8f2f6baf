"""A session with a model that comes along, and a search so small that it takes no time."""

from collections.abc import Sequence

import pytest

from housecat import zoo
from housecat.demo.session import Session
from housecat.runs.trained import BenchSetup
from housecat.runs.wiring import trained_world
from housecat.settings.config import load_config
from housecat.settings.schema import Config

SMALL = ("planner.samples=8", "planner.elites=2", "planner.iterations=1", "planner.horizon=4")


def composed(world: str, words: Sequence[str] = SMALL) -> Config:
    return load_config([f"world={world}", *words], shared=True)


def session_in(world: str, search: Sequence[str] = SMALL) -> Session:
    folder = zoo.FOLDER / world
    setup = BenchSetup(trained_world(folder), folder, composed(world, search))
    return Session(setup, lambda words: composed(world, [*search, *words]))


@pytest.fixture(scope="session")
def medium() -> Session:
    """In the medium maze. What a test changes it puts back."""
    return session_in("medium")


@pytest.fixture(scope="session")
def puck() -> Session:
    """With the puck, likewise."""
    return session_in("puck")
