"""A small recorded data set, made once for all tests that read one."""

from pathlib import Path
from typing import Any

import pytest

from envs.collect import collect
from envs.mazes import maze_spec

SPEC = maze_spec("umaze", frame_size=16)


@pytest.fixture(scope="session")
def spec() -> dict[str, Any]:
    return SPEC


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six episodes of 20 steps; not to be changed."""
    out = tmp_path_factory.mktemp("recorded") / "data"
    collect(SPEC, out, episodes=6, steps=20, seed=0, workers=1, progress=False)
    return out
