"""README.md and RESULTS.md show no figure but those of committed files, and say of each where it is from."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.documents import BLOCK, DOCUMENTS, ORIGIN, RESULTS, ROOT, block, rendered
from benchmarks.markdown import rate
from benchmarks.record import write
from benchmarks.tables import BLOCKS
from envs import WORLDS
from housecat.cli.help import COMMANDS, named

# What may stand in a document's own words: names, settings and definitions, which nobody measures.
DEFINED = (
    r"\bV-JEPA 2-AC\b|\bR2\b|\bHDF5\b|\bLeRobotDataset v3\.0\b|\bDebian 12\b|\bPython 3\.11\b|\bApache-2\.0\b"
    r"|\b95 % interval\b|\*\*Intervals\*\* are of 95 %|\bseeds 0, 1 and 2\b|\b100 and up\b|\bmodel of seed 0\b"
    r"|\bfour times as slow\b|\*\*Exit codes\*\*: 0 done, 1 |, 2 something|\b130 Ctrl-C\b"
)
WORDS = "half|a quarter|a third|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|fifty"
COUNT = rf"(?:\d[\d.,]* ?|(?:{WORDS}) (?:an? |of an? )?)"
UNIT = r"(?:%|percent|per cent|ms|milliseconds?|s|seconds?|min|minutes?|hours?|x|times)(?!\w)"
MEASURED = re.compile(rf"(?i)\b{COUNT}{UNIT}|\b{COUNT}of (?:\d|{WORDS})|\bR2 (?:\w+ )?-?\d?\.\d|\btwice\b|\bhalf of\b")
PLANTED = [
    "It reaches 92 % of them.",
    "It reaches 28 of 30.",
    "It reaches thirty of thirty goals.",
    "A probe reads it at R2 0.98.",
    "A probe reads it at R2 of .98.",
    "A step takes 25 ms.",
    "The first command takes half a minute.",
    "The first command takes six minutes.",
    "This is 1.9x as fast.",
    "It is ten times as fast.",
    "It needs twice the time.",
    "It takes `18 minutes` there.",
    "It errs by 0.04 m.",
    "Of the misses 23 were turned.",
]


def document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def figures_in_words(text: str) -> list[str]:
    """Whatever in a document's own words looks like a figure that was measured, or is a number that is not defined."""
    own = re.sub(r"(?s)```.*?```|\]\([^)]*\)|<!-- figures: .*?<!-- end -->", " ", text)
    own = re.sub(DEFINED, " ", " ".join(own.split()))
    return [found[0] for found in MEASURED.finditer(own)] + re.findall(r"\S*\d\S*", re.sub(r"`[^`]*`", " ", own))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_block_says_what_the_files_say(name):
    assert document(name) == rendered(document(name)), "run: python benchmarks/documents.py"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_outside_the_blocks_stands_no_figure(name):
    assert figures_in_words(document(name)) == []


@pytest.mark.parametrize("sentence", PLANTED)
def test_a_figure_that_is_written_by_hand_is_found(sentence):
    text = document("README.md").replace("## Limits\n", f"## Limits\n\n{sentence}\n")
    assert figures_in_words(text) != []


def test_every_block_is_in_a_document():
    used = {found[1] for name in DOCUMENTS for found in BLOCK.finditer(document(name))}
    assert used == set(BLOCKS)
    assert "worlds" in [found[1] for found in BLOCK.finditer(document("README.md"))]


@pytest.mark.parametrize("file", sorted({file for file, _ in BLOCKS.values() if (RESULTS / file).exists()}))
def test_a_file_of_figures_says_what_made_it_and_that_still_exists(file):
    found = json.loads((RESULTS / file).read_text(encoding="utf-8"))
    assert re.fullmatch(r"[0-9a-f]{40}(\+changes)?", found["commit"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d.*", found["date"])
    assert found["machine"]
    assert not re.search(r"(?:^|[ ='])/", found["command"]), "a place of one machine"
    program, *rest = found["command"].split()
    if program == "housecat":
        assert named(rest)[0] in COMMANDS
    else:
        assert program == "python" and (ROOT / rest[0]).is_file(), found["command"]


def training(solved: int, of: int = 30) -> dict[str, Any]:
    played = {"solved": solved, "of": of, "steps": 20.0, "ms_per_step": 12.5}
    return {
        "seed": 0,
        "play": "scripted",
        "seconds": {"collect": 30.0, "train": 200.0},
        "planners": {"hierarchy": played, "random": {"solved": 0, "of": of, "steps": None, "ms_per_step": None}},
        "probes": {"position": 0.98765, "angle": None},
    }


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Figures of one world, as `benchmarks/worlds.py` would write them."""
    success = {"hierarchy": {"value": 0.8667, "low": 0.6, "high": 0.97, "plays": 60, "trainings": 2}}
    origin = {"command": "python benchmarks/worlds.py", "commit": "a" * 40, "date": "2026-01-02", "machine": "Z80"}
    world = {"trainings": [training(30), training(22)], "success": success}
    (tmp_path / "worlds.json").write_text(json.dumps({**origin, "pairs": 30, "worlds": {"puck": world}}))
    (tmp_path / "speed.json").write_text(
        json.dumps({**origin, "ratio": 2.5, "stages": {"train": {"step_ms": {"old": 7.5, "new": 3}}}})
    )
    (tmp_path / "gpu.json").write_text((tmp_path / "worlds.json").read_text())
    return tmp_path


def test_every_world_that_ships_has_its_line_measured_or_not(results):
    lines = [line for line in block("worlds", results).splitlines() if line.startswith("| `")]
    assert [re.match(r"\| `(\w+)`", line)[1] for line in lines] == list(WORLDS)
    puck = lines[list(WORLDS).index("puck")]
    assert "| scripted | 87 % (60 to 97) |" in puck and puck.endswith("| 2 |")
    assert sum("not measured" in line for line in lines) == len(WORLDS) - 1


def test_a_block_shows_each_training_and_where_its_figures_are_from(results):
    text = block("planners", results)
    assert "| `puck` | landmarks | 30 of 30, 22 of 30 | 87 % (60 to 97) | 20 | 12.5 |" in text
    assert "commit aaaaaaa, 2026-01-02, Z80: `python benchmarks/worlds.py`" in text
    found = json.loads((results / "worlds.json").read_text())
    found["worlds"]["puck"]["trainings"][1]["recommended"] = "hierarchy"
    (results / "worlds.json").write_text(json.dumps(found))
    assert "| `puck` | landmarks (recommended by 1 of 2) | 30 of 30, 22 of 30 |" in block("planners", results)
    assert "| `puck` | position | 0.988, 0.988 |\n| `puck` | angle | unknown, unknown |" in block("probes", results)
    assert "| `puck` | 30, 30 | 200, 200 |" in block("seconds", results)


def test_trainings_that_were_made_elsewhere_are_said_to_be_so(results):
    found = json.loads((results / "worlds.json").read_text())
    for one, letter in zip(found["worlds"]["puck"]["trainings"], "cb", strict=True):
        machine = {"system": "Linux", "processor": f"6502{letter}", "cores": 1, "accelerators": []}
        one |= {"commit": letter * 40, "machine": machine}
    (results / "worlds.json").write_text(json.dumps(found))
    assert "commit bbbbbbb, ccccccc, 2026-01-02, 6502b, 1 cores; 6502c, 1 cores: `python" in block("worlds", results)


def test_measurements_of_any_groups_become_tables(results):
    speed = block("speed", results)
    assert speed.startswith("|  | ratio |\n| --- | --- |\n|  | 2.5 |\n\n")
    assert "| stages | step ms old | step ms new |\n| --- | --- | --- |\n| train | 7.5 | 3 |" in speed


def test_a_comparison_that_pools_its_trainings_is_shown_without_its_interval(tmp_path):
    """Its interval counts plays as if trainings did not differ."""
    found = json.loads((RESULTS / "compare.json").read_text(encoding="utf-8"))
    (plan,) = [row["planning"]["flat_distance"] for row in found["models"] if row["model"] == "default"]
    plan |= {"success": 0.5, "interval": [0.25, 0.75]}
    plan.pop("trainings", None)
    others = [one for row in found["models"] for one in (row["planning"] or {}).values()]
    for trainings, shown in ((None, "| 50 % |"), ([0.2, 0.8], "| 20, 80: 50 % (25 to 75) |")):
        for one in others if trainings else []:
            one["trainings"] = trainings
        (tmp_path / "compare.json").write_text(json.dumps(found))
        (line,) = [line for line in block("methods", tmp_path).splitlines() if line.startswith("| `default`")]
        assert shown in line
        assert ("Of an earlier code" in block("methods", tmp_path)) == (trainings is None)


def partly(world: str, solved: dict[str, int], of: int = 30) -> dict[str, Any]:
    """A run of `benchmarks/goals.py`: how many goals one planner reached, by the way in which they were asked for."""
    told: dict[str, Any] = {way: {"value": won / of, "low": 0.0, "high": 1.0, "n": of} for way, won in solved.items()}
    for way in solved.keys() - {"picture"}:
        told[way]["against_picture"] = {"only_first": 0, "only_second": solved["picture"] - solved[way], "p": 1.0}
    random = {way: told[way] | {"value": 0.0} for way in told}
    return {"world": world, "asked": [world], "pairs": of, "planners": {"random": random, "hierarchy": told}}


def test_goals_in_parts_stand_beside_whole_ones_over_all_trainings_and_what_was_not_measured_is_said(results):
    runs = {"a": partly("puck", {"picture": 30, "pictures": 28}), "b": partly("puck", {"picture": 20, "pictures": 17})}
    origin = {"command": "python benchmarks/goals.py", "commit": "a" * 40, "date": "2026-01-02", "machine": "Z80"}
    (results / "goals.json").write_text(json.dumps({**origin, "runs": runs}))
    puck, reacher, arm = [line for line in block("goals", results).splitlines() if line.startswith("| `")]
    assert re.match(r"\| `puck` \| puck \| hierarchy \| 83 % \(.*\) \| 75 % \(.*\) \| 90 % \| 0.0625 \|  \|", puck)
    assert "not measured" in reacher and "not measured" in arm


ORIGINS = {"command": "python benchmarks/any.py", "commit": "a" * 40, "date": "2026-01-02", "machine": "Z80"}


def share(won: int, of: int, **more: Any) -> dict[str, Any]:
    return {"value": won / of, "low": 0.0, "high": 1.0, "n": of, "steps": 50.0, "model_calls": 1600, **more}


def rows_of(name: str, results: Path, found: dict[str, Any]) -> dict[str, list[str]]:
    """The cells of the lines of a block whose file holds this, by the first of them."""
    (results / BLOCKS[name][0]).write_text(json.dumps({**ORIGINS, **found}))
    lines = [line.strip("| ").split(" | ") for line in block(name, results).splitlines() if line.startswith("| ")]
    return {one[0].strip("`"): one for one in lines}


def test_what_trouble_costs_stands_in_points_and_every_world_has_its_line(results):
    undisturbed, late = [1] * 9 + [0], [1] * 6 + [0] * 4
    ways = {"undisturbed": share(9, 10, ms={"median": 31.26, "p95": 40.0}), "rate": share(9, 10, missed=0.025, hz=19.5)}
    ways |= {"delay": share(6, 10, against={"only_first": 0, "only_second": 3, "p": 0.25})}
    ways |= {"lost": share(9, 10, against={"only_first": 0, "only_second": 0, "p": 1.0})}
    by_pair = {"undisturbed": undisturbed, "rate": undisturbed, "delay": late, "lost": undisturbed}
    run = {"world": "medium", "planner": "hierarchy", "pairs": 10, "ways": ways, "by_pair": by_pair}
    found = rows_of("rate", results, {"rate": 20, "delay": 100, "lost": 20, "runs": {"a": run, "b": run}})
    assert [name for name in found if name in WORLDS] == list(WORLDS) and found["puck"][1].strip() == "not measured"
    medium = found["medium"]
    assert medium[1:4] == ["hierarchy", "31.3", "40"] and medium[5:7] == ["19.5", "2.5 %"]
    assert medium[9].startswith("-30 (-") and medium[10] == "0.0312" and medium[12].startswith("+0 (")


def test_the_best_flat_planner_stands_beside_the_hierarchy_as_a_share_of_it(results):
    planners = {"hierarchy": share(28, 30), "flat": share(7, 30)}
    run = {"world": "giant", "steps_away": {"least": 61.2, "most": 140}, "planners": planners, "flat_planner": "x at 8"}
    run |= {"against": {"only_first": 21, "only_second": 0, "p": 1e-6}}
    found = rows_of("long-goals", results, {"runs": {"a": run}})
    assert [found[name][2] for name in ("large", "fourrooms", "rover")] == ["not measured"] * 3
    giant = found["giant"]
    assert giant[1] == "61 to 140" and giant[3:6] == ["50", "1,600", "x at 8"] and giant[7:9] == ["25 %", "1,600"]


def test_optimisers_of_all_models_of_a_world_stand_in_one_line_beside_those_of_other_packages(results):
    def cell(optimizer: str | None, model: str, won: int, only_cem: int) -> dict[str, Any]:
        against = None if optimizer in (None, "cem") else {"only_this": 0, "only_cem": only_cem, "p": 1.0}
        about = {"world": "medium", "planner": "flat_distance" if optimizer else "random", "calls": 1024, "pairs": 10}
        return {**about, "optimizer": optimizer, "model": model, "success": won / 10, "against_cem": against}

    peer = "benchmarks/peers.py:PytorchMPPI"
    cells = [cell(None, "a", 0, 0), *(cell("cem", model, 9, 0) for model in "ab")]
    cells += [cell("mppi", "a", 7, 2), cell("mppi", "b", 5, 4), cell(peer, "a", 5, 4), {**cell(peer, "b", 0, 0)}]
    cells[-1]["success"] = None
    told = {"planner": "flat_distance", "calls": 1024, "iqm": 0.9, "interval": [0.7, 1.0], "runs": 2, "ms": 20.0}
    (results / "optimizers.json").write_text(
        json.dumps({**ORIGINS, "cells": cells, "overall": [{**told, "optimizer": "cem"}]})
    )
    text = block("optimizers", results)
    assert re.search(r"\| `medium` \| 1,024 \| `cem` \| 90 % \(.*\) \|  \|", text)
    assert re.search(r"\| `medium` \| 1,024 \| `mppi` \| 60 % \(.*\) \| 0.0312 \|", text)
    assert "| `medium` | 1,024 | MPPI of pytorch-mppi | failed |  |" in text
    assert "| flat_distance | `cem` | 1,024 | 90 % (70 to 100) | 2 | 20 |" in text


def test_figures_of_unknown_origin_are_refused(results):
    found = json.loads((results / "worlds.json").read_text())
    for key in ORIGIN:
        (results / "worlds.json").write_text(json.dumps({**found, key: ""}))
        with pytest.raises(ValueError, match=f"does not say its {key}"):
            block("worlds", results)


def test_a_benchmark_records_its_command_and_what_it_says_of_its_origin_wins(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(ROOT / "benchmarks" / "worlds.py"), "--out", "runs/worlds"])
    write("speed", {"stages": {"train": 64.0}, "machine": "a graphics card"}, tmp_path)
    text = block("speed", tmp_path)
    assert "`python benchmarks/worlds.py --out runs/worlds`" in text and "a graphics card: " in text


def test_what_was_not_measured_is_said_in_the_document(tmp_path):
    assert "Not measured yet" in block("worlds", tmp_path)
    with pytest.raises(ValueError, match="known are cart"):
        block("wrolds", tmp_path)


def test_a_share_of_successes_never_travels_without_its_interval():
    assert rate({"value": 0.5, "low": 0.1, "high": 0.9}) == "50 % (10 to 90)"
    assert rate(None) == ""


def test_the_readme_names_every_wing_of_the_packages():
    table = document("README.md").partition("## How it is built")[2].partition("## Limits")[0]
    wings = {
        path.parent
        for package in ("envs", "worldmodel", "planners", "housecat")
        for path in ROOT.glob(f"{package}/*/*.py")
    }
    assert {f"{wing.name}/" for wing in wings} <= set(re.findall(r"`(\w+/)`", table))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_figure_that_was_changed_by_hand_does_not_survive(name):
    changed = BLOCK.sub(lambda old: old[0].replace("<!-- end -->", "99 %\n<!-- end -->"), document(name))
    assert changed != document(name) and rendered(changed) == document(name)


def test_the_command_that_checks_the_documents_runs_from_a_shell():
    command = [sys.executable, "benchmarks/documents.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "all figures are those of the files\n"), done.stderr
