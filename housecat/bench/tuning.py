"""What each optimiser is tried with before it is judged: as many settings as others, on pairs that nothing else uses.

Every setting spends the same model calls: `candidates`, the action sequences that a plan may ask about, are cut into
iterations and samples. The first setting of each list is close to the optimiser's defaults.

An optimiser of the user's own says for itself what it is to be tried with: a function `trials(candidates)` of its class
returns a list of the arguments to make it with. Without one it is made without arguments, and is not tuned.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from housecat.errors import UsageError
from housecat.evaluation.episodes import EpisodeResult
from housecat.settings.own_code import own_code
from planners.optimizers.registry import OPTIMIZERS

Trial = dict[str, Any]


def trials_of(name: str, candidates: int, most: int) -> list[Trial]:
    """The first `most` settings to try an optimiser with, where a plan may ask about so many candidates.

    Raises UsageError: an optimiser of the user's own says something else than a list of arguments.
    """
    if name in OPTIMIZERS:
        return list(_unlike(_TRIALS[name](candidates)))[:most]
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


def rank(results: Sequence[EpisodeResult]) -> tuple[float, float, float]:
    """How well a setting did on the calibration pairs; lower is better: success, then SPL, then distance left."""
    known = [one.final for one in results if one.final is not None]
    return (
        -float(np.mean([one.success for one in results])),
        -float(np.mean([one.spl for one in results])),
        float(np.mean(known)) if known else 0.0,
    )


@dataclass(frozen=True)
class _Sampled:
    """Settings of an optimiser that asks about `iterations` times as many samples and, at the end, `last` more."""

    choices: tuple[tuple[int, float, float], ...]  # iterations, share of elites or temperature, noise
    share: str = "elites"
    last: int = 0

    def __call__(self, candidates: int) -> list[Trial]:
        found = []
        for iterations, share, noise in self.choices:
            iterations = max(1, min(iterations, (candidates - self.last) // 2))
            samples = max(2, (candidates - self.last) // iterations)
            chosen: Trial = {"iterations": iterations, "samples": samples, "noise": noise}
            if self.share == "elites":
                chosen["elites"] = _elites(samples, share)
            elif self.share:
                chosen[self.share] = share
            found.append(chosen)
        return found


_KEPT, _DECAY = 0.3, 1.25  # of iCEM


def _elites(samples: int, share: float) -> int:
    return min(samples - 1, max(2, round(share * samples)))  # one alone has no spread


def _icem(candidates: int) -> list[Trial]:
    found = []
    for iterations, share, noise in _FITTING:
        iterations = max(1, min(iterations, candidates // 3))
        fitting = (n for n in range(candidates, 1, -1) if _shrinking(n, iterations, share) <= candidates)
        samples = next(fitting, 2)
        chosen = {"iterations": iterations, "samples": samples, "noise": noise, "elites": _elites(samples, share)}
        found.append(chosen | {"kept": _KEPT, "decay": _DECAY})
    return found


def _shrinking(samples: int, iterations: int, share: float) -> int:
    """Candidates that iCEM asks about in all its iterations."""
    elites = _elites(samples, share)
    drawn = [min(samples, max(round(samples / _DECAY**i), 2 * elites)) for i in range(iterations)]
    return sum(drawn) + (iterations - 1) * round(_KEPT * elites)


def _gradient(candidates: int) -> list[Trial]:
    found = []
    for descents, rate, noise in ((12, 0.1, 0.7), (6, 0.3, 0.7), (24, 0.1, 0.7), (12, 0.3, 1.0), (6, 0.1, 0.4)):
        descents = max(1, min(descents, candidates - 1))
        starts = max(1, candidates // (descents + 1))
        found.append({"descents": descents, "starts": starts, "rate": rate, "noise": noise})
    return found


def _cem_gradient(candidates: int) -> list[Trial]:
    found = []
    for fitted, descended in zip(_Sampled(_FITTING, last=1)(candidates // 2), _gradient(candidates // 2), strict=False):
        found.append(fitted | {key: descended[key] for key in ("descents", "starts", "rate")})
    return found


def _shooting(candidates: int) -> list[Trial]:
    return [{"iterations": 1, "samples": max(2, candidates)}]


def _unlike(trials: Iterable[Trial]) -> list[Trial]:
    """Without those that few candidates have made equal."""
    found: list[Trial] = []
    for one in trials:
        if one not in found:
            found.append(one)
    return found


_FITTING = ((3, 0.125, 0.7), (5, 0.125, 0.7), (3, 0.06, 1.0), (2, 0.125, 0.4), (5, 0.06, 1.0), (8, 0.25, 0.7))
_WEIGHING = ((3, 0.2, 0.7), (5, 0.2, 0.7), (3, 0.5, 0.7), (2, 0.05, 0.4), (5, 0.05, 1.0), (1, 0.2, 0.7))
_DRAWING = ((3, 0.0, 0.7), (5, 0.0, 0.7), (2, 0.0, 0.4), (3, 0.0, 1.0), (8, 0.0, 0.7), (1, 0.0, 0.7))
_TRIALS: dict[str, Callable[[int], list[Trial]]] = {
    "cem": _Sampled(_FITTING, last=1),
    "icem": _icem,
    "mppi": _Sampled(_WEIGHING, "temperature", last=1),
    "predictive_sampling": _Sampled(_DRAWING, ""),
    "cma_es": _Sampled(_DRAWING, ""),
    "gradient": _gradient,
    "cem_gradient": _cem_gradient,
    "categorical": _Sampled(_FITTING),
    "random_shooting": _shooting,
}
