"""From curves of surprise to what a model knows: shares of pairs, single clips, the order of changes, cues.

Of a pair, the clip that surprises more on average is taken for the impossible one (arXiv 2502.11831); single clips are
told by the greatest surprise. Which of the two counts for what is fixed beforehand; the other is given beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np

from envs.physics.cues import judged_by_cues
from envs.physics.properties import CHANGES
from housecat.evaluation.statistics import Rate, compare_paired
from housecat.physics.watching import WATCHERS

FRAMES = "frame difference"
MARGIN = 0.05  # by how much the best control has to be beaten
GENERATIVE = ("pixel", "token")  # methods that others are held against

Runs = Sequence[dict[str, Any]]  # what was seen in each run, see `housecat/physics/run.py`


def outcomes(possible: np.ndarray, impossible: np.ndarray) -> list[bool]:
    """Of each pair, whether the impossible clip has the higher score, both (K,); of equals, every second one counts."""
    even = np.arange(len(possible)) % 2 == 0
    return ((impossible > possible) | ((impossible == possible) & even)).tolist()


def auroc(possible: np.ndarray, impossible: np.ndarray) -> float:
    """How likely a clip that cannot be has a higher score than one that can, whichever they are; (K,) and (L,)."""
    ordered = np.sort(possible)
    below, upto = (np.searchsorted(ordered, impossible, side=side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(ordered))


def by_method(runs: Runs) -> dict[str, list[dict[str, Any]]]:
    """The runs of each method: its trainings."""
    return {name: [run for run in runs if run["method"] == name] for name in dict.fromkeys(r["method"] for r in runs)}


def entrants(runs: Runs) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    """All who are judged, by name: what watched, and the runs of one method in which it did."""
    methods = by_method(runs)
    found = {name: ("trained", some) for name, some in methods.items()}
    found |= {f"{name} {one}": (one, some) for name, some in methods.items() for one in WATCHERS[1:3]}
    return {**found, FRAMES: (WATCHERS[3], [runs[0]])}


def controls(runs: Runs) -> list[str]:
    """Who has to be beaten by the method of the first run."""
    subject = runs[0]["method"]
    others = [one for one in by_method(runs) if one in GENERATIVE and one != subject]
    return [f"{subject} untrained", f"{subject} copied", FRAMES, *others]


def judge_property(runs: Runs, name: str) -> dict[str, Any]:
    """One property: see `physics.json` in `housecat/physics/run.py`."""
    each = {who: _judged([one["properties"][name] for one in some], by) for who, (by, some) in entrants(runs).items()}
    best = max(controls(runs), key=lambda one: each[one]["accuracy"])
    own, control = each[runs[0]["method"]], each[best]["accuracy"]
    known = own["low"] > 0.5 and own["accuracy"] >= control + MARGIN
    pairs = len(runs[0]["properties"][name]["group"])
    return {**own, "best_control": control, "control": best, "known": known, "pairs": pairs, "entrants": each}


def _judged(seen: list[dict[str, Any]], watcher: str) -> dict[str, Any]:
    def scores(pick: Callable[..., Any]) -> list[list[np.ndarray]]:
        sides = ("possible", "impossible")
        return [[np.array([pick(curve) for curve in one[side][watcher]]) for side in sides] for one in seen]

    mean, most = scores(np.mean), scores(np.max)
    rate, by_most = (Rate.of_trainings([outcomes(*one) for one in some]) for some in (mean, most))
    single = [float(np.mean([auroc(*one) for one in some])) for some in (most, mean)]
    groups = [np.unique(one["group"], return_inverse=True)[1] for one in seen]
    whole = [[np.bincount(rows, side) for side in one] for rows, one in zip(groups, mean, strict=True)]
    found = {"accuracy": rate.value, "low": rate.low, "high": rate.high, "accuracy_by_greatest": by_most.value}
    together = Rate.of_trainings([outcomes(*one) for one in whole]).value
    return {**found, "accuracy_of_scenes": together, "auroc": single[0], "auroc_by_mean": single[1]}


def judge_cues(runs: Runs, name: str) -> dict[str, float]:
    """How often low-level cues alone tell which clip of a pair cannot be, and single clips; 0.5 is chance."""
    seen = runs[0]["properties"][name]
    can, cannot = (np.array(seen["cues"][side]) for side in ("possible", "impossible"))
    places = np.unique(seen["group"], return_inverse=True)[1]
    if places.max() < 1:  # nothing to fit on
        return {"accuracy": 0.5, "low": 0.0, "high": 1.0, "auroc": 0.5}
    told = judged_by_cues(can, cannot, places)
    rate = Rate.of(outcomes(*told))
    return {"accuracy": rate.value, "low": rate.low, "high": rate.high, "auroc": auroc(*told)}


def judge_order(runs: Runs) -> dict[str, Any]:
    """Who is surprised more by a grosser change: of each method, by change and by step from one to the next.

    "surprise": mean over clips, as a share of that of the scene as it was; "auroc": of single clips against that;
    "steps": how often the grosser change surprises more, and the greatest p of the runs' sign tests (exact); "holds":
    whether it does in all steps, with p < 0.01.
    """

    def scores(run: dict[str, Any], pick: Callable[..., Any]) -> dict[str, np.ndarray]:
        return {name: np.array([pick(c) for c in run["order"][name]["trained"]]) for name in (*CHANGES, "was")}

    found = {}
    for method, some in by_method(runs).items():
        means, most = ([scores(run, pick) for run in some] for pick in (np.mean, np.max))
        steps = []
        for more, less in pairwise(CHANGES):
            won = Rate.of_trainings([outcomes(one[less], one[more]) for one in means])
            p = [compare_paired((one[less] > one[more]).tolist(), (one[more] > one[less]).tolist()).p for one in means]
            steps.append({"more": more, "less": less, **asdict(won), "p": max(p)})
        found[method] = {
            "surprise": {name: float(np.mean([(one[name] / one["was"]).mean() for one in means])) for name in CHANGES},
            "auroc": {name: float(np.mean([auroc(one["was"], one[name]) for one in most])) for name in CHANGES},
            "steps": steps,
            "holds": all(one["value"] > 0.5 and one["p"] < 0.01 for one in steps),
        }
    return found


def judge_probes(runs: Runs) -> dict[str, Any]:
    """Probes by quantity and source, over the runs of each method."""
    found: dict[str, Any] = {name: {} for name in runs[0]["quantities"]["probes"]}
    for name, one in found.items():
        for method, some in by_method(runs).items():
            told = [run["quantities"]["probes"][name] for run in some]
            for source, label in (("trained", method), ("untrained", f"{method} untrained")):
                one[label] = {layer: _over_runs([each[source][layer] for each in told]) for layer in told[0][source]}
            one[f"{method} single frame"] = _over_runs([each["single frame"] for each in told])
        one["states"] = runs[0]["quantities"]["probes"][name]["states"]
    return found


def judge_futures(runs: Runs) -> dict[str, Any]:
    """What is imagined of two futures, over the runs of each method; null where it imagines nothing."""
    found: dict[str, Any] = {}
    for method, some in by_method(runs).items():
        told = [run["quantities"]["counterfactuals"] for run in some]
        found[method] = told[0] and {
            name: {
                "agrees": _over_runs([one[name]["agrees"] for one in told]),
                "share": float(np.mean([one[name]["share"] for one in told])),
            }
            for name in told[0]
        }
    return found


def _over_runs(each: list[dict[str, float]]) -> dict[str, float]:
    """The mean, and the widest interval."""
    value = float(np.mean([one["value"] for one in each]))
    return {"value": value, "low": min(one["low"] for one in each), "high": max(one["high"] for one in each)}
