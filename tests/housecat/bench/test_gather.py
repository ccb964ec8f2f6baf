"""What the cells say together, as a file, as a table and as a page."""

import re
from pathlib import Path
from typing import Any

import pytest

from envs import WORLDS, make_world
from housecat.bench.gather import gather, overall, table
from housecat.bench.manifests import frozen
from housecat.bench.page import filmed, render, verdict
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.pairs import PairRequest
from housecat.files import write_json

ORIGIN = {
    "command": "housecat bench",
    "commit": "abc",
    "date": "2026-01-02",
    "machine": "Z80",
    "versions": {"torch": "2"},
}
SOLVED = {"cem": (1, 1, 1, 1, 1, 1, 1, 0), "mppi": (1, 1, 0, 0, 0, 0, 0, 0), "x.py:<b>": (0, 0, 0, 0, 0, 0, 0, 0)}


def line(optimizer: str | None, calls: int = 256, world: str = "umaze", **changes: Any) -> dict[str, Any]:
    outcomes = [bool(one) for one in SOLVED.get(str(optimizer), (0,) * 8)]
    share = sum(outcomes) / 8
    return {
        "world": world, "model": "one", "planner": "flat_distance" if optimizer else "random", "optimizer": optimizer,
        "seed": 0, "calls": calls, "digest": f"{optimizer}-{calls}-{world}", "settings": {"noise": 0.7}, "pairs": 8,
        "tuning": {"tried": 2, "pairs": 4}, "manifest": "f" * 64, "success": share, "interval": [share / 2, 1.0],
        "outcomes": outcomes, "steps": 20.0, "spl": share, "final_distance": 1.5, "roughness": 0.2, "clamped": 0.1,
        "beyond": 0.0, "energy": {"imagined": 9.5, "achieved": 10.5}, "model_calls": calls, "rate_hz": 80.0,
        "ms": {"median": 12.5, "p95": 14.0}, "replay": {"pairs": 2, "different": 0}, "failed": None, "alarms": {},
    } | changes | {key: value for key, value in ORIGIN.items() if key != "command"}  # fmt: skip


FAILED = dict.fromkeys(("success", "interval", "steps", "spl", "final_distance", "roughness", "clamped", "beyond"))
FAILED |= {"energy": None, "model_calls": None, "ms": None, "rate_hz": None, "outcomes": []}
FAILED |= {"failed": "out of bounds", "alarms": {"bounds": "actions were out of their bounds"}}


def test_every_optimiser_is_compared_with_cem_on_the_same_pairs_at_the_same_budget():
    lines = [line(None, 0), *(line(name, calls) for calls in (64, 256) for name in SOLVED)]
    cells = {(one["optimizer"], one["calls"]): one["against_cem"] for one in gather(lines, "smoke", ORIGIN)["cells"]}
    assert cells[None, 0] is None and cells["cem", 256] is None
    assert cells["mppi", 64] == {"only_this": 0, "only_cem": 5, "p": pytest.approx(2 / 2**5)}
    other = gather([line("mppi", 64), line("cem", 256), line("cem", 64, world="medium")], "smoke", ORIGIN)
    assert [one["against_cem"] for one in other["cells"]] == [None, None, None]


def test_only_what_was_played_everywhere_is_summed_up():
    lines = [line("cem"), line("cem", world="medium"), line("mppi"), line("x.py:<b>"), line("x.py:<b>", world="medium")]
    assert [(one["optimizer"], one["worlds"], one["runs"]) for one in overall(lines)] == [
        ("cem", 2, 2),
        ("x.py:<b>", 2, 2),
    ]
    lines[-1] |= FAILED
    assert [one["optimizer"] for one in overall(lines)] == ["cem"]
    assert overall(lines)[0]["iqm"] == pytest.approx(7 / 8)


def test_the_table_shows_every_cell_and_names_alarms():
    text = table(gather([line("cem"), line("mppi"), line("x.py:<b>", **FAILED)], "smoke", ORIGIN))
    assert re.search(
        r"umaze +one +flat_distance +mppi +0 +256 +25% +12% to 100% +0.062 +20 +0.25 +1.5 +9.5 +10.5", text
    )
    assert re.search(r"flat_distance +cem +256 +88%", text)
    assert "alarm: umaze/one/flat_distance/x.py:<b>/0/256: actions were out of their bounds" in text
    many = table(gather([line("cem", world=str(index)) for index in range(50)], "full", ORIGIN))
    assert "over 50 worlds" in many and len(many.splitlines()) < 8


def test_the_verdict_names_the_best_and_those_that_cannot_be_told_from_it():
    found = gather([line("cem"), line("mppi"), line("x.py:<b>")], "smoke", ORIGIN)
    assert verdict(found["overall"]).startswith(
        "flat_distance with cem solves 88 % at 256 model calls a plan; flat_distance with mppi"
    )
    assert "x.py" not in verdict(found["overall"])
    assert verdict([]) == "No planner was played to the end everywhere."


def test_the_page_is_one_file_that_sorts_draws_and_shows_failures(tmp_path: Path):
    spec = {**WORLDS["umaze"], "frame_size": 32}
    manifest = frozen(make_world(spec), PairRequest(8, 0, 0, 2), tmp_path)
    lines = [line(None, 0), *(line(name, calls) for calls in (64, 256) for name in SOLVED)]
    lines[-1]["alarms"] = {"exploits": "plans promised <much>"}
    pair = manifest.pairs.pairs[7]
    lost = EpisodeResult("flat_distance", 7, False, None, 0.0, 0.0, 1.0, pair.start[None].repeat(3, 0), [-1, -1])
    found = gather(lines, "smoke", ORIGIN)
    write_json(tmp_path / "failures" / f"{lines[1]['digest'][:16]}.json", [lost.to_json()])
    failures = filmed(found["cells"], tmp_path / "failures", {("umaze", "one"): spec}, {("umaze", 0): manifest})
    assert [(one["cell"]["optimizer"], one["pair"]) for one in failures] == [("cem", 7)]
    page = render(found, failures)
    assert not re.search(r'(?:src|href|srcset)="(?!data:|#)', page), "it fetches something"
    assert page.count("<tr>") + page.count('<tr class="lead">') == 3 + 7 + 7 + 6  # titles, overall, cells, tuned
    assert page.count("<svg") == 2 and page.count("data:image/webp") == 2
    assert "x.py:&lt;b&gt;" in page and "x.py:<b>" not in page and "plans promised &lt;much&gt;" in page
    assert "f" * 64 in page and "table.sortable" in page
