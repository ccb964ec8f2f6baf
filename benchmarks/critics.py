"""The temporal distances compared on one trained model: how true they are, how fast, and how well one plans with them.

    python benchmarks/critics.py RUN data=data/medium [episodes=20] [goals=40] [key=value ...]

Trains each kind of distance on the latents of the run's model and judges it on so many goals from recordings that
training left out. With `episodes=N`, `evaluate.planners` also play N start-goal pairs with it.
"""

import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from benchmarks.calibration import judge_distance
from benchmarks.playing import entered
from benchmarks.record import RESULTS, sizes, write
from envs import make_world
from envs.data.store import EpisodeStore
from housecat.evaluation.episodes import one_thread, play
from housecat.evaluation.pairs import make_pairs
from housecat.evaluation.statistics import Rate
from housecat.runs import trained, wiring
from housecat.runs.training import HELD_OUT, encode_recordings, make_landmarks
from housecat.settings.schema import Config, settings
from worldmodel import checkpoint
from worldmodel.distances.critics import train_distance
from worldmodel.distances.distance import LearnedDistance


@one_thread()
def milliseconds(distance: LearnedDistance, count: int, times: int = 30) -> float:
    """Median time of asking `count` latents for one goal, as planners do."""
    z, goal = torch.randn(count, distance.latent), torch.randn(distance.latent)
    took = []
    for _ in range(times):
        began = time.perf_counter()
        distance.steps(z, goal)
        took.append(time.perf_counter() - began)
    return 1e3 * float(np.median(took))


def played(config: Config, folder: Path, episodes: int) -> dict[str, Any]:
    """Success of each planner in `evaluate.planners`, with its interval."""
    spec = wiring.trained_world(folder)
    bench = trained.BenchSetup(spec, folder, config)()
    pairs = make_pairs(bench.make_world(), replace(wiring.pair_request(config), count=episodes, calibration=0))
    found = {}
    for planner in config.evaluate.planners:
        results = [play(bench, planner, None, [one], config.seed)[0] for one in enumerate(pairs.pairs)]
        found[planner] = asdict(Rate.of([result.success for result in results]))
    return found


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Takes some minutes for each kind."""
    size, others = sizes(arguments, goals=40)
    asked = entered(
        Path(next(one for one in others if "=" not in one)), [argument for argument in others if "=" in argument]
    )
    run, config = asked.folder, asked.config
    recorded, unseen = EpisodeStore.open(Path(config.data or "")).split(HELD_OUT)
    loaded = checkpoint.load(run, wiring.device(config), wiring.precision(config))
    first = recorded.load(0)
    plan = wiring.training_plan(config, first.frames.shape[1], first.actions.shape[1])
    latents, states = encode_recordings(loaded.model, recorded)
    world = make_world(recorded.world)
    kinds: dict[str, dict[str, Any]] = {}
    for kind in settings()["critic.kind"].choices:
        began = time.perf_counter()
        distance = train_distance(latents, replace(plan.critic, kind=kind), plan.device, progress=True)
        result: dict[str, Any] = {"train_seconds": round(time.perf_counter() - began, 1)}
        result["milliseconds"] = round(milliseconds(distance, 512), 2)
        rng = np.random.default_rng(config.seed)
        result["calibration"] = asdict(judge_distance(loaded.model, distance, unseen, world, rng, size["goals"]))
        if config.episodes:
            landmarks = make_landmarks(latents.still, states, distance, plan.graph)
            with tempfile.TemporaryDirectory() as folder:
                saved = Path(folder) / "model"
                checkpoint.save(saved, loaded.method, loaded.settings, loaded.model, distance, landmarks, loaded.about)
                result["played"] = played(config, saved, config.episodes)
        kinds[kind] = result
        print(kind, result, flush=True)
    write("critics", {"world": recorded.world["name"], "kinds": kinds}, results)


if __name__ == "__main__":
    main(sys.argv[1:])
