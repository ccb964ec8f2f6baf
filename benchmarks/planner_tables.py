"""The tables that are about planners; each function makes Markdown of what one JSON file holds."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.markdown import markdown, number, rate
from envs import WORLDS
from housecat.evaluation.statistics import Rate, compare_paired, difference_paired

Found = dict[str, Any]
LONG = ("large", "fourrooms", "giant", "rover")  # worlds with goals that are far away
PARTLY = ("puck", "reacher", "arm")  # worlds whose goals are to be asked for in parts
HIDDEN = ("medium", "puck")  # worlds in which a screen is put before things
UNMEASURED = "not measured"
OF_OTHERS = {
    "benchmarks/peers.py:StableWorldmodelCEM": "CEM of stable-worldmodel",
    "benchmarks/peers.py:PytorchMPPI": "MPPI of pytorch-mppi",
}


def goals(found: Found) -> str:
    """Goals of which only some quantities are asked for, beside pictures of all of them on the same pairs."""
    ways = {"pictures": "parts, in pictures", "probes": "parts, by probes"}
    head = ["world", "asked for", "planner", "all, in pictures"]
    rows = []
    for name, runs in _by_world(found, PARTLY).items():
        for planner in _everyone(runs, "planners"):
            told = [run["planners"][planner] for run in runs]
            cells = [f"`{name}`", ", ".join(runs[0]["asked"]), planner, rate(together(one["picture"] for one in told))]
            for way in ways:
                cells += _beside([one[way] for one in told if way in one], [one["picture"] for one in told])
            rows.append(cells)
        if not runs:
            rows.append([f"`{name}`", "", UNMEASURED, "", *[""] * 3 * len(ways)])
    return markdown([*head, *(one for words in ways.values() for one in (words, "of all", "p"))], rows)


def _beside(some: list[Found], whole: list[Found]) -> list[str]:
    """Success with parts, its share of that with whole goals, and McNemar's p."""
    if not some:
        return ["", "", ""]
    part, all_ = together(some), together(whole)
    share = f"{100 * part['value'] / all_['value']:.0f} %" if all_["value"] else ""
    return [rate(part), share, number(both_ways(one["against_picture"] for one in some))]


def rates(found: Found) -> str:
    """How fast the recommended planner acts in each world, and what it costs that actions are late or frames lost."""
    lasting, lost = f"{found['delay']} ms later", f"{found['lost']} % of the frames lost"
    head = ["world", "planner", "ms a step", "p95", "undisturbed", f"actions a second, of {found['rate']}", "missed"]
    head += [f"at {found['rate']} Hz", lasting, "points", "p", lost, "points", "p"]
    rows = []
    for name, runs in _by_world(found, tuple(WORLDS)).items():
        if not runs:
            rows.append([f"`{name}`", UNMEASURED, *[""] * (len(head) - 2)])
            continue
        ways = {way: [run["ways"][way] for run in runs] for way in runs[0]["ways"]}
        times = [one["ms"] for one in ways["undisturbed"] if one["ms"]]
        cells = [f"`{name}`", ", ".join(sorted({run["planner"] for run in runs}))]
        cells += [number(_mean(one[key] for one in times)) for key in ("median", "p95")]
        cells += [rate(together(ways["undisturbed"])), number(_mean(one["hz"] for one in ways["rate"]))]
        cells += [f"{100 * _mean(one['missed'] for one in ways['rate']):.1f} %", rate(together(ways["rate"]))]
        for way in ("delay", "lost"):
            cells += [rate(together(ways[way])), _points(runs, way)]
            cells.append(number(both_ways(one["against"] for one in ways[way])))
        rows.append(cells)
    return markdown(head, rows)


def _points(runs: Sequence[Found], way: str) -> str:
    """By how many points of a hundred success differs from that undisturbed, on the pairs of all runs."""
    first, second = ([bool(won) for run in runs for won in run["by_pair"][key]] for key in ("undisturbed", way))
    value, low, high = (100 * one for one in difference_paired(first, second))
    return f"{value:+.0f} ({low:+.0f} to {high:+.0f})"


def occlusion(found: Found) -> str:
    """What is hidden by a screen, with and without memory, as a share of success without a screen."""
    ways = ("no screen", "no screen, with memory", "screen, with memory", "screen, without memory")
    rows = []
    for name, runs in _by_world(found, HIDDEN).items():
        told = [run["ways"] for run in runs if run["ways"]]
        if not told:
            rows.append([f"`{name}`", UNMEASURED, *[""] * 8])
            continue
        cells = [
            f"`{name}`",
            ", ".join(sorted({run["planner"] for run in runs})),
            str(sum(run["pairs"] for run in runs)),
        ]
        whole = together(one["no screen"] for one in told)
        for way in ways:
            part = together(one[way] for one in told)
            cells.append(rate(part))
            if way.startswith("screen"):
                cells.append(f"{100 * part['value'] / whole['value']:.0f} %" if whole["value"] else "")
        cells.append(number(_mean(one["screen, with memory"]["hidden_steps"] for one in told)))
        rows.append(cells)
    shares = [one for way in ways for one in ((way, "of no screen") if way.startswith("screen") else (way,))]
    return markdown(["world", "planner", "pairs", *shares, "steps behind it"], rows)


def modules(found: Found) -> str:
    """What is reached with each module of the agent, and without it."""
    runs = list(found["runs"].values())
    rows = []
    for world in dict.fromkeys(run["world"] for run in runs):
        told = [run["modules"] for run in runs if run["world"] == world]
        for name in dict.fromkeys(name for one in told for name in one):
            some = [one[name] for one in told if name in one]
            ways = [rate(together(one[way] for one in some)) for way in ("with", "without")]
            rows.append([f"`{world}`", name, some[0]["judged"], *ways])
    return markdown(["world", "module", "share of the episodes that", "with it", "without it"], rows)


def long_goals(found: Found) -> str:
    """The hierarchy beside the best flat planner where goals are far away."""
    head = ["world", "steps away, at least", "hierarchy", "steps", "calls a step"]
    head += ["best flat planner", "flat", "of the hierarchy's", "calls a step", "p"]
    rows = []
    for name, runs in _by_world(found, LONG).items():
        if not runs:
            rows.append([f"`{name}`", "", UNMEASURED, *[""] * (len(head) - 3)])
            continue
        away = [run["steps_away"] for run in runs]
        span = f"{min(one['least'] for one in away):.0f} to {max(one['most'] for one in away):.0f}"
        told = {key: [run["planners"][key] for run in runs] for key in ("hierarchy", "flat")}
        calls = {key: number(_mean(one["model_calls"] for one in each)) for key, each in told.items()}
        best, flat = together(told["hierarchy"]), together(told["flat"])
        took = [(one["steps"], round(one["value"] * one["n"])) for one in told["hierarchy"] if one["steps"] is not None]
        steps = sum(one * won for one, won in took) / sum(won for _, won in took) if took else None
        share = f"{100 * flat['value'] / best['value']:.0f} %" if best["value"] else ""
        chosen = ", ".join(sorted({run["flat_planner"] for run in runs}))
        p = number(both_ways(run["against"] for run in runs))
        cells = [f"`{name}`", span, rate(best), number(steps), calls["hierarchy"]]
        rows.append([*cells, chosen, rate(flat), share, calls["flat"], p])
    return markdown(head, rows)


def optimizers(found: Found) -> str:
    """Optimisers by world at as many model calls, each beside CEM on the same pairs; and over all worlds."""
    searched = [one for one in found["cells"] if one["optimizer"] is not None]
    planners = list(dict.fromkeys(one["planner"] for one in searched))
    rows = []
    for world, calls, name in dict.fromkeys((one["world"], one["calls"], one["optimizer"]) for one in searched):
        cells = [f"`{world}`", number(calls), OF_OTHERS.get(name, f"`{name}`")]
        for planner in planners:
            asked = (world, calls, name, planner)
            cells += _cell([o for o in searched if (o["world"], o["calls"], o["optimizer"], o["planner"]) == asked])
        rows.append(cells)
    head = ["world", "calls a plan", "optimiser", *(one for name in planners for one in (name, "p to CEM"))]
    overall = [
        [one["planner"], OF_OTHERS.get(one["optimizer"], f"`{one['optimizer']}`"), number(one["calls"]), *_overall(one)]
        for one in sorted(found["overall"], key=lambda one: -one["iqm"])
        if one["optimizer"] is not None
    ]
    columns = ["planner", "optimiser", "calls a plan", "IQM over worlds and models", "models", "ms a step"]
    return f"{markdown(head, rows)}\n{markdown(columns, overall)}"


def _cell(models: Sequence[Found]) -> list[str]:
    """Success of an optimiser with all models of a world, and McNemar's p to CEM over all their pairs."""
    told = [one for one in models if one["success"] is not None]
    if not told or len(told) < len(models):
        return ["failed" if models else "", ""]
    against = [one["against_cem"] for one in told if one["against_cem"] is not None]
    splits = [{"only_first": one["only_this"], "only_second": one["only_cem"]} for one in against]
    success = together({"value": one["success"], "n": one["pairs"]} for one in told)
    return [rate(success), number(both_ways(splits)) if splits else ""]


def _overall(one: Found) -> list[str]:
    low, high = one["interval"]
    return [rate({"value": one["iqm"], "low": low, "high": high}), number(one["runs"]), number(one["ms"])]


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


def together(each: Iterable[Found]) -> Found:
    """Success over several trainings, each with its `value` of `n` plays."""
    won = [(round(one["value"] * one["n"]), one["n"]) for one in each]
    return asdict(Rate.of_trainings([[True] * some + [False] * (n - some) for some, n in won]))


def both_ways(each: Iterable[Found]) -> float:
    """McNemar's p of comparisons on the pairs of several trainings, which are counted as if they were of one."""
    each = list(each)
    only_first, only_second = (sum(one[key] for one in each) for key in ("only_first", "only_second"))
    first = [True] * only_first + [False] * only_second
    return compare_paired(first, [not one for one in first]).p


def _by_world(found: Found, worlds: Sequence[str]) -> dict[str, list[Found]]:
    """The runs of each world; of these worlds also where there are none."""
    runs = list(found["runs"].values())
    names = list(dict.fromkeys([*worlds, *(run["world"] for run in runs)]))
    return {name: [run for run in runs if run["world"] == name] for name in names}


def _everyone(runs: Sequence[Found], key: str) -> list[str]:
    """Who is in all of these runs, random play left out."""
    return [
        name for name in (runs[0][key] if runs else ()) if all(name in run[key] for run in runs) and name != "random"
    ]
