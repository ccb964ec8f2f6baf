"""One self-contained page about an evaluated run: numbers, videos, the latent graph, training curves.

It shows what the files of the run folder hold and computes nothing of its own.
"""

from pathlib import Path

from housecat.files import write_text
from housecat.report.inputs import read_run
from housecat.report.page import render


def write_report(run: Path) -> Path:
    """Writes `report.html` into the run folder and returns its path.

    Raises ReportError: the folder holds no evaluation, or a damaged one.
    """
    target = run / "report.html"
    write_text(target, render(read_run(run)))
    return target
