"""Writes what a benchmark has measured to `benchmarks/results/`, where the documents take their figures from."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from housecat.files import write_json
from housecat.runs.folder import provenance

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def sizes(arguments: Sequence[str], **usual: int) -> tuple[dict[str, int], list[str]]:
    """How large a benchmark is, by name, and the arguments that say nothing of it.

    Args:
        usual: sizes where `name=number` is not among the arguments.
    """
    found, others = dict(usual), []
    for argument in arguments:
        name, _, number = argument.partition("=")
        if name not in usual:
            others.append(argument)
        elif not number.isdecimal() or int(number) < 1:
            raise SystemExit(f"{name} must be a whole number of at least 1, got '{number}'")
        else:
            found[name] = int(number)
    return found, others


def write(name: str, found: dict[str, Any], results: Path = RESULTS) -> Path:
    """Writes `results/NAME.json`: where the figures are from, see `housecat.runs.folder.provenance`, and the figures.

    What `found` itself says of its origin (another machine, an earlier commit) wins. ValueError for NaN and infinities.
    """
    script = Path(sys.argv[0]).resolve()
    program = script.relative_to(ROOT).as_posix() if script.is_relative_to(ROOT) else script.name
    path = results / f"{name}.json"
    write_json(path, {**provenance(shlex.join(["python", program, *sys.argv[1:]])), **found})
    print(f"written to {path}; python benchmarks/documents.py puts it into the documents")
    return path
