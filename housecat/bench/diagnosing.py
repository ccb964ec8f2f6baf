"""`housecat bench --diagnose`: which part fails, by replacing each with the truth in turn, as cells of the bench.

`diagnosis.json`, schema 1:

    schema      1
    models      [{"world", "model", "seed", "pairs": how many were played,
                "players": by name {"success", "interval": Wilson 95 %},
                "parts": worst first [{"name", "learned", "true": players that differ in it, "loses": share of pairs,
                "low", "high": with 95 % for all parts together, "blamed": whether that is beyond chance}],
                "told": the same in sentences, "notes": what could not be replaced, and why}]
    command, commit, date, machine, versions

`diagnosis.png` draws it; each player's outcomes are lines of `results.jsonl`, see `housecat/bench/cells.py`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from housecat.bench.entrants import Entrant, with_fitted
from housecat.bench.run import bench
from housecat.bench.suites import Suite
from housecat.errors import UsageError
from housecat.evaluation.ladder import GUIDED, HIERARCHY, RUNGS, diagnosis_json, parts_of
from housecat.files import write_json
from housecat.report.ladder import draw_ladders
from housecat.runs.fitted import NEED, scene_of
from housecat.runs.folder import provenance

SCHEMA = 1
PAIRS = 30  # unless `bench.pairs` says otherwise
FILES = ("diagnosis.json", "diagnosis.png")


def suite_for(suite: Suite, one: Entrant) -> Suite:
    """What is played of an entrant, by players still to be named: one optimiser, untuned, with one budget and seed."""
    asked, planner = one.config.bench, one.config.planner
    calls = asked.calls or (planner.horizon * (planner.samples * planner.iterations + 1),)
    searching, pairs, seeds = (asked.optimizers or ("cem",))[:1], asked.pairs or PAIRS, suite.seeds[:1]
    return replace(suite, planners=(), optimizers=searching, calls=calls[:1], seeds=seeds, pairs=pairs, trials=1)


def diagnose(entrants: Sequence[Entrant], data: Sequence[Path | None], suite: Suite, out: Path, command: str) -> str:
    """Plays what is not played yet, writes what comes of it to the folder `out`, and says it in words.

    `data`: for each, recordings to learn from how states are read; None: there are none. Raises UsageError.
    """
    for one in entrants:
        if scene_of(one.spec) is None:
            raise UsageError(f"--diagnose puts the truth in place of parts, and nothing simulates world '{one.world}'")
    models = [_of_one(one, some, suite, out, command) for one, some in zip(entrants, data, strict=True)]
    write_json(out / "diagnosis.json", {"schema": SCHEMA, "models": models, **provenance(command)})
    draw_ladders(models, out / "diagnosis.png")
    said = ["\n".join([f"{one['model']} in world '{one['world']}':", *one["told"], *one["notes"]]) for one in models]
    return "\n\n".join([*said, f"written to {out / 'diagnosis.json'} and {out / 'diagnosis.png'}"])


def _of_one(one: Entrant, data: Path | None, suite: Suite, out: Path, command: str) -> dict[str, Any]:
    names, notes = [player for player, _ in reversed(RUNGS)], []
    if data is None:
        names = [name for name in names if name not in NEED]
        notes.append("no recordings are found to learn from how states are read: name them with data=DIR")
    if (one.folder / "landmarks.safetensors").exists():
        names += [GUIDED, HIERARCHY]
    else:
        notes.append("the checkpoint has no landmarks: subgoals are not looked at")
    asked = replace(suite_for(suite, one), planners=tuple(names))
    cells = bench([with_fitted(one, names, data, out)], asked, "diagnose", out, command)["cells"]
    if failed := [cell["failed"] for cell in cells if cell["failed"]]:
        raise UsageError(failed[0])
    outcomes = {cell["planner"]: cell["outcomes"] for cell in cells}
    about = {"world": one.world, "model": one.name, "seed": asked.seeds[0], "pairs": asked.pairs}
    return {**about, **diagnosis_json(parts_of(outcomes), outcomes), "notes": notes}
