"""Clips travel: what is written is read back, and folders of others are read."""

import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from envs.data.episodes import StoreError
from envs.physics.clips import export_clips, generated, read_clips

NAMES = ("inertia", "solidity")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips") / "made"
    assert export_clips(folder, NAMES, 2, 5, 32) == 16
    return folder


def same(first, second) -> bool:
    pairs = list(zip(first, second, strict=True))
    return all((a.possible == b.possible).all() and (a.impossible == b.impossible).all() for a, b in pairs)


def test_what_is_written_is_read_back_bit_for_bit(written):
    found, expected = list(read_clips(written, 32)), list(generated(NAMES, 2, 5, 32))
    assert same(found, expected)
    assert [(one.property, one.group, one.at) for one in found] == [(o.property, o.group, o.at) for o in expected]
    assert next(read_clips(written, 16)).possible.shape[1:] == (16, 16, 3)


def test_clips_that_were_changed_or_are_gone_are_refused(written, tmp_path):
    copied = shutil.copytree(written, tmp_path / "copied")
    picture = copied / "inertia/0000/possible_1/03.png"
    Image.new("RGB", (32, 32)).save(picture)
    with pytest.raises(StoreError, match=r"03\.png is not what "):
        list(read_clips(copied, 32))
    picture.unlink()
    with pytest.raises(StoreError, match=r"03\.png cannot be read"):
        list(read_clips(copied, 32))
    with pytest.raises(StoreError, match="is there already"):
        export_clips(copied, NAMES, 1, 0, 32)


def intphys(folder, written):
    """The first group of each property as IntPhys lays it out, its four runs in another order."""
    for name in NAMES:
        kinds = ("impossible_2", "possible_1", "impossible_1", "possible_2")
        for run, kind in enumerate(kinds, 1):
            to = folder / name / "01" / str(run)
            shutil.copytree(written / name / "0000" / kind, to / "scene")
            (to / "status.json").write_text(json.dumps({"header": {"is_possible": kind[0] == "p", "block": name}}))
    return folder


def test_folders_of_intphys_are_read_and_runs_that_begin_alike_are_put_together(written, tmp_path):
    found = list(read_clips(intphys(tmp_path / "dev", written), 32))
    assert sorted({one.property for one in found}) == list(NAMES)
    assert same(found, generated(NAMES, 1, 5, 32))


@pytest.mark.parametrize("ending", [".webm", ".mp4"])
def test_videos_are_bit_for_bit_what_was_generated_and_are_read_wherever_they_lie(written, tmp_path, ending):
    pytest.importorskip("av")
    from envs.data.exchange.video import write_video

    pairs = list(generated(("inertia",), 1, 5, 32))
    if ending == ".webm":
        assert export_clips(tmp_path / "made", ("inertia",), 1, 5, 32, "webm") == 4
        assert [path.name for path in (tmp_path / "made/inertia/0000/possible_1").iterdir()] == ["clip.webm"]
        found = list(read_clips(tmp_path / "made", 32))
        assert same(found, pairs) and [one.at for one in found] == [one.at for one in pairs]
        (tmp_path / "made/inertia/0000/possible_1/clip.webm").write_bytes(b"no video")
        with pytest.raises(StoreError, match=r"clip\.webm is not what "):
            list(read_clips(tmp_path / "made", 32))
    for index, pair in enumerate(pairs):
        for kind in ("possible", "impossible"):
            write_video(tmp_path / "mine" / kind / f"{index}{ending}", getattr(pair, kind), 20)
    assert same(read_clips(tmp_path / "mine", 32), pairs)
    (tmp_path / "mine" / "possible" / f"0{ending}").write_bytes(b"no video")
    with pytest.raises(StoreError, match=f"0{ending} cannot be read"):
        list(read_clips(tmp_path / "mine", 32))


def test_without_what_reads_and_writes_videos_one_line_says_what_to_install(written, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(StoreError, match=r"physics\.format=webm needs the package av .*: pip install av"):
        export_clips(tmp_path / "made", NAMES, 1, 5, 32, "webm")
    assert not list(tmp_path.iterdir())
    for kind in ("possible", "impossible"):
        (tmp_path / "mine" / kind).mkdir(parents=True)
        (tmp_path / "mine" / kind / "0.webm").write_bytes(b"")
    with pytest.raises(StoreError, match=r"0\.webm needs the package av .*: pip install av"):
        list(read_clips(tmp_path / "mine", 32))


def test_folders_of_possible_and_impossible_files_are_read_by_name(written, tmp_path):
    pairs = list(generated(("inertia",), 1, 5, 32))
    for index, pair in enumerate(pairs):
        for kind in ("possible", "impossible"):
            (tmp_path / "mine" / kind).mkdir(parents=True, exist_ok=True)
            first, *rest = map(Image.fromarray, getattr(pair, kind))
            first.save(tmp_path / "mine" / kind / f"{index}.webp", save_all=True, append_images=rest, lossless=True)
    found = list(read_clips(tmp_path / "mine", 32))
    assert [one.property for one in found] == ["mine", "mine"]
    assert all(np.array_equal(one.possible, pair.possible) for one, pair in zip(found, pairs, strict=True))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: None, "there is no folder"),
        (lambda folder: folder.mkdir(), "holds no possible and impossible clips"),
        (lambda folder: (folder / "possible" / "a").mkdir(parents=True), "1 possible and 0 impossible"),
        (lambda folder: [(folder / k / "a").mkdir(parents=True) for k in ("possible", "impossible")], "cannot be read"),
        (lambda folder: (folder.mkdir(), (folder / "manifest.json").write_text('{"schema": 7}')), "manifest.json"),
    ],
)
def test_what_holds_no_clips_is_told_in_one_line_that_says_where_to_look(tmp_path, make, expected):
    make(tmp_path / "clips")
    with pytest.raises(StoreError, match=expected) as error:
        list(read_clips(tmp_path / "clips", 32))
    assert "\n" not in str(error.value)
