"""Closed-loop episodes as animated WebP: the people's camera, with the path travelled and the subgoal drawn in.

All videos of one pair share a clock: they start together, last equally long and show the same simulated time.
"""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from envs.world import World
from housecat.evaluation.episodes import AT_THE_GOAL, EpisodeResult

SIZE = 256  # pixels of a video's side
_FRAMES = 30  # of a video at most; longer episodes skip control steps
_SECONDS = 8.0  # that a pair's videos last at most, before the end is held
_SLOWEST = 2.0  # times as fast as reality at least: control steps are too far apart for more frames
_HOLD = 1.5  # seconds that the end stays
_QUALITY = 50
_SHARP = 4  # the drawing is made this much larger and averaged

PATH, GOAL, SUBGOAL = (216, 36, 122), (20, 170, 90), (38, 110, 255)


@dataclass(frozen=True)
class Video:
    """Two pictures of one episode."""

    moving: str  # data URI, animated WebP
    still: str  # data URI, its last frame, for those who want nothing to move


@dataclass(frozen=True)
class Clock:
    """Simulated time to shown time, for all videos of one pair."""

    speed: float  # times as fast as reality
    steps: int  # control steps of the longest episode
    dt: float  # simulated seconds in a control step

    def milliseconds(self, steps: int) -> int:
        """How long so many control steps are shown."""
        return round(1000 * steps * self.dt / self.speed)


def clock_of(world: World, episodes: Sequence[EpisodeResult]) -> Clock:
    """A clock that shows the longest of these episodes in a few seconds."""
    steps = max(len(episode.targets) for episode in episodes)
    return Clock(max(_SLOWEST, math.ceil(steps * world.dt / _SECONDS)), steps, world.dt)


def goal_picture(world: World, goal: np.ndarray) -> str:
    """The goal `(S,)` as the people's camera sees it: a data URI."""
    return data_uri(Image.fromarray(world.frame("people", state=goal, screened=False)))


def record(world: World, episode: EpisodeResult, goal: np.ndarray, landmarks: np.ndarray | None, clock: Clock) -> Video:
    """Renders an episode from its recorded states; `landmarks (M, S)` are what its targets count."""
    last = len(episode.targets)
    stride = max(1, math.ceil(last / _FRAMES))
    shown = [*range(0, last, stride), last]
    frames, durations = [], []
    seen = world.frames(episode.path, "people", shown)
    for step, following, view in zip(shown, [*shown[1:], clock.steps], seen, strict=True):
        target = episode.targets[min(step, last - 1)]
        subgoal = None if landmarks is None or target == AT_THE_GOAL else landmarks[target]
        frames.append(picture(world, episode.path[: step + 1], goal, subgoal if step < last else None, view))
        durations.append(clock.milliseconds(following - step))
    return animated(frames, durations)


def animated(frames: Sequence[Image.Image], durations: list[int], still: int = -1) -> Video:
    """Frames that are shown for so many milliseconds each, the last one longer; `still`: which stands for them."""
    shown = [*durations[:-1], durations[-1] + round(1000 * _HOLD)]
    return Video(_uri(webp(frames, shown)), data_uri(frames[still]))


def webp(frames: Sequence[Image.Image], durations: int | list[int], effort: int = 4) -> bytes:
    """Pictures as an animated WebP, shown for so many milliseconds each; `effort` 0 (fast) to 6 (small)."""
    buffer, how = io.BytesIO(), {"loop": 0, "quality": _QUALITY, "method": effort}
    frames[0].save(buffer, "WEBP", save_all=True, append_images=list(frames[1:]), duration=durations, **how)
    return buffer.getvalue()


def picture(
    world: World, path: np.ndarray, goal: np.ndarray, subgoal: np.ndarray | None, view: np.ndarray | None = None
) -> Image.Image:
    """The last state of `path (T, S)` with the way there, the goal's place and the subgoal `(S,)`, if there is one.

    `view`: of that state, where it has been drawn already.
    Where the camera moves along with the body, no place in the world has a place in the picture: nothing is drawn in.
    """
    view = world.frame("people", state=path[-1]) if view is None else view
    frame = Image.fromarray(view).convert("RGBA")
    if not has_places(world, path[-1]):
        return frame.convert("RGB")
    layer = Image.new("RGBA", (SIZE * _SHARP, SIZE * _SHARP))
    pen = ImageDraw.Draw(layer)

    def place(states: np.ndarray) -> list[tuple[float, float]]:
        return [(x * _SHARP, y * _SHARP) for x, y in world.pixels(world.located(states), "people", SIZE).reshape(-1, 2)]

    way, (here,) = place(path), place(path[-1:])
    if len(way) > 1:
        pen.line(way, fill=(255, 255, 255, 170), width=5 * _SHARP, joint="curve")
        pen.line(way, fill=(*PATH, 255), width=3 * _SHARP, joint="curve")
    ring(pen, place(goal[None])[0], 9, GOAL, _SHARP)
    if subgoal is not None:
        there = place(subgoal[None])[0]
        pen.line([here, there], fill=(*SUBGOAL, 150), width=2 * _SHARP)
        diamond(pen, there, 7, SUBGOAL, _SHARP)
    layer = layer.resize((SIZE, SIZE), Image.Resampling.BOX)
    return Image.alpha_composite(frame, layer).convert("RGB")


def has_places(world: World, state: np.ndarray) -> bool:
    """Whether what has to reach the goal has a place in the pictures of this world, in `state (S,)` and in others."""
    return bool(np.isfinite(world.located(state)).all())


def data_uri(image: Image.Image) -> str:
    """An image as a data URI (WebP)."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=70, method=6)
    return _uri(buffer.getvalue())


def _uri(content: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(content).decode()


def ring(pen: ImageDraw.ImageDraw, centre: Sequence[float], radius: float, colour: tuple, sharp: int) -> None:
    """Draws a ring of `radius` pixels of a picture that is made `sharp` times as large; `centre` in the large one."""
    x, y = centre
    for width, fill in ((5 * sharp, (255, 255, 255, 230)), (3 * sharp, (*colour, 255))):
        reach = radius * sharp - (5 * sharp - width) / 2
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), outline=fill, width=width)


def diamond(pen: ImageDraw.ImageDraw, centre: Sequence[float], size: float, colour: tuple, sharp: int) -> None:
    """Draws a diamond, likewise."""
    x, y = centre
    for reach, fill in (((size + 2) * sharp, (255, 255, 255, 240)), (size * sharp, (*colour, 255))):
        pen.polygon([(x - reach, y), (x, y - reach), (x + reach, y), (x, y + reach)], fill=fill)
