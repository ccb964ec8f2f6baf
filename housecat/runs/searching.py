"""From settings to optimiser and energy, of ours or of the user's own; a part of `housecat/runs/wiring.py`."""

import inspect
from dataclasses import replace
from typing import Any

from housecat.errors import UsageError
from housecat.settings.own_code import made
from housecat.settings.planning import PlannerConfig
from planners.energies import Composable, Predict, composable, make_energy
from planners.interface import Distance, Optimizer
from planners.optimizers.registry import OPTIMIZERS, make_optimizer, within


def optimizer_of(asked: PlannerConfig, given: dict[str, Any] | None = None) -> Optimizer:
    """The optimiser that the settings ask for, new; `given`: arguments of one of the user's own. Raises UsageError."""
    if asked.constrained:  # it is asked several times for a plan
        calls, time, rounds = asked.calls, asked.milliseconds, asked.constraint_rounds
        asked = replace(asked, calls=calls and calls // rounds, milliseconds=time and time / rounds)
    if asked.optimizer in OPTIMIZERS:
        return make_optimizer(asked.optimizer, asked)
    return within(made(asked.optimizer, given), asked)


def energy_of(asked: PlannerConfig, distance: Distance | None, ensemble: Predict | None) -> Composable:
    """The energy that the settings ask for; `distance`, `ensemble`: see `make_energy`.

    Raises UsageError: there is no ensemble that is asked for, or one of the user's own energies is not to be found.
    """
    try:
        energy = make_energy(asked, distance, ensemble)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return energy if asked.energy is None else own_energy(made(asked.energy), energy)


def own_energy(asked: Any, default: Composable) -> Composable:
    """An energy of the user's own: a function of three, or what a function of one makes of the default."""
    if len(inspect.signature(asked).parameters) == 1:
        asked = asked(default)
    return composable(asked)
