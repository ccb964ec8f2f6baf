"""A small recorded data set, made once for all tests that read one."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from envs.data.collect import collect
from envs.data.store import EpisodeStore
from envs.worlds.mazes import maze_spec

SPEC = maze_spec("umaze", frame_size=16)


@pytest.fixture(scope="session")
def spec() -> dict[str, Any]:
    return SPEC


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six episodes of 20 steps; not to be changed."""
    out = tmp_path_factory.mktemp("recorded") / "data"
    return record(SPEC, out).path


def record(spec: dict[str, Any], out: Path, episodes: int = 6, **changed: Any) -> EpisodeStore:
    settings = {"steps": 20, "seed": 0, "workers": 1, "progress": False, **changed}
    return collect(spec, out, episodes, **settings)


def recorded_files(out: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted((out / "episodes").iterdir())}
