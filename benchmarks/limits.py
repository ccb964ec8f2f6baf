"""Limits that must not be violated: how often they really are, and what keeping to them costs, on the same pairs.

    python benchmarks/limits.py RUN [RUN ...] [episodes=30] [of=QUANTITY] [key=value ...]

Plays each run's pairs with `evaluate.planners`, without limits and with those that are asked for (`planner.keep_out`,
`planner.keep_within`, `planner.joint_limits`). Where none are, a place to keep out of is put where it is felt: on the
way that most episodes of the first planner take (not of `random`), a box with a tenth of the plane on each side of its
middle; in a maze name one yourself, so that a way is left. Counted are pairs whose start and goal keep to the limits;
whether these are violated is judged by the simulator's states. `benchmarks/results/limits.json` says of each planner
whether what is aimed at is reached: violated in at most two percent of the episodes, at no more than five points of
success.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.playing import entered, played
from benchmarks.record import RESULTS, write
from envs.quantities import askable
from envs.world import World
from housecat.evaluation.statistics import Rate, compare_paired
from housecat.players.limits import judge_of
from housecat.settings.groups import UNSEARCHED
from worldmodel import checkpoint

NOTHING: dict[str, Any] = {"keep_out": None, "keep_within": None, "joint_limits": None, "most_change": None}
_RADIUS = 0.1  # of the range of the place
_CLEAR = 1.5  # radii, that start and goal are away from a place that is chosen
_MOST, _POINTS = 0.02, 5  # share of the episodes, and points of success, that are aimed at


def crowded(paths: Sequence[np.ndarray], radius: float) -> tuple[np.ndarray, int]:
    """The place that most of paths (T, n) lead through that begin and end away from it, and how many these are."""
    ends = np.stack([path[[0, -1]] for path in paths])  # (E, 2, n)
    best, most = ends[0, 0], -1
    for place in np.concatenate([path[len(path) // 4 : -(len(path) // 4) or None : 2] for path in paths]):
        clear = (np.abs(ends - place).max(axis=-1) > _CLEAR * radius).all(axis=-1)
        through = [bool((np.abs(path - place).max(axis=-1) < radius / 2).any()) for path in paths]
        count = int((clear & through).sum())
        if count > most:
            best, most = place, count
    return best, most


def place_of(world: World, paths: Sequence[np.ndarray], name: str | None) -> dict[str, Any]:
    """`planner.keep_out` where paths of states (T, S) lead: of the quantity of this name, None: the first place."""
    places = [one for one in askable(world.task.quantities) if one.unit == "m" and len(world.ranges[one.name][0]) > 1]
    quantity = next((one for one in places if name in (None, one.name)), None)
    if quantity is None:
        raise SystemExit(f"world '{world.name}' has no place {name or ''}: give planner.keep_out=, or of=QUANTITY")
    low, high = world.ranges[quantity.name]
    radius = _RADIUS * float((high - low).max())
    place, _ = crowded([quantity.read(path) for path in paths], radius)
    return {quantity.name: {"center": np.round(place, 3).tolist(), "radius": round(radius, 3)}}


def measure(run: Path, arguments: list[str], name: str | None) -> dict[str, Any]:
    """One run: by planner, success and violations without limits and with them."""
    one = entered(run, arguments)
    asked, world, pairs = one.config.planner, one.world, one.pairs().pairs
    if one.config.goal.asked() or one.config.evaluate.ask:
        raise SystemExit("goals of pairs are whole states here: leave goal.* and evaluate.ask out")
    if not checkpoint.read_config(one.folder)["about"].get("probes"):
        raise SystemExit(f"{run} has no probes that could read places: train again on recordings of the simulator")
    without = replace(one, config=replace(one.config, planner=replace(asked, **NOTHING)))
    free = {planner: played(without, planner, pairs) for planner in one.config.evaluate.planners}
    if not asked.bounded:
        first = next((planner for planner in free if planner not in UNSEARCHED), next(iter(free)))
        paths = [each.path for each in free[first]]
        asked = replace(asked, keep_out=place_of(world, paths, name))
    judge = judge_of(asked, one.spec)
    assert judge is not None
    kept = [index for index, pair in enumerate(pairs) if not judge(np.stack([pair.start, pair.goal])).any()]
    if not kept:
        raise SystemExit(f"{run}: no pair keeps to the limits at its start and its goal: widen them")
    limits = {key: value for key in NOTHING if (value := getattr(asked, key)) is not None}
    found: dict[str, Any] = {"world": world.name, "limits": limits, "pairs": len(kept), "planners": {}}
    for planner, before in free.items():
        after = played(replace(one, config=replace(one.config, planner=asked)), planner, pairs)
        told: dict[str, Any] = {}
        won = {}
        for way, results in (("free", before), ("limited", after)):
            each = [results[index] for index in kept]
            won[way] = [result.success for result in each]
            broke = [bool(judge(result.path).any()) for result in each]
            told[way] = {"success": asdict(Rate.of(won[way])), "violated": asdict(Rate.of(broke))}
        told["points"] = round(100 * (told["limited"]["success"]["value"] - told["free"]["success"]["value"]), 1)
        told["against_free"] = asdict(compare_paired(won["limited"], won["free"]))
        told["reached"] = told["limited"]["violated"]["value"] <= _MOST and told["points"] >= -_POINTS
        found["planners"][planner] = told
        print(f"{world.name:10} {planner:14} {told}", flush=True)
    return found


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each run."""
    runs = [Path(one) for one in arguments if "=" not in one]
    name = next((one.partition("=")[2] for one in arguments if one.startswith("of=")), None)
    others = [one for one in arguments if "=" in one and not one.startswith("of=")]
    write("limits", {"runs": {str(run): measure(run, others, name) for run in runs}}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
