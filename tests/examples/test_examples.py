"""Every script of examples/ runs, in small, and is short enough to be read at once."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import housecat
from envs.data.exchange.formats import export
from envs.physics.clips import export_clips, generated
from envs.physics.scenario import PROPERTIES

FOLDER = Path(__file__).parents[2] / "examples"
TINY = {
    "model": "cnn",
    "model.latent": 16,
    "model.width": 8,
    "model.predictor_width": 32,
    "model.predictor_depth": 1,
    "train.batch": 8,
    "train.length": 4,
    "train.horizon": 2,
    "train.measure_every": 8,
    "finetuning.updates": 4,
    "finetuning.horizon": 3,
    "critic.updates": 50,
    "critic.batch": 32,
    "critic.width": 16,
    "graph.landmarks": 8,
    "graph.candidates": 50,
    "precision": "fp32",
}
PLAYED = {
    "planner.samples": 8,
    "planner.elites": 2,
    "planner.iterations": 1,
    "planner.horizon": 3,
    "evaluate.episodes": 2,
    "evaluate.max_steps": 3,
    "evaluate.timing_steps": 1,
    "workers": 1,
}


def example(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording and a run of the U-maze."""
    folder = tmp_path_factory.mktemp("examples")
    housecat.collect("umaze", folder / "data", 30, {"collect.steps": 20, "workers": 1})
    housecat.train(folder / "data", folder / "run", updates=8, settings=TINY)
    return folder


def test_no_example_is_longer_than_forty_lines_and_all_say_what_they_are_for() -> None:
    scripts = sorted(FOLDER.glob("*.py"))
    assert len(scripts) >= 8
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 40, script.name
        assert text.startswith('"""'), script.name


@pytest.mark.parametrize("name", ["acting", "own_optimizer", "gradient_optimizer", "own_energy"])
def test_a_trained_model_acts_with_parts_of_ones_own(name: str, folder: Path) -> None:
    assert example(name).main(folder / "run", steps=2) in (True, False)


def test_following_gradients_lowers_the_energy_of_the_plan(folder: Path) -> None:
    descend = example("gradient_optimizer").descend
    energies = []
    for iterations in (0, 20):
        agent = housecat.load(
            folder / "run",
            planner="flat_distance",
            optimizer=lambda *asked, n=iterations: descend(*asked, candidates=1, iterations=n),
        )
        frame, _ = (world := agent.make_world()).reset(seed=3)
        agent.reset(world.goal_frame())
        energies.append(float(agent.plan(frame).energy))
    assert energies[1] < energies[0]


def test_an_encoder_of_ones_own_loads_in_a_new_process_where_it_is_named_and_only_there(folder: Path) -> None:
    settings = {key: value for key, value in TINY.items() if key != "model"}
    example("own_encoder").main(folder / "data", folder / "own", updates=8, settings={**settings, "model.context": 3})
    code = f"import housecat\nprint(type(housecat.load(r'{folder / 'own'}'%s).model.encoder.module).__name__)"
    words = str(FOLDER / "own_encoder.py:Stacked")
    done = [
        subprocess.run([sys.executable, "-c", code % one], capture_output=True, text=True)
        for one in ("", f", code=r'{words}'")
    ]
    assert "CheckpointError" in done[0].stderr and "own_encoder.py:Stacked" in done[0].stderr.splitlines()[-1]
    assert done[1].stdout.strip() == "Stacked", done[1].stderr


def test_a_model_of_ones_own_is_asked_for_physics_on_clips_that_are_drawn_or_were_exported(tmp_path: Path) -> None:
    pairs = list(generated(("inertia",), 2, 0, 32))
    cannot = {pair.impossible.tobytes() for pair in pairs}
    export_clips(tmp_path / "clips", ("inertia",), 2, 0, 32)
    told = example("own_physics").main(tmp_path / "clips", size=32, judge=lambda clip: float(clip.tobytes() in cannot))
    assert set(told) == {"inertia"} and told["inertia"].value == 1
    drawn = example("own_physics").main(scenes=1, size=32)
    assert set(drawn) == set(PROPERTIES) and all(0 <= one.value <= 1 for one in drawn.values())


def test_an_environment_that_no_simulator_knows_is_recorded_trained_and_evaluated(tmp_path: Path) -> None:
    settings = {"train": TINY, "evaluate": PLAYED}
    result = example("own_environment").main(tmp_path / "data", tmp_path / "run", 30, 8, settings)
    assert result["world"] == "Cart" and result["pairs"]["unit"] == "steps of play"
    assert set(result["planners"]) == {"random", "flat_distance"}
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_robot_in_mjcf_is_recorded_trained_and_evaluated(tmp_path: Path) -> None:
    settings = {"collect": {"collect.steps": 20, "workers": 1}, "train": TINY, "evaluate": PLAYED}
    assert example("own_robot").main(tmp_path / "data", tmp_path / "run", 30, 8, settings)["world"] == "robot"


def test_lerobot_data_of_a_robot_without_a_simulator_train_and_act(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    store = housecat.collect("umaze", folder / "data", 30, {"collect.steps": 20, "workers": 1})  # there already
    export("lerobot", store, tmp_path / "foreign")
    for name in ("housecat.json", "housecat.parquet"):  # as if it came from elsewhere
        (tmp_path / "foreign" / "meta" / name).unlink()
    agent = example("lerobot_data").main(tmp_path / "foreign", tmp_path / "data", tmp_path / "run", 8, None, TINY)
    assert agent.world["family"] == "recorded" and agent.world["states"] == 4
    action = agent.act(np.zeros((64, 64, 3), np.uint8))
    assert (action >= agent.world["actions"]["low"]).all() and (action <= agent.world["actions"]["high"]).all()
