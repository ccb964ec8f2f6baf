"""A map of the latent graph: landmarks where their recorded states lie in the plane, over the people's camera.

The graph knows latents only; that its edges follow the corridors is what it has learned. Places come from the
simulator's states, which were recorded for this picture and are read by nothing else.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from envs.world import World
from housecat.evaluation.episodes import AT_THE_GOAL, EpisodeResult
from housecat.report.inputs import LandmarkMap
from housecat.report.videos import data_uri

_SIDE = 512  # units of the drawing


@dataclass(frozen=True)
class Map:
    """The parts of the drawing, in units of a square of `side`; the page puts them together."""

    side: int
    background: str  # data URI
    edges: str  # SVG path data
    edge_opacity: float  # fainter where there are more of them
    landmarks: list[tuple[float, float]]
    travelled: str  # SVG polyline points of the episode's path
    route: str  # SVG polyline points: start, each subgoal, goal
    subgoals: list[tuple[float, float]]  # in the order in which they were aimed at
    start: tuple[float, float]
    goal: tuple[float, float]


def draw_map(world: World, landmarks: LandmarkMap, episode: EpisodeResult, goal: np.ndarray) -> Map:
    """The graph, with the subgoals and the path of one episode towards `goal (S,)`."""

    def place(states: np.ndarray) -> np.ndarray:
        return np.round(world.pixels(world.located(states), "people", _SIDE), 1)

    nodes, ends = place(landmarks.states), np.unique(np.sort(landmarks.edges, axis=1), axis=0)
    edges = "".join(
        f"M{a[0]:g} {a[1]:g}L{b[0]:g} {b[1]:g}" for a, b in zip(nodes[ends[:, 0]], nodes[ends[:, 1]], strict=True)
    )
    way, aim = place(episode.path), place(goal[None])[0]
    subgoals = nodes[subgoals_of(episode)]
    image = Image.fromarray(world.frame("people", state=episode.path[0]))
    return Map(
        side=_SIDE,
        background=data_uri(image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)),
        edges=edges,
        edge_opacity=round(min(0.5, max(0.1, 300 / max(1, len(ends)))), 3),
        landmarks=[_point(node) for node in nodes],
        travelled=_polyline(way),
        route=_polyline(np.concatenate([way[:1], subgoals, aim[None]])),
        subgoals=[_point(node) for node in subgoals],
        start=_point(way[0]),
        goal=_point(aim),
    )


def subgoals_of(episode: EpisodeResult) -> list[int]:
    """The landmarks that an episode aimed at, each once, in the order in which it first did so."""
    return [target for target in dict.fromkeys(episode.targets) if target != AT_THE_GOAL]


def _point(place: np.ndarray) -> tuple[float, float]:
    return float(place[0]), float(place[1])


def _polyline(places: np.ndarray) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)
