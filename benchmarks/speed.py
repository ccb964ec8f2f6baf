"""How much faster this checkout is than another one: updates of each stage and control steps, measured in alternation.

    python benchmarks/speed.py against=CHECKOUT [times=15]

Two processes of one thread each, one with the packages of either checkout, take turns; a ratio is the median over the
pairs, of the processor's time, which depends less than that of the clock on what else the machine does. Writes
`results/speed.json`. The other checkout must be one whose training runs in stages (`housecat.runs.estimate.stages_of`).
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STEPS = ("flat_distance", "hierarchy")  # planners whose control steps are timed
COUNTED = {"pretraining": 4, "train": 1, "finetuning": 1}  # updates, or control steps, in one measurement
FEW = 2  # of all else


def works(folder: Path) -> dict[str, Callable[[], Any]]:
    """What is timed, by name, for the default model and world, with the packages that are imported here."""
    import torch

    from benchmarks.planning import fresh_checkpoint, random_play
    from envs import make_world
    from housecat.evaluation.episodes import generator_of
    from housecat.runs import trained, wiring
    from housecat.runs.estimate import stages_of
    from housecat.runs.training import make_method
    from housecat.settings.config import load_config
    from worldmodel.training import learn

    torch.set_num_threads(1)
    config = load_config([])
    spec = wiring.world_spec(config)
    world = make_world(spec)
    plan = wiring.training_plan(config, world.scene.frame_size, world.scene.action_dim)
    found: dict[str, Callable[[], Any]] = {}
    for stage in stages_of(plan, make_method(plan)):
        found[stage.name] = partial(learn, replace(stage, updates=COUNTED.get(stage.name, FEW)))
    known: tuple[Any, ...] = (folder / "model", world, config, 256)  # older checkouts have no number of landmarks
    fresh_checkpoint(*known[: fresh_checkpoint.__code__.co_argcount])
    bench = trained.BenchSetup(spec, folder / "model", config)()
    recording = random_play(world, FEW)
    for planner in STEPS:
        player = bench.make_agent(planner, None, [generator_of(0, 0)])
        player.reset(recording.goal[None])
        found[planner] = partial(_act, player, recording.frames)
    return found


def _act(player: Any, frames: list[Any]) -> None:
    for frame in frames:
        player.act(frame[None])


def serve() -> None:
    """Does what it is told to, line by line, and says how many seconds of the processor it took."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is no answer
    with tempfile.TemporaryDirectory() as temporary:
        known = works(Path(temporary))
        print(*known, file=answers, flush=True)
        for line in sys.stdin:
            began = time.process_time()
            known[line.strip()]()
            print(time.process_time() - began, file=answers, flush=True)


class Served:
    """A process with the packages of a checkout."""

    def __init__(self, checkout: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
        command, pipe = [sys.executable, str(Path(__file__).resolve()), "--serve"], subprocess.PIPE
        process = subprocess.Popen(command, cwd=checkout, env=environment, stdin=pipe, stdout=pipe, text=True)
        assert process.stdin is not None and process.stdout is not None
        self.asked, self.answers = process.stdin, process.stdout
        self.works = self.answers.readline().split()

    def seconds(self, work: str) -> float:
        """Of the processor, for one measurement."""
        print(work, file=self.asked, flush=True)
        return float(self.answers.readline())


def compare(this: Served, other: Served, times: int) -> dict[str, dict[str, float]]:
    """For each work, milliseconds of either checkout and the ratio, by which this one is faster."""
    found = {}
    for work in (name for name in this.works if name in other.works):
        pairs = [(this.seconds(work), other.seconds(work)) for _ in range(times + 1)][1:]  # the first choose kernels
        here, there = (1e3 * statistics.median(one) / COUNTED.get(work, FEW) for one in zip(*pairs, strict=True))
        ratio = statistics.median(theirs / ours for ours, theirs in pairs)
        found[work] = {"ms": round(here, 2), "against_ms": round(there, 2), "ratio": round(ratio, 2)}
        print(work, found[work], flush=True)
    return found


def main(arguments: list[str], results: Path | None = None) -> None:
    """Takes some minutes."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.record import RESULTS, sizes, write

    size, others = sizes(arguments, times=15)
    checkout = Path(others[0].removeprefix("against=")) if others else Path()
    if len(others) != 1 or not (checkout / "worldmodel").is_dir():
        raise SystemExit("name the folder of another checkout: against=DIR")
    git = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()
    found = compare(Served(ROOT), Served(checkout.resolve()), size["times"])
    command = f"python benchmarks/speed.py against=CHECKOUT times={size['times']}"
    found_all = {"command": command, "against": commit, "times": size["times"], "stages": found}
    write("speed", found_all, results or RESULTS)


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        main(sys.argv[1:])
