"""Short-term memory of checkpoints: what it is learnt from, and what it changes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from envs.data.collect import collect
from envs.registry import WORLDS
from housecat import zoo
from housecat.errors import UsageError
from housecat.evaluation.episodes import play
from housecat.evaluation.pairs import PairRequest, make_pairs
from housecat.runs import trained
from housecat.runs.memory import memory_for
from housecat.runs.stages import evaluating
from housecat.settings.config import load_config
from tests.housecat.conftest import Outcome
from worldmodel.checkpoint import MEMORY, load
from worldmodel.files import tensor_bytes
from worldmodel.networks.memory import MemoryFilter


def model_in(folder: Path) -> Path:
    shutil.copytree(zoo.FOLDER / "medium", folder / "model")
    return folder / "model"


def blind(folder: Path) -> None:
    """Gives a checkpoint a memory that believes nothing of what it sees."""
    memory = MemoryFilter(load(folder, torch.device("cpu")).model.latent)
    half = memory.leave.out_features // 2
    memory.leave.bias.data[:half] = -50.0
    (folder / MEMORY).write_bytes(tensor_bytes(memory.state_dict()))


def ways(folder: Path, *asked: str) -> np.ndarray:
    """Where a planner goes in the first steps of one pair."""
    config = load_config(["world=medium", "planner.samples=16", "planner.elites=4", *asked])
    bench = trained.BenchSetup(WORLDS["medium"], folder, config)()
    pairs = make_pairs(bench.make_world(), PairRequest(1, 0, 3, 1)).pairs
    return play(bench, "flat_distance", None, list(enumerate(pairs)), 0, 6)[0].path


def test_planners_use_what_a_checkpoint_has_learnt_unless_they_are_told_not_to(tmp_path: Path) -> None:
    folder = model_in(tmp_path)
    before = ways(folder)
    blind(folder)
    np.testing.assert_array_equal(ways(folder, "planner.memory=none"), before)
    assert np.abs(ways(folder) - before).max() > 1e-6


def test_an_evaluation_is_of_the_memory_that_it_was_made_with(tmp_path: Path) -> None:
    folder = model_in(tmp_path)

    def inputs() -> dict[str, str]:
        (tmp_path / "pairs.json").unlink(missing_ok=True)
        config = load_config(["evaluate.episodes=1", "evaluate.calibration=1", "evaluate.planners=[random]"])
        return evaluating(config, WORLDS["medium"], folder, tmp_path, "").stage.inputs()

    before = inputs()
    blind(folder)
    assert inputs() != before


def test_what_cannot_be_taught_says_so_in_a_line(tmp_path: Path) -> None:
    model = load(zoo.FOLDER / "medium", torch.device("cpu")).model
    with pytest.raises(UsageError, match="zoo/medium comes with Housecat and stays as it is"):
        memory_for(zoo.FOLDER / "medium", model, WORLDS["medium"], Path("nowhere"))
    with pytest.raises(UsageError, match="is an encoder, which imagines nothing"):
        memory_for(tmp_path, None, WORLDS["medium"], Path("nowhere"))
    collect(WORLDS["medium"], tmp_path / "data", episodes=2, steps=10, seed=0, progress=False)
    with pytest.raises(UsageError, match="has no recording of 23 control steps"):
        memory_for(model_in(tmp_path), model, WORLDS["medium"], tmp_path / "data")


def test_weights_that_are_of_another_model_are_refused_where_the_checkpoint_is_loaded(tmp_path: Path) -> None:
    folder = model_in(tmp_path)
    (folder / MEMORY).write_bytes(tensor_bytes(MemoryFilter(7).state_dict()))
    with pytest.raises(UsageError, match="memory of checkpoint"):
        ways(folder)


def test_what_comes_along_is_refused_before_recordings_are_asked_for(command: Callable[..., Outcome]) -> None:
    for taught in ("words", "memory"):
        command(taught, "checkpoint=zoo/medium").is_one_line_saying("zoo/medium comes with Housecat and stays as it is")
