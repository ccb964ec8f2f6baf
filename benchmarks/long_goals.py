"""Goals that are far away: the hierarchy beside the best flat planner, at as many model calls.

    python benchmarks/long_goals.py RUN [RUN ...] [calls=2048] [calibration=9] [out=DIR] [key=value ...]

Goals are at least 60 control steps away at top speed, and 300 are allowed, unless evaluate.min_steps and
evaluate.max_steps say otherwise. Which flat planner is the best (latent or temporal distance, at which of
`evaluate.horizons`) is found out on calibration pairs. With out=DIR a run that is done is not played again.
"""

import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.playing import Entered, entered, once, options, played
from benchmarks.record import RESULTS, sizes, write
from benchmarks.subgoals import FLAT, summary
from envs.task import Pair
from housecat.bench.tuning import trials_of
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.recommending import rank
from housecat.evaluation.statistics import compare_paired
from worldmodel.checkpoint import digest

FAR = ("evaluate.min_steps=60", "evaluate.max_steps=300")
HIERARCHY = "hierarchy"


def at_calls(one: Entered, calls: int, horizon: int) -> Entered:
    """The run with a planner that imagines `horizon` steps and takes at most `calls` predictor steps for a plan."""
    spent = trials_of("cem", calls // horizon, 1)[0]
    planner = replace(one.config.planner, optimizer="cem", horizon=horizon, calls=calls, **spent)
    return replace(one, config=replace(one.config, planner=planner))


def measure(one: Entered, calls: int, calibration: int) -> dict[str, Any]:
    """One run: which flat planner is the best on other pairs, then it and the hierarchy on the same ones."""
    drawn = one.pairs(calibration)

    def play(name: str, horizon: int, pairs: list[Pair]) -> list[EpisodeResult]:
        return played(at_calls(one, calls, horizon), name, pairs, horizon)

    tried = {
        f"{name} at {horizon}": (name, horizon, play(name, horizon, drawn.calibration))
        for name in FLAT
        for horizon in one.config.evaluate.horizons
    }
    chosen = min(tried, key=lambda key: rank(tried[key][2]))
    hierarchy = play(HIERARCHY, one.config.planner.horizon, drawn.pairs)
    flat = play(*tried[chosen][:2], drawn.pairs)
    outcomes = {name: [each.success for each in some] for name, some in ((HIERARCHY, hierarchy), ("flat", flat))}
    steps = [pair.steps for pair in drawn.pairs]
    found = {
        "world": one.spec["name"],
        "pairs": len(drawn.pairs),
        "steps_away": {"least": round(min(steps), 1), "most": round(max(steps), 1)},
        "allowed": one.config.evaluate.max_steps,
        "tried": {name: summary(some) for name, (*_, some) in tried.items()},
        "flat_planner": chosen,
        "planners": {HIERARCHY: summary(hierarchy), "flat": summary(flat)},
        "against": asdict(compare_paired(*outcomes.values())),
        "by_pair": {name: [int(won) for won in each] for name, each in outcomes.items()},
    }
    print(f"{found['world']:10} {chosen:24} {found['planners']}", flush=True)
    return found


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes the better part of an hour for each run."""
    size, others = sizes(arguments, calls=2048, calibration=9)
    asked, runs, settings = options(others, out=None)
    found = {}
    for run in runs:
        one = entered(run, [*(far for far in FAR if far.partition("=")[0] not in str(settings)), *settings])
        what = ["long goals", digest(one.folder), size, settings]
        found[str(run)] = once(asked["out"], what, partial(measure, one, **size))
    write("long_goals", {**size, "runs": found}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
