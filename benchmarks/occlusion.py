"""Things that are hidden: played with and without a screen before them, with and without short-term memory.

    python benchmarks/occlusion.py RUN [RUN ...] [episodes=30] [hidden=15] [planner=NAME] [key=value ...]

Each run's pairs are played as they are first, with the planner that is recommended for it unless one is named. Then a
screen is put where on that way whatever has to reach the goal would be behind it for longest, but not at the start;
pairs on which that is less than `hidden` control steps are left out. The same pairs are played before this screen, with
memory and without. Goals are shown without a screen. A checkpoint that cannot remember yet is taught to first.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.record import RESULTS, sizes, write
from benchmarks.subgoals import summary
from envs import make_world
from envs.task import Pair
from envs.world import World
from housecat.diagnosis.probe import recordings_of
from housecat.evaluation.episodes import Bench, EpisodeResult, play
from housecat.evaluation.pairs import make_pairs
from housecat.evaluation.statistics import compare_paired
from housecat.runs import trained, wiring
from housecat.runs.memory import memory_for
from housecat.settings.config import load_config
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


def played(bench: Bench, planner: str, pairs: Sequence[Pair], seed: int, limit: int, batch: int) -> list[EpisodeResult]:
    """How a planner fares on pairs, each by itself."""
    numbered = list(enumerate(pairs))
    jobs = [numbered[first : first + batch] for first in range(0, len(numbered), batch)]
    return [one for job in jobs for one in play(bench, planner, None, job, seed, limit)]


def measure(run: Path, asked: dict[str, int], planner: str | None, arguments: list[str]) -> dict[str, Any]:
    """One run: success without a screen, before one with memory, and before one without."""
    folder = checkpoint.folder_of(run)
    spec = wiring.trained_world(folder)
    config = load_config([f"world={spec['name']}", *arguments])
    if not (folder / MEMORY).is_file():
        data = Path(config.data) if config.data else recordings_of(folder)
        if data is None:
            raise SystemExit(f"the recordings of {run} are not to be found: name them with data=DIR")
        memory_for(folder, checkpoint.load(folder, wiring.device(config)).model, spec, data)
    loaded, world = trained.load_checkpoint(folder, config, spec), make_world(spec)
    planner = planner or loaded.recommended
    request = replace(wiring.pair_request(config), count=asked["episodes"], calibration=0)
    pairs = make_pairs(world, request).pairs
    told = config.seed, config.evaluate.max_steps or world.max_steps, config.evaluate.batch
    ways = {how: replace(config, planner=replace(config.planner, memory=how)) for how in ("learnt", "none")}
    bench = {how: trained.BenchSetup(spec, folder, one).with_loaded(loaded) for how, one in ways.items()}
    plain = played(bench["none"], planner, pairs, *told)
    screens = [hiding(world, one.path) for one in plain]
    kept = [index for index, (_, steps) in enumerate(screens) if steps >= asked["hidden"]]
    found: dict[str, Any] = {"world": world.name, "planner": planner, "pairs": len(kept), "ways": {}}
    if not kept:
        return found
    before = [replace(pairs[index], factors=screens[index][0]) for index in kept]
    ways_played = {
        "no screen": [plain[index] for index in kept],
        "no screen, with memory": played(bench["learnt"], planner, [pairs[index] for index in kept], *told),
        "screen, with memory": played(bench["learnt"], planner, before, *told),
        "screen, without memory": played(bench["none"], planner, before, *told),
    }
    outcomes = {name: [one.success for one in each] for name, each in ways_played.items()}
    for name, each in ways_played.items():
        hidden = [
            int(behind(world, one.path, screen["screen_right"], screen["screen_up"]).sum())
            for one, screen in zip(each, (screens[index][0] for index in kept), strict=True)
        ]
        against = asdict(compare_paired(outcomes["no screen"], outcomes[name]))
        found["ways"][name] = {**summary(each), "hidden_steps": float(np.median(hidden)), "against": against}
        print(f"{world.name:10} {planner:14} {name:24} {found['ways'][name]}", flush=True)
    return found


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each run."""
    size, others = sizes([one for one in arguments if not one.startswith("planner=")], episodes=30, hidden=15)
    planner = next((one.partition("=")[2] for one in arguments if one.startswith("planner=")), None)
    runs = [Path(one) for one in others if "=" not in one]
    settings = [one for one in others if "=" in one]
    write("occlusion", {"runs": {str(run): measure(run, size, planner, settings) for run in runs}}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
