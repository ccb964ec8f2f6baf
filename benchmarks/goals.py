"""Goals that need no picture: of the goals of the same pairs, only some quantities are asked for.

    python benchmarks/goals.py RUN [RUN ...] [episodes=30] [ask=puck,pusher] [out=DIR] [key=value ...]

Plays each run's pairs with `evaluate.planners` towards pictures of the whole goal; then towards parts of it, with
pictures of states drawn in the simulator, and with recorded latents that the probes of the checkpoint find. In each
world the parts are what its own test of success is about, unless `ask` says otherwise. With out=DIR a run that is done
is not played again.
"""

import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.playing import entered, once, options, played
from benchmarks.record import RESULTS, write
from benchmarks.subgoals import summary
from housecat.evaluation.goals import Asked, towards
from housecat.evaluation.statistics import compare_paired
from worldmodel import checkpoint

PARTS = {"puck": ("puck",), "reacher": ("shoulder", "elbow"), "arm": ("palm",), "cube": ("cube",), "runner": ("along",)}
PARTS_OF_OTHERS = ("position",)  # mazes, rooms and the lot


def measure(run: Path, arguments: list[str], ask: tuple[str, ...]) -> dict[str, Any]:
    """One run: success by planner, with whole goals and with parts of them on the same pairs."""
    one = entered(run, arguments)
    config, world, pairs = one.config, one.world, one.pairs().pairs
    probes = checkpoint.read_config(one.folder)["about"].get("probes")
    only = ask or PARTS.get(one.spec["family"], PARTS_OF_OTHERS)
    found: dict[str, Any] = {"world": world.name, "asked": list(only), "pairs": len(pairs), "planners": {}}
    found |= {"probes": probes} if probes else {}
    for planner in config.evaluate.planners:
        outcomes: dict[str, list[bool]] = {}
        told: dict[str, Any] = {}
        for way in ("picture", "pictures", *(["probes"] if probes else [])):
            parts = Asked() if way == "picture" else Asked(only=only, targets=way, samples=config.goal.samples)
            goal = replace(config.goal, targets="probes" if way == "probes" else "pictures")
            asked = replace(one, config=replace(config, goal=goal))
            results = played(asked, planner, towards(world, pairs, parts, config.seed))
            outcomes[way], told[way] = [each.success for each in results], summary(results)
            print(f"{world.name:10} {planner:14} {way:9} {told[way]}", flush=True)
        for way in [one for one in outcomes if one != "picture"]:
            whole = max(told["picture"]["value"], 1e-9)
            told[way]["of_picture"] = round(told[way]["value"] / whole, 3)
            told[way]["against_picture"] = asdict(compare_paired(outcomes[way], outcomes["picture"]))
        found["planners"][planner] = told
    return found


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each run."""
    asked, runs, settings = options(arguments, ask="", out=None)
    names = tuple(name for name in str(asked["ask"]).split(",") if name)
    found = {}
    for run in runs:
        what = ["goals", checkpoint.digest(checkpoint.folder_of(run)), names, settings]
        found[str(run)] = once(asked["out"], what, partial(measure, run, settings, names))
    write("goals", {"runs": found}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
