"""Every optimiser in several worlds, with several models, at as many model calls: `housecat bench`, for RESULTS.md.

    python benchmarks/optimizers.py RUN [RUN ...] [out=runs/standard] [suite=standard] [peers=no] [key=value ...]

Goes on where it was stopped. peers=yes adds the optimisers of `benchmarks/peers.py`, where their packages are there;
in the same folder, what was played without them is not played again.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.playing import options
from benchmarks.record import RESULTS, write
from housecat.bench.suites import SUITES
from housecat.cli.main import work

PEERS = ("benchmarks/peers.py:StableWorldmodelCEM", "benchmarks/peers.py:PytorchMPPI")
KEPT = """world model planner optimizer seed calls success interval against_cem steps model_calls ms alarms settings
    pairs failed""".split()


def gathered(found: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a `bench.json`: outcomes as "0110", the rest without what no table shows."""
    cells = [
        {**{key: one[key] for key in KEPT}, "outcomes": "".join(str(int(won)) for won in one["outcomes"])}
        for one in found["cells"]
    ]
    overall = [{key: value for key, value in one.items() if key != "profile"} for one in found["overall"]]
    return {**{key: found[key] for key in ("suite", "manifests", "alarms")}, "overall": overall, "cells": cells}


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes hours; says how many before."""
    asked, runs, settings = options(arguments, out="runs/standard", suite="standard", peers="no")
    if asked["peers"] == "yes":
        named = next((one.partition("=")[2] for one in settings if one.startswith("bench.optimizers=")), None)
        ours = named.strip("[]").split(",") if named else SUITES[str(asked["suite"])].optimizers
        settings = [one for one in settings if not one.startswith("bench.optimizers=")]
        settings.append(f"bench.optimizers=[{','.join((*ours, *PEERS))}]")
    checkpoints = f"checkpoints=[{','.join(map(str, runs))}]"
    work("bench", [checkpoints, f"suite={asked['suite']}", f"out={asked['out']}", *settings], frozenset())
    found = json.loads((Path(str(asked["out"])) / "bench.json").read_text(encoding="utf-8"))
    write("optimizers", gathered(found), results)


if __name__ == "__main__":
    main(sys.argv[1:])
