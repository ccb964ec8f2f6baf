"""Do the subgoals fail, or what has to reach them? Planners beside a planner that always knows the true way.

    python benchmarks/subgoals.py RUN [episodes=30] [key=value ...]

Plays the same start-goal pairs with `evaluate.planners`, and with the flat planners towards true subgoals 4, 8 and 12
control steps ahead: that is what a hierarchy over this low level could reach at best.
"""

import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.playing import entered
from benchmarks.record import RESULTS, write
from envs.task import Pair
from housecat.evaluation.episodes import Bench, EpisodeResult, play
from housecat.evaluation.statistics import Rate, compare_paired
from housecat.players.true_subgoals import TrueSubgoals
from housecat.players.truth import InformedAgent, Truth
from housecat.runs import steering, trained
from planners.interface import Planner
from worldmodel.model import LatentWorldModel

AHEAD = (4, 8, 12)  # control steps
FLAT = ("flat_latent", "flat_distance")


def summary(results: list[EpisodeResult]) -> dict[str, Any]:
    """Success with its interval, and what it took."""
    needed = [result.steps for result in results if result.steps is not None]
    return {
        **{key: round(value, 3) for key, value in asdict(Rate.of([result.success for result in results])).items()},
        "steps": round(float(np.mean(needed)), 1) if needed else None,
        "spl": round(float(np.mean([result.spl for result in results])), 3),
        "model_calls": round(float(np.mean([result.calls for result in results]))),
    }


def _played(bench: Bench, name: str, seed: int, limit: int | None, pair: tuple[int, Pair]) -> EpisodeResult:
    return play(bench, name, None, [pair], seed, limit)[0]


def _towards_true_subgoals(
    flat: Planner, model: LatentWorldModel, ahead: int, name: str, horizon: int | None, generators: list[Any]
) -> InformedAgent:
    truth = Truth()
    return InformedAgent(TrueSubgoals(flat, truth, model, ahead), model, generators, 1, truth)


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes."""
    asked = entered(Path(next(one for one in arguments if "=" not in one)), [one for one in arguments if "=" in one])
    spec, config, world = asked.spec, asked.config, asked.world
    bench, loaded = (
        trained.BenchSetup(spec, asked.folder, config)(),
        trained.load_checkpoint(asked.folder, config, spec),
    )
    pairs = list(enumerate(asked.pairs().pairs))
    limit = config.evaluate.max_steps
    found: dict[str, list[EpisodeResult]] = {}

    def record(name: str, one: Callable[[tuple[int, Pair]], EpisodeResult]) -> None:
        found[name] = [one(pair) for pair in pairs]
        print(f"{name:32} {summary(found[name])}", flush=True)

    for name in config.evaluate.planners:
        record(name, partial(_played, bench, name, config.seed, limit))
    for name in FLAT:
        flat = steering.build_planner(
            config, name, config.planner.horizon, loaded.model, loaded.distance, loaded.landmarks
        )
        for ahead in AHEAD:
            told = replace(bench, make_agent=partial(_towards_true_subgoals, flat, loaded.model, ahead))
            called = f"{name}, true subgoals at {ahead}"
            record(called, partial(_played, told, called, config.seed, limit))
    outcomes = {name: [result.success for result in each] for name, each in found.items()}
    first = next(iter(outcomes))
    against = {name: asdict(compare_paired(outcomes[first], each)) for name, each in outcomes.items() if name != first}
    whole = {
        "world": world.name,
        "pairs": len(pairs),
        "planners": {name: summary(each) for name, each in found.items()},
        f"{first} against": against,
        "by_pair": {name: [int(won) for won in each] for name, each in outcomes.items()},
    }
    write("subgoals", whole, results)


if __name__ == "__main__":
    main(sys.argv[1:])
