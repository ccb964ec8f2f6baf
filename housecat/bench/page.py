"""`bench.html`: one self-contained page with a table that sorts, drawings, every alarm, and videos of failures."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from envs.files import many, read_json
from envs.registry import make_world
from housecat.bench.charts import against_calls, profiles
from housecat.bench.manifests import Manifest, Manifests
from housecat.errors import UsageError
from housecat.evaluation import episodes as episodes_file
from housecat.evaluation.episodes import EpisodeResult
from housecat.report import words
from housecat.report.page import template
from housecat.report.videos import clock_of, record

_SHOWN = 8  # failures at most


def render(found: dict[str, Any], failures: Sequence[dict[str, Any]]) -> str:
    """The page as HTML; `found`: content of `bench.json`, `failures`: what `filmed` returned."""
    return template("housecat.bench").render(
        style=Markup((resources.files("housecat.report") / "style.css").read_text(encoding="utf-8")),
        found=found,
        overall=sorted(found["overall"], key=lambda one: -one["iqm"]),
        verdict=verdict(found["overall"]),
        runs=len({(one["world"], one["model"], one["seed"]) for one in found["cells"]}),
        figures=[
            one for name in dict.fromkeys(row["planner"] for row in _searched(found)) for one in drawn(found, name)
        ],
        failures=failures,
    )


def verdict(rows: Sequence[dict[str, Any]]) -> str:
    """The page's first sentence, of the rows of `overall`."""
    if not rows:
        return "No planner was played to the end everywhere."
    best = max(rows, key=lambda one: one["iqm"])
    rivals = [one for one in rows if one["calls"] == best["calls"] and one is not best and one["optimizer"]]
    near = [_called(one) for one in rivals if one["interval"][1] >= best["interval"][0]]
    told = f"{', '.join(near[:3])}{' and others' * (len(near) > 3)} cannot be told from it" if near else "no other does"
    return f"{_called(best)} solves {words.percent(best['iqm'])} at {best['calls']:,} model calls a plan; {told}."


def drawn(found: dict[str, Any], planner: str) -> list[dict[str, Any]]:
    """Drawings of a planner: success against calls, where several were tried (`calls` null), and a profile."""
    rows = [one for one in _searched(found) if one["planner"] == planner]
    budgets = sorted({one["calls"] for one in rows})
    calls = budgets[len(budgets) // 2]
    profile = profiles(planner, [one for one in rows if one["calls"] == calls], found["thresholds"])
    figures = [{"planner": planner, "calls": calls, "svg": Markup(profile)}]
    if len(budgets) > 1:
        figures.insert(0, {"planner": planner, "calls": None, "svg": Markup(against_calls(planner, rows))})
    return figures


def _searched(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in found["overall"] if one["optimizer"] is not None]


def filmed(
    cells: Sequence[dict[str, Any]], folder: Path, specs: dict[tuple[str, str], dict[str, Any]], manifests: Manifests
) -> list[dict[str, Any]]:
    """Videos of failures, in `folder`: in each world, one of the best and one of the worst of those that search.

    `specs`: of the worlds, by world and model.
    """
    found = []
    for world in dict.fromkeys(one["world"] for one in cells):
        some = [one for one in cells if one["world"] == world and one["optimizer"] and one["success"] is not None]
        lost = sorted((one for one in some if one["success"] < 1), key=lambda one: -one["success"])
        for cell in [lost[0], lost[-1]] if len(lost) > 1 else lost:
            manifest = manifests[world, cell["seed"]]
            found.append(_film(cell, folder / f"{cell['digest'][:16]}.json", specs[world, cell["model"]], manifest))
    return [one for one in found if one is not None][:_SHOWN]


def _film(cell: dict[str, Any], file: Path, spec: dict[str, Any], manifest: Manifest) -> dict[str, Any] | None:
    try:
        kind = many(episodes_file.EPISODE)
        episode = EpisodeResult.from_json(read_json(file, kind, UsageError, "give another out=DIR")[0])
    except FileNotFoundError:
        return None
    world, pair = make_world(spec), manifest.pairs.pairs[episode.pair]
    world.set_factors(pair.factors)
    video = record(world, episode, pair.goal, None, clock_of(world, [episode]))
    left = world.distance(episode.path[-1], pair.goal)
    outcome = words.outcome(False, len(episode.targets), left, world.unit)
    return {"cell": cell, "pair": episode.pair, "outcome": outcome, "moving": video.moving, "still": video.still}


def _called(one: dict[str, Any]) -> str:
    return f"{one['planner']} with {one['optimizer']}" if one["optimizer"] else one["planner"]
