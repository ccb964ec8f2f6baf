"""A folder that is replaced is the old one or the new one, whenever the power is cut."""

from pathlib import Path

import pytest

from worldmodel.checkpoint import CheckpointError, folder_of
from worldmodel.files import replace_folder, restore_folder, write_file


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_folder_is_replaced_as_a_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    replace_folder(tmp_path / "model", {"a": b"1", "b": b"2"})
    replace_folder(tmp_path / "model", {"a": b"3"})
    assert content(tmp_path / "model") == {"a": b"3"}
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_a_model_that_a_kill_left_aside_is_found_again(tmp_path: Path) -> None:
    """Between the two renames of a replacement, the folder itself is not there."""
    replace_folder(tmp_path / "model", {"config.json": b"old"})
    (tmp_path / "model").rename(tmp_path / "model.replaced")
    (tmp_path / "model.partial").mkdir()
    assert folder_of(tmp_path) == tmp_path / "model"
    assert content(tmp_path / "model") == {"config.json": b"old"}


def test_a_replacement_after_such_a_kill_ends_with_the_new_folder_alone(tmp_path: Path) -> None:
    replace_folder(tmp_path / "model.replaced", {"a": b"old"})
    replace_folder(tmp_path / "model", {"a": b"new"})
    assert content(tmp_path / "model") == {"a": b"new"}
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_what_was_never_there_is_not_made_up(tmp_path: Path) -> None:
    restore_folder(tmp_path / "model")
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
