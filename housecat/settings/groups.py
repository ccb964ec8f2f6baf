"""The configuration files: where they are, what can be chosen among them as a whole."""

from pathlib import Path

GROUPS = ("world", "method", "model", "objective")
OUTSIDE = ("dm_control", "gymnasium", "mjcf")  # files of the group world that stand for worlds of others
PLANNERS = ("random", "flat_latent", "flat_distance", "hierarchy", "sampled", "hjepa", "three_levels", "configured")
TWO_LEVELS = ("hjepa", "three_levels")  # planners that need a model of two levels
FLOORS = ("cloning", "inverse")  # policies fitted on the recordings
CEILINGS = ("true_subgoals", "true_distance", "true_simulator", "true_dynamics", "true_state", "oracle")
PLAYERS = (*PLANNERS, *FLOORS, *CEILINGS)
UNSEARCHED = ("random", *FLOORS, "oracle")  # of these, who searches with no optimiser that is asked for
# Sections that say what is learnt and how, beside those of the method: whatever trains reads them.
LEARNING = ("method", "pretraining", "train", "finetuning", "ensemble", "critic", "graph")


def config_folder() -> Path:
    """Where the configuration files are: inside the installed package, or beside it in a checkout."""
    installed = Path(__file__).parents[1] / "configs"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "configs"


def group_choices(group: str) -> list[str]:
    """The files of a group, by name."""
    return sorted(file.stem for file in (config_folder() / group).glob("*.yaml"))
