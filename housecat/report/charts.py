"""Charts as inline SVG whose colours are the page's, so that they follow its light and dark theme."""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from housecat.report.words import milliseconds

# matplotlib wants colours; each of these is replaced in the SVG by the page's own.
INK, FAINT = "#010101", "#020202"
_THEME = {INK: "var(--ink)", FAINT: "var(--line)"}
PLANNER_COLOURS = {
    "random": "#030301",
    "flat_latent": "#030302",
    "flat_distance": "#030303",
    "hierarchy": "#030304",
    "hjepa": "#030305",
    "sampled": "#030306",
    "three_levels": "#030307",
    "configured": "#030308",
}
_THEME |= {colour: f"var(--{name})" for name, colour in PLANNER_COLOURS.items()}
SERIES = ["#040401", "#040402", "#040403", "#040404", "#040405"]
_THEME |= {colour: f"var(--series{index})" for index, colour in enumerate(SERIES)}


def style_of(ink: str, line: str) -> dict[str, Any]:
    """matplotlib's settings for texts and lines in these colours."""
    inked = dict.fromkeys(("axes.labelcolor", "xtick.color", "ytick.color", "text.color"), ink)
    absent = dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False)
    ticks = {"xtick.major.size": 0, "ytick.major.size": 0, "axes.edgecolor": line}
    grid = {"axes.grid": True, "axes.axisbelow": True, "grid.color": line, "grid.linewidth": 0.6}
    return {**inked, **absent, **ticks, **grid, "legend.fontsize": 8.5, "lines.linewidth": 1.8}


_STYLE: Any = {
    **style_of(INK, FAINT),
    "font.size": 9,
    "svg.fonttype": "none",  # text stays text: sharp, selectable, in the page's font
    "lines.solid_capstyle": "round",
}
_SIZE = (3.9, 2.5)  # inches; as wide as a phone's screen in points
_WIDE = (5.4, 3.0)


def colour_of(planner: str) -> str:
    """The colour of a planner in every chart."""
    return PLANNER_COLOURS.get(planner, INK)


def draw(name: str, label: str, paint: Callable[[Axes], None], size: tuple[float, float] = _SIZE) -> str:
    """An SVG of what `paint` draws; `name` is unique in the page, `label` is read out to those who do not see it."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure.add_subplot())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg))
    svg = re.sub(r'(id="|xlink:href="#|href="#|url\(#)', rf"\1{name}-", svg)  # one page, many SVGs
    for colour, variable in _THEME.items():
        svg = svg.replace(colour, variable)
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def by_distance(results: dict[str, Any], label: Callable[[str], str]) -> str:
    """Success with its interval in each stratum of distance, one mark a planner."""

    def paint(axes: Axes) -> None:
        planners = results["planners"]
        spread = 0.6 / max(1, len(planners) - 1)
        for place, (name, found) in enumerate(planners.items()):
            strata = found["strata"]
            x = [index - 0.3 + place * spread for index in range(len(strata))]
            y = [100 * one["success"] for one in strata]
            below = [value - 100 * one["interval"][0] for value, one in zip(y, strata, strict=True)]
            above = [100 * one["interval"][1] - value for value, one in zip(y, strata, strict=True)]
            axes.errorbar(
                x, y, [below, above], fmt="o", color=colour_of(name), markersize=6, elinewidth=1.4, label=label(name)
            )
        first = next(iter(planners.values()))["strata"]
        unit = results["pairs"]["unit"]
        axes.set_xticks(range(len(first)), [f"{one['low']:.1f}–{one['high']:.1f}" for one in first])
        axes.set_ylim(-4, 104)
        axes.set_ylabel("success, %")
        axes.set_xlabel(f"true distance from start to goal, {unit}")
        axes.grid(visible=False, axis="x")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=4, columnspacing=1.2, handletextpad=0.2)

    return draw("by-distance", "Success of each planner by distance of the goal", paint, _WIDE)


def timing(results: dict[str, Any], label: Callable[[str], str]) -> str:
    """Median and 95th percentile of a control step, one bar a planner."""

    def paint(axes: Axes) -> None:
        timed = {name: found["plan_ms"] for name, found in results["planners"].items() if found["plan_ms"]}
        for place, (name, found) in enumerate(timed.items()):
            axes.barh(place, found["median"], height=0.5, color=colour_of(name))
            axes.plot([found["median"], found["p95"]], [place, place], color=INK, linewidth=1.2)
            axes.plot([found["p95"]], [place], "|", color=INK, markersize=8)
            text, end = milliseconds(found["median"]), (found["p95"], place)
            axes.annotate(text, end, (5, 0), textcoords="offset points", va="center", fontsize=9)
        axes.set_yticks(range(len(timed)), [label(name) for name in timed])
        axes.margins(x=0.2)
        axes.set_xlim(left=0)
        axes.set_xlabel("milliseconds a control step: median, line to the 95th percentile")
        axes.grid(visible=False, axis="y")

    return draw("timing", "Time of a control step of each planner", paint, _WIDE)


def curves(
    name: str,
    label: str,
    metrics: Sequence[dict[str, Any]],
    series: dict[str, str],
    log: bool = False,
    level: float | None = None,
    from_zero: bool = False,
) -> str:
    """Curves over training updates.

    Args:
        series: key in the metrics -> name in the legend.
        log: logarithmic axis, for what spans orders of magnitude and is positive.
        level: a value to compare with, drawn as a dashed line.
        from_zero: the axis begins at 0, for what is judged by its size.
    """

    def paint(axes: Axes) -> None:
        for colour, (key, text) in zip(SERIES * 4, series.items(), strict=False):
            points = [(line["step"], line[key]) for line in metrics if line.get(key) is not None]
            marker = "o" if len(points) == 1 else None
            axes.plot(*zip(*points, strict=True), color=colour, label=text, marker=marker)
        if level is not None:
            axes.axhline(level, color=INK, linestyle=(0, (4, 3)), linewidth=1)
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.yaxis.set_minor_locator(NullLocator())
        if from_zero:
            axes.set_ylim(bottom=0)
        axes.set_xlabel("training updates")
        if len(series) > 1:
            axes.legend(loc="best", handlelength=1.2, labelspacing=0.25)

    return draw(name, label, paint)
