"""`python -m tests.fuzz cases=1000 seed=0`: wrong commands and damaged files, and what became of each kind of them.

    cases=N seed=S       so many generated cases, the same for the same seed; the kept ones (corpus.json) come first
    kind=WORDS           only kinds that begin so; corpus=no leaves the kept cases out
    workers=N            processes side by side (2)
    json=FILE            writes every verdict that has a complaint there, as cases that can be kept; all=yes: every one
    replay=FILE          runs the cases of such a file instead

Exit code 1 where anything was not answered as it should be.
"""

import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.fuzz.generate import corpus, generated
from tests.fuzz.judge import Case, Verdict, Warm, judge
from tests.fuzz.materials import Materials, make

KEYS = {"cases", "seed", "kind", "corpus", "workers", "json", "all", "replay"}


def prepare(folder: Path, warm: Warm) -> Materials:
    """The materials in the new folder `folder`."""
    work = folder / "materials"
    for made in (work, folder / "home", folder / "tmp"):
        made.mkdir(parents=True)

    def run(arguments: list[str]) -> str:
        told = {"work": str(work), "seconds": 120.0}
        outcome = warm.run(folder, tuple(arguments), **told)
        assert outcome["code"] == 0, outcome["err"]
        return outcome["out"]

    return make(work, run)


def judged(cases: list[Case], warm: list[Warm], materials: Materials, folder: Path) -> Iterator[Verdict]:
    """The verdicts, in the order in which they come."""
    local, free, numbers = threading.local(), list(warm), iter(range(10**9))

    def one(case: Case) -> Verdict:
        if not hasattr(local, "warm"):
            local.warm = free.pop()
        return judge(local.warm, materials, case, folder / f"case{next(numbers)}")

    with ThreadPoolExecutor(len(warm)) as pool:
        yield from pool.map(one, cases)


def main(words: list[str]) -> int:
    """The command."""
    told = dict(word.partition("=")[::2] for word in words)
    if not set(told) <= KEYS:
        print(__doc__, file=sys.stderr)
        return 2
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fuzz-")))
        warm = [stack.enter_context(Warm()) for _ in range(int(told.get("workers", 2)))]
        materials = prepare(folder, warm[0])
        if "replay" in told:
            stored = json.loads(Path(told["replay"]).read_text(encoding="utf-8"))
            cases = [Case.read(one.get("case", one)) for one in stored]
        else:
            kind, kept = told.get("kind", ""), told.get("corpus") != "no"
            cases = [one for one in corpus() if kept and one.kind.startswith(kind)]
            cases += generated(materials, int(told.get("cases", 1000)), int(told.get("seed", 0)), kind)
        verdicts = []
        for verdict in judged(cases, warm, materials, folder):
            verdicts.append(verdict)
            write(told, verdicts)
            if verdict.complaints:
                print(f"{verdict.case.kind}: {'; '.join(verdict.complaints)}\n    {told_of(verdict)}", flush=True)
    bad = [one for one in verdicts if one.complaints]
    print(table(verdicts))
    print(f"{len(verdicts)} cases in {time.monotonic() - began:.0f} s, {len(bad)} not answered as they should be")
    return 1 if bad else 0


def write(told: dict[str, str], verdicts: list[Verdict]) -> None:
    """The verdicts so far, where they are asked for."""
    if "json" in told:
        shown = [one.as_json() for one in verdicts if one.complaints or told.get("all") == "yes"]
        Path(told["json"]).write_text(json.dumps(shown, indent=1), encoding="utf-8")


def told_of(verdict: Verdict) -> str:
    """The command line, what was done to the files, and the last words."""
    case, last = verdict.case, (verdict.err.strip().splitlines() or [""])[-1]
    line = " ".join(word if len(word) < 60 else f"{word[:50]}...({len(word)})" for word in case.arguments)
    return ascii(f"{line} | {str(list(case.damage))[:200]} | {last[:300]}")


def table(verdicts: list[Verdict]) -> str:
    """A line for each kind: cases, refused, accepted, with complaints, the longest, the largest."""
    rows = [f"{'kind':22}{'cases':>7}{'refused':>9}{'accepted':>10}{'wrong':>7}{'seconds':>9}{'MiB':>7}"]
    kinds = sorted({one.case.kind for one in verdicts})
    for kind in [*kinds, ""]:
        some = [one for one in verdicts if not kind or one.case.kind == kind]
        refused, accepted = (sum(one.code == code for one in some) for code in (2, 0))
        wrong = sum(bool(one.complaints) for one in some)
        longest, largest = max(one.seconds for one in some), max(one.bytes for one in some) / 2**20
        rows.append(f"{kind or 'all':22}{len(some):7}{refused:9}{accepted:10}{wrong:7}{longest:9.1f}{largest:7.0f}")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
