"""The drawings of `bench.html`: success against model calls, and performance profiles."""

from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes

from housecat.report.charts import SERIES, draw

Rows = Sequence[dict[str, Any]]  # of one planner, as in `bench.json`
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)))
_SIZE = (5.4, 3.4)


def against_calls(planner: str, rows: Rows) -> str:
    """Success, its interquartile mean over runs, by model calls; a line for each optimiser."""

    def paint(axes: Axes) -> None:
        for some, look in _lines(rows):
            some = sorted(some, key=lambda one: one["calls"])
            axes.plot([one["calls"] for one in some], [100 * one["iqm"] for one in some], marker="o", ms=4, **look)
        axes.set_xscale("log", base=2)
        ticks = sorted({one["calls"] for one in rows})
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        _label(axes, "model calls that a plan may take", "success, %")

    return draw(f"calls-{planner}", f"Success of {planner} against model calls", paint, _SIZE)


def profiles(planner: str, rows: Rows, thresholds: Sequence[float]) -> str:
    """Share of the runs that solve at least so many pairs, at one budget; a line for each optimiser."""

    def paint(axes: Axes) -> None:
        for (one,), look in _lines(rows):
            shares = [100 * share for share in one["profile"]]
            axes.step([100 * at for at in thresholds], shares, where="pre", **look)
        _label(axes, "success of a run, %, at least", "share of the runs, %")

    return draw(f"profile-{planner}", f"Performance profile of {planner}", paint, _SIZE)


def _lines(rows: Rows) -> Iterator[tuple[Rows, dict[str, Any]]]:
    """The rows of each optimiser, and how their line looks."""
    for index, name in enumerate(dict.fromkeys(one["optimizer"] for one in rows)):
        dashes = _DASHES[index // len(SERIES) % len(_DASHES)]
        look = {"color": SERIES[index % len(SERIES)], "linestyle": dashes, "label": name}
        yield [one for one in rows if one["optimizer"] == name], look


def _label(axes: Axes, across: str, up: str) -> None:
    axes.set_ylim(-2, 102)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=2.4, labelspacing=0.3)
