"""From settings to optimiser and energy, of ours or of the user's own; a part of `housecat/runs/wiring.py`."""

import inspect
from typing import Any

from housecat.settings.own_code import made
from housecat.settings.planning import PlannerConfig
from planners.energies import Composable, composable
from planners.interface import Optimizer
from planners.optimizers.registry import OPTIMIZERS, make_optimizer, within


def optimizer_of(asked: PlannerConfig, given: dict[str, Any] | None = None) -> Optimizer:
    """The optimiser that the settings ask for, new; `given`: arguments of one of the user's own. Raises UsageError."""
    if asked.optimizer in OPTIMIZERS:
        return make_optimizer(asked.optimizer, asked)
    return within(made(asked.optimizer, given), asked)


def own_energy(asked: Any, default: Composable) -> Composable:
    """An energy of the user's own: a function of three, or what a function of one makes of the default."""
    if len(inspect.signature(asked).parameters) == 1:
        asked = asked(default)
    return composable(asked)
