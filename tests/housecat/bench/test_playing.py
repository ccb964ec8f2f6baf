"""How long a bench takes is foretold from a few moments of it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from envs import WORLDS
from housecat.bench.playing import BenchJob, expected
from housecat.settings.config import load_config

PLANNER = load_config([]).planner
SLOWER = {"random": 0.5, "flat_distance": 1, "hierarchy": 3}
MANY = {"umaze": 1.0, "medium": 2.0}  # times as long a step takes in a world
LONGER = {"cem": 1.0, "gradient": 4.0, "random_shooting": 0.7}


def job(world: str, planner: str, optimizer: str, pairs: int = 10, calls: int = 256, **more: Any) -> BenchJob:
    config = SimpleNamespace(planner=replace(PLANNER, optimizer=optimizer, calls=calls))
    setup: Any = SimpleNamespace(spec=WORLDS[world], config=config)
    some: Any = tuple((index, None) for index in range(pairs))
    return BenchJob(setup, {}, planner, some, 0, more.pop("max_steps", 50), batch=4, **more)


class Pretended:
    """Plays in a time of its own: half a minute for loading, then so many seconds for each control step of a pair."""

    def __init__(self) -> None:
        self.now, self.asked, self.loaded = 0.0, list[BenchJob](), set[str]()

    def step(self, job: BenchJob) -> float:
        asked = job.setup.config.planner
        return 0.01 * MANY[job.setup.spec["name"]] * SLOWER[job.planner] * LONGER[asked.optimizer] * asked.calls / 256

    def __call__(self, job: BenchJob) -> None:
        assert job.max_steps is not None
        self.asked.append(job)
        self.now += 30 * (job.setup.spec["name"] not in self.loaded) + 2
        self.loaded.add(job.setup.spec["name"])
        self.now += job.max_steps * len(job.pairs) * self.step(job)


def test_the_time_of_all_is_foretold_from_few_of_each_player_world_and_optimiser() -> None:
    players = "flat_distance", "hierarchy"
    searched = [(world, player, name) for world in MANY for player in players for name in LONGER]
    jobs = [job(world, "random", "cem") for world in MANY for _ in range(5)]
    jobs += [job(*one, calls=calls) for one in searched for calls in (256, 1024) for _ in range(5)]
    jobs.append(job("medium", "hierarchy", "gradient", pairs=40, timing_steps=100, replays=2))
    pretended = Pretended()
    likely, most = expected(jobs, 2, pretended, lambda: pretended.now)
    true = [(pretended.step(one), 50 * (len(one.pairs) + one.replays), one.timing_steps) for one in jobs]
    assert most == pytest.approx(sum(each * (steps + timed) for each, steps, timed in true) / 2)
    assert likely == pytest.approx(sum(each * (0.6 * steps + timed) for each, steps, timed in true) / 2)
    measured = {(one.setup.spec["name"], one.planner, one.setup.config.planner.optimizer) for one in pretended.asked}
    assert len(measured) == 2 + 2 * 2 + 2 * 2, "each player in each world, and the other optimisers in one of them"
    assert all(len(one.pairs) == 4 and one.max_steps <= 4 for one in pretended.asked)


def test_steps_that_nobody_limits_are_those_that_the_world_allows() -> None:
    def foretold(limit: int | None) -> tuple[float, float]:
        pretended = Pretended()
        return expected([job("medium", "random", "cem", max_steps=limit)], 1, pretended, lambda: pretended.now)

    assert foretold(None) == foretold(120) != foretold(60)
