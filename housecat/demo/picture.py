"""What the camera sees beside what it shall see, with the imagined path, the subgoal and the goal drawn into both."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from envs.world import World
from housecat.demo.session import Moment
from housecat.report.videos import GOAL, PATH, SIZE, SUBGOAL, diamond, ring

_SHARP = 2  # the drawing is made this much larger and averaged
_GAP, _LINE = 8, 22  # pixels between the pictures, and below them for words
_INK, _PAPER = (40, 44, 52), (255, 255, 255)


def beside(world: World, seen: Moment, view: np.ndarray | None = None, goal: np.ndarray | None = None) -> Image.Image:
    """Both pictures in one. `view`, `goal`: (h, w, 3) uint8 instead of what the player sees, of the same place."""
    sheet = Image.new("RGB", (2 * SIZE + _GAP, SIZE + _LINE), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    marks = _marks(world, seen)
    here = "you steer" if seen.by_hand else f"step {seen.step}" + ", at the goal" * seen.reached
    frames = (seen.frame if view is None else view, here), (seen.goal if goal is None else goal, "goal")
    for place, (frame, words) in enumerate(frames):
        left = place * (SIZE + _GAP)
        large = Image.fromarray(frame).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        large.paste(marks, mask=marks)
        sheet.paste(large, (left, 0))
        pen.text((left + 2, SIZE + 3), words, _INK, font)
    return sheet


def _marks(world: World, seen: Moment) -> Image.Image:
    """Path, subgoal and goal on nothing: RGBA."""
    layer = Image.new("RGBA", (SIZE * _SHARP, SIZE * _SHARP))
    pen = ImageDraw.Draw(layer)
    way, aim, subgoal = (
        [tuple(one) for one in world.pixels(places, "people", SIZE * _SHARP).tolist()] if len(places) else []
        for places in (seen.path, seen.aim, seen.subgoal)
    )
    if len(way) > 1:
        pen.line(way, (255, 255, 255, 170), 5 * _SHARP, "curve")
        pen.line(way, (*PATH, 255), 3 * _SHARP, "curve")
    for one in aim:
        ring(pen, one, 9, GOAL, _SHARP)
    for one in subgoal:
        diamond(pen, one, 6, SUBGOAL, _SHARP)
    return layer.resize((SIZE, SIZE), Image.Resampling.BOX)
