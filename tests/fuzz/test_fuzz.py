"""Wrong commands and damaged files are answered in one line, at once, and touch nothing; see `python -m tests.fuzz`."""

from pathlib import Path

import pytest

from tests.fuzz.__main__ import told_of
from tests.fuzz.generate import corpus, generated
from tests.fuzz.judge import Case, Warm, judge
from tests.fuzz.materials import Materials

pytestmark = pytest.mark.xdist_group("fuzz")
CASES = 30


KEPT = [pytest.param(one, id=one.note, marks=[pytest.mark.slow] * (i % 2)) for i, one in enumerate(corpus())]


@pytest.mark.parametrize("case", KEPT)
def test_a_case_that_went_wrong_once_is_answered_as_it_should_be(
    warm: Warm, materials: Materials, tmp_path: Path, case: Case
) -> None:
    verdict = judge(warm, materials, case, tmp_path / "place")
    assert verdict.complaints == [], told_of(verdict)


def test_drawn_cases_are_answered_as_they_should_be(warm: Warm, materials: Materials, tmp_path: Path) -> None:
    cases = generated(materials, CASES, 0)
    assert len({case.kind for case in cases}) > 15
    verdicts = [judge(warm, materials, case, tmp_path / f"{number}") for number, case in enumerate(cases)]
    wrong = [(one.complaints, told_of(one)) for one in verdicts if one.complaints]
    assert wrong == []
    assert sum(one.code == 2 for one in verdicts) > CASES // 2


def test_the_judge_sees_what_it_is_there_for(warm: Warm, tmp_path: Path) -> None:
    def complaints(program: str, **limits: float) -> list[str]:
        return judge(
            warm, Materials(tmp_path), Case("x", ("@PYTHON@", program)), tmp_path / "place", **limits
        ).complaints

    def only(complaints: list[str], words: str) -> bool:
        return len(complaints) == 1 and words in complaints[0]

    assert complaints("raise SystemExit(0)") == []
    assert only(complaints("raise SystemExit(1)"), "ended with 1")
    assert only(complaints("import sys; print('housecat: no', file=sys.stderr)"), "said an error and ended well")
    assert only(complaints("import sys; print('look out', file=sys.stderr)"), "noise on stderr: look out")
    assert only(complaints("import sys; sys.exit(2)"), "0 lines begin with housecat")
    assert only(complaints("while True: pass", seconds=0.5), "took over")
    assert only(complaints("import time; time.sleep(99)", seconds=0.5), "took over")
    assert only(complaints("held = b'x' * (400 << 20); import time; time.sleep(1)", bytes=300 << 20), "took over")
    assert only(complaints("import subprocess; subprocess.Popen(['sleep', '30'])"), "left a process: sleep 30")
    assert only(complaints("import os, time; os.fork() or time.sleep(30)"), "left a process")
    assert only(complaints("open('left.txt', 'w')"), "made: left.txt outside out")
    assert only(complaints("open('../canary/thesis.tex', 'a').write('!')"), "changed: thesis.tex outside out")
    assert only(complaints("import os; os.remove('../canary/results.json')"), "gone: results.json outside out")
    assert only(complaints("import os; os.chmod('../canary/results.json', 0)"), "changed: results.json outside out")
    assert only(complaints("import os; open(os.environ['HOME'] + '/.bashrc', 'w')"), "changed: .bashrc outside out")
    assert only(complaints("import tempfile; tempfile.mkstemp()"), "outside out")
    assert only(complaints("print(open('../canary/thesis.tex').read())"), "told what is in another's file")
