"""A trained run as `housecat evaluate` plays it: its checkpoint, with the settings that suit its world."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envs import make_world
from envs.task import Pair
from envs.world import World
from housecat.cli.request import Request
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.pairs import PairSet, make_pairs
from housecat.evaluation.workers import jobs_of, players
from housecat.files import write_json
from housecat.runs import wiring
from housecat.runs.trained import BenchSetup
from housecat.settings.config import load_config
from housecat.settings.overrides import full_name
from housecat.settings.schema import Config
from worldmodel import checkpoint


@dataclass(frozen=True)
class Entered:
    """A run that a benchmark plays with."""

    folder: Path  # of its checkpoint
    spec: dict[str, Any]  # of its world
    config: Config
    fitted: Path | None = None  # what some players need, see `housecat/runs/fitted.py`

    @property
    def world(self) -> World:
        """Made anew."""
        return make_world(self.spec)

    def pairs(self, calibration: int = 0) -> PairSet:
        """The start-goal pairs that the settings ask for, `episodes` before `evaluate.episodes`."""
        count = self.config.episodes or self.config.evaluate.episodes
        return make_pairs(self.world, replace(wiring.pair_request(self.config), count=count, calibration=calibration))


def entered(run: Path, arguments: Sequence[str]) -> Entered:
    """The run in a folder, with `key=value` of the command line."""
    folder = checkpoint.folder_of(run)
    spec = wiring.trained_world(folder)
    given = frozenset(full_name(one.partition("=")[0]) for one in arguments)
    request = Request("bench", load_config(list(arguments), False, shared=True), given, "", arguments=tuple(arguments))
    return Entered(folder, spec, request.suited_to(spec).config)


def played(run: Entered, planner: str, pairs: Sequence[Pair], horizon: int | None = None) -> list[EpisodeResult]:
    """What a planner makes of these pairs, in as many processes as `workers` says; in their order."""
    asked = wiring.evaluate_settings(run.config)
    jobs = jobs_of(planner, horizon, list(enumerate(pairs)), asked.batch, run.config.seed, asked.max_steps)
    with players(BenchSetup(run.spec, run.folder, run.config, run.fitted), min(asked.workers, len(jobs))) as play_jobs:
        return [one for part in play_jobs(jobs, lambda done: None) for one in part]


def once(folder: str | None, what: Any, work: Callable[[], Any]) -> Any:
    """What `work` returns, JSON-able, kept in a folder under a hash of `what` says it is, so that it is done once.

    `folder`: None: nothing is kept.
    """
    if folder is None:
        return work()
    digest = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()
    file = Path(folder) / f"{digest[:16]}.json"
    if not file.exists():
        write_json(file, work())
    return json.loads(file.read_text(encoding="utf-8"))


def options(arguments: Sequence[str], **usual: str | None) -> tuple[dict[str, str | None], list[Path], list[str]]:
    """What is said by name of these options, the runs, and the arguments that are settings."""
    words = [one.partition("=") for one in arguments]
    found = usual | {name: value for name, equals, value in words if equals and name in usual}
    runs = [Path(one) for one in arguments if "=" not in one]
    if not runs:
        raise SystemExit("name the folders of the runs")
    return found, runs, ["".join(one) for one in words if one[1] and one[0] not in usual]
