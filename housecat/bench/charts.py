"""The drawings of `bench.html`: success against model calls, and performance profiles."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from housecat.report.charts import SERIES, draw

_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)))
_SIZE = (5.4, 3.4)


def against_calls(planner: str, rows: Sequence[dict[str, Any]]) -> str:
    """Success of one planner, its interquartile mean over worlds, by model calls; a line for each optimiser."""

    def paint(axes: Axes) -> None:
        for index, name in enumerate(names_of(rows)):
            some = sorted((one for one in rows if one["optimizer"] == name), key=lambda one: one["calls"])
            colour, dashes = look(index)
            calls = [one["calls"] for one in some]
            axes.plot(calls, [100 * one["iqm"] for one in some], ls=dashes, color=colour, marker="o", ms=4, label=name)
            if index < 2:  # the intervals of all would cover each other
                low, high = ([100 * one["interval"][end] for one in some] for end in (0, 1))
                axes.fill_between(calls, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.set_xscale("log", base=2)
        ticks = sorted({one["calls"] for one in rows})
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("model calls that a plan may take")
        _percent(axes, "success, %")

    return draw(f"calls-{planner}", f"Success of {planner} against model calls", paint, _SIZE)


def profiles(planner: str, rows: Sequence[dict[str, Any]], thresholds: Sequence[float]) -> str:
    """Share of one planner's runs that solve at least so many pairs; a line for each optimiser, at one budget."""

    def paint(axes: Axes) -> None:
        for index, name in enumerate(names_of(rows)):
            colour, dashes = look(index)
            for one in (one for one in rows if one["optimizer"] == name):
                shares = [100 * share for share in one["profile"]]
                axes.step([100 * at for at in thresholds], shares, where="pre", ls=dashes, color=colour, label=name)
        axes.set_xlabel("success of a run, %, at least")
        _percent(axes, "share of the runs, %")

    return draw(f"profile-{planner}", f"Performance profile of {planner}", paint, _SIZE)


def names_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The optimisers of these rows, in their order."""
    return list(dict.fromkeys(one["optimizer"] for one in rows))


def look(index: int) -> tuple[str, Any]:
    """Colour and dashes of a line."""
    return SERIES[index % len(SERIES)], _DASHES[index // len(SERIES) % len(_DASHES)]


def _percent(axes: Axes, text: str) -> None:
    axes.set_ylim(-2, 102)
    axes.set_ylabel(text)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=2.4, labelspacing=0.3)
