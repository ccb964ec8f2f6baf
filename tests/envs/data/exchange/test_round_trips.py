"""What goes out to another format comes back bit for bit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.data.episodes import Episode, episode_file, write_episode
from envs.data.exchange.formats import WRITABLE, export
from envs.data.exchange.importing import import_data
from envs.data.manifest import identity, write_manifest
from envs.data.store import EpisodeStore, StoreError
from envs.worlds.mazes import maze_spec

PACKAGES = {"lerobot": ("pyarrow", "av"), "minari": ("minari",)}


@pytest.fixture(params=WRITABLE)
def name(request: pytest.FixtureRequest) -> str:
    for package in PACKAGES[request.param]:
        pytest.importorskip(package)
    return request.param


@pytest.fixture
def varied(recorded: Path, tmp_path: Path) -> EpisodeStore:
    """Episodes of different lengths, one with factors and more contacts, one recorded elsewhere."""
    first = EpisodeStore.open(recorded)
    rows = np.array([[0, 1, 2], [0, 1, 3], [2, 4, 5], [20, 0, 1]], np.int32)
    one = replace(first.load(0), contacts=rows, factors={"floor": [0.1, 0.2], "light": "low"})
    whole = first.load(1)
    two = Episode(whole.frames[:6], whole.actions[:5], whole.states[:6])
    files = {}
    for index, episode in enumerate((one, two, first.load(2))):
        path = episode_file(index)
        files[path] = write_episode(tmp_path / "varied" / path, episode), len(episode)
    about = {key: first.manifest[key] for key in ("world", "dt", "renderer", "origin")}
    write_manifest(tmp_path / "varied", identity(**about), 3, files, None)
    return EpisodeStore.open(tmp_path / "varied")


def test_a_round_trip_changes_nothing(name: str, varied: EpisodeStore, tmp_path: Path) -> None:
    export(name, varied, tmp_path / "out")
    back = import_data(name, tmp_path / "out", tmp_path / "back", progress=False)
    assert len(back) == 3
    for index in range(3):
        before, after = varied.load(index), back.load(index)
        for part in ("frames", "actions", "states", "contacts"):
            expected, found = getattr(before, part), getattr(after, part)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
        assert (after.seed, after.factors) == (before.seed, before.factors)
    assert {key: back.manifest[key] for key in ("world", "dt", "camera", "renderer", "seed", "steps", "states")} == {
        key: varied.manifest[key] for key in ("world", "dt", "camera", "renderer", "seed", "steps", "states")
    }


def test_a_folder_that_is_there_is_not_written_over(name: str, varied: EpisodeStore, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(StoreError, match="is there already: name a new folder"):
        export(name, varied, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_an_export_that_fails_leaves_nothing(name: str, varied: EpisodeStore, tmp_path: Path) -> None:
    (varied.path / episode_file(2)).write_bytes(b"damaged")
    with pytest.raises(StoreError, match="is damaged"):
        export(name, varied, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["varied"]


def test_what_is_of_another_format_or_truncated_is_refused_in_one_line(
    name: str, varied: EpisodeStore, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    export(name, varied, tmp_path / "out")
    for file in [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".mp4", ".hdf5")]:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    for path in ("empty", "out", "nowhere"):
        with pytest.raises(StoreError) as caught:
            import_data(name, tmp_path / path, tmp_path / "back", maze_spec("umaze", frame_size=16), progress=False)
        assert "\n" not in str(caught.value)
        assert str(tmp_path / path) in str(caught.value)


def test_a_lerobot_data_set_says_where_each_episode_is(varied: EpisodeStore, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("av")
    out = tmp_path / "out"
    export("lerobot", varied, out)
    info = json.loads((out / "meta/info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["total_episodes"]) == ("v3.0", 10, 3)
    assert info["total_frames"] == varied.manifest["frames"]
    places = parquet.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    rows = parquet.read_table(out / info["data_path"].format(chunk_index=0, file_index=0)).to_pylist()
    assert [row["index"] for row in rows] == list(range(info["total_frames"]))
    for index, place in enumerate(places):
        own = rows[place["dataset_from_index"] : place["dataset_to_index"]]
        assert {row["episode_index"] for row in own} == {index}
        assert [row["frame_index"] for row in own] == list(range(place["length"]))
        assert own[1]["timestamp"] == pytest.approx(varied.manifest["dt"])
        np.testing.assert_array_equal([row["action"] for row in own[:-1]], varied.load(index).actions)
    assert places[1]["videos/observation.images.train/from_timestamp"] == pytest.approx(21 / 10)
    stats = json.loads((out / "meta/stats.json").read_text())
    actions = np.concatenate([varied.load(index).actions for index in range(3)])
    np.testing.assert_allclose(stats["action"]["std"], actions.std(0), rtol=1e-5)
    frames = np.concatenate([varied.load(index).frames for index in range(3)]) / 255
    np.testing.assert_allclose(np.ravel(stats["observation.images.train"]["mean"]), frames.mean((0, 1, 2)), rtol=1e-4)


def test_a_minari_data_set_opens_with_minari(
    varied: EpisodeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minari = pytest.importorskip("minari")
    export("minari", varied, tmp_path / "out")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "out"))
    data: Any = minari.load_dataset("housecat/umaze/play-v0")
    assert (data.total_episodes, data.total_steps) == (3, int(varied.lengths.sum()))
    episode = data[0]
    np.testing.assert_array_equal(episode.observations["frame"], varied.load(0).frames)
    assert episode.infos["contacts"].tolist() == [2, 0, 1, *[0] * 17, 1]
    assert episode.truncations.tolist() == [False] * 19 + [True]
