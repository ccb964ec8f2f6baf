"""Training curves: which of them there are, and what each one says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from housecat.report.charts import curves

Metrics = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A chart with what it shows."""

    title: str
    text: str  # one sentence
    svg: str


def training_figures(metrics: Metrics) -> list[Figure]:
    """The figures for which `metrics.jsonl` has numbers; measurements are on recordings held out from training."""
    makers: list[Callable[[Metrics], Figure | None]] = [_losses, _probes, _open_loop, _spread, _rank]
    return [figure for make in makers if (figure := make(metrics)) is not None]


def _losses(metrics: Metrics) -> Figure | None:
    found = {key: key.removeprefix("loss/").replace("_", " ") for key in _keys(metrics) if key.startswith("loss/")}
    positive = all(line[key] > 0 for line in metrics for key in found if key in line)
    return _figure("Losses", "What training minimises, term by term, as weighted.", metrics, found, log=positive)


def _probes(metrics: Metrics) -> Figure | None:
    found = {key: key.partition("probe_")[2].replace("_", " ") for key in _keys(metrics) if "/probe_" in key}
    text = "R² of a linear probe of the simulator's state: 1 means that the latent tells it exactly."
    return _figure("What the latent knows", text, metrics, found)


def _open_loop(metrics: Metrics) -> Figure | None:
    found = {key: "imagined" for key in _keys(metrics) if key.endswith("/open_loop_ratio")}
    text = "Error after the whole horizon as a share of that of copying the last latent (dashed): lower is better."
    return _figure("Imagination", text, metrics, found, log=True, level=1.0)


def _spread(metrics: Metrics) -> Figure | None:
    found = {key: key.rpartition("_")[2] for key in _keys(metrics) if key.endswith(("/std_mean", "/std_min"))}
    names = {"mean": "mean", "min": "smallest"}
    text = "Standard deviation of the latent's dimensions: at 0 a dimension says nothing."
    return _figure("Spread", text, metrics, {key: names[name] for key, name in found.items()}, from_zero=True)


def _rank(metrics: Metrics) -> Figure | None:
    found = {key: "rank" for key in _keys(metrics) if key.endswith("/rank")}
    text = "Effective rank: how many directions of the latent space are in use."
    return _figure("Rank", text, metrics, found, from_zero=True)


def _keys(metrics: Metrics) -> list[str]:
    """All keys with a number behind them, in the order in which they first appear."""
    return list(dict.fromkeys(key for line in metrics for key, value in line.items() if value is not None))


def _figure(title: str, text: str, metrics: Metrics, series: dict[str, str], **axis: Any) -> Figure | None:
    if not series:
        return None
    name = "training-" + title.lower().replace(" ", "-")
    return Figure(title, text, curves(name, f"{title} over training", metrics, series, **axis))
