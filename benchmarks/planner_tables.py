"""The tables that are about planners; each function makes Markdown of what one JSON file holds."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.markdown import markdown, number, rate
from housecat.evaluation.statistics import Rate, compare_paired

Found = dict[str, Any]
PARTLY = ("puck", "reacher", "arm")  # worlds whose goals are to be asked for in parts
UNMEASURED = "not measured"


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
