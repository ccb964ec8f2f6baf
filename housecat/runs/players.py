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
from housecat.players.true_subgoals import TrueSubgoals
from housecat.players.truth import InformedAgent, RenderedModel, SimulatorModel, TrueDistance, Truth, oracle_planner
from housecat.runs.fitted import NEED, Fitted, scene_of
from housecat.runs.searching import optimizer_of
from housecat.runs.steering import build_planner
from housecat.settings.groups import CEILINGS, FLOORS
from housecat.settings.schema import Config
from planners.agent import Agent, RandomAgent
from planners.energies import Composable, LatentDistance, TemporalDistance
from planners.flat import Flat
from planners.interface import Energy, Generators, Planner, WorldModel
from planners.intrinsic import Intrinsic
from planners.subgoals.landmarks import Landmarks
from worldmodel.distances.distance import LearnedDistance
from worldmodel.model import LatentWorldModel
from worldmodel.stages.ensemble import Ensemble
from worldmodel.stages.memory import Remembering


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
    intrinsic: Intrinsic | None = None
    surprising: float | None = None
    memory: Remembering | None = None
    at_hand: bool = False  # whether something was fitted


def make_player(parts: Ingredients, name: str, horizon: int | None, generators: Generators) -> Player:
    """The player of this name, of as many environments as there are generators; `horizon` as in `build_planner`.

    Raises UsageError: something that it needs is not there.
    """
    model, config = parts.model, parts.config
    if name == "random":
        return RandomAgent(model.action_low, model.action_high, generators)
    if name in FLOORS:
        return Agent(Reactive(parts.fitted().parts[name], model), model, generators)
    execute = config.planner.execute
    if name not in CEILINGS:
        optimizer = optimizer_of(config.planner, parts.given)
        learnt = model, parts.distance, parts.landmarks
        actor = _actor(parts) if name == "configured" else None
        more = parts.ensemble, parts.intrinsic, parts.surprising
        planner = build_planner(config, name, horizon, *learnt, optimizer, *more, actor=actor)
        energy = LatentDistance() if name == "flat_latent" else TemporalDistance(parts.distance)
        memory = None if config.planner.memory == "none" else parts.memory
        return Agent(planner, model, generators, execute, partial(judged, energy), parts.distance, memory)
    require_simulator(parts.spec, name)
    truth = Truth()
    planner, seen = _informed(parts, name, truth)
    return InformedAgent(planner, seen, generators, min(execute, planner.horizon), truth)


def _actor(parts: Ingredients) -> Planner | None:
    """A policy that was fitted for another player, for when there is no time for a search."""
    if not parts.at_hand or parts.config.planner.milliseconds is None:
        return None
    fitted = parts.fitted().parts
    return next((Reactive(fitted[name], parts.model) for name in FLOORS if name in fitted), None)


def judged(energy: Energy, latents: Tensor, targets: Tensor) -> Tensor:
    """The energy (B,) of being at latents (B, *Z), towards targets (B, *Z)."""
    return energy(latents[:, None, None], latents.new_zeros(len(latents), 1, 1, 1), targets)[:, 0]


def require_simulator(spec: dict[str, Any], name: str) -> None:
    """Raises UsageError where a player needs the truth about a world of which no simulator is known."""
    if name in CEILINGS and scene_of(spec) is None:
        raise UsageError(
            f"{name} reads the simulator's state, which world '{spec['name']}' does not tell: leave it out"
        )


def _informed(parts: Ingredients, name: str, truth: Truth) -> tuple[Planner, WorldModel]:
    """A planner in which parts are the truth, and the model that its agent sees with."""
    model, asked, task = parts.model, parts.config.planner, make_world(parts.spec).task
    if name == "oracle":
        return (flat := oracle_planner(truth, model.action_high, task)), flat.model
    if name == "true_simulator":  # every frame that is drawn takes its time
        most = min(16, asked.samples), min(2, asked.iterations), min(4, asked.elites)
        asked = replace(asked, samples=most[0], iterations=most[1], elites=most[2])
    search = optimizer_of(asked, parts.given)
    if name == "true_subgoals":
        planner = build_planner(parts.config, "flat_distance", None, model, parts.distance, None, search)
        return TrueSubgoals(planner, truth, model, asked.horizon), model
    read: Any = parts.fitted().parts["reader"] if name in NEED else None
    energy: Composable = TrueDistance(task, read if name == "true_distance" else None)
    seen: WorldModel = SimulatorModel(truth, model.action_high)  # true_state
    if name == "true_distance":
        seen = model
    elif name == "true_dynamics":
        seen = SimulatorModel(truth, model.action_high, lambda context: read(model.encode(context)), model.context)
    elif name == "true_simulator":
        seen, energy = RenderedModel(truth, model), TemporalDistance(parts.distance)
    return Flat(seen, energy, search, asked.horizon), seen
