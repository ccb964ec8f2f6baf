"""All optimisers by name, and one of them put together as settings ask."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from planners.interface import Optimizer
from planners.optimizers.budget import Budgeted, BudgetSettings
from planners.optimizers.categorical import CategoricalCEM, CategoricalSettings
from planners.optimizers.cem import CEM
from planners.optimizers.cma_es import CMAES
from planners.optimizers.gradient import Gradient, GradientSettings, Then
from planners.optimizers.icem import ICEM, ICEMSettings
from planners.optimizers.knots import Knots, KnotSettings
from planners.optimizers.mppi import MPPI, MPPISettings
from planners.optimizers.shooting import PredictiveSampling, RandomShooting

OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "cem": lambda asked: _made(CEM, asked),
    "icem": lambda asked: _made(ICEM, asked),
    "mppi": lambda asked: _made(MPPI, asked),
    "predictive_sampling": lambda asked: _made(PredictiveSampling, asked),
    "cma_es": lambda asked: _made(CMAES, asked),
    "gradient": lambda asked: _made(Gradient, asked),
    "cem_gradient": lambda asked: Then(_made(CEM, asked), _made(Gradient, asked, noise=asked.floor)),
    "categorical": lambda asked: _made(CategoricalCEM, asked),
    "random_shooting": lambda asked: _made(RandomShooting, asked),
}


@dataclass(frozen=True)
class OptimizerSettings(
    ICEMSettings, MPPISettings, CategoricalSettings, GradientSettings, KnotSettings, BudgetSettings
):
    """Those of all optimisers; each reads its own."""


def make_optimizer(name: str, settings: OptimizerSettings) -> Optimizer:
    """The optimiser of this name with its settings, its parameterisation and its budget. KeyError: there is none."""
    return within(OPTIMIZERS[name](settings), settings)


def within(optimizer: Optimizer, settings: OptimizerSettings) -> Optimizer:
    """Any optimiser, over knots and with a budget where the settings ask for that."""
    if settings.knots is not None:
        optimizer = Knots(optimizer, settings.knots, settings.interpolation)
    if settings.calls is not None or settings.milliseconds is not None:
        optimizer = Budgeted(optimizer, settings.calls, settings.milliseconds)
    return optimizer


def _made(kind: Any, settings: Any, **given: Any) -> Optimizer:
    """An optimiser with those of the settings that it has."""
    return kind(**{one.name: getattr(settings, one.name) for one in fields(kind)} | given)
