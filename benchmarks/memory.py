"""By how much collect, train and evaluate grow in memory over the last half of a run: nothing may pile up.

    python benchmarks/memory.py [episodes=2000] [updates=3000] [pairs=600] [model.width=... any setting ...]

Each command runs in one process; its resident memory is read whenever its progress bar moves. What is compared are the
medians of the tenth of the run around its middle and of the last tenth; where a run is so short that its bar shows
nothing in such a tenth, the reading next to it.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import RESULTS, ROOT, sizes, write

_BAR = re.compile(rb"(\w+): +(\d+)%\|")


def main(arguments: Sequence[str] = (), results: Path = RESULTS) -> None:
    """Run the three commands one after another and write down what they took."""
    size, settings = sizes(arguments, episodes=2000, updates=3000, pairs=600)
    trained = [f"train.updates={size['updates']}", "train.measure_every=10000000", "train.save_every=100"]
    played = [f"episodes={size['pairs']}", "evaluate.horizons=[8]", "evaluate.timing_steps=0", "workers=1"]
    with tempfile.TemporaryDirectory() as folder:
        data, run = f"{folder}/data", f"{folder}/run"
        lines = {
            "collect": ["world=umaze", f"out={data}", f"episodes={size['episodes']}", "collect.steps=20", "workers=1"],
            "train": [f"data={data}", f"out={run}", *trained, *(one for one in settings if not _plays(one))],
            "evaluate": [f"checkpoint={run}", *played, *(one for one in settings if _plays(one))],
        }
        write("memory", {name: growth(name, line) for name, line in lines.items()}, results)


def growth(command: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Resident memory of a command around the middle and at the end, MB, and by what share it grew in between."""
    process = subprocess.Popen(
        [sys.executable, "-m", "housecat", command, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TQDM_MININTERVAL": "0.05"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    taken: dict[int, list[int]] = {}
    said = b""
    assert process.stderr is not None
    while piece := os.read(process.stderr.fileno(), 4096):
        said = (said + piece)[-4096:]
        moved = [int(percent) for name, percent in _BAR.findall(piece) if name.decode() == command]
        if moved:
            taken.setdefault(moved[-1], []).append(_resident(process.pid))
    if process.wait():
        raise SystemExit(said.decode(errors="replace"))
    middle, end = (_median(taken, *bounds) for bounds in ((45, 55), (90, 100)))
    print(
        f"{command}: {middle / 1e6:.1f} MB half-way, {end / 1e6:.1f} MB at the end: {end / middle - 1:+.2%}", flush=True
    )
    return {"half_way_mb": round(middle / 1e6, 1), "end_mb": round(end / 1e6, 1), "growth": round(end / middle - 1, 5)}


def _resident(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _median(taken: dict[int, list[int]], low: int, high: int) -> float:
    found = [one for percent, some in taken.items() if low <= percent <= high for one in some]
    nearest = min(taken, key=lambda percent: abs(percent - (low + high) / 2), default=0)
    if not found and abs(nearest - (low + high) / 2) > 30:
        raise SystemExit(f"the progress bar showed nothing near {low} to {high} %: ask for a longer run")
    return statistics.median(found or taken[nearest])


def _plays(argument: str) -> bool:
    return argument.startswith(("planner.", "evaluate."))


if __name__ == "__main__":
    main(sys.argv[1:])
