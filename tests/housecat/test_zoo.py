"""Models that come along: they load by name wherever a checkpoint is named, act, and nothing is written beside them."""

from pathlib import Path

import numpy as np
import pytest

import housecat
from benchmarks.zoo import keep
from envs.registry import WORLDS
from housecat import zoo
from housecat.errors import UsageError


@pytest.mark.parametrize("name", zoo.models())
def test_a_model_of_the_zoo_acts_in_its_world_as_it_is_now(name: str) -> None:
    agent = housecat.load(f"zoo/{name}")
    assert agent.world == WORLDS[name]
    world = agent.make_world()
    frame, _ = world.reset(seed=0)
    agent.reset(world.goal_frame())
    plan, action = agent.plan(frame), agent.act(frame)
    assert world.action_space.contains(action) and np.abs(action).max() > 0.1
    steps = float(plan.energy[0])
    assert 1 < steps < 100, "control steps to a goal that is not reached yet"


def test_there_are_the_models_that_the_guide_names() -> None:
    assert {"medium", "puck", "reacher"} <= set(zoo.models())


def test_a_folder_of_ones_own_wins_over_the_zoo_and_an_unknown_name_lists_what_there_is(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert zoo.meant("zoo/puck") == zoo.FOLDER / "puck"
    assert zoo.meant("someone/housecat-puck") == "someone/housecat-puck"
    with pytest.raises(UsageError, match=r"there are zoo/medium, zoo/puck"):
        zoo.meant("zoo/unicorn")
    Path("zoo/puck").mkdir(parents=True)
    assert zoo.meant("zoo/puck") == "zoo/puck"


def test_results_on_a_model_of_the_zoo_never_go_into_the_package() -> None:
    assert zoo.beside(zoo.FOLDER / "puck") == Path("runs/zoo-puck")
    assert zoo.beside(Path("runs/puck/model")) == Path("runs/puck")


def test_a_run_is_kept_in_the_zoo_with_what_planning_needs_and_no_place_of_this_machine(tmp_path) -> None:
    folder = keep(zoo.FOLDER / "medium", tmp_path)
    assert folder == tmp_path / "medium"
    for file in folder.iterdir():
        assert file.read_bytes() == (zoo.FOLDER / "medium" / file.name).read_bytes(), file.name
    assert "/home" not in (folder / "config.json").read_text() and "/tmp" not in (folder / "config.json").read_text()
