"""`results.json`: what an evaluation found, for programs. Schema 1:

    schema          1
    world           name of the world
    seed            of the pairs and of the planners' random generators
    commit          of the code that ran
    seconds         {"collect", "train", "evaluate", ...}: wall time of each part that ran
    planners        by name, "random" | "flat_latent" | "flat_distance" | "hierarchy", ...:
        success         share of pairs on which the world's own test held after some control step, in [0, 1]
        interval        [low, high], Wilson 95 %
        episodes        number of pairs
        steps           mean control steps to the goal over the pairs that were solved; null if none was
        spl             success weighted by path length (arXiv 1807.06757), mean over all pairs
        plan_ms         {"median", "p95"}: a control step (encode, subgoal, planning) of one environment alone in a
                        process with one thread, on frames recorded before; null if nothing was timed
        model_calls     predictor steps per control step, mean
        horizon         control steps imagined, where the evaluation chose it; else null
        noticed         of `configured`: the same numbers, share of the pushes that surprised it within 5 control steps
        false_alarms    likewise, share of the other control steps in which it was surprised
        missed          with a rate: {"value", "low", "high", "n"}, share of control steps without an action in time
        violated        with limits on places or joints: likewise, share of the episodes in which the simulator's states
                        violated one, of those whose start and goal do not
        strata          by distance, near to far: [{"low", "high", "success", "interval", "episodes"}]
    pairs           {"unit", "nearest", "farthest", "tolerance", "criterion", "max_steps", "calibration"}: distances
                    in "unit", when a goal is reached in words, control steps allowed, number of calibration pairs;
                    "factors": {name: [low, high]} that were varied from pair to pair (the values are in pairs.json)
    calibration     how the horizon of flat_latent was chosen, on pairs that nothing else uses:
                    [{"horizon", "success", "interval", "episodes", "steps"}]; empty if only one was allowed
    comparisons     hierarchy against each other planner on the same pairs (exact two-sided McNemar):
                    {name: {"only_hierarchy", "only_other", "p"}}
    goal            where it is not all of each pair's: {"only": quantities of it, "regions", "order",
                    "solved_at_start": number of pairs; what stood for quantities, "targets" and "samples"}
    recommended     {"planner", "tried": {name: {"value", "low", "high", "n"}}}: which of hierarchy and flat_distance
                    did better on calibration pairs; not there where not both were played
    trouble         what went wrong on request: {setting: value} of trouble.*, and "rate" (Hz) where players had to act
                    at one; not there where nothing was asked for
    command         repeats this run
    versions        of the packages and the renderer

A later version may add fields; it raises `schema` when it changes or drops one.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from envs.files import Count, Least0, Maybe, Number, Share, by_name, many, read_json, record
from envs.world import World
from housecat.errors import UsageError
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.noticing import noticed
from housecat.evaluation.pairs import PairSet
from housecat.evaluation.statistics import Rate, compare_paired
from housecat.evaluation.timing import StepTime

SCHEMA = 1
CHALLENGER = "hierarchy"  # the planner that the others are compared with

_RATE = {"success": Share, "interval": many(Share, 2, 2), "episodes": Annotated[int, Meta(ge=1)]}
_SHARE = record(value=Share, low=Share, high=Share, n=Count)
_RESULTS = record(
    schema=Literal[1],
    world=str,
    seed=Count,
    commit=str,
    seconds=by_name(Least0),
    planners=by_name(
        record(
            **_RATE,
            steps=Least0 | None,
            spl=Share,
            plan_ms=record(median=Least0, p95=Least0) | None,
            model_calls=Least0,
            horizon=Count | None,
            missed=_SHARE | Maybe,
            noticed=_SHARE | Maybe,
            false_alarms=_SHARE | Maybe,
            violated=_SHARE | Maybe,
            strata=many(record(**_RATE, low=Number, high=Number)),
        )
    ),
    pairs=record(unit=str, nearest=Number, farthest=Number, tolerance=Number, max_steps=Count, calibration=Count),
    calibration=many(record(**_RATE, horizon=Count, steps=Least0 | None)),
    trouble=by_name(Number) | Maybe,
    recommended=record(planner=str, tried=by_name(_SHARE)) | Maybe,
    goal=dict | Maybe,
    comparisons=by_name(record(only_hierarchy=Count, only_other=Count, p=Share)),
    command=str,
    versions=by_name(str),
)


def read_results(path: Path) -> dict[str, Any]:
    """`results.json` of a run. Raises FileNotFoundError; UsageError where it is damaged."""
    found = read_json(path, _RESULTS, UsageError, "run `housecat evaluate` again")
    if not found["planners"]:
        raise UsageError(f"{path} is of no planner: run `housecat evaluate` again")
    return found


@dataclass(frozen=True)
class About:
    """What only the caller knows; copied into the results."""

    command: str  # that repeats this run
    commit: str
    seconds: dict[str, float]  # wall time of the parts that ran
    versions: dict[str, str]


@dataclass(frozen=True)
class Tried:
    """A horizon on the calibration pairs."""

    horizon: int
    results: list[EpisodeResult]

    def rank(self) -> tuple[float, float, int]:
        """Lower is better: by success, then by steps to success, then the shorter horizon."""
        return -Rate.of([r.success for r in self.results]).value, mean_steps(self.results) or 0.0, self.horizon


@dataclass(frozen=True)
class Judged:
    """One planner on all pairs."""

    results: list[EpisodeResult]  # in the order of the pairs
    horizon: int | None  # that the evaluation chose
    time: StepTime | None


def mean_steps(results: Sequence[EpisodeResult]) -> float | None:
    """Mean control steps to the goal over the solved pairs; None if none was solved."""
    steps = [result.steps for result in results if result.steps is not None]
    return sum(steps) / len(steps) if steps else None


def results_json(
    world: World, pairs: PairSet, max_steps: int, judged: dict[str, Judged], tried: Sequence[Tried], about: About
) -> dict[str, Any]:
    """The content of `results.json`."""
    return {
        "schema": SCHEMA,
        "world": world.name,
        "seed": pairs.seed,
        "commit": about.commit,
        "seconds": about.seconds,
        "planners": {name: _planner(one, pairs) for name, one in judged.items()},
        "pairs": {
            "unit": pairs.unit,
            "nearest": pairs.edges[0],
            "farthest": pairs.edges[-1],
            "tolerance": world.tolerance,
            "criterion": world.task.criterion(),
            "max_steps": max_steps,
            "calibration": len(pairs.calibration),
            "factors": pairs.world.get("factors", {}),
        },
        "calibration": [
            {"horizon": one.horizon, **_success(one.results), "steps": mean_steps(one.results)} for one in tried
        ],
        "comparisons": _comparisons(judged),
        "command": about.command,
        "versions": about.versions,
    }


def _planner(judged: Judged, pairs: PairSet) -> dict[str, Any]:
    results = judged.results
    return {
        **_success(results),
        "steps": mean_steps(results),
        "spl": sum(result.spl for result in results) / len(results),
        "plan_ms": None if judged.time is None else {"median": judged.time.median, "p95": judged.time.p95},
        "model_calls": sum(result.calls for result in results) / len(results),
        "horizon": judged.horizon,
        **_missed(results),
        **noticed(results),
        **_violated(results),
        "strata": _strata(results, pairs),
    }


def _missed(results: Sequence[EpisodeResult]) -> dict[str, Any]:
    """The share of control steps without an action in time; nothing where there was no deadline."""
    if any(result.missed is None for result in results):
        return {}
    late = [step < (result.missed or 0) for result in results for step in range(len(result.targets))]
    return {"missed": asdict(Rate.of(late))}


def _violated(results: Sequence[EpisodeResult]) -> dict[str, Any]:
    known = [result.violated > 0 for result in results if result.violated is not None]
    return {"violated": asdict(Rate.of(known))} if known else {}


def _strata(results: Sequence[EpisodeResult], pairs: PairSet) -> list[dict[str, Any]]:
    strata = []
    for index, (low, high) in enumerate(itertools.pairwise(pairs.edges)):
        inside = [result for result in results if pairs.stratum(result.pair) == index]
        if inside:  # fewer pairs than strata leave the last ones empty
            strata.append({"low": low, "high": high, **_success(inside)})
    return strata


def _success(results: Sequence[EpisodeResult]) -> dict[str, Any]:
    rate = Rate.of([result.success for result in results])
    return {"success": rate.value, "interval": [rate.low, rate.high], "episodes": rate.n}


def _comparisons(judged: dict[str, Judged]) -> dict[str, Any]:
    if CHALLENGER not in judged:
        return {}
    outcomes = {name: [result.success for result in one.results] for name, one in judged.items()}
    found = {}
    for name in outcomes.keys() - {CHALLENGER}:
        comparison = compare_paired(outcomes[CHALLENGER], outcomes[name])
        found[name] = {"only_hierarchy": comparison.only_first, "only_other": comparison.only_second, "p": comparison.p}
    return {name: found[name] for name in judged if name in found}
