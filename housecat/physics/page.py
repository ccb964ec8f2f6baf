"""`physics.html`: pairs as videos over the curve of surprise, accuracy by property, probes by layer; self-contained."""

from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from PIL import Image, ImageDraw

from envs.physics.clips import ClipPair
from envs.physics.scenario import DT
from housecat.report.charts import INK, SERIES, draw
from housecat.report.page import template
from housecat.report.videos import Video, animated

_SIDE, _GAP, _HEIGHT = 168, 8, 84  # pixels of a picture, between the two, and of the curves under them
_CAN, _CANNOT, _FAINT, _PAPER = (33, 118, 196), (214, 69, 48), (205, 209, 215), (255, 255, 255)
_SLOWER = 2.0  # than it happened


def film(pair: ClipPair, seen: dict[str, Any], ahead: int) -> Video:
    """A pair side by side, possible left, over the surprise of the trained network; `seen`: of its property."""
    curves = [np.array(seen[side]["trained"][0]) for side in ("possible", "impossible")]
    every = np.concatenate(curves)
    span = float(every.min()), float(np.ptp(every)) or 1.0
    length = min(len(pair.possible), len(pair.impossible))
    frames = [_picture(pair, curves, span, now, length) for now in range(length)]
    still = length // 2 if pair.at is None else min(pair.at + 2 * ahead, length - 1)
    return animated(frames, [round(1000 * DT * _SLOWER)] * length, still)


def _picture(
    pair: ClipPair, curves: Sequence[np.ndarray], span: tuple[float, float], now: int, length: int
) -> Image.Image:
    width = 2 * _SIDE + _GAP
    sheet = Image.new("RGB", (width, _SIDE + _GAP + _HEIGHT), _PAPER)
    for index, clip in enumerate((pair.possible, pair.impossible)):
        shown = Image.fromarray(clip[now]).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
        sheet.paste(shown, (index * (_SIDE + _GAP), 0))
    pen, top, base = ImageDraw.Draw(sheet), _SIDE + _GAP, _SIDE + _GAP + _HEIGHT - 6

    def across(frame: float) -> float:
        return 4 + (width - 8) * frame / max(1, length - 1)

    if pair.at is not None:
        pen.line([(across(pair.at), top), (across(pair.at), base)], fill=_FAINT, width=2)
    pen.line([(across(0), base), (across(length - 1), base)], fill=_FAINT)
    for curve, colour in zip(curves, (_CAN, _CANNOT), strict=True):
        first = length - len(curve)
        heights = base - 3 - (base - top - 8) * (curve - span[0]) / span[1]
        points = [(across(first + index), height) for index, height in enumerate(heights.tolist())]
        pen.line(points, fill=tuple((255 + part) // 2 for part in colour), width=1)
        if now > first:
            pen.line(points[: now - first + 1], fill=colour, width=3)
    pen.line([(across(now), top), (across(now), base)], fill=(90, 96, 105))
    return sheet


def render(found: dict[str, Any], films: dict[str, Video]) -> str:
    """The page as HTML; `found`: content of `physics.json`, `films`: a pair of each property."""
    return template("housecat.physics").render(
        style=Markup((resources.files("housecat.report") / "style.css").read_text(encoding="utf-8")),
        found=found,
        films=films,
        verdict=verdict(found),
        told=[name for name, one in found["properties"].items() if one["known"]],
        accuracy=Markup(accuracy(found)),
        layers=Markup(layers(found)) if found["probes"] else None,
    )


def verdict(found: dict[str, Any]) -> str:
    """The page's first sentence."""
    told, every = sum(one["known"] for one in found["properties"].values()), len(found["properties"])
    share = 100 * float(np.mean([one["accuracy"] for one in found["properties"].values()]))
    known = f"knows {told} of {every} properties"
    return f"{found['subject']} is surprised more by what cannot be in {share:.0f} % of the pairs, and {known}."


def accuracy(found: dict[str, Any]) -> str:
    """Share of pairs by property with its interval, methods as dots, controls as small marks."""

    def paint(axes: Axes) -> None:
        names, trained = list(found["properties"]), list(dict.fromkeys(run["method"] for run in found["runs"]))
        rows = [*trained, *(one for one in found["controls"] if one not in trained)]
        for row, who in enumerate(rows):
            control = who not in trained
            marker, colour = ("|_x+1"[row % 5], INK) if control else ("o", SERIES[row % len(SERIES)])
            for place, name in enumerate(names):
                one, y = found["properties"][name]["entrants"][who], len(names) - place - 0.7 * (row / len(rows) - 0.3)
                low, value, high = (100 * one[key] for key in ("low", "accuracy", "high"))
                axes.plot([low, high], [y, y], color=colour, linewidth=1 if control else 2, alpha=0.6)
                label = who if place == 0 else None
                axes.plot(value, y, marker, color=colour, ms=6 if control else 7, label=label, linestyle="")
        axes.axvline(50, color=INK, linestyle=(0, (4, 3)), linewidth=1)
        axes.set_yticks(range(len(names), 0, -1), names)
        axes.set_xlim(-2, 102)
        axes.set_xlabel("pairs in which the impossible clip surprises more, %; lines: 95 % intervals")
        axes.grid(visible=False, axis="y")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=1)

    return draw("accuracy", "Share of pairs told by property", paint, (7.4, 0.55 * len(found["properties"]) + 1.2))


def layers(found: dict[str, Any]) -> str:
    """R2 by layer of the first method, trained and untrained, a line for each quantity."""
    subject = found["subject"]

    def paint(axes: Axes) -> None:
        for index, (quantity, told) in enumerate(found["probes"].items()):
            for who, style in ((subject, "-"), (f"{subject} untrained", ":")):
                values = [max(0.0, one["value"]) for one in told[who].values()]
                label = quantity if style == "-" else None
                colour = [*SERIES, INK][index % 6]
                axes.plot(list(told[who]), values, linestyle=style, marker="o", ms=4, color=colour, label=label)
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("R² on values never fitted on (below 0 drawn as 0)")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))

    return draw("layers", "What can be read of each layer", paint, (7.4, 3.4))
