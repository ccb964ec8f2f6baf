"""From settings to a planner on two levels; a part of `housecat/runs/wiring.py`."""

from housecat.errors import UsageError
from housecat.settings.schema import Config
from planners.energies import LatentDistance, TemporalDistance
from planners.flat import Flat
from planners.interface import Distance, WorldModel
from planners.optimizers.cem import CEM
from planners.subgoals.hjepa import TwoLevels
from worldmodel.methods.hjepa import TwoLevelModel


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
    energy = LatentDistance(aggregate="final") if latent else TemporalDistance(distance, "final")
    return TwoLevels(
        flat, upper, energy, optimizer, distance, asked.upper_horizon, asked.near, asked.upper_every, asked.execute
    )
