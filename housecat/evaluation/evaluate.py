"""Every planner on the same start-goal pairs: plays, times, compares, and writes down what came of it.

`results.json` is documented in `housecat/evaluation/results.py`. `episodes.json` holds what the report draws:
`{"schema": 1, "episodes": [EpisodeResult, ...], "landmarks": {"states": (M, S), "edges": (E, 2)} | null}`,
null where there are none, or where the recordings did not know the simulator's states.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from envs.task import Pair
from housecat.evaluation.episodes import Bench, EpisodeResult, Setup
from housecat.evaluation.goals import Asked, towards
from housecat.evaluation.pairs import PairSet
from housecat.evaluation.recommending import PAIRS, candidates, recommendation
from housecat.evaluation.results import SCHEMA, About, Judged, Tried, results_json
from housecat.evaluation.timing import time_planner
from housecat.evaluation.workers import PlayJob, PlayJobs, jobs_of, players
from housecat.files import write_json

CALIBRATED = "flat_latent"  # its horizon is chosen beforehand, so that this baseline is at its best


@dataclass(frozen=True)
class EvaluateSettings:
    """How planners are judged."""

    planners: tuple[str, ...]  # names, in the order of the report
    horizons: tuple[int, ...]  # control steps; tried for flat_latent on the calibration pairs
    max_steps: int | None  # control steps allowed; None: the world's own limit
    workers: int  # processes; 0 or 1: this one only
    batch: int  # environments side by side in a process
    timing_steps: int  # control steps timed per planner; 0: no timing
    asked: Asked = Asked()  # what is to be reached, where that is not the states of the pairs
    trouble: dict[str, float] = field(default_factory=dict)  # what goes wrong, and the rate at which players must act
    hold: int = 1  # control steps in a row for which a goal must be reached


def evaluate(
    setup: Setup, pairs: PairSet, settings: EvaluateSettings, about: About, out: Path, progress: bool = True
) -> dict[str, Any]:
    """Judges the planners; writes `episodes.json` and `results.json` to `out` and returns the latter."""
    began, make_world = time.perf_counter(), setup().make_world
    asked, world = settings.asked, make_world()
    judged_on, tried_on = (towards(world, some, asked, pairs.seed) for some in (pairs.pairs, pairs.calibration))
    pairs = replace(pairs, pairs=judged_on, calibration=tried_on)
    total = len(settings.planners) * len(pairs.pairs)
    total += len(settings.horizons) * len(pairs.calibration) if _calibrates(settings) else 0
    compared = candidates(settings.planners, len(pairs.calibration))
    total += len(compared) * len(pairs.calibration[:PAIRS])
    with (
        tqdm(total=total, desc="evaluate", unit="episode", disable=not progress) as bar,
        players(setup, settings.workers) as play_jobs,
    ):
        tried = _calibrate(play_jobs, pairs.calibration, pairs.seed, settings, bar)
        horizon = min(tried, key=Tried.rank).horizon if tried else settings.horizons[0]
        played = _play_all(play_jobs, pairs, settings, horizon, bar)
        other = [(-1 - index, pair) for index, pair in enumerate(pairs.calibration[:PAIRS])]
        alike = [job for name in compared for job in _jobs(name, None, other, pairs.seed, settings)]
        tested = _by_planner(compared, play_jobs(alike, lambda done: _advance(bar, done)))
    bench = setup()
    world = bench.make_world()
    judged = {name: _judge(bench, results, pairs, settings, horizon) for name, results in played.items()}
    about = replace(about, seconds={**about.seconds, "evaluate": round(time.perf_counter() - began, 2)})
    found = results_json(world, pairs, settings.max_steps or world.max_steps, judged, tried, about)
    if settings.hold > 1:
        found["pairs"]["criterion"] += f" for {settings.hold} control steps in a row"
    found |= {"trouble": settings.trouble} if settings.trouble else {}
    goal = asked.told(pairs.pairs, world)
    found |= {"goal": goal} if goal else {}
    found |= {"recommended": recommendation(tested)} if tested else {}
    write_json(out / "episodes.json", _episodes_json(bench, played, world.scene.state_dim), indent=None)
    write_json(out / "results.json", found)
    return found


def _judge(
    bench: Bench, results: list[EpisodeResult], pairs: PairSet, settings: EvaluateSettings, horizon: int
) -> Judged:
    """Adds the time of a control step, measured on what the planner saw in these episodes."""
    name = results[0].planner
    chosen = horizon if name == CALIBRATED else None
    if settings.timing_steps == 0:
        return Judged(results, chosen, None)
    return Judged(results, chosen, time_planner(bench, name, chosen, results, pairs.pairs, settings.timing_steps))


def _calibrates(settings: EvaluateSettings) -> bool:
    return CALIBRATED in settings.planners and len(settings.horizons) > 1


def _calibrate(
    play_jobs: PlayJobs, pairs: Sequence[Pair], seed: int, settings: EvaluateSettings, bar: tqdm
) -> list[Tried]:
    """The calibrated planner at each horizon; nothing where there is no choice."""
    if not _calibrates(settings):
        return []
    numbered = [(-1 - index, pair) for index, pair in enumerate(pairs)]  # no planner's noise is that of a judged pair
    jobs = [job for horizon in settings.horizons for job in _jobs(CALIBRATED, horizon, numbered, seed, settings)]
    parts = play_jobs(jobs, lambda done: _advance(bar, done))
    return [
        Tried(horizon, [r for job, part in zip(jobs, parts, strict=True) if job.horizon == horizon for r in part])
        for horizon in settings.horizons
    ]


def _play_all(
    play_jobs: PlayJobs, pairs: PairSet, settings: EvaluateSettings, horizon: int, bar: tqdm
) -> dict[str, list[EpisodeResult]]:
    """Results by planner, in the order of the pairs."""
    jobs = []
    for name in settings.planners:
        jobs += _jobs(name, horizon if name == CALIBRATED else None, list(enumerate(pairs.pairs)), pairs.seed, settings)
    return _by_planner(settings.planners, play_jobs(jobs, lambda done: _advance(bar, done)))


def _by_planner(names: Sequence[str], parts: Sequence[Sequence[EpisodeResult]]) -> dict[str, list[EpisodeResult]]:
    return {name: [result for part in parts for result in part if result.planner == name] for name in names}


def _jobs(
    planner: str, horizon: int | None, numbered: Sequence[tuple[int, Pair]], seed: int, settings: EvaluateSettings
) -> list[PlayJob]:
    return jobs_of(planner, horizon, numbered, settings.batch, seed, settings.max_steps)


def _advance(bar: tqdm, done: Sequence[EpisodeResult]) -> None:
    bar.set_postfix_str(
        f"{done[0].planner}: {sum(result.success for result in done)} of {len(done)} solved", refresh=False
    )
    bar.update(len(done))


def _episodes_json(bench: Bench, played: dict[str, list[EpisodeResult]], size: int) -> dict[str, Any]:
    """`size`: numbers of a state of the world; what an environment in Python tells as a state is none of these."""
    landmarks, graph = None, bench.landmarks
    if graph is not None and graph.states.shape[1] == size and bool(graph.states.isfinite().all()):
        landmarks = {"states": graph.states.tolist(), "edges": graph.edges.tolist()}
    episodes = [result.to_json() for results in played.values() for result in results]
    return {"schema": SCHEMA, "episodes": episodes, "landmarks": landmarks}
