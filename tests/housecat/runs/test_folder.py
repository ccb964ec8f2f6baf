"""Run folders: stages are done once, time adds up, and nothing is overwritten by a run of other settings."""

import json
import threading
import time
from datetime import date
from pathlib import Path

import pytest

from envs.data.episodes import StoreError
from housecat.errors import UsageError
from housecat.runs import folder
from housecat.runs.folder import Stage, commit, open_run, provenance, read_manifest


def stage(path: Path, **settings: object) -> Stage:
    return Stage("train", settings or {"train.updates": 3}, path / "product", ("product",))


def test_a_stage_is_done_when_it_was_finished_and_its_product_is_there(tmp_path):
    with open_run(tmp_path, "seed: 0\n", "housecat train") as run:
        assert not run.done(stage(tmp_path))
        with run.working(stage(tmp_path)):
            (tmp_path / "product").touch()
        assert run.done(stage(tmp_path))
    (tmp_path / "product").unlink()
    with open_run(tmp_path, "seed: 0\n", "housecat train") as run:
        assert not run.done(stage(tmp_path))


def test_a_stage_that_failed_is_not_done_and_its_time_counts(tmp_path):
    with open_run(tmp_path, "", "") as run:
        with pytest.raises(KeyboardInterrupt), run.working(stage(tmp_path)):
            (tmp_path / "product").touch()
            time.sleep(0.1)
            raise KeyboardInterrupt
        assert not run.done(stage(tmp_path))
    with open_run(tmp_path, "", "") as run:
        with run.working(stage(tmp_path)):
            time.sleep(0.1)
        assert run.done(stage(tmp_path))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert 0.2 <= manifest["seconds"]["train"] < 1


def test_a_folder_of_other_settings_is_refused_and_left_as_it_is(tmp_path):
    with open_run(tmp_path, "seed: 0\n", "first") as run, run.working(stage(tmp_path)):
        (tmp_path / "product").touch()
    before = (tmp_path / "manifest.json").read_bytes()
    with open_run(tmp_path, "seed: 1\n", "second") as run:
        run.check(stage(tmp_path))
        with pytest.raises(UsageError, match="train.updates=3, not 4: give another out=DIR"):
            run.check(stage(tmp_path, **{"train.updates": 4}))
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert (tmp_path / "config.yaml").read_text() == "seed: 0\n"


def test_another_layout_of_a_world_of_the_same_name_is_other_settings(tmp_path):
    one, other = ({"name": "mine", "layout": layout} for layout in ("###", "####"))
    with open_run(tmp_path, "", "") as run:
        with run.working(stage(tmp_path, world=one)):
            pass
        with pytest.raises(UsageError, match="another layout or frame size of world mine"):
            run.check(stage(tmp_path, world=other))


def test_two_processes_never_work_in_one_folder(tmp_path):
    with open_run(tmp_path, "", ""), pytest.raises(StoreError, match="another process"), open_run(tmp_path, "", ""):
        pass


@pytest.mark.parametrize("content", ['{"kind": "recording", "schema": 1}', "{", "[]", '{"kind": "run", "schema": 99}'])
def test_a_folder_that_is_not_a_run_is_refused_and_left_as_it_is(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(UsageError, match="give another out=DIR"), open_run(tmp_path, "", ""):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make the folder"), open_run(tmp_path / "file", "", ""):
        pass


def test_the_manifest_says_what_ran(tmp_path):
    with open_run(tmp_path, "", "housecat train data=x"):
        pass
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert manifest["command"] == "housecat train data=x"
    assert {"python", "torch", "mujoco", "housecat"} <= set(manifest["versions"])
    assert manifest["machine"]["cores"] >= 1


def test_figures_carry_the_command_commit_day_and_machine_that_they_are_of():
    found = provenance("housecat compare")
    assert (found["command"], found["commit"]) == ("housecat compare", commit())
    assert date.fromisoformat(found["date"]) <= date.today()
    assert " cores, " in found["machine"] and {"python", "torch"} <= set(found["versions"])


def test_what_a_stage_was_made_of_is_part_of_its_being_done(tmp_path):
    made_of = {"weights": "one"}
    work = Stage("evaluate", {}, tmp_path / "product", ("product",), lambda: dict(made_of))
    with open_run(tmp_path, "", "") as run, run.working(work):
        (tmp_path / "product").touch()
    with open_run(tmp_path, "", "") as run:
        assert run.done(work)
        made_of["weights"] = "other"
        assert not run.done(work)
        run.check(work)  # the settings are the same: it is done again, not refused


def test_a_run_claims_what_is_not_there_or_its_own_and_nothing_else(tmp_path):
    with open_run(tmp_path, "seed: 0\n", "") as run:
        run.claim("model")
        (tmp_path / "model").mkdir()
        (tmp_path / "results.json").write_text("mine")
        with pytest.raises(UsageError, match="results.json is not of this run and would be written over: move it"):
            run.claim("model", "results.json")
        (tmp_path / "report.html").symlink_to(tmp_path / "nowhere")
        with pytest.raises(UsageError, match="report.html is a link"):
            run.claim("report.html")
    assert json.loads((tmp_path / "manifest.json").read_text())["files"] == ["manifest.json", "config.yaml", "model"]


@pytest.mark.parametrize("name", ["config.yaml", "model", "notes.txt", ".hidden"])
def test_a_folder_with_anything_in_it_is_no_new_folder(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(StoreError, match=f"holds {name}, which this command did not make"), open_run(tmp_path, "", ""):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_a_kill_left_in_a_run_folder_is_removed(tmp_path):
    (tmp_path / ".manifest.json.0123456789abcdef.unfinished").write_text("{")
    with open_run(tmp_path, "", ""):
        pass
    (tmp_path / ".results.json.0123456789abcdef.unfinished").write_text("{")
    with open_run(tmp_path, "", ""):
        assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_the_heart_never_writes_a_table_that_changes_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_HEARTBEAT", 1e-4)
    faults = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    with open_run(tmp_path, "", "") as run, run.working(stage(tmp_path)):
        deadline = time.monotonic() + 1.5
        for number in range(100_000):
            run.adopt_seconds({f"stage {number}": 1.0})
            if faults or time.monotonic() > deadline:
                break
    assert not faults
