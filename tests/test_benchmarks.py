"""Every benchmark runs to its end, in small, and says where its figures are from."""

import importlib
import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import occlusion, planner_tables, tables
from benchmarks.limits import crowded
from benchmarks.record import sizes
from envs import WORLDS
from envs.data.collect import collect
from envs.data.store import EpisodeStore
from housecat.files import write_text
from housecat.runs import wiring, words
from housecat.runs.training import train_from_store
from housecat.settings.config import load_config
from tests.examples.test_examples import TINY as EXAMPLE
from tests.housecat.runs.test_training import TINY

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted(
    path.stem for path in (ROOT / "benchmarks").glob("*.py") if '__name__ == "__main__"' in path.read_text()
)
OF_KEYPOINTS = ("model.keypoints=", "pretraining.")
SEEN = [one for one in TINY if not one.startswith(OF_KEYPOINTS)]
SMALL = [*SEEN, "model=cnn", "planner.samples=8", "planner.elites=2", "planner.iterations=1", "evaluate.max_steps=2"]

OWN = [*(f"{key}={value}" for key, value in EXAMPLE.items()), *SMALL[-4:], "evaluate.episodes=2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny run and its recording."""
    folder = tmp_path_factory.mktemp("small")
    collect(WORLDS["umaze"], folder / "data", episodes=20, steps=20, seed=0, progress=False)
    plan = wiring.plan_for_store(load_config(SMALL), EpisodeStore.open(folder / "data"))
    train_from_store(folder / "data", folder / "run", plan)
    return folder / "run", folder / "data"


def measured(name: str, results: Path, *arguments: str) -> dict[str, Any]:
    """What the benchmark writes down, but where it is from."""
    importlib.import_module(f"benchmarks.{name}").main(list(arguments), results)
    found = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
    for origin in ("command", "commit", "date", "machine", "versions"):
        assert found.pop(origin), origin
    return found


def test_training(tmp_path: Path) -> None:
    found = measured("training", tmp_path, "seconds=1", *SMALL)
    assert found["frames_per_second"] > found["latents_per_second"] > 0
    assert found["precision"] == "float32"
    assert 0 < found["share_of_product"] < 1


def test_worlds(tmp_path: Path) -> None:
    asked = ["worlds=umaze", "seeds=3", *SMALL, "evaluate.planners=[random,flat_distance]", "workers=1"]
    asked += ["collect.episodes=20", "collect.steps=20", "evaluate.episodes=2", "evaluate.timing_steps=2"]
    found = measured("worlds", tmp_path, f"out={tmp_path / 'runs'}", *asked)
    (training,) = found["worlds"]["umaze"]["trainings"]
    assert (training["seed"], training["play"], training["recordings"]) == (3, "random", 20)
    assert set(training["planners"]) == {"random", "flat_distance"} and training["planners"]["random"]["of"] == 2
    assert {"position", "velocity"} <= set(training["probes"])
    success = found["worlds"]["umaze"]["success"]["random"]
    assert success["trainings"] == 1 and success["low"] <= success["value"] <= success["high"]
    assert measured("worlds", tmp_path, f"out={tmp_path / 'runs'}", "worlds=")["worlds"] == found["worlds"]


def test_planning(tmp_path: Path) -> None:
    found = measured("planning", tmp_path, "steps=4", "landmarks=20", "world=umaze", *SMALL)
    assert tuple(found["planners"]) == load_config([]).evaluate.planners
    for name, numbers in found["planners"].items():
        assert 0 < numbers["step_ms"]["median"] <= numbers["step_ms"]["p95"]
        assert (numbers["model_calls"] == 0) == (name == "random")


def test_rendering(tmp_path: Path) -> None:
    found = measured("rendering", tmp_path, "umaze", "rounds=1", "frames=12", "slow=2")
    assert found["ratio"] == pytest.approx(
        found["train_frames_per_second"] / found["default_frames_per_second"], rel=0.2
    )
    assert found["world"] == "umaze"


def test_collection(tmp_path: Path) -> None:
    found = measured("collection", tmp_path, "umaze", "rounds=1", "episodes=3", "steps=8", "naive=2")
    assert found["least_ratio"] == found["worlds"]["umaze"]["ratio"] > 0


def test_physics(tmp_path: Path) -> None:
    few = ["scenes=30", "pairs=4", "clips=20", "size=32", "workers=1", "physics.properties=[inertia]"]
    net = ["model.width=16", "model.depth=1", "model.heads=1", "model.predictor_width=16", "model.predictor_depth=1"]
    asked = [
        "methods=vjepa",
        "seeds=3",
        "seconds=1",
        "train.updates=4",
        "model.context=4",
        "finetuning.horizon=2",
        f"out={tmp_path / 'runs'}",
    ]
    found = measured("physics", tmp_path, *asked, *few, *net)
    for one in found["properties"].values():
        assert one["low"] <= one["accuracy"] <= one["high"] and 0 <= one["best_control"] <= 1 and one["pairs"] == 4
    assert set(found["properties"]) == set(found["cue_control"]) == {"inertia"}
    assert {"gravity", "momentum"} <= set(found["probes"])
    shown = {name: tables.BLOCKS[name][1](found) for name in tables.BLOCKS if name.startswith("physics")}
    assert "| inertia |" in shown["physics"] and "| gravity |" in shown["physics-quantities"]
    assert all("| vjepa |" in shown[f"physics-{name}"] for name in ("order", "methods"))
    picture = (tmp_path / "physics.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg") and "--ink:#24292f" in picture and "inertia" in picture


def test_memory(tmp_path: Path) -> None:
    found = measured("memory", tmp_path, "episodes=100", "updates=300", "pairs=60", *SMALL)
    assert set(found) == {"collect", "train", "evaluate"}
    # So short a run has not seen its largest tensors yet by half-way: the slow test holds the figure.
    assert all(one["end_mb"] > 50 and one["growth"] < 0.15 for one in found.values()), found


@pytest.mark.slow
def test_nothing_piles_up_in_memory(tmp_path: Path) -> None:
    found = measured("memory", tmp_path, *SMALL)
    assert all(one["growth"] < 0.01 for one in found.values()), found


def test_critics(trained: tuple[Path, Path], tmp_path: Path) -> None:
    found = measured("critics", tmp_path, str(trained[0]), f"data={trained[1]}", "goals=2", *SMALL)
    assert set(found["kinds"]) == {"expectile", "quasimetric", "contrastive"}
    assert all(one["calibration"]["bins"] and one["milliseconds"] > 0 for one in found["kinds"].values())


def test_lost(trained: tuple[Path, Path], tmp_path: Path) -> None:
    write_text(trained[0] / "config.yaml", f"data: {trained[1]}\n")
    found = measured("lost", tmp_path, str(trained[0]), "updates=3", "moments=60", "goals=4")["worlds"]["umaze"]
    columns = {"pixels", "untrained", "learned", "trained", "imagined 1", "imagined 8"}
    assert set(found["quantities"]) == {"position", "velocity"}
    assert all(set(one) == columns for one in found["quantities"].values())
    by = [one["by"] for one in found["distance"]["teleports"]["position"]]
    assert by[1] == pytest.approx(3 * by[0]) and by[2] == pytest.approx(10 * by[0])


def test_subgoals(trained: tuple[Path, Path], tmp_path: Path) -> None:
    found = measured("subgoals", tmp_path, str(trained[0]), "episodes=2", *SMALL)
    assert found["pairs"] == 2
    assert {"hierarchy", "flat_latent, true subgoals at 4"} <= set(found["planners"])
    assert all(len(won) == 2 for won in found["by_pair"].values())


def test_goals(trained: tuple[Path, Path], tmp_path: Path) -> None:
    small = ["episodes=2", "goal.samples=3", "evaluate.planners=[random,flat_distance]", "workers=1", *SMALL]
    found = measured("goals", tmp_path, str(trained[0]), *small)["runs"][str(trained[0])]
    assert (found["asked"], found["pairs"]) == (["position"], 2)
    assert found["probes"]["position"]["error"] > 0
    for planner in ("random", "flat_distance"):
        ways = found["planners"][planner]
        assert set(ways) == {"picture", "pictures", "probes"} and all(one["n"] == 2 for one in ways.values())
    assert len({one["value"] for one in found["planners"]["random"].values()}) == 1, "the same pairs, judged alike"


def test_rate(trained: tuple[Path, Path], tmp_path: Path) -> None:
    small = ["episodes=2", "rate=10", "evaluate.timing_steps=2", "workers=1", f"out={tmp_path / 'kept'}", *SMALL]
    found = measured("rate", tmp_path, str(trained[0]), *small)
    told = found["runs"][str(trained[0])]
    assert (told["planner"], told["pairs"], found["rate"]) == ("hierarchy", 2, 10)
    assert set(told["ways"]) == {"undisturbed", "rate", "delay", "lost"} == set(told["by_pair"])
    assert 0 <= told["ways"]["rate"]["missed"] <= 1 and told["ways"]["rate"]["hz"] <= 10
    assert told["ways"]["undisturbed"]["ms"]["median"] > 0
    assert measured("rate", tmp_path, str(trained[0]), *small) == found, "to the millisecond: it was kept"
    assert "| `umaze` | hierarchy |" in tables.planner_tables.rates(found)


def test_long_goals(trained: tuple[Path, Path], tmp_path: Path) -> None:
    small = ["episodes=2", "calls=40", "calibration=1", "evaluate.min_steps=5", "evaluate.max_steps=2", "workers=1"]
    small += ["evaluate.horizons=[2,4]", "planner.horizon=4", *SMALL[:-1]]
    told = measured("long_goals", tmp_path, str(trained[0]), *small)["runs"][str(trained[0])]
    assert set(told["tried"]) == {f"{name} at {steps}" for name in ("flat_latent", "flat_distance") for steps in (2, 4)}
    assert told["flat_planner"] in told["tried"] and told["allowed"] == 2 and told["steps_away"]["least"] >= 5
    calls = [one["model_calls"] for one in (*told["tried"].values(), *told["planners"].values())]
    assert all(30 <= one <= 44 for one in calls), "as many for all, and what looks at the plan at its end"


def test_optimizers(trained: tuple[Path, Path], tmp_path: Path) -> None:
    small = ["bench.planners=[random,flat_distance]", "bench.optimizers=[cem,random_shooting]", "bench.pairs=2"]
    small += ["bench.calibration=1", "bench.calls=[40]", "planner.horizon=4", "evaluate.max_steps=2", "workers=1"]
    found = measured("optimizers", tmp_path, str(trained[0]), f"out={tmp_path / 'bench'}", *small, "bench.trials=1")
    assert [one["optimizer"] for one in found["cells"]] == [None, "cem", "random_shooting"]
    assert all(len(one["outcomes"]) == 2 for one in found["cells"]) and found["suite"] == "standard"
    assert "| `umaze` | 40 | `random_shooting` |" in tables.planner_tables.optimizers(found)


def test_limits(trained: tuple[Path, Path], tmp_path: Path) -> None:
    small = ["episodes=4", "evaluate.planners=[random,flat_distance]", *SMALL]
    found = measured("limits", tmp_path, str(trained[0]), *small)["runs"][str(trained[0])]
    assert set(found["limits"]["keep_out"]["position"]) == {"center", "radius"}
    for one in found["planners"].values():
        told = one["free"]["success"], one["limited"]["success"], one["limited"]["violated"]
        assert {each["n"] for each in told} == {found["pairs"]} and one["points"] == 0
    assert found["planners"]["random"]["free"] == found["planners"]["random"]["limited"], "it knows no limits"
    wall = "planner.keep_within={position: {low: [-9, -9], high: [9, 9]}}"
    wide = measured("limits", tmp_path, str(trained[0]), wall, *small)["runs"][str(trained[0])]
    assert wide["pairs"] == 4 and list(wide["limits"]) == ["keep_within"]
    assert all(one["reached"] for one in wide["planners"].values())


def test_a_limit_is_put_where_most_ways_lead_that_begin_and_end_away_from_it() -> None:
    across = [np.stack([np.linspace(0, 4, 41), np.full(41, y)], axis=1) for y in (0.9, 1.0, 1.1)]
    beside = [np.stack([np.linspace(0, 4, 41), np.full(41, y)], axis=1) for y in (3.0, 5.0)]
    place, count = crowded([*beside, *across, np.full((9, 2), 1.0)], 0.4)
    assert count == 3 and abs(place[1] - 1.0) < 0.11 and 1.0 <= place[0] <= 3.0


def test_words(trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wordllama")
    monkeypatch.setattr(words, "fit_words", partial(words.fit_words, updates=20))
    small = [f"data={trained[1]}", "episodes=2", "goal.samples=3", "evaluate.planners=[flat_distance]", *SMALL]
    found = measured("words", tmp_path, str(trained[0]), *small)["runs"][str(trained[0])]
    told = found["planners"]["flat_distance"]
    assert {"seen", "phrasings", "phrasings_in_pictures", "shuffled", "wrong", "sequences"} <= set(told)
    assert all(one["n"] <= 2 for one in told.values()) and 0 <= found["understood"]["seen"] <= 1


def test_occlusion(trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occlusion, "memory_for", partial(occlusion.memory_for, updates=3, steps=8))
    run = shutil.copytree(trained[0], tmp_path / "run")
    small = [f"data={trained[1]}", "episodes=4", "hidden=1", "planner=random", *SMALL[:-1], "evaluate.max_steps=80"]
    found = measured("occlusion", tmp_path, str(run), *small, "workers=1")["runs"][str(run)]
    ways = found["ways"]
    assert (run / "model" / "memory.safetensors").is_file() and found["pairs"] >= 1
    assert len({one["value"] for one in ways.values()}) == 1, "who acts at random does not look"
    assert all(one["hidden_steps"] >= 1 and one["n"] == found["pairs"] for one in ways.values())
    assert "of no screen" in planner_tables.occlusion({"runs": {str(run): found}})


def test_modules(trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occlusion, "memory_for", partial(occlusion.memory_for, updates=3, steps=8))
    run = shutil.copytree(trained[0], tmp_path / "run")
    corner = "planner.keep_out={position: {center: [3.6, 3.6], radius: 0.01}}"
    small = [f"data={trained[1]}", "episodes=2", corner, *SMALL]
    found = measured("modules", tmp_path, str(run), *small, "workers=1", "pushes=5", "hidden=99")["runs"][str(run)]
    told = found["modules"]
    assert {"critic", "subgoals", "search", "configurator", "intrinsic cost"} == set(told), "nothing is hidden so long"
    assert all(one[way]["n"] == 2 for one in told.values() for way in ("with", "without"))
    assert told["intrinsic cost"]["with"]["value"] == 1, "nobody goes there"
    assert "| configurator |" in planner_tables.modules({"runs": {str(run): found}})


def test_speed(tmp_path: Path) -> None:
    found = measured("speed", tmp_path, f"against={ROOT}", "times=1")
    assert {"pretraining", "train", "finetuning", "distance", "flat_distance", "hierarchy"} == set(found["stages"])
    assert all(one["ms"] > 0 and 0.1 < one["ratio"] < 10 for one in found["stages"].values()), "it is the same checkout"


def test_cart(tmp_path: Path) -> None:
    found = measured("cart", tmp_path, "seeds=3", f"out={tmp_path}", "episodes=30", "updates=8", "workers=1", *OWN)
    (training,) = found["worlds"]["Cart"]["trainings"]
    assert (training["seed"], training["recordings"], set(training["planners"])) == (3, 30, {"random", "flat_distance"})
    assert training["seconds"]["processor"] > 0


def test_no_script_is_left_out_and_each_starts_from_anywhere(tmp_path: Path) -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(SCRIPTS) - {"documents", "zoo"} <= tested, "these two are tested elsewhere"
    code = """
import runpy, sys
before = list(sys.path)
for script in sys.argv[1:]:
    sys.path[:] = before
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]
    runpy.run_path(script, run_name="looked at")
"""
    scripts = [str(ROOT / "benchmarks" / f"{name}.py") for name in SCRIPTS]
    subprocess.run([sys.executable, "-c", code, *scripts], cwd=tmp_path, check=True, timeout=300)


def test_a_size_that_is_no_number_is_refused_and_the_rest_is_left_to_the_settings() -> None:
    assert sizes(["umaze", "rounds=2", "seed=3"], rounds=5, frames=9) == (
        {"rounds": 2, "frames": 9},
        ["umaze", "seed=3"],
    )
    with pytest.raises(SystemExit, match="rounds must be a whole number"):
        sizes(["rounds=0"], rounds=5)
