"""Any optimiser within a budget, and the best plan so far when it is spent."""

import time
from dataclasses import dataclass

from torch import Tensor

from planners.interface import Generators, Optimizer, Score
from planners.optimizers.sampling import best_of, better
from planners.settings import setting


@dataclass(frozen=True)
class BudgetSettings:
    """What a plan may cost."""

    calls: int | None = setting(
        None, "predictor steps that a plan may take in an environment, kept to the call; null: no limit", 1, 10**9
    )
    milliseconds: float | None = setting(
        None, "time that a plan may take: no question is asked that would end later; null: no limit", 0.1, 10**7
    )


class _SpentError(Exception):
    """Nothing more may be asked."""


@dataclass(frozen=True)
class Budgeted:
    """Stops `optimizer` before the first question that the budget does not hold; then the best plan asked about counts.

    The first question is always asked, cut to the candidates that can be paid for, so that there is a plan.
    """

    optimizer: Optimizer
    calls: int | None = None
    milliseconds: float | None = None

    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """What the optimiser finds, or the best so far; see `planners.interface.Optimizer`.

        Raises ValueError: the calls are fewer than the horizon, so that no plan at all can be imagined.
        """
        horizon = start.shape[1]
        if self.calls is not None and self.calls < horizon:
            raise ValueError(f"calls must be at least the horizon, {horizon} predictor steps; got {self.calls}")
        began, spent, longest = time.perf_counter(), 0, 0.0
        best: tuple[Tensor, Tensor] | None = None

        def asked(actions: Tensor) -> Tensor:
            nonlocal spent, best, longest
            before = time.perf_counter()
            late = self.milliseconds is not None and before - began + longest > self.milliseconds / 1000
            affordable = actions.shape[1] if self.calls is None else (self.calls - spent) // horizon
            if best is not None and (late or affordable < actions.shape[1]):
                raise _SpentError
            some = actions[:, :affordable]
            found = score(some)
            spent += some.shape[1] * horizon
            longest = max(longest, time.perf_counter() - before)
            best = better(best, best_of(some.detach(), found.detach()))
            if affordable < actions.shape[1]:
                raise _SpentError
            return found

        try:
            return self.optimizer(asked, start, low, high, generators)
        except _SpentError:
            assert best is not None
            return best
