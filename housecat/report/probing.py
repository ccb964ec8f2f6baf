"""One picture of what `probe.json` says."""

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from envs.data.episodes import write_whole
from housecat.report.charts import style_of

COLOURS = ("#0b8f7d", "#8b919a", "#3f6fe0", "#c2691a", "#9a5fd6", "#c8453a", "#5d6672", "#1a9a55")
QUANTITIES = ("#0b8f7d", "#3f6fe0", "#c2691a", "#9a5fd6", "#c8453a", "#1b2129", "#8a7a1c", "#1a9a55")
INK, SOFT, LINE = "#1b2129", "#5d6672", "#dedbd4"
_STYLE: Any = {
    **style_of(INK, LINE),
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
}


def draw_probe(found: dict[str, Any], path: Path) -> None:
    """Writes the picture of `found`, as `housecat.diagnosis.probe` documents it, to a PNG file."""
    imagines = found["open_loop"] is not None
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(13, 13 if imagines else 9), layout="constrained", facecolor="#ffffff")
        FigureCanvasAgg(figure)
        rows: Any = figure.subfigures(4 if imagines else 2, 1, height_ratios=[1, 1, 1, 0.95] if imagines else [1, 1])
        figure.suptitle(
            f"{found['method']} in world {found['world']}: {found['recordings']['judged']} recordings held out",
            x=0.01,
            ha="left",
            fontsize=14,
            fontweight="bold",
        )
        _sources(rows[0].subplots(), found["probes"])
        left, middle = rows[1].subplots(1, 2, width_ratios=[2.2, 1])
        _layers(left, found["probes"]["trained"])
        _spread(middle, found["latent"])
        if imagines:
            first, second = rows[2].subplots(1, 2)
            _latent_error(first, found["open_loop"])
            _physical_error(second, found["open_loop"], list(found["probes"]["trained"]["latent"]))
            _landscapes(rows[3], found["landscape"])
        content = io.BytesIO()
        figure.savefig(content, dpi=110)
        write_whole(path, content.getvalue())


def _sources(axes: Axes, probes: dict[str, Any]) -> None:
    """Bars: linear probes of each source's last layer; diamonds: nonlinear ones; ticks: with 100 labels."""
    quantities = list(next(iter(probes["trained"].values())))
    width = 0.8 / len(probes)
    lowest = 0.0
    for place, (source, layers) in enumerate(probes.items()):
        scores = layers[next(reversed(layers))]
        colour = COLOURS[place % len(COLOURS)]
        for at, name in enumerate(quantities):
            x, one = at - 0.4 + (place + 0.5) * width, scores[name]
            if one["linear"] is None:
                continue
            value, low, high = (one["linear"][key] for key in ("value", "low", "high"))
            axes.bar(x, max(value, 0), width * 0.86, color=colour, alpha=0.85, label=source if at == 0 else None)
            axes.plot([x, x], [max(low, 0), max(high, 0)], color=INK, linewidth=1.2)
            axes.plot(x, max(one["attentive"]["value"], 0), "D", color="white", markeredgecolor=INK, markersize=5)
            axes.plot(x, max(one["few"]["mean"], 0), "_", color=INK, markersize=13, markeredgewidth=2)
            lowest = min(lowest, value)
    axes.plot([], [], "D", color="white", markeredgecolor=INK, markersize=5, label="nonlinear probe")
    axes.plot([], [], "_", color=INK, markersize=13, markeredgewidth=2, label="linear, 100 labels")
    axes.set_xticks(range(len(quantities)), [name.replace("_", " ") for name in quantities])
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("R² (below 0 drawn as 0)")
    axes.grid(visible=False, axis="x")
    axes.set_title("What the latent knows: linear probes, 95 % intervals over recordings", pad=24)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=6, handlelength=1.2, columnspacing=1.2)


def _layers(axes: Axes, layers: dict[str, Any]) -> None:
    names = list(layers)
    for colour, quantity in zip(QUANTITIES, layers[names[0]], strict=False):
        for kind, style in (("linear", "-o"), ("attentive", "--D")):
            values = [
                np.nan if layers[n][quantity][kind] is None else layers[n][quantity][kind]["value"] for n in names
            ]
            label = quantity.replace("_", " ") if kind == "linear" else None
            axes.plot(names, np.maximum(values, 0), style, color=colour, markersize=4.5, label=label)
    axes.set_ylim(-0.03, 1.05)
    axes.set_ylabel("R²")
    axes.set_title("Where in the network: linear (solid) and attentive probes (dashed)", pad=24)
    if layers[names[0]]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=8, handlelength=1.2, borderaxespad=0)
    else:
        axes.text(0.5, 0.5, "the recordings do not know states", transform=axes.transAxes, ha="center", color=SOFT)


def _spread(axes: Axes, latent: dict[str, Any]) -> None:
    spread = np.sort(latent["std"])[::-1]
    axes.bar(np.arange(len(spread)), spread, width=1.0, color=COLOURS[0], alpha=0.85)
    axes.set_xlabel("dimensions of the latent, sorted")
    axes.set_ylabel("standard deviation")
    axes.grid(visible=False, axis="x")
    straight = "" if latent["straightness"] is None else f", straightness {latent['straightness']:.2f}"
    axes.set_title(f"Rank {latent['rank']:.1f} of {latent['dimensions']}{straight}")


def _latent_error(axes: Axes, loop: dict[str, Any]) -> None:
    steps = np.arange(1, loop["horizon"] + 1)
    copied = np.maximum(loop["latent"]["copied"], 1e-12)
    for name, colour, text in (("imagined", COLOURS[0], "imagined"), ("shuffled", COLOURS[3], "with shuffled actions")):
        axes.plot(steps, np.array(loop["latent"][name]) / copied, color=colour, label=text)
    axes.axhline(1, color=SOFT, linestyle="--", linewidth=1.2, label="copied")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    axes.tick_params(axis="y", which="minor", size=0)
    axes.set_xlabel("control steps imagined")
    axes.set_title("Squared latent error, as a share of copying's")
    axes.legend()


def _physical_error(axes: Axes, loop: dict[str, Any], quantities: list[str]) -> None:
    steps = np.arange(1, loop["horizon"] + 1)
    for name, one in loop["physical"].items():
        colour = QUANTITIES[quantities.index(name) % len(QUANTITIES)]
        moved = np.array(one["moved"])
        axes.plot(steps, one["error"]["imagined"] / moved, color=colour, label=name.replace("_", " "))
        axes.plot(steps, one["error"]["read"] / moved, color=colour, linestyle=":", linewidth=1.4)
    axes.axhline(1, color=SOFT, linestyle="--", linewidth=1.2)
    axes.set_ylim(0, 1.6)
    axes.set_xlabel("control steps imagined")
    axes.set_title("Error as a share of the distance moved (dotted: the probe alone)")
    if not loop["physical"]:
        axes.text(0.5, 0.5, "nothing moves far enough", transform=axes.transAxes, ha="center", color=SOFT)
    else:
        axes.legend(ncols=2)


def _landscapes(figure: Any, landscapes: list[dict[str, Any]]) -> None:
    figure.suptitle("Energy over the first action", x=0.01, ha="left", fontsize=11, fontweight="bold")
    finest = [one for one in landscapes if one["cells"] == max(other["cells"] for other in landscapes)]
    shown = [(one, example) for one in finest for example in one["examples"][: 4 // len(finest)]]
    for axes, (one, example) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        energy, grid, true = np.array(example["energy"]), np.array(one["grid"]), example["true"]
        if len(energy) == 1:
            axes.plot(grid, energy[0], color=COLOURS[0])
            axes.axvline(true[0], color=COLOURS[5], linestyle="--", label="true action")
        else:
            half = (grid[1] - grid[0]) / 2
            box = (-1 - half, 1 + half, -1 - half, 1 + half)
            axes.imshow(np.log(energy + 1e-12), origin="lower", extent=box, cmap="viridis", aspect="equal")
            row, column = np.unravel_index(energy.argmin(), energy.shape)
            axes.plot(grid[column], grid[row], "s", color="white", markersize=11, fillstyle="none")
            axes.plot(*true, "x", color="#ff4d6d", markersize=10, markeredgewidth=2.5)
        axes.grid(visible=False)
        axes.set_xlabel("first number of the action")
        rate = one["within_one_cell"]
        axes.set_title(
            f"{one['steps']} step{'s' * (one['steps'] > 1)} ahead: {rate['value']:.0%} within a cell\n"
            f"({rate['low']:.0%} to {rate['high']:.0%}; chance {one['chance']:.0%})",
            fontsize=9.5,
            fontweight="normal",
        )
    figure.supxlabel("dark: low; square: the minimum; cross: the action that was taken", fontsize=9, color=SOFT)
