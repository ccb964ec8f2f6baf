"""The command line as a user meets it: a process of its own, its output and its exit code."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from housecat.cli.main import main

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    def is_one_line_saying(self, *parts: str) -> None:
        """Exit code 2 and a single line on stderr that contains all parts."""
        assert self.code == 2, self
        assert len(self.err.strip().splitlines()) == 1, self.err
        for part in parts:
            assert part in self.err, self.err


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Runs `housecat` in an empty folder, in this process: what is loaded already need not be loaded again."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Outcome:
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def housecat(tmp_path: Path) -> Callable[..., Outcome]:
    """Runs `housecat` in an empty folder, in a process of its own."""

    def run(*arguments: str) -> Outcome:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "housecat", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run
