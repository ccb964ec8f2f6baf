"""Is it fast enough, and what does trouble cost? The loop closed at a rate, with late actions and with lost frames.

    python benchmarks/rate.py RUN [RUN ...] [rate=20] [delay=100] [lost=20] [planner=NAME] [out=DIR] [key=value ...]

Each run plays the same pairs with the planner that its checkpoint recommends, or calibration pairs do: undisturbed,
with all the time it needs; having to act `rate` times a second on this machine, one robot at a time; with actions that
act `delay` ms later; and with `lost` per cent of the frames lost. With out=DIR a run that is done is not played again.
"""

import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.playing import Entered, entered, once, options, played
from benchmarks.record import RESULTS, sizes, write
from benchmarks.subgoals import summary
from envs.task import Pair
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.recommending import CANDIDATES, PAIRS, recommendation
from housecat.evaluation.statistics import compare_paired
from housecat.evaluation.timing import time_planner
from housecat.runs import trained
from worldmodel.checkpoint import digest

FREE = "undisturbed"


def ways(one: Entered, rate: int, delay: int, lost: int) -> dict[str, Entered]:
    """The run as it plays undisturbed, at the rate, with actions that are late, and with frames that are lost."""

    def troubled(**trouble: Any) -> Entered:
        return replace(one, config=replace(one.config, trouble=replace(one.config.trouble, **trouble)))

    pressed = replace(one.config, evaluate=replace(one.config.evaluate, rate=float(rate)), workers=1)
    at_rate = replace(one, config=pressed)
    return {FREE: one, "rate": at_rate, "delay": troubled(delay=delay), "lost": troubled(dropped=lost / 100)}


def measure(one: Entered, planner: str | None, size: dict[str, int]) -> dict[str, Any]:
    """How fast one run acts, and how much it reaches in each way, on the same pairs."""
    loaded = trained.load_checkpoint(one.folder, one.config, one.spec)
    drawn = one.pairs(PAIRS)
    name, pairs = planner or loaded.found_best or _found_out(one, drawn.calibration), drawn.pairs
    told: dict[str, Any] = {}
    outcomes: dict[str, list[bool]] = {}
    for way, how in ways(one, **size).items():
        results = played(how, name, pairs)
        outcomes[way], told[way] = [each.success for each in results], summary(results)
        if way in (FREE, "rate"):
            bench = trained.BenchSetup(how.spec, how.folder, how.config).with_loaded(loaded)
            time = time_planner(bench, name, None, results, pairs, how.config.evaluate.timing_steps or 1)
            told[way]["ms"] = time and {"median": round(time.median, 2), "p95": round(time.p95, 2)}
        if way == "rate":
            told[way] |= _in_time(results, size["rate"])
        if way != FREE:
            told[way]["against"] = asdict(compare_paired(outcomes[way], outcomes[FREE]))
        print(f"{one.spec['name']:10} {name:14} {way:12} {told[way]}", flush=True)
    by_pair = {way: [int(won) for won in each] for way, each in outcomes.items()}
    return {"world": one.spec["name"], "planner": name, "pairs": len(pairs), "ways": told, "by_pair": by_pair}


def _found_out(one: Entered, calibration: list[Pair]) -> str:
    """What an evaluation of the run would recommend; of one without landmarks there is no choice."""
    able = CANDIDATES if (one.folder / "landmarks.safetensors").exists() else ("flat_distance",)
    tried = {name: played(one, name, calibration) for name in able} if len(able) > 1 else {}
    return str(recommendation(tried)["planner"]) if tried else able[0]


def _in_time(results: list[EpisodeResult], rate: int) -> dict[str, float]:
    """The share of control steps without an action in time, and how many actions a second are."""
    share = sum(one.missed or 0 for one in results) / sum(len(one.targets) for one in results)
    return {"missed": round(share, 4), "hz": round(rate * (1 - share), 2)}


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each run."""
    size, others = sizes(arguments, rate=20, delay=100, lost=20)
    asked, runs, settings = options(others, planner=None, out=None)
    found = {}
    for run in runs:
        one = entered(run, settings)
        what = ["rate", digest(one.folder), size, asked["planner"], settings]
        found[str(run)] = once(asked["out"], what, partial(measure, one, asked["planner"], size))
    write("rate", {**size, "runs": found}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
