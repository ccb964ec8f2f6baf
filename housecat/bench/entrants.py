"""The models that enter a bench: what each is called, and that its planners can be made, before anything is played."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from housecat.bench.suites import Suite
from housecat.bench.tuning import trials_of
from housecat.errors import UsageError
from housecat.runs.fitted import NEED, fitted_for
from housecat.runs.players import require_simulator
from housecat.runs.trained import BenchSetup
from housecat.settings.config import check_combinations
from housecat.settings.own_code import is_reference, made
from housecat.settings.schema import Config
from planners.interface import Optimizer
from worldmodel.checkpoint import digest
from worldmodel.streams import torch_stream


@dataclass(frozen=True)
class Entrant:
    """One checkpoint with the settings that suit its world."""

    name: str  # of its run's folder; of a world, no other has it
    folder: Path
    digest: str  # of its content
    spec: dict[str, Any]  # of its world, as it is evaluated
    config: Config
    fitted: Path | None = None  # what some players need, see `with_fitted`

    @property
    def world(self) -> str:
        """Name of its world."""
        return self.spec["name"]


def entrant(folder: Path, spec: dict[str, Any], config: Config) -> Entrant:
    """The checkpoint in `folder`, called as its run: `medium`, or `medium/seed-1` of several seeds."""
    place = folder.resolve()
    run = place.parent if place.name == "model" else place
    name = f"{run.parent.name}/{run.name}" if run.name.startswith("seed-") else run.name
    return Entrant(name, folder, digest(folder), spec, config)


def check(entrants: Sequence[Entrant], suite: Suite) -> None:
    """Raises UsageError where they cannot be told apart, or a planner or an optimiser cannot be made."""
    for index, one in enumerate(entrants):
        for other in entrants[:index]:
            if other.world == one.world and other.name == one.name:
                both = f"checkpoints {other.folder} and {one.folder} are both called {one.name}"
                raise UsageError(f"{both}: rename one of the folders")
        horizon, least = one.config.planner.horizon, min(suite.calls)
        if least < horizon:
            raise UsageError(f"bench.calls must be at least planner.horizon ({horizon} in {one.world}), got {least}")
        check_combinations(one.config)
        bench = BenchSetup(one.spec, one.folder, one.config)()
        for planner in suite.planners:
            require_simulator(one.spec, planner)
            if planner not in NEED:  # that is fitted before it plays
                bench.make_agent(planner, horizon, [torch.Generator()])
        for name in filter(is_reference, suite.optimizers):
            for given in (each for calls in suite.calls for each in trials_of(name, calls // horizon, suite.trials)):
                _rehearse(name, made(name, given))


def with_fitted(one: Entrant, players: Sequence[str], data: Path | None, out: Path) -> Entrant:
    """With what these players need of the recordings in `data`, in the folder `out`; see `fitted_for`."""
    setup = BenchSetup(one.spec, one.folder, one.config)
    return replace(one, fitted=fitted_for(players, setup, data, out, lambda: setup.load().model))


def _rehearse(name: str, optimizer: Optimizer) -> None:
    """An optimiser of the user's own on a bowl, so that a slip in it is told before hours are spent."""
    generators = [torch_stream(0, "rehearsal of an optimiser", row) for row in range(2)]
    try:
        start, bound = torch.zeros(2, 3, 2), torch.ones(2)
        optimizer(lambda actions: actions.square().mean(dim=(2, 3)), start, -bound, bound, generators)
    except Exception as error:  # the user's own code may fail in any way
        raise UsageError(f"{name} fails at a simple search: {type(error).__name__}: {error}") from error
