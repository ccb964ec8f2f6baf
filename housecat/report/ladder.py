"""One picture of a diagnosis: how many goals each player of the ladder reaches, and what each part loses."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from envs.data.episodes import write_whole
from housecat.report.charts import style_of
from housecat.report.probing import INK, LINE, SOFT
from housecat.report.words import label

_LEARNED, _TRUE, _BLAMED = "#8b919a", "#0b8f7d", "#c8453a"
_PLANNED = ("hierarchy", "flat_distance")  # in which everything is learned
_STYLE: Any = {**style_of(INK, LINE), "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold"}


def draw_ladders(models: Sequence[dict[str, Any]], path: Path) -> None:
    """Writes the picture of what `housecat/bench/diagnosing.py` documents, one model below the other."""
    sizes = [1.6 + 0.62 * len(one["players"]) for one in models]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, sum(sizes)), layout="constrained", facecolor="#ffffff")
        FigureCanvasAgg(figure)
        for axes, one in zip(
            figure.subplots(len(models), squeeze=False, height_ratios=sizes)[:, 0], models, strict=True
        ):
            _ladder(axes, one)
        content = io.BytesIO()
        figure.savefig(content, dpi=110)
        write_whole(path, content.getvalue())


def _ladder(axes: Axes, found: dict[str, Any]) -> None:
    """Bars, of what is all learned at the bottom; beside two that differ in one part, what that loses."""
    rows = {name: row for row, name in enumerate(found["players"])}
    for name, row in rows.items():
        one = found["players"][name]
        axes.barh(row, one["success"], height=0.5, color=_LEARNED if name in _PLANNED else _TRUE, alpha=0.85)
        axes.plot(one["interval"], [row, row], color=INK, linewidth=1.2)
    for part in found["parts"]:
        points, low, high = (100 * part[key] for key in ("loses", "low", "high"))
        said = f"{part['name']}: {points:+.0f} ({low:+.0f} to {high:+.0f})"
        middle = (rows[part["learned"]] + rows[part["true"]]) / 2
        axes.text(1.04, middle, said, va="center", color=_BLAMED if part["blamed"] else SOFT, clip_on=False)
    axes.set_yticks(range(len(rows)), [label(name) for name in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("goals reached, with 95 % intervals; beside them what each part loses, points of 100")
    axes.grid(visible=False, axis="y")
    axes.set_title(f"{found['model']} in world {found['world']}, {found['pairs']} pairs", loc="left", pad=12)
