"""Puts every figure of README.md and RESULTS.md there, from the JSON files in `benchmarks/results/`.

    python benchmarks/documents.py            # writes the figures anew
    python benchmarks/documents.py --check    # exit code 1, and which block, where a document says something else

A block stands between `<!-- figures: NAME -->` and `<!-- end -->`. `benchmarks.tables.BLOCKS` says which file it is
made of, and how. Below it stands which command wrote that file, from which commit, when and on which machine.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.record import RESULTS, ROOT
from benchmarks.tables import BLOCKS
from housecat.files import write_text

DOCUMENTS = ("README.md", "RESULTS.md")
BLOCK = re.compile(r"<!-- figures: ([\w-]+) -->\n(.*?)<!-- end -->", re.DOTALL)
ORIGIN = ("command", "commit", "date", "machine")  # what a file of figures must say; `benchmarks.record` writes it


def block(name: str, results: Path = RESULTS) -> str:
    """What stands in a block: its tables and where they are from, or that they have not been measured.

    Raises:
        ValueError: there is no such block, or its file does not say where its figures are from.
    """
    if name not in BLOCKS:
        raise ValueError(f"no block is called {name!r}: known are {', '.join(sorted(BLOCKS))}")
    file, tables = BLOCKS[name]
    if not (results / file).is_file():
        return f"*Not measured yet: there is no `benchmarks/results/{file}`.*\n"
    found = json.loads((results / file).read_text(encoding="utf-8"))
    missing = [key for key in ORIGIN if not found.get(key)]
    if missing:
        raise ValueError(f"{file} does not say its {' and '.join(missing)}: measure anew with a command that does")
    return f"{tables(found)}\n{origin(file, found)}\n"


def origin(file: str, found: dict[str, Any]) -> str:
    """The line below a block's tables; commits and machines are those of the trainings where these say them."""
    trainings = [one for world in found.get("worlds", {}).values() for one in world["trainings"]]
    commits = {one["commit"] for one in trainings if "commit" in one} or {found["commit"]}
    machines = {_machine(one["machine"]) for one in trainings if "machine" in one} or {found["machine"]}
    short = sorted({commit[:7] + "+changes" * commit.endswith("+changes") for commit in commits})
    measured = f"commit {', '.join(short)}, {found['date'][:10]}, {'; '.join(sorted(machines))}"
    return f"<sub>[{file}](benchmarks/results/{file}), {measured}: `{found['command']}`</sub>"


def _machine(one: str | dict[str, Any]) -> str:
    """As the manifest of a run has it, in words."""
    return one if isinstance(one, str) else ", ".join([one["processor"], f"{one['cores']} cores", *one["accelerators"]])


def rendered(text: str, results: Path = RESULTS) -> str:
    """The document with all its blocks made anew."""
    return BLOCK.sub(lambda old: f"<!-- figures: {old[1]} -->\n{block(old[1], results)}<!-- end -->", text)


def main() -> None:
    """Takes a second."""
    stale = []
    for document in DOCUMENTS:
        old = (ROOT / document).read_text(encoding="utf-8")
        new = rendered(old)
        pairs = zip(BLOCK.finditer(old), BLOCK.finditer(new), strict=True)
        stale += [f"{document}: {before[1]}" for before, after in pairs if before[2] != after[2]]
        if "--check" not in sys.argv[1:]:
            write_text(ROOT / document, new)
    print("\n".join(stale) or "all figures are those of the files")
    if stale and "--check" in sys.argv[1:]:
        sys.exit(1)


if __name__ == "__main__":
    main()
