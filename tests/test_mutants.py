"""The list of planted faults is as new as the code."""

import pytest

from tests.mutants import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("one", MUTANTS, ids=lambda one: one.fault)
def test_what_a_mutant_replaces_stands_in_its_file_once_and_the_tests_that_notice_exist(one: Mutant) -> None:
    assert (ROOT / one.file).read_text(encoding="utf-8").count(one.old) == 1, f"{one.file}: {one.old}"
    assert one.new != one.old
    for test in one.tests.split():
        file, _, name = test.partition("::")
        assert (ROOT / file).exists(), test
        assert not name or f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test
