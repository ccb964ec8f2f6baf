"""Every method on the same recordings: trained, probed, and where it imagines, asked to plan; one table.

`compare.json`, schema 1:

    schema          1
    world, data     name of the world; fingerprint of the recordings
    seeds           of training; each method is trained once with each
    seconds         of wall time that the updates of each method may take; null: each makes its own number of updates
    lewm_times      as much of it for lewm
    models          [{
        model               name of the method
        parameters          that are trained, and those that are kept frozen
        frames_per_second   camera frames trained on in a second, whole updates, all methods timed in this one process
        updates             of each training, and "finetuning": of the predictor alone
        train_seconds       mean wall time of training, temporal distance included
        probe               by quantity: R2 of a linear probe on held-out recordings, {"mean", "low", "high"} over
                            seeds; null where the recordings do not know the quantity, or it never varies
        untrained           the same before the first update
        rank                effective rank of the latents, mean
        open_loop           squared error of the imagined latent over that of copying, mean; null: imagines nothing
        planning            by planner, all seeds: {"success", "interval", "episodes", "trainings", "plan_ms"}: the
                            95 % interval is about further trainings, "trainings" is the success of each; null likewise
        notes               [what must be known beside the numbers, e.g. that the time allowed few updates]
        failed              [one line a training that came to nothing, e.g. because its latents collapsed]; the numbers
                            are of the others, and null where there are none
    }]
    speedup_over_lewm   frames_per_second of default over that of lewm, whatever either achieves with them; null unless
                        both are there
    command, commit, date, machine, versions
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from envs.data.store import EpisodeStore
from housecat.errors import UsageError
from housecat.evaluation.results import read_results
from housecat.evaluation.statistics import Rate
from housecat.files import read_metrics, write_json
from housecat.report.columns import aligned
from housecat.runs import folder as runs
from housecat.runs import stages, wiring
from housecat.runs.estimate import Speed, speeds_of, updates_within
from housecat.runs.training import TrainingPlan, make_method
from housecat.settings.config import to_yaml
from housecat.settings.groups import TWO_LEVELS
from housecat.settings.schema import CompareConfig, Config
from worldmodel.methods.registry import METHODS
from worldmodel.progress import TrainingError

SCHEMA = 1
FEW_UPDATES = 300
_FEW = "only {} updates: what is measured is the time that was given, not the method"


@dataclass(frozen=True)
class Member:
    """One training of one method."""

    method: str
    seed: int
    config: Config
    plan: TrainingPlan
    out: Path


def compare(
    compose: Callable[..., Config],
    config: Config,
    spec: dict[str, Any],
    out: Path,
    command: str,
    reads: Callable[[str], bool],
) -> None:
    """Trains what is not trained yet, measures all of it, writes `out/compare.json` and prints the table.

    Args:
        compose: makes the settings of a member from what the user wrote and further `key=value`.
        reads: whether a setting, by name, is to be written beside each member.

    Raises UsageError: the settings do not fit a method or the recordings; or, all being written, every training failed.
    """
    data = Path(config.data) if config.data else out / "runs" / "data"
    store = EpisodeStore.open(data) if config.data else stages.record(config, spec, data)
    wiring.check_world(f"the recording in {data}", store.world, spec)
    methods, seeds = config.compare.methods, config.compare.seeds
    plans = {name: _member(compose, name, seeds[0], {}, store, out).plan for name in methods}
    speeds = speeds_of(plans, out / "speeds.json")
    members = [
        _member(compose, name, seed, within_budget(name, config.compare, plans[name], speeds[name]), store, out)
        for name in methods
        for seed in seeds
    ]
    failed: dict[Path, str] = {}
    for one in members:
        print(f"{one.method}, seed {one.seed}: {one.out}", flush=True)
        try:
            _work(one, store, data, command, reads)
        except TrainingError as error:
            failed[one.out] = f"seed {one.seed}: {error}"
            print(f"{one.method}, {failed[one.out]}; the comparison goes on", file=sys.stderr, flush=True)
    rows = [_row(name, [one for one in members if one.method == name], failed, speeds[name].frames) for name in methods]
    found = {
        "schema": SCHEMA,
        "world": store.world["name"],
        "data": store.fingerprint(),
        "seeds": list(seeds),
        "seconds": config.compare.seconds,
        "lewm_times": config.compare.lewm_times,
        "models": rows,
        "speedup_over_lewm": speeds["default"].frames / speeds["lewm"].frames
        if {"default", "lewm"} <= set(speeds)
        else None,
        **runs.provenance(command),
    }
    write_json(out / "compare.json", found)
    print(table(rows))
    print(f"written to {out / 'compare.json'}")
    if len(failed) == len(members):
        raise UsageError("no training came through: change what the lines above say, and compare again")


def within_budget(name: str, asked: CompareConfig, plan: TrainingPlan, speed: Speed) -> dict[str, int]:
    """The updates that the method is given, as settings; none where each makes its own."""
    if asked.seconds is None:
        return {}
    times = asked.lewm_times if name == "lewm" else 1.0
    return updates_within(times * asked.seconds, speed, plan.finetuning.updates)


def _member(
    compose: Callable[..., Config], name: str, seed: int, given: dict[str, int], store: EpisodeStore, out: Path
) -> Member:
    config = compose(f"method={name}", f"seed={seed}", *(f"{key}={value}" for key, value in given.items()))
    # Planners of two levels are for the method that has them.
    planners = tuple(one for one in config.evaluate.planners if one not in TWO_LEVELS)
    planners += ("hjepa",) * (name == "hjepa")
    config = replace(config, evaluate=replace(config.evaluate, planners=planners))
    return Member(name, seed, config, wiring.plan_for_store(config, store), out / "runs" / f"{name}-{seed}")


def _work(one: Member, store: EpisodeStore, data: Path, command: str, reads: Callable[[str], bool]) -> None:
    """Trains, and lets the planners play where the model imagines."""
    jobs = [stages.training(one.config, stages.recording_of(store), data, one.out)]
    spec = wiring.evaluated_spec(one.config, store.world)
    if METHODS[one.method].imagines:
        jobs.append(stages.evaluating(one.config, spec, one.out / "model", one.out, command))
    settings = to_yaml(one.config, reads, store.world)
    stages.do_all(jobs, one.out, settings, command)


def _row(name: str, members: list[Member], failed: dict[Path, str], speed: float) -> dict[str, Any]:
    plan = members[0].plan
    method = make_method(plan)
    trained = sum(p.numel() for p in method.parameters() if p.requires_grad)
    kept = sum(p.numel() for p in method.model.parameters())
    done = [one for one in members if one.out not in failed]
    return {
        "model": name,
        "parameters": {"trained": trained, "kept": kept},
        "frames_per_second": round(speed, 1),
        "updates": plan.updates,
        "finetuning": plan.finetuning.updates if METHODS[name].imagines else 0,
        **_reached(name, done),
        "notes": [_FEW.format(plan.updates)] if 0 < plan.updates < FEW_UPDATES else [],
        "failed": [failed[one.out] for one in members if one.out in failed],
    }


def _reached(name: str, members: list[Member]) -> dict[str, Any]:
    """What is known of a method only by its trainings; null where there are none."""
    logs = [read_metrics(one.out / "metrics.jsonl") for one in members]
    first, last = [lines[0] for lines in logs], [lines[-1] for lines in logs]
    seconds: list[float | None] = [runs.seconds_of(one.out)["train"] for one in members]
    plays = bool(members) and METHODS[name].imagines
    return {
        "train_seconds": _mean(seconds, 1),
        "probe": _probes(last) if members else None,
        "untrained": _probes(first) if members else None,
        "rank": _mean([line["held_out/rank"] for line in last], 2),
        "open_loop": _mean([line.get("held_out/open_loop_ratio") for line in last], 4),
        "planning": planning([one.out / "results.json" for one in members]) if plays else None,
    }


def _mean(values: list[float | None], digits: int) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), digits) if known else None


def _probes(lines: list[dict[str, Any]]) -> dict[str, dict[str, float] | None]:
    names = [name for name in lines[0] if name.startswith("held_out/probe_")]
    found: dict[str, dict[str, float] | None] = {}
    for name in names:
        values = [line[name] for line in lines if line[name] is not None]
        numbers = {"mean": float(np.mean(values)), "low": min(values), "high": max(values)} if values else {}
        rounded = {key: round(value, 4) for key, value in numbers.items()}
        found[name.removeprefix("held_out/probe_")] = rounded or None
    return found


def planning(paths: list[Path]) -> dict[str, Any]:
    """What planners reached in several runs, of which `paths` are the `results.json`, one of each training."""
    results = [read_results(path)["planners"] for path in paths]
    found = {}
    for name in results[0]:
        each = [planners[name] for planners in results]
        won = [round(one["success"] * one["episodes"]) for one in each]
        rate = Rate.of_trainings(
            [[True] * some + [False] * (one["episodes"] - some) for some, one in zip(won, each, strict=True)]
        )
        times = [one["plan_ms"]["median"] for one in each if one["plan_ms"] is not None]
        found[name] = {
            "success": rate.value,
            "interval": [rate.low, rate.high],
            "episodes": rate.n,
            "trainings": [one["success"] for one in each],
            "plan_ms": round(float(np.mean(times)), 2) if times else None,
        }
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """The comparison as text: a dash where there is nothing, notes below."""
    quantities = list(dict.fromkeys(name for row in rows for name in row["probe"] or {}))
    planners = list(dict.fromkeys(name for row in rows for name in row["planning"] or {} if name != "random"))
    head = ["model", "params", "frames/s", "updates", "train s", *quantities, "open loop", *planners, "ms a step"]
    lines = [head, *([*_cells(row, quantities, planners)] for row in rows)]
    notes = [f"{row['model']}: {note}" for row in rows for note in row["notes"]]
    return "\n".join(["", *aligned(lines), "", *notes])


def _cells(row: dict[str, Any], quantities: list[str], planners: list[str]) -> list[str]:
    planning = row["planning"] or {}
    times = [one["plan_ms"] for one in planning.values() if one["plan_ms"] is not None]
    cells = [row["model"], f"{row['parameters']['trained'] / 1e6:.2f} M", f"{row['frames_per_second']:.0f}"]
    cells.append(f"{row['updates']}")
    cells.append("-" if row["train_seconds"] is None else f"{row['train_seconds']:.0f}")
    cells += [_known(row["probe"][name]) if row["probe"] else "-" for name in quantities]
    cells.append("-" if row["open_loop"] is None else f"{row['open_loop']:.3f}")
    cells += [_with_interval(planning[name]) if name in planning else "-" for name in planners]
    return [*cells, f"{max(times):.0f}" if times else "-"]


def _known(probe: dict[str, float] | None) -> str:
    return "unknown" if probe is None else f"{probe['mean']:.3f}"


def _with_interval(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    return f"{found['success']:.0%} ({100 * low:.0f} to {100 * high:.0f})"
