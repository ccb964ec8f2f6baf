"""The example of an environment of one's own, as it stands: a cart drawn in numpy, recorded, trained on and evaluated.

    python benchmarks/cart.py [seeds=0] [out=runs/cart] [episodes=400] [updates=600] [key=value ...]

`processor` is the time of all its processes on all cores, which does not depend on what else a machine does.
"""

import importlib
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import RESULTS, ROOT, sizes, write
from benchmarks.worlds import together, training
from housecat.cli.help import COMMANDS
from housecat.settings.overrides import full_name


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some five minutes for each seed."""
    size, others = sizes(arguments, episodes=400, updates=600)
    given = dict(one.split("=", 1) for one in others)
    out, seeds = Path(given.pop("out", "runs/cart")), given.pop("seeds", "0").split(",")
    sys.path.insert(0, str(ROOT / "examples"))
    example = importlib.import_module("own_environment")
    trainings = []
    for seed in seeds:
        asked = {**given, "seed": seed}
        settings = {
            name: {key: value for key, value in asked.items() if COMMANDS[name].reads(full_name(key))}
            for name in ("collect", "train", "evaluate")
        }
        began, processor = time.perf_counter(), used()
        folder, data = out / seed, out / f"{seed}-data"
        found = example.main(data, folder, size["episodes"], size["updates"], settings)
        took: dict[str, Any] = {"processor": round(used() - processor, 1), "all": round(time.perf_counter() - began, 1)}
        data.rename(folder / "data")
        one = training(folder, found)
        trainings.append({**one, "seconds": {**one["seconds"], **took}})
        write("cart", {"worlds": {"Cart": {"trainings": trainings, "success": together(trainings)}}}, results)


def used() -> float:
    """Seconds of processors, of this process and of those that have ended."""
    every = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in every)


if __name__ == "__main__":
    main(sys.argv[1:])
