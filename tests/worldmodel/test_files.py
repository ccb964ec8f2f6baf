"""A folder that is replaced is the old one or the new one, whenever the power is cut."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from envs.data.episodes import json_text as of_recordings
from tests.worldmodel.conftest import make_model, small_settings
from worldmodel.checkpoint import CheckpointError, Loaded, folder_of
from worldmodel.files import NotOursError, json_text, remove_leftovers, replace_folder, restore_folder, write_file
from worldmodel.share.hub import save_pretrained


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_folder_is_replaced_as_a_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    replace_folder(tmp_path / "model", {"a": b"1", "b": b"2"})
    replace_folder(tmp_path / "model", {"a": b"3"}, ["a", "b"])
    assert content(tmp_path / "model") == {"a": b"3"}
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_a_model_that_a_kill_left_aside_is_found_again(tmp_path: Path) -> None:
    """Between the two renames of a replacement, the folder itself is not there."""
    replace_folder(tmp_path / "model", {"config.json": b"old"})
    (tmp_path / "model").rename(tmp_path / "model.replaced")
    assert folder_of(tmp_path) == tmp_path / "model"
    assert content(tmp_path / "model") == {"config.json": b"old"}


def test_a_folder_of_somebody_elses_is_not_taken_for_one_that_a_kill_left_aside(tmp_path: Path) -> None:
    (tmp_path / "model.replaced").mkdir()
    (tmp_path / "model.replaced" / "thesis.tex").write_text("mine")
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        folder_of(tmp_path)
    with pytest.raises(NotOursError, match="thesis.tex is in the way and not of this program"):
        replace_folder(tmp_path / "model", {"a": b"new"})
    assert [one.name for one in tmp_path.iterdir()] == ["model.replaced"]


def test_a_replacement_after_such_a_kill_ends_with_the_new_folder_alone(tmp_path: Path) -> None:
    replace_folder(tmp_path / "model.replaced", {"a": b"old"})
    replace_folder(tmp_path / ".model.0123456789abcdef.unfinished", {"a": b"ne"})
    replace_folder(tmp_path / "model", {"a": b"new"})
    assert content(tmp_path / "model") == {"a": b"new"}
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_half_a_folder_is_not_what_a_kill_leaves_of_one_that_is_deleted(tmp_path: Path) -> None:
    replace_folder(tmp_path / "old", {"a": b"1", "b": b"2"})
    killed = """
import os, sys
from pathlib import Path
from worldmodel.files import remove_folder
removed = []
def hook(event, _):
    if event == "os.remove":
        removed.append(event)
        if len(removed) == 2:
            os._exit(9)
sys.addaudithook(hook)
remove_folder(Path(sys.argv[1]), ["a", "b"])
"""
    assert subprocess.run([sys.executable, "-c", killed, str(tmp_path / "old")], check=False).returncode == 9
    (left,) = tmp_path.iterdir()
    assert left.name != "old" and len(content(left)) == 1
    remove_leftovers(tmp_path, ["a", "b"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["thesis.tex", "b/c"])
def test_a_folder_that_holds_more_than_was_written_is_not_replaced(name: str, tmp_path: Path) -> None:
    file = tmp_path / "model" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(NotOursError, match="is in the way and not of this program: move it"):
        replace_folder(tmp_path / "model", {"a": b"new"}, ["b"])
    assert file.read_text() == "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a").write_bytes(b"mine")
    (tmp_path / "model").symlink_to(tmp_path / "theirs")
    (tmp_path / "model.partial").symlink_to(tmp_path / "theirs")
    with pytest.raises(NotOursError, match="model is in the way"):
        replace_folder(tmp_path / "model", {"a": b"new"})
    (tmp_path / "file").symlink_to(tmp_path / "theirs" / "a")
    (tmp_path / f"file.{os.getpid()}.partial").symlink_to(tmp_path / "theirs" / "a")
    write_file(tmp_path / "file", b"new")
    assert not (tmp_path / "file").is_symlink()
    assert content(tmp_path / "theirs") == {"a": b"mine"}


def test_a_model_of_others_is_not_taken_for_a_checkpoint_because_its_files_have_the_same_names(tmp_path: Path) -> None:
    loaded = Loaded("default", small_settings(), make_model(), None, {}, {"world": "x"})
    save_pretrained(loaded, save_pretrained(loaded, tmp_path / "ours"))
    theirs = {"config.json": b'{"architectures": ["Dinov2Model"]}', "model.safetensors": b"weights"}
    replace_folder(tmp_path / "theirs", theirs)
    with pytest.raises(CheckpointError, match="checkpoint .*theirs is damaged"):
        save_pretrained(loaded, tmp_path / "theirs")
    assert content(tmp_path / "theirs") == theirs


def test_what_was_never_there_is_not_made_up(tmp_path: Path) -> None:
    restore_folder(tmp_path / "model", ["a"])
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        folder_of(tmp_path)


def test_what_cannot_be_written_leaves_the_old_and_no_rest(tmp_path: Path) -> None:
    replace_folder(tmp_path / "model", {"a": b"old"})
    with pytest.raises(OSError):
        replace_folder(tmp_path / "model", {"a": b"new", "no/such/place": b""})
    write_file(tmp_path / "kept", b"old")
    with pytest.raises(TypeError):
        write_file(tmp_path / "kept", "no bytes")  # type: ignore[arg-type]
    assert content(tmp_path / "model") == {"a": b"old"}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["kept", "model"]
    assert (tmp_path / "kept").read_bytes() == b"old"


@pytest.mark.parametrize("write", [json_text, of_recordings], ids=["worldmodel", "envs"])
def test_what_is_not_finite_is_null_in_json_however_deep_it_lies(write: Callable[..., str]) -> None:
    lacking = {"a": float("nan"), "b": [float("inf"), (1.5, np.float64("-inf"))], "c": {"d": np.float64("nan")}}
    assert json.loads(write(lacking)) == {"a": None, "b": [None, [1.5, None]], "c": {"d": None}}
    assert json.loads(write({"z": 1, "a": True, "n": "NaN"})) == {"z": 1, "a": True, "n": "NaN"}
