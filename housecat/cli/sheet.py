"""A sheet of pictures: each world as it is trained on, as people see it, at a goal, and with its factors varied."""

import io
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from envs.data.episodes import write_whole
from envs.factors import checked_ranges, sample_factors
from envs.streams import stream
from envs.world import World

_SIDE = 256  # pixels of a picture
_MARGIN = 12
_TEXT = 250  # width of the column of words
_HEAD = 34
_VARIED = 2  # examples of varied frames
_COLUMNS = ("training frame", "people's picture", "a goal, training", "a goal, people", *["factors varied"] * _VARIED)


def write_sheet(worlds: list[World], entries: list[dict[str, Any]], seed: int, file: Path) -> None:
    """Writes a PNG file with a row for each world and what `entries` say of it."""
    width = _TEXT + len(_COLUMNS) * (_SIDE + _MARGIN) + _MARGIN
    sheet = Image.new("RGB", (width, _HEAD + len(worlds) * (_SIDE + _MARGIN)), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for column, text in enumerate(_COLUMNS):
        draw.text((_left(column), 8), text, "black", font)
    for row, (world, entry) in enumerate(zip(worlds, entries, strict=True)):
        top = _HEAD + row * (_SIDE + _MARGIN)
        draw.multiline_text((_MARGIN, top), _words(entry), "black", font, spacing=5)
        for column, picture in enumerate(_pictures(world, seed)):
            sheet.paste(picture, (_left(column), top))
    content = io.BytesIO()
    sheet.save(content, format="PNG")
    write_whole(file, content.getvalue())


def _left(column: int) -> int:
    return _TEXT + _MARGIN + column * (_SIDE + _MARGIN)


def _pictures(world: World, seed: int) -> list[Image.Image]:
    rng = stream(seed, "pictures of worlds")
    pair = world.sample_pair(rng)
    frames = [world.frame(camera, state=state) for state in (pair.start, pair.goal) for camera in ("train", "people")]
    ranges = checked_ranges("all", world.factors)
    for _ in range(_VARIED):
        world.set_factors(sample_factors(ranges, rng))
        frames.append(world.frame(state=pair.start))
    world.set_factors({})
    return [Image.fromarray(frame).resize((_SIDE, _SIDE), Image.Resampling.NEAREST) for frame in frames]


def _words(entry: dict[str, Any]) -> str:
    lines = [entry["id"], entry["family"], f"{entry['action_dim']} actions, state of {entry['state_dim']}"]
    lines += _broken(f"success: {entry['success']}", 32)
    lines.append(f"{entry['max_steps']} control steps of {entry['seconds_per_step']:g} s")
    if entry["measured"] is not None:
        of = entry["measured"]["episodes"]
        lines.append(f"oracle {entry['measured']['oracle']}, random {entry['measured']['random']} of {of}")
    return "\n".join([*lines, f"{len(entry['factors'])} factors of variation"])


def _broken(text: str, width: int) -> list[str]:
    """Lines of at most so many characters."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
