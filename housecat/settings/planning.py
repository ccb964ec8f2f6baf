"""The settings of all planners, put together of what the parts of planners declare."""

from dataclasses import dataclass

from planners.optimizers.registry import OPTIMIZERS, OptimizerSettings
from planners.subgoals.hjepa import TwoLevelSettings
from planners.subgoals.routes import Rules
from worldmodel.settings import OWN, setting


@dataclass(frozen=True)
class PlannerConfig(OptimizerSettings, Rules, TwoLevelSettings):
    """Planning: the optimiser is the same for all planners."""

    optimizer: str = setting("cem", "what looks for the actions with the least energy", choices=(*OPTIMIZERS, OWN))

    effort: float = setting(0.0, "weight of action effort in the energy", 0, 1e6)
    closeness: float = setting(0.0, "weight of the latent distance beside the temporal one (not flat_latent)", 0, 1e6)
    horizon: int = setting(8, "control steps imagined by flat_distance and hierarchy", 1, 200)
    energy: str | None = setting(
        None,
        "your own, FILE.py:NAME: energy(latents, actions, target), or make(default); null: the planner's",
    )

    def check(self) -> None:
        """Raises ValueError where these do not go together."""
        if self.calls is not None and self.calls < self.horizon:
            raise ValueError(f"planner.calls must be at least planner.horizon ({self.horizon}), got {self.calls}")
        for elites, samples in (("elites", "samples"), ("upper_elites", "upper_samples")):
            least, most = getattr(self, elites), getattr(self, samples)
            if least >= most:
                raise ValueError(f"planner.{elites} must be less than planner.{samples} ({most}), got {least}")
