"""What the report draws, read from the files of a run folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs import make_world
from envs.files import Count, Maybe, many, read_json, record, shortened
from envs.task import Pair
from envs.world import World
from housecat.errors import UsageError
from housecat.evaluation import episodes as episodes_file
from housecat.evaluation import pairs as pairs_file
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.results import read_results
from housecat.files import read_metrics


class ReportError(UsageError):
    """There is nothing to report on; the message is one line that says what to do."""


_MADE_ON = record(
    machine=record(processor=str, cores=Count, accelerators=many(str) | Maybe)
)  # what is shown of the manifest of a run


@dataclass(frozen=True)
class LandmarkMap:
    """The latent graph, for people who look at it."""

    states: np.ndarray  # (M, S) recorded simulator states
    edges: np.ndarray  # (E, 2) int64


@dataclass(frozen=True)
class Inputs:
    """One evaluated run."""

    results: dict[str, Any]  # as in `results.json`
    pairs: pairs_file.PairSet
    world: World
    episodes: dict[str, list[EpisodeResult]]  # by planner, in the order of the pairs
    landmarks: LandmarkMap | None
    metrics: list[dict[str, float | None]]  # lines of `metrics.jsonl`; empty where there is none
    machine: dict[str, Any] | None  # "processor", "cores", from `manifest.json`; None where there is none

    def pair(self, index: int) -> Pair:
        """An evaluation pair."""
        return self.pairs.pairs[index]

    def world_of(self, index: int) -> World:
        """The world as it was when that pair was played."""
        self.world.set_factors(self.pair(index).factors)
        return self.world


def read_run(run: Path) -> Inputs:
    """Reads a run folder. Raises ReportError where it holds no evaluation, or a damaged one."""
    try:
        results = read_results(run / "results.json")
        advice = "run `housecat evaluate` again"
        stored = read_json(run / "episodes.json", episodes_file.STORED, ReportError, advice)
        asked = read_json(run / "pairs.json", pairs_file.STORED, ReportError, advice)
    except FileNotFoundError as error:
        raise ReportError(f"{error.filename} is missing: run `housecat evaluate` with out={run} first") from error
    log, machine, landmarks = run / "metrics.jsonl", None, None
    if (run / "manifest.json").exists():
        machine = read_json(run / "manifest.json", _MADE_ON, ReportError, advice)["machine"]
    try:
        pairs = pairs_file.from_json(asked)
        world = make_world(pairs.world)
        pairs_file.require_states_of(world, pairs)
        played = [EpisodeResult.from_json(episode) for episode in stored["episodes"]]
        episodes = {name: [one for one in played if one.planner == name] for name in results["planners"]}
        graph, size = stored["landmarks"], world.scene.state_dim
        if graph is not None:
            states = np.array(graph["states"], np.float64).reshape(-1, size)
            landmarks = LandmarkMap(states, np.array(graph["edges"], np.int64).reshape(-1, 2))
        _check(episodes, len(pairs.pairs), size, landmarks)
    except ValueError as error:
        raise ReportError(f"the evaluation in {run} is damaged ({error}): {advice}") from error
    return Inputs(
        results=results,
        pairs=pairs,
        world=world,
        episodes=episodes,
        landmarks=landmarks,
        metrics=read_metrics(log) if log.exists() else [],
        machine=machine,
    )


def _check(episodes: dict[str, list[EpisodeResult]], pairs: int, size: int, landmarks: LandmarkMap | None) -> None:
    """Raises ValueError where episodes are not of these pairs, of states of this size or of these landmarks."""
    most = 0 if landmarks is None else len(landmarks.states)
    if landmarks is not None and landmarks.edges.max(initial=0) >= most:
        raise ValueError("edges lead to landmarks that are not there")
    for name, played in episodes.items():
        if [one.pair for one in played] != list(range(pairs)):
            raise ValueError(f"episodes of {shortened(name)} are missing")
        for one in played:
            aimed = landmarks is None or max(one.targets, default=0) < most
            if one.path.shape != (len(one.targets) + 1, size) or not aimed:
                raise ValueError(f"an episode of {shortened(name)} is not of this world and its landmarks")
