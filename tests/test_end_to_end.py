"""The whole loop with a real, tiny model: killed while it trains, gone on with, evaluated, reported."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from housecat import evaluate, load
from planners.flat import Flat
from planners.subgoals.hierarchy import Hierarchy

ROOT = Path(__file__).parent.parent
PLANNERS = ["random", "flat_latent", "flat_distance", "hierarchy"]
TINY = """
    world=umaze workers=1 model=cnn model.latent=16 model.width=8 model.predictor_width=64 model.predictor_depth=1
    collect.episodes=20 collect.steps=30 train.updates=60 train.batch=16 train.length=6 train.horizon=3
    train.measure_every=20 train.save_every=10 finetuning.updates=20 finetuning.horizon=4 critic.updates=200
    critic.batch=128 critic.width=32 graph.landmarks=20 graph.candidates=200 planner.samples=16 planner.elites=4
    planner.iterations=2 evaluate.episodes=3 evaluate.calibration=1 evaluate.horizons=[4,8] evaluate.max_steps=15
    evaluate.timing_steps=4 evaluate.planners=[random,flat_latent,flat_distance,hierarchy]
""".split()


def housecat(folder: Path, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "housecat", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout)


def start_and_kill_while_it_trains(folder: Path) -> None:
    command = [sys.executable, "-m", "housecat", "quickstart", "out=run", *TINY]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 300
            while not list((folder / "run").glob("checkpoints/*-train-*[0-9]/state.json")):
                assert process.poll() is None, (folder / "output.txt").read_text()
                assert time.monotonic() < deadline, (folder / "output.txt").read_text()
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished `run/`, and what the program said in `said.txt`."""
    folder = tmp_path_factory.mktemp("loop")
    start_and_kill_while_it_trains(folder)
    before = read(folder / "run" / "manifest.json")
    assert before["stages"]["collect"]["done"]
    assert not before["stages"]["train"]["done"]
    (folder / "seconds.json").write_text(json.dumps(before["seconds"]))
    finished = housecat(folder, "quickstart", "out=run", *TINY)
    assert finished.returncode == 0, finished.stderr
    (folder / "said.txt").write_text(finished.stdout)
    return folder


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


pytestmark = [pytest.mark.xdist_group("end to end"), pytest.mark.timeout(1200)]


def test_a_killed_quickstart_goes_on_where_it_was(folder):
    said = (folder / "said.txt").read_text()
    assert "collect: done before" in said
    assert "this will take about" in said
    assert all(f"\n{planner} " in said for planner in PLANNERS)
    assert said.rstrip().endswith("report: run/report.html")
    seconds, before = read(folder / "run" / "manifest.json")["seconds"], read(folder / "seconds.json")
    assert seconds["collect"] == before["collect"]
    assert seconds["train"] > before["train"]
    steps = [json.loads(line)["step"] for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert steps == [0, 20, 40, 60, 60 + 20], "of the updates, and of the finetuning after them"


def test_the_run_folder_holds_everything_that_was_promised(folder):
    run = folder / "run"
    names = {path.name for path in run.iterdir()}
    assert names >= {"config.yaml", "manifest.json", "metrics.jsonl", "tensorboard", "checkpoints", "model"}
    assert names >= {"results.json", "episodes.json", "pairs.json", "report.html"}
    assert {path.suffix for path in (run / "model").iterdir()} == {".json", ".safetensors", ".md"}
    assert not list(run.rglob("*partial*"))
    manifest = read(run / "manifest.json")
    assert all(manifest["stages"][stage]["done"] for stage in ("collect", "train", "evaluate", "report"))


def test_the_planner_that_did_better_on_other_pairs_is_kept_in_the_checkpoint_and_taken(folder):
    found = read(folder / "run" / "results.json")["recommended"]
    assert read(folder / "run" / "model" / "recommended.json") == found
    assert [one["n"] for one in found["tried"].values()] == [1, 1]
    assert "Recommended is" in (folder / "said.txt").read_text()
    assert isinstance(load(folder / "run").planner, {"hierarchy": Hierarchy, "flat_distance": Flat}[found["planner"]])


def test_training_spreads_the_latents_and_improves_the_imagination(folder):
    measured = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    untrained, early, *_, late, finetuned = measured
    assert untrained["held_out/std_mean"] < 0.1 < late["held_out/std_mean"]
    assert finetuned["held_out/open_loop_ratio"] < early["held_out/open_loop_ratio"]
    terms = [name for name in late if name.startswith("loss/")]
    assert terms
    assert sum(late[name] for name in terms) < sum(early[name] for name in terms)


def test_the_results_are_as_documented(folder):
    results = read(folder / "run" / "results.json")
    assert (results["schema"], results["world"], results["seed"]) == (1, "umaze", 0)
    assert isinstance(results["commit"], str)
    assert set(results["seconds"]) >= {"collect", "train", "evaluate"}
    assert all(seconds > 0 for seconds in results["seconds"].values())
    assert list(results["planners"]) == PLANNERS
    for name, numbers in results["planners"].items():
        low, high = numbers["interval"]
        assert 0 <= low <= numbers["success"] <= high <= 1
        assert numbers["episodes"] == 3
        assert (numbers["steps"] is None) == (numbers["success"] == 0)
        assert 0 <= numbers["spl"] <= numbers["success"]
        assert 0 <= numbers["plan_ms"]["median"] <= numbers["plan_ms"]["p95"]
        assert (numbers["model_calls"] > 0) == (name != "random")


def test_the_report_is_one_page_that_loads_nothing_from_elsewhere(folder):
    page = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("hierarchy", "data:image/"))
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'src="http' not in page


def test_a_finished_run_is_not_done_again(folder):
    files = [
        folder / "run" / name for name in ("results.json", "report.html", "model/config.json", "data/manifest.json")
    ]
    before = [file.stat().st_mtime_ns for file in files]
    again = housecat(folder.parent, "quickstart", f"out={folder / 'run'}", *TINY)  # the same folder by another name
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done before") == 4
    assert [file.stat().st_mtime_ns for file in files] == before


def test_other_settings_are_refused_in_one_line_and_harm_nothing(folder):
    before = {path: path.stat().st_mtime_ns for path in (folder / "run").rglob("*") if path.is_file()}
    refused = housecat(folder, "quickstart", "out=run", *TINY, "train.updates=61")
    assert refused.returncode == 2
    assert refused.stderr == (
        "housecat: run was made with train.updates=60, not 61: give another out=DIR, or the same settings to go on\n"
    )
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_checkpoint_is_evaluated_with_another_seed_in_another_folder(folder):
    arguments = [argument for argument in TINY if argument.startswith(("evaluate", "planner", "workers"))]
    done = housecat(folder, "evaluate", "checkpoint=run", "out=again", "seed=1", "episodes=2", *arguments)
    assert done.returncode == 0, done.stderr
    results = read(folder / "again" / "results.json")
    assert (results["seed"], results["planners"]["hierarchy"]["episodes"]) == (1, 2)
    assert set(results["seconds"]) >= {"collect", "train", "evaluate"}
    assert (folder / "again" / "report.html").is_file()


def test_a_checkpoint_of_another_world_is_refused_in_one_line(folder):
    refused = housecat(folder, "evaluate", "checkpoint=run", "world=reacher", "out=never")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "is of world 'umaze'" in refused.stderr
    assert not (folder / "never").exists()


def test_a_damaged_checkpoint_is_refused_in_one_line(folder, tmp_path):
    copy = tmp_path / "model"
    copy.mkdir()
    for path in (folder / "run" / "model").iterdir():
        (copy / path.name).write_bytes(path.read_bytes()[:2000])
    (copy / "config.json").write_bytes((folder / "run" / "model" / "config.json").read_bytes())
    refused = housecat(folder, "evaluate", f"checkpoint={copy}", f"out={tmp_path / 'out'}", "workers=1")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "damaged" in refused.stderr


def test_a_checkpoint_takes_goals_by_name_through_pictures_and_through_its_probes(folder):
    about = read(folder / "run" / "model" / "config.json")["about"]
    assert about["probes"]["position"]["size"] == 2 and 0 < about["probes"]["position"]["error"] < 5
    agent = load(folder / "run", planner="flat_distance")
    world = agent.make_world()
    frame, info = world.reset(seed=0)
    place = tuple(info["goal"][:2])
    targets = {}
    for how in ("pictures", "probes"):
        agent.reset({"position": place}, targets=how)
        targets[how] = agent.plan(frame).target
    agent.reset(world.goal_frame())
    assert targets["pictures"].shape == targets["probes"].shape == agent.plan(frame).target.shape
    assert not torch.equal(targets["pictures"], targets["probes"])
    small = {key: text for key, _, text in (one.partition("=") for one in TINY) if key.startswith("planner")}
    small |= {"evaluate.max_steps": 3, "evaluate.timing_steps": 0, "workers": 1, "goal.targets": "probes"}
    found = evaluate(
        folder / "run",
        planners=["flat_distance"],
        out=folder / "there",
        episodes=2,
        goal={"position": place},
        settings=small,
    )
    assert found["goal"]["regions"]["position"]["radius"] == world.tolerance and found["goal"]["targets"] == "probes"
    assert found["goal"]["solved_at_start"] == 0
