"""`housecat bench --diagnose` from the command line to its files, gone on with where it was stopped."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.housecat.conftest import Outcome

FEW = "bench.pairs=2 evaluate.max_steps=2 planner.horizon=2 workers=1 precision=fp32 evaluate.batch=2".split()


def test_a_diagnosis_goes_on_where_it_was_stopped_and_says_what_it_could_not_look_at(
    command: Callable[..., Outcome], untrained: Callable[..., Path], tmp_path: Path
) -> None:
    line = ["bench", "--diagnose", f"checkpoints=[{untrained('eyes')}]", "out=found", *FEW]
    first = command(*line)
    assert first.code == 0, first.err
    (found,) = json.loads((tmp_path / "found" / "diagnosis.json").read_text())["models"]
    assert list(found["players"]) == ["oracle", "true_state", "flat_distance"]
    assert {one["name"] for one in found["parts"]} == {"distance and model and perception", "search"}
    assert len(found["notes"]) == 2 and all(note in first.out for note in (*found["told"], *found["notes"]))
    assert (tmp_path / "found" / "diagnosis.png").read_bytes().startswith(b"\x89PNG")
    played = tmp_path / "found" / "results.jsonl"
    before = played.read_text()
    lines = before.splitlines(keepends=True)
    played.write_text("".join(lines[:-1]) + lines[-1][:20])  # killed while it wrote the last one
    assert command(*line).code == 0
    assert json.loads((tmp_path / "found" / "diagnosis.json").read_text())["models"] == [found]
    assert played.read_text().startswith("".join(lines[:-1])) and len(played.read_text().splitlines()) == len(lines)


def test_the_oracle_stands_in_the_table_without_an_optimiser_of_the_bench(
    command: Callable[..., Outcome], untrained: Callable[..., Path], tmp_path: Path
) -> None:
    suite = "bench.planners=[oracle] bench.optimizers=[cem] bench.calls=[32] bench.trials=1 bench.calibration=1".split()
    done = command("bench", f"checkpoints=[{untrained('eyes')}]", "out=table", *FEW, *suite)
    assert done.code == 0, done.err
    (cell,) = [json.loads(one) for one in (tmp_path / "table" / "results.jsonl").read_text().splitlines()]
    assert (cell["planner"], cell["optimizer"], cell["calls"], cell["ms"]) == ("oracle", None, 0, None)


def test_who_needs_recordings_that_are_not_there_is_refused_before_anything_is_played(
    command: Callable[..., Outcome], untrained: Callable[..., Path]
) -> None:
    done = command("bench", f"checkpoints=[{untrained('eyes')}]", "out=table", "bench.planners=[inverse]", *FEW)
    assert done.code == 2 and "are not to be found: name some with data=DIR" in done.err.splitlines()[-1]
