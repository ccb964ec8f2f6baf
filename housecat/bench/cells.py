"""A cell is one world, model, planner, optimiser, seed and budget; what came of it is one line of `results.jsonl`:

    world, model, planner, seed     who played what; the model is the name of its run's folder
    optimizer, calls                with what it searched, and the predictor steps that a plan may take; null and 0:
                                    it does not search
    digest                          of all that the outcome depends on: a cell that has it need not be played again
    settings                        of the optimiser, as they were chosen on the calibration pairs
    tuning                          {"tried": settings tried, "pairs": calibration pairs}
    asked                           {"only", "targets", "samples"}, where parts of goals are asked for (evaluate.ask)
    manifest, pairs                 SHA-256 of the file of the pairs, and how many of them were played
    success, interval, outcomes     share of solved pairs, Wilson 95 %, and each pair's outcome in the manifest's order
    steps, spl, final_distance      mean control steps of the solved pairs or null; success weighted by path length;
                                    mean true distance left at the end, in the world's unit
    roughness, clamped, beyond      of the actions: mean change from one to the next, in halves of their range (less is
                                    smoother); share of numbers on their bounds; share of steps out of the bounds
    energy                          {"imagined", "achieved"}: distance that is planned with, from where a plan said that
                                    its executed part would lead, and from where it had led; null: nothing planned
    model_calls, ms, rate_hz        predictor steps a control step, mean; {"median", "p95"} of a control step of one
                                    environment alone in a process of one thread; control steps a second at the median
    replay                          {"pairs", "different"}: pairs played again beside others, how many went otherwise
    failed                          why nothing was played, in words; null: all was. Its figures are then null
    alarms                          see `housecat/bench/alarms.py`
    commit, date, versions, machine of this cell

A line is written whole and is on the disk before the next cell is counted as done.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.data.episodes import StoreError, json_text
from envs.files import BY_PROGRAMS, Count, Least0, Maybe, Number, Share, by_name, from_json, many, read_plain, record
from housecat.bench.alarms import alarms_of
from housecat.bench.playing import BenchPlayed
from housecat.errors import UsageError
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.results import mean_steps
from housecat.evaluation.statistics import Rate

LINE = record(
    world=str, model=str, planner=str, optimizer=str | None, seed=Count, calls=Count, digest=str, settings=dict,
    tuning=record(tried=Count, pairs=Count), manifest=str, pairs=Count,
    asked=record(only=many(str), targets=str, samples=Count) | Maybe, success=Share | None,
    interval=many(Share, 2, 2) | None, outcomes=many(bool), steps=Least0 | None, spl=Share | None,
    final_distance=Number | None, roughness=Least0 | None, clamped=Share | None, beyond=Share | None,
    energy=record(imagined=Number, achieved=Number) | None, model_calls=Least0 | None,
    ms=record(median=Least0, p95=Least0) | None, rate_hz=Least0 | None, replay=record(pairs=Count, different=Count),
    failed=str | None, alarms=by_name(str), commit=str, date=str, versions=by_name(str), machine=str,
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What is played, in the words of the table."""

    world: str
    model: str
    planner: str
    optimizer: str | None  # None: it does not search
    seed: int
    calls: int  # 0: it does not search


def line_of(cell: Cell, digest: str, played: BenchPlayed, about: dict[str, Any]) -> dict[str, Any]:
    """The line of a cell; `about`: its `settings`, `tuning`, `manifest`, `pairs` and where it was played."""
    found = {**asdict(cell), "digest": digest, **figures(played), **about}
    return json.loads(json_text({**found, "alarms": alarms_of(found)}))


def figures(played: BenchPlayed) -> dict[str, Any]:
    """What is measured of one cell."""
    results, time = played.results, played.time
    rate = Rate.of([one.success for one in results]) if results else None
    imagined, achieved = _mean(results, "imagined"), _mean(results, "achieved")
    measured = {"spl": "spl", "final_distance": "final", "model_calls": "calls"}
    measured |= {name: name for name in ("roughness", "clamped", "beyond")}
    return {
        "success": None if rate is None else rate.value,
        "interval": None if rate is None else [rate.low, rate.high],
        "outcomes": [one.success for one in results],
        "steps": mean_steps(results),
        **{name: _mean(results, field) for name, field in measured.items()},
        "energy": None if imagined is None or achieved is None else {"imagined": imagined, "achieved": achieved},
        "ms": None if time is None else {"median": time.median, "p95": time.p95},
        "rate_hz": None if time is None else 1000 / max(time.median, 1e-6),
        "replay": {"pairs": played.replayed, "different": played.different},
        "failed": played.failed,
    }


def read_lines(file: Path, kind: Any) -> list[dict[str, Any]]:
    """The lines of a file that `append` writes; a killed run may have left half of one at the end, which goes.

    Raises UsageError where it is damaged.
    """
    if not file.exists():
        return []
    try:
        content = read_plain(file, BY_PROGRAMS, file.parent)
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(file, whole)
        return [from_json(line, kind) for line in content[:whole].splitlines()]
    except ValueError as error:
        raise UsageError(f"{file} is damaged ({error}): give another out=DIR, or delete its last lines") from error


def append(file: Path, line: dict[str, Any]) -> None:
    """Adds a line, which is on the disk when this returns. StoreError where it cannot be written."""
    try:
        with open(file, "ab") as opened:
            opened.write((json_text(line) + "\n").encode())
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise StoreError(f"cannot write {file} ({error.strerror}): make room, then run the command again") from error


def _mean(results: Sequence[EpisodeResult], name: str) -> float | None:
    known = [getattr(one, name) for one in results if getattr(one, name) is not None]
    return float(np.mean(known)) if known else None
