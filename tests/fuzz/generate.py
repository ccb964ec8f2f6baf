"""Cases drawn from a seed, and those of old that are kept: `corpus.json`, each with what it was."""

import json
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz import files, lines
from tests.fuzz.judge import Case
from tests.fuzz.materials import Materials

CORPUS = Path(__file__).with_name("corpus.json")
_LINES = 0.4  # share of the cases that are wrong command lines; the others have damaged files


def corpus() -> list[Case]:
    """The cases that are kept."""
    return [Case.read(one) for one in json.loads(CORPUS.read_text(encoding="utf-8"))]


def generated(materials: Materials, count: int, number: int, kind: str = "") -> list[Case]:
    """So many cases of all kinds, or of those whose name begins with `kind`; the same for the same seed `number`."""
    damaged = files.cases(materials)
    chosen = {name: one for name, one in damaged.items() if name.startswith(kind)}
    found = []
    if not chosen or not kind:
        found += drawn(lines.cases(), round(count * (_LINES if chosen else 1.0)), number)
    each, rest = divmod(count - len(found), max(1, len(chosen)))
    for place, strategy in enumerate(chosen.values()):
        found += drawn(strategy, each + (place < rest), number + place + 1)
    return [one for one in found if not kind or chosen or one.kind.startswith(kind)]


def drawn(strategy: st.SearchStrategy[Case], count: int, number: int) -> list[Case]:
    """So many different cases."""
    found: dict[str, Case] = {}

    def note(case: Case) -> None:
        if len(found) < count and lines.safe(case):
            found.setdefault(repr(case), case)

    rules = settings(
        max_examples=2 * count + 20,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run: Callable[[], None] = seed(number)(rules(given(strategy)(note)))
    if count:
        run()
    return list(found.values())
