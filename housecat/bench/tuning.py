"""What each optimiser is tried with before it is judged: as many settings as others, on pairs that nothing else uses.

Every setting spends the same model calls: `candidates`, the action sequences that a plan may ask about, are cut into
iterations and samples. The first setting of each list is close to the optimiser's defaults.

An optimiser of the user's own says for itself what it is to be tried with: a function `trials(candidates)` of its class
returns a list of the arguments to make it with. Without one it is made without arguments, and is not tuned.
"""

from collections.abc import Callable
from typing import Any

from housecat.errors import UsageError
from housecat.settings.own_code import own_code
from planners.optimizers.registry import OPTIMIZERS

Trial = dict[str, Any]
_KEPT, _DECAY = 0.3, 1.25  # of iCEM
# Iterations and noise; and between them the share of elites, or the temperature.
_FITTING = ((3, 0.125, 0.7), (5, 0.125, 0.7), (3, 0.06, 1.0), (2, 0.125, 0.4), (5, 0.06, 1.0), (8, 0.25, 0.7))
_WEIGHING = ((3, 0.2, 0.7), (5, 0.2, 0.7), (3, 0.5, 0.7), (2, 0.05, 0.4), (5, 0.05, 1.0), (1, 0.2, 0.7))
_DRAWING = ((3, 0.7), (5, 0.7), (2, 0.4), (3, 1.0), (8, 0.7), (1, 0.7))
_DESCENDING = ((12, 0.1, 0.7), (6, 0.3, 0.7), (24, 0.1, 0.7), (12, 0.3, 1.0), (6, 0.1, 0.4))  # descents, rate, noise


def trials_of(name: str, candidates: int, most: int) -> list[Trial]:
    """The first `most` settings to try an optimiser with, where a plan may ask about so many candidates.

    Raises UsageError: an optimiser of the user's own says something else than a list of arguments.
    """
    if name in OPTIMIZERS:
        found = _TRIALS[name](candidates)
        return [one for index, one in enumerate(found) if one not in found[:index]][:most]  # few candidates make equal
    asked = getattr(own_code(name), "trials", None)
    if asked is None:
        return [{}]
    try:
        found = [dict(one) for one in asked(candidates)]
    except Exception as error:  # the user's own code may fail in any way
        raise UsageError(f"{name}: trials({candidates}) failed: {type(error).__name__}: {error}") from error
    if not found:
        raise UsageError(f"{name}: trials({candidates}) is empty: return a list of arguments, [{{}}] for none")
    return found[:most]


def _drawn(candidates: int, iterations: int, noise: float) -> Trial:
    iterations = max(1, min(iterations, candidates // 2))
    return {"iterations": iterations, "samples": max(2, candidates // iterations), "noise": noise}


def _fitted(candidates: int, iterations: int, share: float, noise: float) -> Trial:
    drawn = _drawn(candidates, iterations, noise)
    return {**drawn, "elites": _elites(drawn["samples"], share)}


def _elites(samples: int, share: float) -> int:
    return min(samples - 1, max(2, round(share * samples)))  # one alone has no spread


def _icem(candidates: int, iterations: int, share: float, noise: float) -> Trial:
    iterations = max(1, min(iterations, candidates // 3))

    def asked(samples: int) -> int:
        elites = _elites(samples, share)
        drawn = [min(samples, max(round(samples / _DECAY**i), 2 * elites)) for i in range(iterations)]
        return sum(drawn) + (iterations - 1) * round(_KEPT * elites)

    samples = next((some for some in range(candidates, 1, -1) if asked(some) <= candidates), 2)
    drawn = {"iterations": iterations, "samples": samples, "noise": noise, "elites": _elites(samples, share)}
    return {**drawn, "kept": _KEPT, "decay": _DECAY}


def _descended(candidates: int, descents: int, rate: float, noise: float) -> Trial:
    descents = max(1, min(descents, candidates - 1))
    return {"descents": descents, "starts": max(1, candidates // (descents + 1)), "rate": rate, "noise": noise}


_TRIALS: dict[str, Callable[[int], list[Trial]]] = {
    "cem": lambda n: [_fitted(n - 1, *one) for one in _FITTING],  # at the end it asks about its mean
    "icem": lambda n: [_icem(n, *one) for one in _FITTING],
    "mppi": lambda n: [{**_drawn(n - 1, i, noise), "temperature": t} for i, t, noise in _WEIGHING],
    "predictive_sampling": lambda n: [_drawn(n, *one) for one in _DRAWING],
    "cma_es": lambda n: [_drawn(n, *one) for one in _DRAWING],
    "gradient": lambda n: [_descended(n, *one) for one in _DESCENDING],
    "cem_gradient": lambda n: [
        _descended(n // 2, *then) | _fitted(n // 2 - 1, *first)
        for first, then in zip(_FITTING, _DESCENDING, strict=False)
    ],
    "categorical": lambda n: [_fitted(n, *one) for one in _FITTING],
    "random_shooting": lambda n: [{"iterations": 1, "samples": max(2, n)}],
}
