"""`bench.json`: what all cells say together, for programs. Schema 1:

    schema          1
    suite           the name of the suite
    manifests       [{"world", "seed", "pairs", "sha256"}] of the pairs that were played
    cells           the lines of `results.jsonl` that were asked for (see `housecat/bench/cells.py`), and
        against_cem     {"only_this", "only_cem", "p"}: exact two-sided McNemar against CEM with the same planner,
                        budget and pairs; null: CEM was not played, or the cell is CEM
    overall         [{"planner", "optimizer", "calls", "worlds", "runs", "iqm", "interval", "profile", "calls_a_step",
                    "ms"}]: a row for what was played in every world: interquartile mean of the success of its runs (a
                    run is a model on the pairs of a seed) with its 95 % interval by a bootstrap stratified by world;
                    the share of runs that solve at least `thresholds`; model calls and median time of a control step
    thresholds      of the profiles
    alarms          [{"cell": {...}, "alarm", "text"}]
    command, commit, date, machine, versions

A later version may add fields; it raises `schema` when it changes or drops one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from housecat.bench.aggregates import THRESHOLDS, Aggregate
from housecat.evaluation.statistics import compare_paired
from housecat.report.columns import aligned

SCHEMA = 1
CELL = ("world", "model", "planner", "optimizer", "seed", "calls")
_PLAYED = ("planner", "optimizer", "calls")
_ORIGIN = ("commit", "date", "machine", "versions")
_SHOWN = 40  # cells that a terminal is shown one by one
Line = dict[str, Any]


def gather(lines: Sequence[Line], suite: str, origin: dict[str, Any]) -> dict[str, Any]:
    """The content of `bench.json`; `origin`: as `housecat.runs.folder.provenance` tells it."""
    rows = [{key: value for key, value in one.items() if key not in _ORIGIN} for one in lines]
    cem = {_pairing(one): one for one in lines if one["optimizer"] == "cem"}
    for row in rows:
        row["against_cem"] = _against(row, cem.get(_pairing(row)))
    manifests = {
        (one["world"], one["seed"]): {key: one[key] for key in ("world", "seed", "pairs")} | {"sha256": one["manifest"]}
        for one in lines
    }
    return {
        "schema": SCHEMA,
        "suite": suite,
        "manifests": list(manifests.values()),
        "cells": rows,
        "overall": overall(lines),
        "thresholds": list(THRESHOLDS),
        "alarms": [
            {"cell": {key: one[key] for key in CELL}, "alarm": name, "text": text}
            for one in lines
            for name, text in one["alarms"].items()
        ],
        **origin,
    }


def overall(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """A row for each planner, optimiser and budget that was played, without failing, wherever any was."""
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for one in lines:
        groups.setdefault(tuple(one[key] for key in _PLAYED), []).append(one)
    found, most = [], max((len(some) for some in groups.values()), default=0)
    for key, some in groups.items():
        if len(some) < most or any(one["success"] is None for one in some):
            continue
        runs: dict[str, list[list[bool]]] = {}
        for one in some:
            runs.setdefault(one["world"], []).append(one["outcomes"])
        together = Aggregate.of(runs)
        told = {"iqm": together.iqm, "interval": [together.low, together.high], "profile": list(together.profile)}
        told["calls_a_step"] = float(np.mean([one["model_calls"] for one in some]))
        told["ms"] = float(np.mean([one["ms"]["median"] for one in some])) if all(one["ms"] for one in some) else None
        found.append({**dict(zip(_PLAYED, key, strict=True)), "worlds": len(runs), "runs": len(some), **told})
    return found


def table(found: dict[str, Any]) -> str:
    """What was found, as text: all cells where they are few, what they come to, and every alarm."""
    titles = (*CELL, "success", "95 %", "p to cem", "steps", "SPL", "left", "imagined", "achieved", "ms", "alarms")
    lines = ["", *aligned([titles, *map(_row, found["cells"])])] if len(found["cells"]) <= _SHOWN else []
    worlds, best = len({one["world"] for one in found["cells"]}), sorted(found["overall"], key=lambda one: -one["iqm"])
    rows = [[*_named(one, _PLAYED), _percent(one["iqm"]), _interval(one["interval"])] for one in best]
    lines += ["", f"over {worlds} world{'s' * (worlds > 1)}:", *aligned([[*_PLAYED, "IQM", "95 %"], *rows])]
    lines += [f"alarm: {'/'.join(_named(one['cell'], CELL))}: {one['text']}" for one in found["alarms"]]
    return "\n".join(lines)


def _row(one: Line) -> list[str]:
    numbers = {"steps": one["steps"], "spl": one["spl"], "left": one["final_distance"]}
    numbers |= one["energy"] or {"imagined": None, "achieved": None}
    numbers["ms"] = one["ms"] and one["ms"]["median"]
    compared = "-" if one["against_cem"] is None else f"{one['against_cem']['p']:.2g}"
    said = ["-" if value is None else f"{value:.3g}" for value in numbers.values()]
    return [
        *_named(one, CELL), _percent(one["success"]), _interval(one["interval"]), compared, *said,
        ", ".join(one["alarms"]) or "-",
    ]  # fmt: skip


def _named(one: Line, keys: Sequence[str]) -> list[str]:
    return ["-" if one[key] is None else str(one[key]) for key in keys]


def _against(row: Line, cem: Line | None) -> dict[str, Any] | None:
    if cem is None or row["optimizer"] in (None, "cem") or len(row["outcomes"]) != len(cem["outcomes"]):
        return None
    one = compare_paired(row["outcomes"], cem["outcomes"])
    return {"only_this": one.only_first, "only_cem": one.only_second, "p": one.p}


def _pairing(one: Line) -> tuple[Any, ...]:
    return tuple(one[key] for key in CELL if key != "optimizer")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _interval(bounds: list[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.0%} to {bounds[1]:.0%}"
