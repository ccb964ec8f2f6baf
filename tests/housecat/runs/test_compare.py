"""Methods side by side: what the table says is what the runs wrote."""

import json
from pathlib import Path

import numpy as np
import pytest

from housecat import Recorder
from housecat.cli import main as cli
from housecat.evaluation.statistics import Rate
from housecat.runs import wiring
from housecat.runs.compare import planning, within_budget
from housecat.runs.estimate import Speed
from housecat.settings.config import load_config

TINY = """
    world=umaze workers=1 collect.episodes=30 collect.steps=20 model.latent=16 model.width=8 model.keypoints=4
    model.predictor_width=32 model.predictor_depth=1 train.updates=12 train.batch=8 train.length=4 train.horizon=2
    train.measure_every=12 train.save_every=12 finetuning.updates=4 finetuning.horizon=3 critic.updates=50
    pretraining.updates=2 pretraining.batch=4
    critic.batch=32 critic.width=16 graph.landmarks=8 graph.candidates=50 planner.samples=8 planner.elites=2
    planner.iterations=1 planner.horizon=2 evaluate.episodes=2 evaluate.planners=[random,flat_distance]
    evaluate.max_steps=3 evaluate.timing_steps=2 precision=fp32
""".split()


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compare")
    assert cli.main(["compare", *TINY, f"out={out}", "compare.methods=[default]", "compare.seeds=[0,1]"]) == 0
    return out


def test_a_row_gathers_all_seeds(compared: Path) -> None:
    found = json.loads((compared / "compare.json").read_text())
    (row,) = found["models"]
    logs = [compared / "runs" / f"default-{seed}" / "metrics.jsonl" for seed in (0, 1)]
    last = [json.loads(path.read_text().splitlines()[-1])["held_out/probe_position"] for path in logs]
    assert row["model"] == "default"
    assert row["probe"]["position"]["mean"] == pytest.approx(sum(last) / 2, abs=1e-4)
    assert row["probe"]["position"]["low"] <= row["probe"]["position"]["mean"] <= row["probe"]["position"]["high"]
    assert row["planning"]["flat_distance"]["episodes"] == 4
    assert row["frames_per_second"] > 0 and row["failed"] == []
    assert {"command", "commit", "date", "machine", "versions"} <= set(found)
    assert found["speedup_over_lewm"] is None, "lewm was not compared"


def test_imagination_is_measured_once_the_predictor_has_finetuned(compared: Path) -> None:
    """Before that it has never seen where keypoints are."""
    log = compared / "runs" / "default-0" / "metrics.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 12, 12 + 4]
    assert ["held_out/open_loop_ratio" in line for line in lines] == [False, False, True]
    assert lines[1]["held_out/probe_position"] == lines[2]["held_out/probe_position"], "the encoder is as it was"


def test_comparing_again_trains_nothing_again(compared: Path, capfd: pytest.CaptureFixture[str]) -> None:
    weights = compared / "runs" / "default-0" / "model" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    assert cli.main(["compare", *TINY, f"out={compared}", "compare.methods=[default]", "compare.seeds=[0,1]"]) == 0
    assert weights.stat().st_mtime_ns == before
    assert "default" in capfd.readouterr().out


def test_trainings_that_come_to_nothing_are_written_down_and_the_comparison_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng, black = np.random.default_rng(0), np.zeros((64, 64, 3), np.uint8)
    with Recorder(tmp_path / "covered", dt=0.1) as recorder:  # there is nothing to tell states apart by
        for _ in range(30):
            recorder.begin(black)
            for action in rng.uniform(-1, 1, (20, 2)):
                recorder.step(action, black)
    line = [word for word in TINY if not word.startswith(("world", "workers", "collect"))]
    line += [f"out={tmp_path / 'out'}", f"data={tmp_path / 'covered'}", "compare.seeds=[0]"]
    assert cli.main(["compare", *line, "compare.methods=[pldm,default]"]) == 2
    rows = json.loads((tmp_path / "out" / "compare.json").read_text())["models"]
    assert [row["model"] for row in rows] == ["pldm", "default"]
    for row in rows:
        (why,) = row["failed"]
        assert why.startswith("seed 0: the latents collapsed at update 12") and "\n" not in why
        assert row["probe"] is row["planning"] is None and row["frames_per_second"] > 0
    said = capfd.readouterr()
    assert "pldm, seed 0: the latents collapsed" in said.err and "default" in said.out
    assert said.err.splitlines()[-1].endswith(
        "no training came through: change what the lines above say, and compare again"
    )


def test_success_over_seeds_counts_trainings_and_shows_each(compared: Path, tmp_path: Path) -> None:
    paths, played = [], json.loads(next((compared / "runs").glob("*/results.json")).read_text())
    found = next(iter(played["planners"].values()))
    for seed, (success, milliseconds) in enumerate([(0.75, 10.0), (0.25, 20.0), (1.0, 60.0)]):
        run = {"success": success, "interval": [0, 1], "episodes": 4, "plan_ms": {"median": milliseconds, "p95": 99.0}}
        paths.append(tmp_path / f"{seed}.json")
        paths[-1].write_text(json.dumps({**played, "planners": {"hierarchy": {**found, **run}}}))
    found = planning(paths)["hierarchy"]
    assert (found["success"], found["episodes"], found["plan_ms"]) == (8 / 12, 12, 30.0)
    assert found["trainings"] == [0.75, 0.25, 1.0]
    pooled = Rate.of([True] * 8 + [False] * 4)
    assert found["interval"][0] < pooled.low and found["interval"][1] > pooled.high, "three trainings, not twelve"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["method=default"], "compare.methods=[...]"),
        (["compare.methods=[defalt]"], "compare.methods must be one of"),
        (["compare.methods=[default,default]"], "compare.methods names something twice"),
        (["compare.seeds=[3,0,3]"], "compare.seeds names something twice"),
        (["evaluate.planners=[random,random]"], "evaluate.planners names something twice"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    words: list[str], expected: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", *TINY, f"out={tmp_path}", *words]) == 2
    errors = capfd.readouterr().err
    assert expected in errors
    assert errors.count("\n") == 1


def test_a_method_finetunes_as_often_as_it_asks_to_where_the_time_allows() -> None:
    speed = Speed(frames=1000.0, update=0.5, finetuning=0.1, apart=0.0)
    config = load_config(["method=vjepa2_ac", "compare.seconds=10000"])
    plan = wiring.training_plan(config, 64, 2)
    assert plan.finetuning.updates != load_config([]).finetuning.updates
    assert within_budget("vjepa2_ac", config.compare, plan, speed)["finetuning.updates"] == plan.finetuning.updates
    assert within_budget("vjepa2_ac", load_config([]).compare, plan, speed) == {}
