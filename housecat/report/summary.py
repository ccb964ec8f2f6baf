"""The results of a run as a few lines of text."""

from pathlib import Path
from typing import Any

from housecat.evaluation.results import read_results
from housecat.report.columns import aligned
from housecat.report.words import asked_for, in_trouble, recommended


def summary(run: Path) -> str:
    """A table of the planners, and where the report is."""
    results = read_results(run / "results.json")
    titles = ("planner", "success", "95 % interval", "steps", "SPL", "ms a step")
    rows = [titles, *(_row(name, numbers) for name, numbers in results["planners"].items())]
    title = f"world '{results['world']}', {next(iter(results['planners'].values()))['episodes']} start-goal pairs"
    told = asked_for(results) + in_trouble(results)
    return "\n".join(["", title, *told, *aligned(rows), *recommended(results), "", f"report: {run / 'report.html'}"])


def _row(name: str, numbers: dict[str, Any]) -> tuple[str, ...]:
    low, high = numbers["interval"]
    time = numbers["plan_ms"]
    return (
        name,
        f"{numbers['success']:.0%}",
        f"{low:.0%} to {high:.0%}",
        "-" if numbers["steps"] is None else f"{numbers['steps']:.0f}",
        f"{numbers['spl']:.2f}",
        "-" if time is None else f"{time['median']:.1f}",
    )
