"""Puts the parts of the report together."""

from dataclasses import dataclass
from importlib import resources

import jinja2
from markupsafe import Markup

from envs.outside.python import UNIT
from housecat.evaluation.episodes import EpisodeResult
from housecat.report import charts, words
from housecat.report.graph_map import Map, draw_map, subgoals_of
from housecat.report.inputs import Inputs
from housecat.report.training import training_figures
from housecat.report.videos import Clock, clock_of, goal_picture, has_places, record

_ROWS = 4  # pairs that are shown
_FAILURES = 2  # of these, failures of the leading planner at most


@dataclass(frozen=True)
class Shown:
    """One video with its caption."""

    planner: str
    label: str
    success: bool
    outcome: str
    moving: str
    still: str


@dataclass(frozen=True)
class Row:
    """One pair: the goal picture and a video of each planner."""

    index: int
    about: str
    goal: str
    videos: list[Shown]


def template(package: str) -> jinja2.Template:
    """The `page.jinja` of a package."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string((resources.files(package) / "page.jinja").read_text(encoding="utf-8"))


def render(inputs: Inputs) -> str:
    """The page as HTML."""
    files = resources.files("housecat.report")
    results = inputs.results
    chosen = chosen_pairs(inputs)
    timed = any(found["plan_ms"] for found in results["planners"].values())
    the_map, map_text = _map(inputs, chosen)
    figures = [{"title": f.title, "text": f.text, "svg": Markup(f.svg)} for f in training_figures(inputs.metrics)]
    return template("housecat.report").render(
        style=Markup((files / "style.css").read_text(encoding="utf-8")),
        results=results,
        pairs=inputs.pairs,
        verdict=words.verdict(results),
        lede=words.lede(results),
        machine=inputs.machine,
        frame_size=inputs.world.scene.frame_size,
        caveats=words.caveats(results),
        rows=[_row(inputs, index) for index in chosen],
        map=the_map,
        map_text=map_text,
        by_distance=Markup(charts.by_distance(results, words.label)),
        timing=Markup(charts.timing(results, words.label)) if timed else None,
        figures=figures,
        about=words.ABOUT,
        label=words.label,
        percent=words.percent,
        interval=words.interval,
        milliseconds=words.milliseconds,
        duration=words.duration,
    )


def chosen_pairs(inputs: Inputs) -> list[int]:
    """Which pairs are shown: failures of the leading planner, then what most planners fail at, far ones first."""
    leader = words.leading(inputs.results)

    def order(index: int) -> tuple[int, float]:
        outcomes = [results[index].success for results in inputs.episodes.values()]
        return -outcomes.count(False), -inputs.pair(index).distance

    every = sorted(range(len(inputs.pairs.pairs)), key=order)
    failed = [index for index in every if not inputs.episodes[leader][index].success][:_FAILURES]
    others = [index for index in every if inputs.episodes[leader][index].success]
    return (failed + others)[:_ROWS] if others else every[:_ROWS]


def _row(inputs: Inputs, index: int) -> Row:
    world, pair = inputs.world_of(index), inputs.pair(index)
    episodes = {name: results[index] for name, results in reversed(inputs.episodes.items())}
    clock = clock_of(world, list(episodes.values()))
    least = "" if world.unit == UNIT else f", at least {pair.steps:.0f} steps at top speed"
    about = f"{pair.distance:.1f} {world.unit} away{least}; shown {clock.speed:.0f} times as fast as it happened"
    videos = [_shown(inputs, name, episode, clock) for name, episode in episodes.items()]
    return Row(index, about, goal_picture(world, pair.goal), videos)


def _shown(inputs: Inputs, name: str, episode: EpisodeResult, clock: Clock) -> Shown:
    world, goal = inputs.world_of(episode.pair), inputs.pair(episode.pair).goal
    landmarks = None if inputs.landmarks is None else inputs.landmarks.states
    video = record(world, episode, goal, landmarks, clock)
    left = world.distance(episode.path[-1], goal)
    text = words.outcome(episode.success, len(episode.targets), left, world.unit)
    return Shown(name, words.label(name), episode.success, text, video.moving, video.still)


def _map(inputs: Inputs, chosen: list[int]) -> tuple[Map | None, str]:
    """The map of the graph with one episode on it, and what to say about it or about its absence."""
    if inputs.landmarks is None or "hierarchy" not in inputs.episodes:
        return None, "This evaluation had no landmark graph with known places, so there is no map."
    if not has_places(inputs.world, inputs.landmarks.states[0]):
        return None, "The camera of this world moves along with the body, so the landmarks have no places on a map."
    episodes = [inputs.episodes["hierarchy"][index] for index in chosen]
    episode = max(episodes, key=lambda one: (one.success, len(subgoals_of(one))))
    drawn = draw_map(inputs.world_of(episode.pair), inputs.landmarks, episode, inputs.pair(episode.pair).goal)
    text = (
        f"{len(drawn.landmarks)} recorded moments, spread evenly by the learned temporal distance and joined where one "
        f"is a few steps from the next. On it, pair {episode.pair}: the shortest way through the graph gave the "
        "subgoals, one after another, and the flat planner steered towards each."
    )
    return drawn, text
