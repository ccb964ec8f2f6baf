"""What becomes a file or a folder has a name that nobody can guess, and what a kill left of it is removed."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import envs
from envs.data.episodes import StoreError, write_whole
from envs.data.folder import new_folder, remove_leftovers, require_empty

ROOT = Path(envs.__file__).parents[1]
LEFT = ".there.0123456789abcdef.unfinished"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_in_the_place_of_a_file_is_replaced_and_what_it_led_to_stays(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("mine")
    (tmp_path / "file").symlink_to(tmp_path / "theirs")
    write_whole(tmp_path / "file", b"new")
    assert not (tmp_path / "file").is_symlink() and (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "theirs").read_text() == "mine"


def test_a_link_planted_where_something_is_written_first_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("mine")
    for name in (f".file.{os.getpid()}.tmp", f"file.{os.getpid()}.partial", ".file.tmp"):
        (tmp_path / name).symlink_to(tmp_path / "theirs")
    write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "theirs").read_text() == "mine"


def test_a_new_file_may_be_read_by_those_whom_the_system_lets(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "file", b"new")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_a_new_folder_is_seen_when_it_is_whole_also_in_the_place_of_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with new_folder(tmp_path / "there") as folder:
        (folder / "file").touch()
        assert names(tmp_path / "there") == []
    assert names(tmp_path / "there") == ["file"]
    with pytest.raises(StoreError, match="is there already"), new_folder(tmp_path / "there"):
        pass
    with pytest.raises(KeyError), new_folder(tmp_path / "other"):
        raise KeyError
    assert names(tmp_path) == ["there"]


KILLED = """
import sys, time
from pathlib import Path
from envs.data.folder import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "large").write_bytes(bytes(1000))
    print("begun", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_export_left_is_removed_by_the_next_and_not_before_it_is_dead(tmp_path: Path) -> None:
    out = tmp_path / "there"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == b"begun\n"
        with new_folder(tmp_path / "beside"):
            assert len(list(tmp_path.glob(".there.*/large"))) == 1, "somebody is at work on it"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert len(list(tmp_path.glob(".there.*/large"))) == 1
    with new_folder(out):
        pass
    assert names(tmp_path) == ["beside", "there"]


def test_leftovers_are_known_by_their_names_and_links_are_not_followed(tmp_path: Path) -> None:
    theirs = [".there.12345.tmp", ".there.unfinished", "there.0123456789abcdef.unfinished", ".x.0123.unfinished"]
    for name in theirs:
        (tmp_path / name).write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("mine")
    (tmp_path / ".link.0123456789abcdef.unfinished").symlink_to(tmp_path / "folder")
    (tmp_path / LEFT).write_text("ours")
    (tmp_path / LEFT.replace("there", "folder")).mkdir()
    os.mkfifo(tmp_path / LEFT.replace("there", "pipe"))
    before = time.monotonic()
    remove_leftovers(tmp_path)
    assert time.monotonic() - before < 5, "a pipe makes nobody wait"
    assert set(names(tmp_path)) >= {*theirs, "folder", ".link.0123456789abcdef.unfinished"}
    assert not {LEFT, LEFT.replace("there", "folder")} & set(names(tmp_path))
    assert (tmp_path / "folder" / "file").read_text() == "mine"


def test_what_is_being_written_is_no_leftover(tmp_path: Path) -> None:
    with (tmp_path / LEFT).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        remove_leftovers(tmp_path)
        assert names(tmp_path) == [LEFT]
    require_empty(tmp_path)
    assert names(tmp_path) == []
