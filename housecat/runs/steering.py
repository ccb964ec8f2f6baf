"""From settings to planners; a part of `housecat/runs/wiring.py`."""

from dataclasses import replace

from housecat.errors import UsageError
from housecat.runs.searching import energy_of, optimizer_of
from housecat.settings.groups import TWO_LEVELS
from housecat.settings.schema import Config
from planners.configurator import ACTOR, FLAT, LANDMARKS, STILL, Configured
from planners.energies import LatentDistance, TemporalDistance
from planners.flat import Flat
from planners.interface import Distance, Optimizer, Planner, WorldModel
from planners.intrinsic import Intrinsic
from planners.optimizers.cem import CEM
from planners.subgoals.hierarchy import Hierarchy
from planners.subgoals.hjepa import TwoLevels
from planners.subgoals.landmarks import Landmarks
from planners.subgoals.sampled import Sampled
from worldmodel.methods.hjepa import TwoLevelModel
from worldmodel.stages.ensemble import Ensemble


def build_planner(
    config: Config,
    name: str,
    horizon: int | None,
    model: WorldModel,
    distance: Distance,
    landmarks: Landmarks | None,
    optimizer: Optimizer | None = None,
    ensemble: Ensemble | None = None,
    intrinsic: Intrinsic | None = None,
    surprising: float | None = None,
    actor: Planner | None = None,
) -> Planner:
    """The planner of this name.

    Args:
        horizon: control steps to imagine; None: `planner.horizon`, for flat_latent the first of `evaluate.horizons`.
        optimizer: None: the one that `planner.optimizer` names.
        intrinsic: None: the prices that are set, and no limits.
        surprising, actor: of `configured`: see `planners.configurator`; a policy that is at hand.

    Raises UsageError: the planner needs landmarks and there are none, or a second level and there is none, or
    an ensemble and there is none; or an optimiser or energy of the user's own is not to be found.
    """
    asked, latent = config.planner, name == "flat_latent"
    optimizer = optimizer_of(asked) if optimizer is None else optimizer
    energy = energy_of(asked, None if latent else distance, ensemble)
    default = config.evaluate.horizons[0] if latent else asked.horizon
    flat = Flat(model, energy, optimizer, horizon or default, intrinsic or Intrinsic(asked.effort, asked.smoothness))
    how = distance, asked.near, asked.reach, asked.patience, asked.execute
    below: Planner = two_levels(config, flat, model, distance) if name in TWO_LEVELS else flat
    if name == "configured":
        still = replace(flat.intrinsic, effort=flat.intrinsic.effort + asked.standstill)
        ways: dict[str, Planner] = {FLAT: flat, STILL: Flat(model, energy, optimizer, flat.horizon, still)}
        if landmarks is not None:
            ways[LANDMARKS] = Hierarchy(flat, landmarks, *how)
        if actor is not None and not flat.intrinsic.count:  # a policy knows no limits
            ways[ACTOR] = actor
        return Configured(ways, model, distance, asked, surprising, asked.execute, asked.milliseconds)
    if name not in ("hierarchy", "sampled", "three_levels"):
        return below
    if landmarks is None:
        raise UsageError(
            f"the checkpoint has no landmarks, which planner {name} needs: train again, or leave it out of "
            "evaluate.planners (bench.planners)"
        )
    if name == "sampled":
        return Sampled(below, landmarks.latents, distance, asked.near, asked.reach, asked.drawn)
    return Hierarchy(below, landmarks, *how)


def two_levels(config: Config, flat: Flat, model: WorldModel, distance: Distance) -> TwoLevels:
    """The planner that imagines on the model's second level too. Raises UsageError where there is none."""
    if not isinstance(model, TwoLevelModel):
        raise UsageError(
            "the checkpoint has no second level, which planner hjepa needs: train with method=hjepa, or leave it out "
            "of evaluate.planners (bench.planners)"
        )
    asked, upper = config.planner, model.upper
    if asked.upper_every > upper.stride:
        raise UsageError(
            f"planner.upper_every={asked.upper_every} is more than the {upper.stride} control steps in a step of level "
            "2: lower it"
        )
    optimizer = CEM(
        samples=asked.upper_samples,
        elites=asked.upper_elites,
        iterations=asked.upper_iterations,
        momentum=asked.momentum,
        noise=asked.noise,
    )
    # Where the way leads counts, not what it passes: averaged over the path, every step away from the goal is punished,
    # and beyond what the energy sees well the way round a wall begins with such steps.
    latent = asked.upper_energy == "latent"
    energy = flat.intrinsic.barred(LatentDistance(aggregate="final") if latent else TemporalDistance(distance, "final"))
    return TwoLevels(
        flat, upper, energy, optimizer, distance, asked.upper_horizon, asked.near, asked.upper_every, asked.execute
    )
