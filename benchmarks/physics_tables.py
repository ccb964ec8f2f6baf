"""The tables of `physics.json`: properties, the order of changes, quantities and futures, and methods side by side."""

from typing import Any

from benchmarks.markdown import markdown, number, rate

Found = dict[str, Any]


def _share(one: Found) -> str:
    return rate({"value": one["accuracy"], "low": one["low"], "high": one["high"]})


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _between(one: Found) -> str:
    """With its interval."""
    return f"{number(one['value'])} ({number(one['low'])} to {number(one['high'])})"


def _methods(found: Found) -> list[str]:
    return list(dict.fromkeys(run["method"] for run in found["runs"]))


def properties(found: Found) -> str:
    """Share of pairs by property and method, beside the best control, and whether the property counts as known."""
    methods, rows = _methods(found), []
    for name, one in found["properties"].items():
        control = one["control"], _percent(one["best_control"]), _share(found["cue_control"][name])
        whole = _percent(one["accuracy_of_scenes"]), number(one["auroc"])
        last = "yes" if one["known"] else "no"
        rows.append([name, *(_share(one["entrants"][method]) for method in methods), *control, *whole, last])
    rows.append(["average", *(_percent(found["average"][method]) for method in methods), *[""] * 6])
    known = [one for one in found["properties"].values() if one["known"]]
    mean = _percent(sum(one["accuracy"] for one in known) / len(known)) if known else ""
    rows[-1][-1] = f"{len(known)} of {len(found['properties'])}"
    rows.append(["average over those known", mean, *[""] * (len(methods) + 5)])
    head = ["property", *methods, "best control", "of it", "cues alone", "both pairs of a scene"]
    pictured = "![Share of pairs told by property, methods and controls](benchmarks/results/physics.svg)"
    return f"{pictured}\n\n{markdown([*head, f'AUROC, {_methods(found)[0]}', 'known'], rows)}"


def order(found: Found) -> str:
    """How much each change in plain view surprises each method, and whether the grosser one does more."""
    rows = []
    for method, one in found["order"].items():
        changes = [f"{number(value)}, {number(one['auroc'][name])}" for name, value in one["surprise"].items()]
        steps = [f"{_percent(step['value'])}, p {step['p']:.2g}" for step in one["steps"]]
        rows.append([method, *changes, *steps, "yes" if one["holds"] else "no"])
    first = next(iter(found["order"].values()))
    steps = [f"{step['more']} over {step['less']}" for step in first["steps"]]
    return markdown(["method", *first["surprise"], *steps, "order holds"], rows)


def quantities(found: Found) -> str:
    """What is read of clips on values that were left out, of single frames and of the states; and futures."""
    rows = []
    for name, told in found["probes"].items():
        rows.append([name, *(_between(one if "value" in one else one["latent"]) for one in told.values())])
    sources = ["quantity, R2", *next(iter(found["probes"].values()))]
    futures = {method: one for method, one in found["counterfactuals"].items() if one is not None}
    if not futures:
        return markdown(sources, rows)
    agree = [
        [method, *(f"{rate(each['agrees'])}, {number(each['share'])}" for each in one.values())]
        for method, one in futures.items()
    ]
    changed = ["another", *next(iter(futures.values()))]
    return f"{markdown(sources, rows)}\n{markdown(changed, agree)}"


def methods(found: Found) -> str:
    """Every method after the same time of training in one line."""
    rows = []
    for method in _methods(found):
        trained = [run for run in found["runs"] if run["method"] == method]
        each = [one["entrants"][method] for one in found["properties"].values()]
        auroc = sum(one["auroc"] for one in each) / len(each)
        read = [_between(found["probes"][name][method]["latent"]) for name in ("gravity", "momentum")]
        cells = [str(len(trained)), number(found["seconds"]), number(found["given"][method]["train.updates"])]
        holds = "yes" if found["order"][method]["holds"] else "no"
        rows.append([method, *cells, _percent(found["average"][method]), number(auroc), *read, holds])
    head = ["method", "trainings", "seconds of each", "updates", "pairs, average", "AUROC, average"]
    return markdown([*head, "gravity, R2", "momentum, R2", "order holds"], rows)
