"""Recordings and data sets of strangers: nothing outside them is read, and what does not fit is refused in one line."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from envs.data.exchange.formats import export
from envs.data.exchange.importing import import_data
from envs.data.store import EpisodeStore, StoreError

SECRET = b"PRIVATE KEY of somebody. " * 1000
FIRST = "episodes/000000.h5"


@pytest.fixture
def copy(recorded: Path, tmp_path: Path) -> Path:
    """A data set that may be changed, beside a file that is nobody else's business."""
    (tmp_path / "secret").write_bytes(SECRET)
    shutil.copytree(recorded, tmp_path / "copy")
    return tmp_path / "copy"


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(StoreError) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert "PRIVATE" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def change(folder: Path, harm: Callable[[h5py.File], None], name: str = FIRST) -> None:
    """Changes an episode, and makes the manifest's digest that of the changed one."""
    with h5py.File(folder / name, "a") as file:
        harm(file)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def external_link(file: h5py.File) -> None:
    with h5py.File(Path(file.filename).parent / "other.h5", "w") as other:
        other["frames"] = file["frames"][:]
    del file["frames"]
    file["frames"] = h5py.ExternalLink("other.h5", "/frames")


def soft_link(file: h5py.File) -> None:
    file["elsewhere"] = file["frames"][:]
    del file["frames"]
    file["frames"] = h5py.SoftLink("/elsewhere")


def external_storage(file: h5py.File) -> None:
    shape = file["frames"].shape
    del file["frames"]
    secret = str(Path(file.filename).parents[2] / "secret")
    file.create_dataset("frames", shape, np.uint8, external=[(secret, 0, h5py.h5f.UNLIMITED)])


def virtual(file: h5py.File) -> None:
    frames = file["frames"][:]
    del file["frames"]
    with h5py.File(Path(file.filename).parent / "other.h5", "w") as other:
        other["frames"] = frames
    layout = h5py.VirtualLayout(frames.shape, np.uint8)
    layout[:] = h5py.VirtualSource("other.h5", "frames", frames.shape)
    file.create_virtual_dataset("frames", layout)


def replaced(name: str, values: Any, **how: Any) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, data=values, **how)

    return harm


def bomb(file: h5py.File) -> None:
    del file["frames"]
    file.create_dataset("frames", (21, 16, 16, 3), np.uint8, chunks=(21, 16, 16, 3))  # nothing is stored


def factors(text: str) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        file.attrs["factors"] = text

    return harm


LEADING_OUT = [external_link, soft_link, external_storage, virtual]


@pytest.mark.parametrize("harm", LEADING_OUT)
def test_an_episode_that_refers_to_another_file_is_refused_and_that_file_is_not_read(
    copy: Path, harm: Callable[[h5py.File], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(copy, harm)
    monkeypatch.chdir(copy / "episodes")  # where a link without a folder would lead to
    said = refusal(lambda: EpisodeStore.open(copy).load(0))
    assert str(copy / FIRST) in said
    assert "frames" in said
    monkeypatch.setattr("envs.data.store._MEMORY_SHARE", 0.0)  # clips come from the file itself
    store = EpisodeStore.open(copy)
    assert "frames" in refusal(lambda: store.clips(np.random.default_rng(0), 50, 3))


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (replaced("frames", np.zeros((21, 16, 16), np.uint8)), "frames has the shape (21, 16, 16)"),
        (replaced("frames", np.zeros((21, 8, 8, 3), np.uint8)), "frames has the shape (21, 8, 8, 3)"),
        (replaced("frames", np.zeros((21, 16, 16, 3))), "frames"),
        (replaced("frames", np.zeros((21, 16, 16, 3), np.uint16)), "uint16, expected uint8"),
        (bomb, "frames claims to be 16,128 bytes, more than there can be"),
        (replaced("actions", np.zeros((9, 2), np.float32)), "actions has the shape (9, 2)"),
        (replaced("actions", np.full((20, 2), np.nan, np.float32)), "actions are not numbers from -1 to 1"),
        (replaced("actions", np.zeros((20, 5), np.float32)), "(5, 4) numbers, others (2, 4)"),
        (replaced("states", np.zeros(21)), "states has the shape (21,)"),
        (replaced("states", np.zeros((21, 9))), "(2, 9) numbers, others (2, 4)"),
        (replaced("states", "text"), "states is no table of numbers"),
        (replaced("contacts", np.zeros((4, 2), np.int32)), "contacts has the shape (4, 2)"),
        (factors("[[["), "it is damaged, no JSON"),
        (factors("NaN"), "it is damaged, no JSON"),
        (factors("[1]"), "it is [1], expected"),
    ],
)
def test_an_episode_of_the_right_digest_and_the_wrong_content_is_refused_in_one_line(
    copy: Path, harm: Callable[[h5py.File], None], expected: str
) -> None:
    change(copy, harm)
    store = EpisodeStore.open(copy)
    store.load(1)  # the others are still read
    said = refusal(lambda: store.load(0))
    assert expected in said
    assert str(copy / FIRST) in said


def test_a_file_that_is_a_pipe_a_device_or_a_link_out_of_the_folder_is_not_opened(copy: Path) -> None:
    def stands_there(make: Callable[[Path], None]) -> str:
        (copy / FIRST).unlink()
        make(copy / FIRST)
        return refusal(lambda: EpisodeStore.open(copy))

    shutil.copy(copy / FIRST, copy / "inside.h5")
    assert "no regular file" in stands_there(lambda path: os.mkfifo(path))
    assert "leads out of its folder" in stands_there(lambda path: path.symlink_to("/dev/zero"))
    assert "leads out of its folder" in stands_there(lambda path: path.symlink_to(copy.parent / "secret"))
    (copy / FIRST).unlink()
    (copy / FIRST).symlink_to(copy / "inside.h5")
    assert len(EpisodeStore.open(copy).load(0)) == 20


HUGE = "x" * 100_000


@pytest.mark.parametrize(
    ("entry", "value", "expected"),
    [
        ("world", 7, "world is 7, expected a list of `key: value`"),
        ("world", {}, "world does not fit: it lacks family"),
        ("world.frame_size", "64", "frame_size is '64', expected a whole number"),
        ("world.frame_size", 10**9, "frame_size is 1000000000, expected a whole number <= 512"),
        ("world.name", "../../elsewhere", "name is '../../elsewhere'"),
        ("world.name", "/elsewhere", "name is '/elsewhere'"),
        ("world.name", HUGE, "name is 'xxx"),
        ("world.action_repeat", 0, "action_repeat is 0"),
        ("dt", -1, "dt is -1"),
        ("camera", "spy", "camera: invalid enum value"),
        ("origin", {}, "origin"),
        ("origin", None, "origin is"),
        ("seed", -1, "seed is -1"),
        ("episodes", 10**12, "episodes is 1000000000000"),
        ("episodes", 5, "contradicts itself"),
        ("lengths", [20, 20, "20", 20, 20, 20], "lengths[2] is '20', expected a whole number"),
        ("lengths", [20] * 5 + [0], "lengths[5] is 0"),
        ("lengths", [20] * 5, "contradicts itself"),
        ("lengths", [10**7] * 6, "too small for what its manifest says"),
        ("files", {"../secret": "0" * 64}, "expected a text matching regex"),
        ("files", {FIRST: "no digest"}, "files"),
        ("schema", 1, "has schema 1, this version reads 2"),
        ("schema", HUGE, "has schema 'xxx"),
        ("versions", [], "versions is []"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_entry_finding_and_expectation(
    copy: Path, entry: str, value: Any, expected: str
) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    *outer, name = entry.split(".")
    (manifest[outer[0]] if outer else manifest)[name] = value
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert expected in refusal(lambda: EpisodeStore.open(copy))


@pytest.mark.parametrize("content", ["", "[" * 100_000, '{"kind": NaN}', "1" + "0" * 5000, "\x00\xff", '"text"', "{}"])
def test_what_is_no_manifest_at_all_is_refused(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content, encoding="latin-1")
    assert str(copy) in refusal(lambda: EpisodeStore.open(copy))


def test_reading_many_episodes_stays_cheap(copy: Path) -> None:
    """Of 1,500 episodes, the folder is opened in a fraction of a second."""
    import time

    manifest = json.loads((copy / "manifest.json").read_text())
    content = (copy / FIRST).read_bytes()
    for index in range(6, 1500):
        (copy / f"episodes/{index:06d}.h5").write_bytes(content)
        manifest["files"][f"episodes/{index:06d}.h5"] = "0" * 64
    manifest |= {"lengths": [20] * 1500, "episodes": 1500}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    began = time.process_time()
    assert len(EpisodeStore.open(copy)) == 1500
    assert time.process_time() - began < 0.5


def columns(recorded: Path, path: Path) -> Path:
    episode = EpisodeStore.open(recorded).load(0)
    with h5py.File(path, "w") as file:
        file["frames"] = episode.frames  # `change` and its harms know this name
        file["pixels"] = episode.frames
        file["action"] = np.concatenate([episode.actions, episode.actions[:1]])
        file["ep_len"], file["ep_offset"] = [21], [0]
    return path


@pytest.mark.parametrize("harm", LEADING_OUT)
def test_an_hdf5_file_that_refers_to_another_is_not_imported(
    recorded: Path, spec: dict[str, Any], tmp_path: Path, harm: Callable[[h5py.File], None]
) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    path = columns(recorded, tmp_path / "in" / "deep" / "data.h5")
    with h5py.File(path, "a") as file:
        harm(file)
        del file["pixels"]
        file.move("frames", "pixels")
    assert "pixels" in refusal(lambda: import_data("hdf5", path, tmp_path / "out", spec, progress=False))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ep_len", np.array([2**62]), "its episodes reach beyond them"),
        ("ep_len", np.array([-5]), "its episodes reach beyond them"),
        ("ep_len", np.array([21.0]), "ep_len is no table of numbers"),
        ("ep_offset", np.array([[0]]), "ep_offset has the shape (1, 1)"),
        ("ep_offset", np.array([0, 0]), "1 lengths and 2 offsets"),
        ("pixels", np.zeros((21, 16, 16, 3)), "pixels is no table of numbers"),
        ("pixels", np.zeros((21, 16, 16, 4), np.uint8), "is not of frames and numbers"),
        ("action", np.zeros(21), "action has the shape (21,)"),
    ],
)
def test_columns_of_other_types_and_shapes_are_refused(
    recorded: Path, spec: dict[str, Any], tmp_path: Path, name: str, value: np.ndarray, expected: str
) -> None:
    path = columns(recorded, tmp_path / "data.h5")
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = value
    assert expected in refusal(lambda: import_data("hdf5", path, tmp_path / "out", spec, progress=False))


def lerobot(recorded: Path, out: Path) -> Path:
    pytest.importorskip("pyarrow")
    pytest.importorskip("av")
    export("lerobot", EpisodeStore.open(recorded), out)
    return out


@pytest.mark.parametrize(
    ("entry", "value", "expected"),
    [
        ("data_path", "../secret.parquet", "leads out of its folder"),
        ("data_path", "/etc/passwd", "leads out of its folder"),
        ("data_path", "{chunk_index:2000000000}", "a field that is not known"),
        ("data_path", "{chunk_index.__class__}", "a field that is not known"),
        ("data_path", "{chunk_index!r}", "a field that is not known"),
        ("data_path", "{file_index:{chunk_index}}", "a field that is not known"),
        ("data_path", "{", "cannot be read"),
        ("video_path", "../secret.mp4", "leads out of its folder"),
        ("video_path", "{0}", "a field that is not known"),
        ("data_path", 5, "data_path is 5, expected a text"),
        ("fps", 0, "fps is 0"),
        ("fps", "ten", "fps is 'ten', expected a number"),
        ("features", {}, "has no video"),
        ("features", {"../x": {"dtype": "video"}}, "expected a text matching"),
        ("codebase_version", HUGE, "is of LeRobotDataset 'xxx"),
    ],
)
def test_a_lerobot_data_set_reads_no_file_outside_its_folder(
    recorded: Path, tmp_path: Path, entry: str, value: Any, expected: str
) -> None:
    source = lerobot(recorded, tmp_path / "source")
    for name in ("secret.parquet", "secret.mp4"):
        (tmp_path / name).write_bytes(SECRET)
    info = json.loads((source / "meta/info.json").read_text())
    (source / "meta/info.json").write_text(json.dumps({**info, entry: value}))
    assert expected in refusal(lambda: import_data("lerobot", source, tmp_path / "out", progress=False))


def test_links_out_of_a_lerobot_data_set_and_a_false_description_are_refused(recorded: Path, tmp_path: Path) -> None:
    source = lerobot(recorded, tmp_path / "source")

    def bring_in() -> str:
        return refusal(lambda: import_data("lerobot", source, tmp_path / "out", progress=False))

    about = source / "meta/housecat.json"
    described = about.read_text()
    about.write_text(described.replace('"umaze"', '"../../trav"'))
    assert "name is '../../trav'" in bring_in()
    about.write_text("[]")
    assert "housecat.json: it is []" in bring_in()
    about.write_text(described)
    for file in (next(source.rglob("data/**/*.parquet")), next(source.rglob("*.mp4"))):
        kept = file.rename(tmp_path / f"kept{file.suffix}")
        file.symlink_to(kept)
        assert "leads out of its folder" in bring_in()
        file.unlink()
        kept.rename(file)


def test_a_video_that_is_a_list_of_other_files_is_not_followed(recorded: Path, tmp_path: Path) -> None:
    source = lerobot(recorded, tmp_path / "source")
    video = next(source.rglob("*.mp4"))
    video.rename(tmp_path / "private.mp4")
    video.write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'private.mp4'}'\n")
    assert "cannot be read" in refusal(lambda: import_data("lerobot", source, tmp_path / "out", progress=False))


def minari(recorded: Path, out: Path) -> Path:
    pytest.importorskip("minari")
    export("minari", EpisodeStore.open(recorded), out)
    return next(out.rglob("main_data.hdf5")).parent


@pytest.mark.parametrize("harm", LEADING_OUT)
def test_a_minari_data_set_reads_no_other_file(recorded: Path, tmp_path: Path, harm: Callable[[Any], None]) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    folder = minari(recorded, tmp_path / "source")
    with h5py.File(folder / "main_data.hdf5", "a") as file:
        inside = file["episode_0/observations"]
        file.move("episode_0/observations/frame", "frames")
        harm(file)
        file.move("frames", "episode_0/observations/frame")
        assert "frame" in inside
    assert "frame" in refusal(lambda: import_data("minari", tmp_path / "source", tmp_path / "out", progress=False))


@pytest.mark.parametrize(
    ("entry", "value", "expected"),
    [
        ("observation_space", None, "it lacks observation_space"),
        ("data_format", "arrow", "data_format: invalid enum value"),
        ("total_episodes", 10**12, "total_episodes is 1000000000000"),
        ("housecat", {"world": 1}, "housecat"),
    ],
)
def test_a_minari_data_set_makes_no_environment_that_its_metadata_name(
    recorded: Path, tmp_path: Path, entry: str, value: Any, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = minari(recorded, tmp_path / "source")
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    metadata = json.loads((folder / "metadata.json").read_text())
    named = {"id": "Evil-v0", "entry_point": "evil:Env", "kwargs": {}}
    metadata |= {"env_spec": json.dumps(named), entry: value}
    found = {name: what for name, what in metadata.items() if what is not None}
    (folder / "metadata.json").write_text(json.dumps(found))
    assert expected in refusal(lambda: import_data("minari", tmp_path / "source", tmp_path / "out", progress=False))


def test_a_minari_episode_that_is_not_of_numbers_is_refused(recorded: Path, tmp_path: Path) -> None:
    folder = minari(recorded, tmp_path / "source")
    with h5py.File(folder / "main_data.hdf5", "a") as file:
        del file["episode_0/actions"]
        file["episode_0/actions"] = "text"
    assert "episode 0" in refusal(lambda: import_data("minari", tmp_path / "source", tmp_path / "out", progress=False))


def test_columns_that_claim_more_than_is_stored_are_refused_before_anything_is_allocated(
    recorded: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    folder = minari(recorded, tmp_path / "source")
    with h5py.File(folder / "main_data.hdf5", "a") as file:
        del file["episode_0/actions"]
        file.create_dataset("episode_0/actions", (10**9, 2), np.float32, chunks=(1000, 2))
    assert "more than there can be" in refusal(lambda: import_data("minari", tmp_path / "source", tmp_path / "out"))
    path = columns(recorded, tmp_path / "data.h5")
    with h5py.File(path, "a") as file:
        del file["action"]
        file.create_dataset("action", (10**10, 2), np.float32, chunks=(1000, 2))
    assert "more than there can be" in refusal(lambda: import_data("hdf5", path, tmp_path / "out", spec))
