"""`housecat bench` from its command line to the lines of its cells, killed in between, and what it refuses."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from housecat.bench import manifests
from housecat.bench.cells import LINE, append, read_lines
from housecat.errors import UsageError
from housecat.runs.folder import open_run

pytestmark = pytest.mark.xdist_group("bench")
SHORT = """bench.pairs=2 bench.calibration=1 bench.calls=[48] planner.horizon=3 evaluate.max_steps=3 workers=1
    evaluate.timing_steps=2 precision=fp32""".split()
MINE = '''
import torch


class Lazy:
    """Stays where the search begins, or a part of it."""

    def __init__(self, share=1.0):
        self.share = share

    @staticmethod
    def trials(candidates):
        return [{"share": 1.0}, {"share": 0.5}]

    def __call__(self, score, start, low, high, generators):
        plan = self.share * start
        return plan, score(plan[:, None])[:, 0]


def beyond(score, start, low, high, generators):
    return start + 9, score(start[:, None])[:, 0]


def slip(score, start, low, high, generators):
    return start + undefined
'''


def timeless(line: dict) -> dict:
    return {key: value for key, value in line.items() if key not in ("ms", "rate_hz", "date", "commit")}


@pytest.fixture
def models(untrained: Callable[..., Path], tmp_path: Path) -> Path:
    """`models/one` and `models/two`, in umaze; and `mine.py` beside them."""
    for name in ("one", "two"):
        shutil.copytree(untrained("one"), tmp_path / "models" / name)
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path / "models"


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_parts_of_the_same_frozen_goals_can_be_asked_for(models, command, tmp_path):
    words = ["checkpoints=[models/one]", "bench.planners=[random,flat_distance]", "bench.optimizers=[cem]", *SHORT]
    assert command("bench", *words, "out=bench").code == 0
    done = command("bench", *words, "evaluate.ask=[position]", "goal.samples=2", "out=bench")
    assert done.code == 0, done.err
    whole, part = lines(tmp_path / "bench")[:2], lines(tmp_path / "bench")[2:]
    assert [one["planner"] for one in part] == ["random", "flat_distance"], "they are other cells"
    assert {one["manifest"] for one in part} == {one["manifest"] for one in whole}
    assert all(one["asked"] == {"only": ["position"], "targets": "pictures", "samples": 2} for one in part)
    assert not any("asked" in one for one in whole)
    refused = command("bench", *words, "evaluate.ask=[puck]", "out=bench")
    assert refused.code == 2 and "world 'umaze' has no quantity 'puck'" in refused.err


def test_every_cell_has_a_line_and_a_killed_bench_goes_on_without_playing_one_again(models, command, tmp_path):
    words = ["checkpoints=[models/one,models/two]", "bench.optimizers=[cem,mine.py:Lazy]", *SHORT]
    done = command("bench", *words, "out=whole")
    assert done.code == 0, done.err
    assert "8 settings to try and 6 cells to play: this will take about" in done.out
    whole = lines(tmp_path / "whole")
    planned = [(one["model"], one["planner"], one["optimizer"], one["calls"]) for one in whole]
    searched = [("flat_distance", name, 48) for name in ("cem", "mine.py:Lazy")]
    assert planned == [(model, *cell) for model in ("one", "two") for cell in [("random", None, 0), *searched]]
    for one in whole:
        assert len(one["outcomes"]) == one["pairs"] == 2 and one["replay"] == {"pairs": 2, "different": 0}
        assert one["model_calls"] <= one["calls"] + 3 and one["alarms"] == {} and one["ms"]["median"] > 0
        assert (one["energy"] is None) == (one["planner"] == "random")
    assert {one["manifest"] for one in whole} == {
        json.loads((tmp_path / "whole/manifests/umaze-seed0.json").read_text())["sha256"]
    }
    assert {json.dumps(one["settings"]) for one in whole if one["optimizer"] == "mine.py:Lazy"} == {'{"share": 1.0}'}
    # The first four cells are finished, of the fifth half a line is written.
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    content = (tmp_path / "whole" / "results.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "killed" / "results.jsonl").write_bytes(b"".join(content[:4]) + content[4][:100])
    again = command("bench", *words, "out=killed")
    assert again.code == 0, again.err
    assert (tmp_path / "killed" / "results.jsonl").read_bytes().splitlines(keepends=True)[:4] == content[:4]
    assert [timeless(one) for one in lines(tmp_path / "killed")] == [timeless(one) for one in whole]
    # Another file of the same name is another optimiser; what has not changed is not played again.
    (tmp_path / "mine.py").write_text(MINE.replace("Stays", "Remains"))
    assert command("bench", *words, "out=killed").code == 0
    assert [one["optimizer"] for one in lines(tmp_path / "killed")[6:]] == ["mine.py:Lazy"] * 2


def test_a_planner_that_breaks_its_protocol_loses_its_cell_and_no_other(models, command, tmp_path):
    words = ["checkpoints=[models/one]", "bench.optimizers=[mine.py:beyond,cem]", *SHORT, "bench.trials=1"]
    done = command("bench", *words, "out=out")
    assert done.code == 0, done.err
    assert [list(one["alarms"]) for one in lines(tmp_path / "out")] == [[], ["bounds"], []]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("suite=large", "suite must be one of smoke, standard, full, got 'large'"),
        ("suite=standard", "suite=standard needs models: name the folders of their runs"),
        ("bench.calls=[0]", "bench.calls must be from 1 to 1000000000, got 0"),
        ("bench.calls=[2]", "bench.calls must be at least planner.horizon (3 in umaze), got 2"),
        ("bench.optimizers=[cme]", "bench.optimizers must be one of cem, icem"),
        ("bench.optimizers=[absent.py:Lazy]", "absent.py:Lazy cannot be imported: FileNotFoundError"),
        ("bench.optimizers=[mine.py:Busy]", "there is no Busy in mine.py"),
        ("bench.optimizers=[mine.py:slip]", "mine.py:slip fails at a simple search: NameError"),
        ("bench.planners=[hierarchy]", "the checkpoint has no landmarks"),
        ("checkpoints=[models/one,models/one/model]", "are both called one: rename one of the folders"),
        ("checkpoints=[models/none]", "there is no checkpoint in models/none"),
        ("bench.manifests=elsewhere", "there is no elsewhere/umaze-seed0.json"),
        ("bench.manifests=other", "holds other pairs (of world 'puck')"),
        ("world=puck", "is of world 'umaze'"),
        ("out=models", "models holds one, which this command did not make"),
        ("out=taken", "taken/results.jsonl is not of this run"),
    ],
)
def test_what_cannot_be_benched_is_said_in_one_line(words: str, said: str, models, command, tmp_path):
    if "other" in words:
        file = tmp_path / "other" / "umaze-seed0.json"
        file.parent.mkdir()
        asked = {"world": {"name": "puck"}, "seed": 0, "count": 0, "calibration": 0}
        content = {
            "version": 1,
            "schema": 3,
            "asked": asked,
            "unit": "m",
            "edges": [0, 1],
            "pairs": [],
            "calibration": [],
        }
        file.write_text(json.dumps({**content, "sha256": manifests.digest(content)}))
    if "taken" in words:
        with open_run(tmp_path / "taken", "", "housecat train"):
            pass
        (tmp_path / "taken" / "results.jsonl").write_text("mine\n")
    before = sorted(tmp_path.rglob("*"))
    given = {word.partition("=")[0]: word for word in ("checkpoints=[models/one]", "out=out", *SHORT)}
    if words != "suite=standard":
        given |= {words.partition("=")[0]: words}
    else:
        given = {"suite": words}
    command("bench", *given.values()).is_one_line_saying(said)
    if "taken" in words:
        assert (tmp_path / "taken" / "results.jsonl").read_text() == "mine\n"
    assert [one for one in before if not one.exists()] == []


def test_a_damaged_line_is_said_and_left_as_it_is(tmp_path):
    file = tmp_path / "results.jsonl"
    append(file, {"digest": "a"})
    with pytest.raises(UsageError, match=r"results.jsonl is damaged \(it lacks world\)"):
        read_lines(file, LINE)
    assert file.read_text() == '{"digest": "a"}\n'
