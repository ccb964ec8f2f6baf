"""What each module of the agent is worth: it is taken away, and the same pairs are played once more.

    python benchmarks/modules.py RUN [RUN ...] [pushes=1] [hidden=15] [episodes=30] [key=value ...]

Critic: plans by latent distance instead of temporal distance. Subgoals: the flat planner instead of landmarks. Search:
the policy that is fitted on the same recordings acts alone. Configurator: the planner that is recommended for the run,
while bodies are pushed, `pushes` times a second on average. Short-term memory: before a screen, see
`benchmarks/occlusion.py`. Intrinsic cost: episodes that keep to a limit, see `benchmarks/limits.py`.
"""

import sys
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import limits, occlusion
from benchmarks.playing import Entered, entered, options, played
from benchmarks.record import RESULTS, sizes, write
from housecat.diagnosis.probe import recordings_of
from housecat.evaluation.noticing import noticed
from housecat.evaluation.statistics import Rate, compare_paired
from housecat.runs import trained
from housecat.runs.fitted import fitted_for

POLICY, REACHED = "cloning", "reached"


def beside(judged: str, with_it: list[bool], without: list[bool]) -> dict[str, Any]:
    """Success with a module and without it, on the same pairs."""
    rates = {"with": asdict(Rate.of(with_it)), "without": asdict(Rate.of(without))}
    return {"judged": judged, **rates, "p": compare_paired(with_it, without).p}


def of_planners(one: Entered, pushes: int) -> dict[str, Any]:
    """Critic, subgoals, search and configurator, on the pairs of the settings."""
    loaded, pairs = trained.load_checkpoint(one.folder, one.config, one.spec), one.pairs().pairs

    def reached(player: str, run: Entered) -> list[bool]:
        return [each.success for each in played(run, player, pairs)]

    won = cache(lambda player: reached(player, one))

    best, flat = won(loaded.recommended), won("flat_distance")
    found = {"critic": beside(REACHED, flat, won("flat_latent"))}
    if loaded.landmarks is not None:
        found["subgoals"] = beside(REACHED, won("hierarchy"), flat)
    data = Path(one.config.data) if one.config.data else recordings_of(one.folder)
    setup = trained.BenchSetup(one.spec, one.folder, one.config)
    fitted = fitted_for([POLICY], setup, data, one.folder.parent, lambda: loaded.model)
    found["search"] = beside(REACHED, best, reached(POLICY, replace(one, fitted=fitted)))
    pushed = replace(one, config=replace(one.config, trouble=replace(one.config.trouble, pushes=float(pushes))))
    reacting = played(pushed, "configured", pairs)
    calm = reached(loaded.recommended, pushed)
    found["configurator"] = beside("reached though pushed", [each.success for each in reacting], calm)
    found["configurator"]["noticed"] = noticed(reacting)
    return found


def of_limits(one: Entered, settings: list[str]) -> dict[str, Any]:
    """The intrinsic cost, with the first planner that searches: episodes that keep to a limit."""
    told = limits.measure(one.folder.parent, [*settings, "evaluate.planners=[flat_distance]"], None)
    ways = told["planners"]["flat_distance"]

    def kept(way: str) -> dict[str, float]:
        violated = ways[way]["violated"]
        bounds = {end: 1 - violated[other] for end, other in (("value", "value"), ("low", "high"), ("high", "low"))}
        return bounds | {"n": violated["n"]}

    return {"judged": "kept to the limit", "with": kept("limited"), "without": kept("free"), "p": None}


def measure(run: Path, size: dict[str, int], settings: list[str]) -> dict[str, Any]:
    """One run: by module, what was judged, with it and without."""
    one = entered(run, settings)
    found = {"world": one.spec["name"], "modules": of_planners(one, size["pushes"])}
    screened = occlusion.measure(one, size["hidden"], None)["ways"]
    if screened:
        told = {way: screened[f"screen, {way} memory"] for way in ("with", "without")}
        rates = {way: {key: each[key] for key in ("value", "low", "high", "n")} for way, each in told.items()}
        found["modules"]["short-term memory"] = {"judged": "reached behind a screen", **rates, "p": None}
    found["modules"]["intrinsic cost"] = of_limits(one, settings)
    for name, each in found["modules"].items():
        print(f"{found['world']:10} {name:18} {each}", flush=True)
    return found


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each run."""
    size, others = sizes(arguments, pushes=1, hidden=15)
    _, runs, settings = options(others)
    write("modules", {**size, "runs": {str(run): measure(run, size, settings) for run in runs}}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
