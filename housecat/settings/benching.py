"""The settings of `housecat bench`; those that are null are the suite's, see `housecat/bench/suites.py`."""

from dataclasses import dataclass

from housecat.settings.groups import PLAYERS
from planners.optimizers.registry import OPTIMIZERS
from worldmodel.settings import OWN, setting


@dataclass(frozen=True)
class BenchConfig:
    """Planners and optimisers side by side; what is null is the suite's."""

    planners: tuple[str, ...] | None = setting(None, "who plays", choices=PLAYERS)
    optimizers: tuple[str, ...] | None = setting(
        None,
        "with which each planner searches, each tuned on other pairs; some players have none",
        choices=(*OPTIMIZERS, OWN),
    )
    calls: tuple[int, ...] | None = setting(
        None, "predictor steps that a plan may take in an environment: the same for all", 1, 10**9
    )
    seeds: tuple[int, ...] | None = setting(None, "of the pairs and of the planners' noise", 0, 2147483647)
    pairs: int | None = setting(None, "start-goal pairs of each world and seed", 1, 1e5)
    calibration: int | None = setting(None, "further pairs, for tuning; nothing is judged on them", 1, 1e4)
    trials: int | None = setting(
        None, "settings that each optimiser is tried with, at most, on the calibration pairs; 1: no tuning", 1, 100
    )
    manifests: str | None = setting(None, "folder of frozen pairs to be judged on; null: made anew, in out/manifests")
