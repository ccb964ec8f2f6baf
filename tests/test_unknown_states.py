"""Recordings that do not know the simulator's states: all goes through to the report, and unknown is called unknown."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from envs.data.store import EpisodeStore
from housecat.cli import main as cli

TINY = """
    workers=1 model=cnn model.latent=16 model.width=8 model.predictor_width=32 model.predictor_depth=1
    train.updates=12 train.batch=8 train.length=4 train.horizon=2 train.measure_every=12 train.save_every=12
    finetuning.updates=4 finetuning.horizon=3 critic.updates=50 critic.batch=32 critic.width=16 graph.landmarks=8
    graph.candidates=50 precision=fp32
""".split()
PLAYED = """
    planner.samples=8 planner.elites=2 planner.iterations=1 planner.horizon=2 evaluate.episodes=2
    evaluate.planners=[random,hierarchy] evaluate.max_steps=3 evaluate.timing_steps=2
""".split()


def strict(text: str) -> Any:
    """What a reader makes of it that knows no NaN."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unknown")
    recording = ["world=umaze", "workers=1", "collect.episodes=30", "collect.steps=20", f"out={folder / 'recorded'}"]
    assert cli.main(["collect", *recording]) == 0
    store = EpisodeStore.open(folder / "recorded")
    episodes = [store.load(index) for index in range(len(store))]
    with h5py.File(folder / "bare.h5", "w") as file:
        file["pixels"] = np.concatenate([one.frames for one in episodes])
        file["action"] = np.concatenate([np.pad(one.actions, ((0, 1), (0, 0))) for one in episodes])
        file["state"] = np.zeros((30 * 21, 7))  # of another simulator
        file["ep_len"], file["ep_offset"] = np.full(30, 21), 21 * np.arange(30)
    source = [f"source={folder / 'bare.h5'}", "format=hdf5", "world=umaze", f"out={folder / 'bare'}"]
    assert cli.main(["data", "import", *source]) == 0
    line = [f"data={folder / 'bare'}", f"out={folder / 'compared'}", "compare.methods=[default]", "compare.seeds=[0]"]
    assert cli.main(["compare", *line, *TINY, *PLAYED]) == 0
    return folder


def test_a_comparison_goes_through_and_its_probes_are_null(compared: Path) -> None:
    (row,) = strict((compared / "compared" / "compare.json").read_text())["models"]
    assert row["probe"] == row["untrained"] == {"position": None, "velocity": None}
    assert row["rank"] > 0 and row["open_loop"] > 0 and row["failed"] == []
    assert row["notes"] == ["only 12 updates: what is measured is the time that was given, not the method"]
    assert row["planning"]["hierarchy"]["episodes"] == 2


def test_the_log_and_the_checkpoint_hold_null_and_never_nan(compared: Path) -> None:
    run = compared / "compared" / "runs" / "default-0"
    lines = [strict(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 3 and all(line["held_out/probe_position"] is None for line in lines)
    assert all(line["held_out/std_mean"] > 0 for line in lines)
    assert strict((run / "model" / "config.json").read_text())["about"]["measured"]["probe_velocity"] is None


def test_the_hierarchy_plays_and_the_report_says_what_is_unknown(
    compared: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = compared / "judged"
    model = compared / "compared" / "runs" / "default-0"
    assert cli.main(["evaluate", f"checkpoint={model}", f"out={out}", "workers=1", "precision=fp32", *PLAYED]) == 0
    again = ["evaluate", f"checkpoint={model}", "workers=1", "precision=fp32", f"data={compared / 'bare'}"]
    capfd.readouterr()
    assert cli.main([*again, f"out={compared / 'told'}", *PLAYED, "evaluate.planners=[true_distance]"]) == 2
    assert "does not know states, which true_distance" in capfd.readouterr().err.splitlines()[-1]
    assert strict((out / "episodes.json").read_text())["landmarks"] is None
    assert strict((out / "results.json").read_text())["planners"]["hierarchy"]["episodes"] == 2
    assert "no landmark graph with known places" in (out / "report.html").read_text(encoding="utf-8")
    capfd.readouterr()
    assert cli.main(["data", "info", f"data={compared / 'bare'}"]) == 0
    assert "states    unknown" in capfd.readouterr().out
