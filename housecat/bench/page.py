"""`bench.html`: one self-contained page with a table that sorts, drawings, every alarm, and videos of failures."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from envs.files import many, read_json
from envs.registry import make_world
from housecat.bench.charts import against_calls, profiles
from housecat.bench.gather import CELL
from housecat.bench.manifests import Manifest
from housecat.errors import UsageError
from housecat.evaluation import episodes as episodes_file
from housecat.evaluation.episodes import EpisodeResult
from housecat.report import words
from housecat.report.videos import clock_of, goal_picture, record

_SHOWN = 8  # failures at most
_EACH = 2  # of one world


def render(found: dict[str, Any], failures: Sequence[dict[str, Any]]) -> str:
    """The page as HTML.

    Args:
        found: content of `bench.json`.
        failures: what `filmed` returned.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string((resources.files("housecat.bench") / "page.jinja").read_text(encoding="utf-8"))
    style = (resources.files("housecat.report") / "style.css").read_text(encoding="utf-8")
    searched = [one for one in found["overall"] if one["optimizer"] is not None]
    return template.render(
        style=Markup(style),
        found=found,
        overall=sorted(found["overall"], key=lambda one: -one["iqm"]),
        verdict=verdict(found),
        lede=lede(found),
        charts=drawn(searched, found["thresholds"]),
        failures=failures,
        tuned=tuned(found["cells"]),
        milliseconds=words.milliseconds,
    )


def verdict(found: dict[str, Any]) -> str:
    """The page's first sentence."""
    rows = found["overall"]
    if not rows:
        return "No planner was played to the end everywhere."
    best = max(rows, key=lambda one: one["iqm"])
    rivals = [one for one in rows if one["calls"] == best["calls"] and one is not best and one["optimizer"]]
    near = [_called(one) for one in rivals if one["interval"][1] >= best["interval"][0]]
    text = f"{_called(best)} solves {words.percent(best['iqm'])} at {best['calls']:,} model calls a plan"
    if not near:
        return f"{text}, more than any other."
    return f"{text}; {', '.join(near[:3])}{' and others' if len(near) > 3 else ''} cannot be told from it."


def lede(found: dict[str, Any]) -> str:
    """What belongs beside the verdict."""
    worlds = len({one["world"] for one in found["cells"]})
    runs = len({(one["world"], one["model"], one["seed"]) for one in found["cells"]})
    pairs = sorted({one["pairs"] for one in found["cells"]})
    each = "–".join(str(one) for one in dict.fromkeys((pairs[0], pairs[-1]))) if pairs else "no"
    return (
        f"{len(found['cells'])} cells: {worlds} world{'s' * (worlds > 1)}, {runs} run{'s' * (runs > 1)} of {each} "
        "frozen pairs, none solved at its start. Success is the interquartile mean over runs, with a 95 % interval by "
        "a bootstrap stratified by world. All optimisers may ask the model as often, and were tuned on other pairs."
    )


def drawn(rows: Sequence[dict[str, Any]], thresholds: Sequence[float]) -> list[dict[str, Any]]:
    """Drawings with their captions: of each planner, success against calls where several were tried, and a profile."""
    found = []
    for planner in dict.fromkeys(one["planner"] for one in rows):
        some = [one for one in rows if one["planner"] == planner]
        budgets = sorted({one["calls"] for one in some})
        if len(budgets) > 1:
            text = "Interquartile mean over runs; the shades are 95 % intervals of the first two."
            found.append(_figure(f"{planner}: success against model calls", text, against_calls(planner, some)))
        middle = budgets[len(budgets) // 2]
        text = f"Share of the runs that solve at least so many of their pairs, at {middle:,} calls a plan."
        at_middle = [one for one in some if one["calls"] == middle]
        found.append(_figure(f"{planner}: performance profile", text, profiles(planner, at_middle, thresholds)))
    return found


def filmed(
    cells: Sequence[dict[str, Any]],
    folder: Path,
    specs: dict[tuple[str, str], dict[str, Any]],
    manifests: dict[tuple[str, int], Manifest],
) -> list[dict[str, Any]]:
    """Videos of failures: in each world, one of the best and one of the worst of the planners that search.

    Args:
        folder: of the failures.
        specs: of the worlds, by world and model.
    """
    found = []
    for world in dict.fromkeys(one["world"] for one in cells):
        some = [one for one in cells if one["world"] == world and one["optimizer"] and one["success"] is not None]
        lost = sorted((one for one in some if one["success"] < 1), key=lambda one: -one["success"])
        for cell in ([lost[0], lost[-1]] if len(lost) > 1 else lost)[:_EACH]:
            manifest = manifests[world, cell["seed"]]
            found.append(_film(cell, folder / f"{cell['digest'][:16]}.json", specs[world, cell["model"]], manifest))
    return [one for one in found if one is not None][:_SHOWN]


def tuned(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The settings that were chosen, by cell, once for all seeds."""
    found = {}
    for one in cells:
        if one["optimizer"] is not None:
            settings = ", ".join(f"{name} {value}" for name, value in one["settings"].items()) or "its own"
            key = tuple(one[name] for name in CELL if name != "seed")
            found[key] = {**one, "chosen": settings}
    return list(found.values())


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
    return {
        "cell": cell,
        "pair": episode.pair,
        "goal": goal_picture(world, pair.goal),
        "outcome": words.outcome(False, len(episode.targets), left, world.unit),
        "moving": video.moving,
        "still": video.still,
    }


def _figure(title: str, text: str, svg: str) -> dict[str, Any]:
    return {"title": title, "text": text, "svg": Markup(svg)}


def _called(one: dict[str, Any]) -> str:
    return f"{one['planner']} with {one['optimizer']}" if one["optimizer"] else one["planner"]
