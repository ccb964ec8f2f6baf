"""Players by name: floors, planners and ceilings, put together of what a checkpoint holds and of the truth."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from envs.registry import make_world
from housecat.errors import UsageError
from housecat.evaluation.player import Player
from housecat.players.reactive import Reactive
from housecat.players.reading import StateReader
from housecat.players.true_subgoals import TrueSubgoals
from housecat.players.truth import (
    InformedAgent,
    RenderedModel,
    SimulatorModel,
    TrueDistance,
    Truth,
    oracle_planner,
)
from housecat.runs.fitted import Fitted, scene_of
from housecat.runs.searching import optimizer_of
from housecat.runs.wiring import build_planner
from housecat.settings.schema import Config
from planners.agent import Agent, RandomAgent
from planners.constraints import Constraints
from planners.energies import Composable, LatentDistance, TemporalDistance
from planners.flat import Flat
from planners.interface import Energy, Generators, Planner, WorldModel
from planners.subgoals.landmarks import Landmarks
from worldmodel.distances.distance import LearnedDistance
from worldmodel.model import LatentWorldModel
from worldmodel.stages.ensemble import Ensemble


@dataclass(frozen=True)
class Ingredients:
    """What players are made of."""

    config: Config
    spec: dict[str, Any]  # of the world
    model: LatentWorldModel
    distance: LearnedDistance
    landmarks: Landmarks | None
    fitted: Callable[[], Fitted]  # reads it
    given: dict[str, Any] | None = None  # arguments of an optimiser of the user's own
    ensemble: Ensemble | None = None
    constraints: Constraints | None = None


def make_player(parts: Ingredients, name: str, horizon: int | None, generators: Generators) -> Player:
    """The player of this name, of as many environments as there are generators; `horizon` as in `build_planner`.

    Raises UsageError: something that it needs is not there.
    """
    model, config = parts.model, parts.config
    if name == "random":
        return RandomAgent(model.action_low, model.action_high, generators)
    if name in ("cloning", "inverse"):
        return Agent(Reactive(parts.fitted().parts[name], model), model, generators)
    execute = config.planner.execute
    if name not in INFORMED:
        optimizer = optimizer_of(config.planner, parts.given)
        planner = build_planner(
            config, name, horizon, model, parts.distance, parts.landmarks, optimizer, parts.ensemble, parts.constraints
        )
        energy = LatentDistance() if name == "flat_latent" else TemporalDistance(parts.distance)
        return Agent(planner, model, generators, execute, partial(judged, energy), parts.distance)
    require_simulator(parts.spec, name)
    truth = Truth()
    planner, seen = INFORMED[name](parts, truth)
    return InformedAgent(planner, seen, generators, min(execute, planner.horizon), truth)


def judged(energy: Energy, latents: Tensor, targets: Tensor) -> Tensor:
    """The energy (B,) of being at latents (B, *Z), towards targets (B, *Z)."""
    return energy(latents[:, None, None], latents.new_zeros(len(latents), 1, 1, 1), targets)[:, 0]


def require_simulator(spec: dict[str, Any], name: str) -> None:
    """Raises UsageError where a player needs the truth about a world of which no simulator is known."""
    if name in INFORMED and scene_of(spec) is None:
        raise UsageError(
            f"{name} reads the simulator's state, which world '{spec['name']}' does not tell: leave it out of "
            "evaluate.planners"
        )


def _reader(parts: Ingredients) -> StateReader:
    reader = parts.fitted().parts["reader"]
    assert isinstance(reader, StateReader)
    return reader


def _searching(parts: Ingredients, model: WorldModel, energy: Composable, **fewer: int) -> Flat:
    """A flat planner with the search that is asked for, `fewer` of some of its numbers at most."""
    asked = parts.config.planner
    asked = replace(asked, **{name: min(most, getattr(asked, name)) for name, most in fewer.items()})
    return Flat(model, energy, optimizer_of(asked, parts.given), asked.horizon)


def _true_subgoals(parts: Ingredients, truth: Truth) -> tuple[Planner, WorldModel]:
    """Everything learned, but for where to go next."""
    optimizer = optimizer_of(parts.config.planner, parts.given)
    flat = build_planner(parts.config, "flat_distance", None, parts.model, parts.distance, None, optimizer)
    return TrueSubgoals(flat, truth, parts.model, parts.config.planner.horizon), parts.model


def _true_distance(parts: Ingredients, truth: Truth) -> tuple[Planner, WorldModel]:
    """The learned model, and the true distance between the states that are read off its latents."""
    energy = TrueDistance(make_world(parts.spec).task, _reader(parts))
    return _searching(parts, parts.model, energy), parts.model


def _true_dynamics(parts: Ingredients, truth: Truth) -> tuple[Planner, WorldModel]:
    """The true simulator and distance, from the state that is read off the latent to that read off the goal's."""
    seen = SimulatorModel(truth, parts.model, _reader(parts))
    return _searching(parts, seen, TrueDistance(make_world(parts.spec).task)), seen


def _true_state(parts: Ingredients, truth: Truth) -> tuple[Planner, WorldModel]:
    """Everything true, but the search that is asked for."""
    seen = SimulatorModel(truth, parts.model)
    return _searching(parts, seen, TrueDistance(make_world(parts.spec).task)), seen


def _oracle(parts: Ingredients, truth: Truth) -> tuple[Planner, WorldModel]:
    """Everything true, and the world's own search."""
    flat = oracle_planner(truth, parts.model, make_world(parts.spec).task)
    return flat, flat.model


def _true_simulator(parts: Ingredients, truth: Truth) -> tuple[Planner, WorldModel]:
    """The learned distance, of frames drawn of what the simulator comes to: slow, so fewer candidates are tried."""
    seen = RenderedModel(truth, parts.model)
    return _searching(parts, seen, TemporalDistance(parts.distance), samples=16, iterations=2, elites=4), seen


INFORMED: dict[str, Callable[[Ingredients, Truth], tuple[Planner, WorldModel]]] = {
    "true_subgoals": _true_subgoals,
    "true_distance": _true_distance,
    "true_simulator": _true_simulator,
    "true_dynamics": _true_dynamics,
    "true_state": _true_state,
    "oracle": _oracle,
}
