"""What a machine runs out of is told in one line, with a remedy that the command at hand can follow."""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from envs.data.episodes import StoreError, write_whole
from housecat.cli.faults import of_machine
from housecat.cli.help import COMMANDS
from housecat.cli.main import explain
from tests.housecat.conftest import ROOT
from worldmodel.checkpoint import CheckpointError, load


def raised(work: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:
        work()
    return caught.value


def full_disk() -> Exception:
    def write() -> None:
        with open("/dev/full", "w") as file:
            file.write("a")

    return raised(write)


def full_memory() -> list[Exception]:
    return [raised(lambda: np.empty(2**60, np.uint8)), raised(lambda: torch.empty(2**60, dtype=torch.uint8))]


def wrapped(error: Exception) -> Exception:
    def again() -> None:
        raise CheckpointError("checkpoint x is damaged: train again") from error

    return raised(again)


def all_faults() -> list[Exception]:
    found = [full_disk(), OSError(24, "Too many open files", "x"), *full_memory()]
    return [*found, *map(wrapped, found)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_fault_is_one_line_and_names_only_settings_that_the_command_reads(name: str) -> None:
    for fault in all_faults():
        message, code = explain(fault, [*name.split(), "out=x"])
        assert code == 2 and "\n" not in message
        assert message.endswith("the same command goes on from here")
        assert "damaged" not in message
        for key in re.findall(r"(\w+)=|a smaller ([\w.]+)|checkpoints in (\w+)", message):
            assert COMMANDS[name].reads("".join(key)), message


def test_each_fault_has_the_remedy_of_its_kind() -> None:
    reads = COMMANDS["evaluate"].reads
    told = [str(of_machine(fault, reads)) for fault in all_faults()]
    for kind in (told[:4], told[4:]):
        disk, files, *memory = kind
        assert "the disk is full: free space, or write elsewhere with out=DIR" in disk
        assert files.startswith("x: too many files are open: raise the limit with ulimit -n or write workers=1")
        assert set(memory) == {
            "the memory is full: close other programs or write workers=1; then the same command goes on from here"
        }


def test_what_is_no_fault_of_the_machine_is_not_called_one() -> None:
    for error in (KeyError("x"), ValueError("memory"), StoreError("damaged"), FileNotFoundError(2, "No such file")):
        assert of_machine(error, lambda name: True) is None


def test_too_many_open_files_do_not_make_a_checkpoint_a_damaged_one(tmp_path: Path) -> None:
    write_whole(tmp_path / "config.json", b"{}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        error = None
        while error is None:
            try:
                taken.append(open(os.devnull))  # noqa: SIM115
            except OSError:
                error = raised(lambda: load(tmp_path, torch.device("cpu")))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for file in taken:
            file.close()
    assert "too many files are open" in str(of_machine(error, COMMANDS["evaluate"].reads))


@pytest.mark.parametrize("place", ["full", "missing"])
def test_a_fault_of_ours_is_told_in_one_line_where_no_report_can_be_written(place: str, tmp_path: Path) -> None:
    code = f"""
import resource, sys, tempfile
from housecat.cli import main
tempfile.tempdir = {str(tmp_path / place)!r}
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
print(main.explain(KeyError("lost")))
"""
    (tmp_path / "full").mkdir()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(\"a fault in this program, KeyError: 'lost'\"")


def test_output_that_finds_no_room_is_told_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "housecat", "--help"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "the disk is full" in done.stderr
