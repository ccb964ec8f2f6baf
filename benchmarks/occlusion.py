"""Things that are hidden: played with and without a screen before them, with and without short-term memory.

    python benchmarks/occlusion.py RUN [RUN ...] [hidden=15] [planner=NAME] [episodes=30] [key=value ...]

Each run's pairs are played as they are first, with the planner that is recommended for it unless one is named. Then a
screen is put where on that way whatever has to reach the goal would be behind it for longest, but not at the start;
pairs on which that is less than `hidden` control steps are left out. The same pairs are played before this screen, with
memory and without. Goals are shown without a screen. A checkpoint that cannot remember yet is taught to first.
"""

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.playing import Entered, entered, options, played
from benchmarks.record import RESULTS, sizes, write
from benchmarks.subgoals import summary
from envs.world import World
from housecat.diagnosis.probe import recordings_of
from housecat.evaluation.statistics import compare_paired
from housecat.runs import trained, wiring
from housecat.runs.memory import memory_for
from worldmodel import checkpoint
from worldmodel.checkpoint import MEMORY

SIDE = 0.45  # of the screen, as a share of the picture's
MARGIN = 0.05  # share of the picture by which something must be inside or outside to count as that
PLACES = np.linspace(-0.4, 0.4, 9)


def behind(world: World, path: np.ndarray, right: float, up: float, margin: float = MARGIN) -> np.ndarray:
    """In which of the states (T, S) what has to reach the goal is behind a screen there: bool (T,)."""
    away = world.pixels(world.located(path), size=1) - 0.5 - np.array([right, -up])
    return np.abs(away).max(axis=-1) < SIDE / 2 - margin


def hiding(world: World, path: np.ndarray) -> tuple[dict[str, float], int]:
    """The screen that hides most of a way (T, S) and not where it begins, and how many control steps; none: 0."""
    best: dict[str, float] = {}
    most = 0
    for right in PLACES:
        for up in PLACES:
            if behind(world, path[:2], right, up, -MARGIN).any():
                continue
            steps = int(behind(world, path, right, up).sum())
            if steps > most:
                best, most = {"screen": SIDE, "screen_right": float(right), "screen_up": float(up)}, steps
    return best, most


def taught(run: Entered) -> None:
    """Teaches a checkpoint to remember that cannot yet."""
    if (run.folder / MEMORY).is_file():
        return
    data = Path(run.config.data) if run.config.data else recordings_of(run.folder)
    if data is None:
        raise SystemExit(f"the recordings of {run.folder} are not to be found: name them with data=DIR")
    memory_for(run.folder, checkpoint.load(run.folder, wiring.device(run.config)).model, run.spec, data)


def measure(one: Entered, least: int, planner: str | None) -> dict[str, Any]:
    """One run: success without a screen, before one with memory, and before one without."""
    taught(one)
    planner, world = planner or trained.load_checkpoint(one.folder, one.config, one.spec).recommended, one.world
    ways = {
        how: replace(one, config=replace(one.config, planner=replace(one.config.planner, memory=how)))
        for how in ("learnt", "none")
    }
    pairs = one.pairs().pairs
    plain = played(ways["none"], planner, pairs)
    screens = [hiding(world, each.path) for each in plain]
    kept = [index for index, (_, steps) in enumerate(screens) if steps >= least]
    found: dict[str, Any] = {"world": world.name, "planner": planner, "pairs": len(kept), "ways": {}}
    if not kept:
        return found
    seen, before = (
        [pairs[index] for index in kept],
        [replace(pairs[index], factors=screens[index][0]) for index in kept],
    )
    results = {
        "no screen": [plain[index] for index in kept],
        "no screen, with memory": played(ways["learnt"], planner, seen),
        "screen, with memory": played(ways["learnt"], planner, before),
        "screen, without memory": played(ways["none"], planner, before),
    }
    outcomes = {way: [each.success for each in some] for way, some in results.items()}
    for way, some in results.items():
        places = [(screen["screen_right"], screen["screen_up"]) for screen, _ in (screens[index] for index in kept)]
        hidden = [behind(world, each.path, *place).sum() for each, place in zip(some, places, strict=True)]
        against = asdict(compare_paired(outcomes["no screen"], outcomes[way]))
        found["ways"][way] = {**summary(some), "hidden_steps": float(np.median(hidden)), "against": against}
        print(f"{world.name:10} {planner:14} {way:24} {found['ways'][way]}", flush=True)
    return found


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each run."""
    size, others = sizes(arguments, hidden=15)
    asked, runs, settings = options(others, planner=None)
    found = {str(run): measure(entered(run, settings), size["hidden"], asked["planner"]) for run in runs}
    write("occlusion", {"runs": found}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
