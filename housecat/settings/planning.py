"""The settings of all planners, put together of what the parts of planners declare."""

from dataclasses import dataclass

from planners.configurator import ConfigureSettings
from planners.energies import EnergySettings
from planners.intrinsic import IntrinsicSettings
from planners.optimizers.registry import OPTIMIZERS, OptimizerSettings
from planners.subgoals.hjepa import TwoLevelSettings
from planners.subgoals.routes import Rules
from planners.subgoals.sampled import SampledSettings
from worldmodel.settings import OWN, setting


@dataclass(frozen=True)
class PlannerConfig(
    OptimizerSettings, EnergySettings, IntrinsicSettings, Rules, SampledSettings, TwoLevelSettings, ConfigureSettings
):
    """Planning: the optimiser is the same for all planners."""

    optimizer: str = setting("cem", "what looks for the actions with the least energy", choices=(*OPTIMIZERS, OWN))
    horizon: int = setting(8, "control steps imagined by flat_distance and hierarchy", 1, 200)
    energy: str | None = setting(
        None,
        "your own, FILE.py:NAME: energy(latents, actions, target), or make(default); null: the planner's",
    )

    memory: str = setting(
        "learnt",
        "where the checkpoint has learnt to remember (housecat memory): learnt; none",
        choices=("learnt", "none"),
    )

    def check(self) -> None:
        """Raises ValueError where these do not go together."""
        rounds = self.constraint_rounds if self.constrained else 1
        if self.calls is not None and self.calls < rounds * self.horizon:
            each = " for each of planner.constraint_rounds" if rounds > 1 else ""
            raise ValueError(f"planner.calls must be at least planner.horizon ({self.horizon}){each}, got {self.calls}")
        for elites, samples in (("elites", "samples"), ("upper_elites", "upper_samples")):
            least, most = getattr(self, elites), getattr(self, samples)
            if least >= most:
                raise ValueError(f"planner.{elites} must be less than planner.{samples} ({most}), got {least}")
