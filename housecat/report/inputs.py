"""What the report draws, read from the files of a run folder."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from envs import make_world
from envs.task import Pair
from envs.world import World
from housecat.errors import UsageError
from housecat.evaluation import pairs as pairs_file
from housecat.evaluation import results as results_file
from housecat.evaluation.episodes import EpisodeResult

T = TypeVar("T")


class ReportError(UsageError):
    """There is nothing to report on; the message is one line that says what to do."""


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
    metrics: list[dict[str, float]]  # lines of `metrics.jsonl`; empty where there is none
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
    results = _read(run / "results.json", _results)
    pairs = _read(run / "pairs.json", lambda text: pairs_file.from_json(json.loads(text)))
    stored = _read(run / "episodes.json", json.loads)
    played = [EpisodeResult.from_json(episode) for episode in stored["episodes"]]
    graph = stored["landmarks"]
    return Inputs(
        results=results,
        pairs=pairs,
        world=make_world(pairs.world),
        episodes={name: [one for one in played if one.planner == name] for name in results["planners"]},
        landmarks=LandmarkMap(np.array(graph["states"]), np.array(graph["edges"], np.int64)) if graph else None,
        metrics=_read(run / "metrics.jsonl", _lines) if (run / "metrics.jsonl").exists() else [],
        machine=_read(run / "manifest.json", json.loads).get("machine") if (run / "manifest.json").exists() else None,
    )


def _read(file: Path, parse: Callable[[str], T]) -> T:
    try:
        return parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReportError(f"{file} is missing: run `housecat evaluate` with out={file.parent} first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{file} is damaged ({error}): run `housecat evaluate` again") from error


def _results(text: str) -> dict[str, Any]:
    results = json.loads(text)
    if results["schema"] != results_file.SCHEMA:
        raise ValueError(f"schema {results['schema']}, not {results_file.SCHEMA}")
    return results


def _lines(text: str) -> list[dict[str, float]]:
    # A killed training may leave half a line at the end.
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]
