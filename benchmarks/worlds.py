"""What the default model reaches in every built-in world: recorded, trained and judged by `housecat quickstart`.

    python benchmarks/worlds.py out=runs/worlds [worlds=medium,car] [seeds=0,1,2] [parallel=2] [save=worlds]
        [seconds=3600] [key=value ...]

One run a world and seed in OUT/WORLD-SEED, `parallel` of them side by side; a run that was stopped goes on with the
same command. Writes `benchmarks/results/SAVE.json` from all runs under OUT that are done, whoever made them: success
of each planner with an interval that counts trainings, what probes read from the latent, and the time that it took.
`seconds` stops what is running after that time; with `worlds=` nothing is run, and only the file is written.
"""

import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import RESULTS, sizes, write
from envs import WORLDS
from housecat.evaluation.statistics import Rate
from housecat.runs.folder import read_manifest

WORST = 10.0  # seconds that a run is given to stop by itself


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each run."""
    size, others = sizes(arguments, parallel=1, seconds=10**9)
    asked = {"worlds": ",".join(WORLDS), "seeds": "0,1,2", "save": "worlds"}
    own = dict(argument.split("=", 1) for argument in others if argument.partition("=")[0] in {"out", *asked})
    settings = [argument for argument in others if argument.partition("=")[0] not in own]
    if "out" not in own:
        raise SystemExit("name the folder of the runs: out=DIR")
    asked, out = asked | own, Path(own["out"])
    runs = [(world, seed) for seed in asked["seeds"].split(",") for world in asked["worlds"].split(",") if world]
    play(runs, out, size["parallel"], settings, time.monotonic() + size["seconds"])
    write(asked["save"], gathered(out), results)


def play(runs: list[tuple[str, str]], out: Path, parallel: int, settings: list[str], deadline: float) -> None:
    """Runs what is left of `runs` (world, seed), in their order, until `deadline` (of time.monotonic)."""
    out.mkdir(parents=True, exist_ok=True)
    left, running = list(runs), dict[str, subprocess.Popen]()
    while (left or running) and time.monotonic() < deadline:
        for name in [name for name, process in running.items() if process.poll() is not None]:
            print(f"{name}: exit code {running.pop(name).returncode}", flush=True)
        while left and len(running) < parallel:
            world, seed = left.pop(0)
            name = f"{world}-{seed}"
            command = [sys.executable, "-m", "housecat", "quickstart", f"world={world}", f"seed={seed}"]
            with (out / f"{name}.log").open("a") as log:
                running[name] = subprocess.Popen(
                    [*command, f"out={out / name}", *settings], stdout=log, stderr=subprocess.STDOUT
                )
        time.sleep(0.2)
    for process in running.values():
        process.send_signal(signal.SIGINT)
    for process in running.values():
        try:
            process.wait(WORST)
        except subprocess.TimeoutExpired:
            process.kill()


def gathered(out: Path) -> dict[str, Any]:
    """What the finished runs under `out` found, by world."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for folder in sorted(path.parent for path in out.glob("*/results.json")):
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        found[results["world"]].append(training(folder, results))
    worlds = {name: found[name] for name in WORLDS if name in found}
    return {
        "pairs": max((one["planners"]["random"]["of"] for all_ in worlds.values() for one in all_), default=0),
        "worlds": {name: {"trainings": all_, "success": together(all_)} for name, all_ in worlds.items()},
    }


def training(folder: Path, results: dict[str, Any]) -> dict[str, Any]:
    """One training and its evaluation."""
    manifest = read_manifest(folder)
    assert manifest is not None, folder
    recorded = json.loads((folder / "data" / "manifest.json").read_text(encoding="utf-8"))
    last = json.loads((folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    planners = {
        name: {
            "solved": round(one["success"] * one["episodes"]),
            "of": one["episodes"],
            "steps": one["steps"],
            "ms_per_step": one["plan_ms"] and one["plan_ms"]["median"],
        }
        for name, one in results["planners"].items()
    }
    return {
        "seed": results["seed"],
        "play": recorded["play"],
        "recordings": recorded["episodes"],
        "commit": results["commit"],
        "machine": manifest["machine"],
        "versions": results["versions"],
        "seconds": {name: round(seconds, 1) for name, seconds in results["seconds"].items()},
        "planners": planners,
        "recommended": results.get("recommended", {}).get("planner"),
        "probes": {name.partition("probe_")[2]: value for name, value in last.items() if "/probe_" in name},
    }


def together(trainings: list[dict[str, Any]]) -> dict[str, Any]:
    """Success of each planner over all trainings."""
    found = {}
    for name in trainings[0]["planners"]:
        outcomes = [
            [True] * one["planners"][name]["solved"]
            + [False] * (one["planners"][name]["of"] - one["planners"][name]["solved"])
            for one in trainings
            if name in one["planners"]
        ]
        rate = Rate.of_trainings(outcomes)
        found[name] = {"value": rate.value, "low": rate.low, "high": rate.high, "plays": rate.n}
        found[name]["trainings"] = len(outcomes)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
