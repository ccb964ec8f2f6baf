"""Recording: what is recorded, what is gone on with, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs import WORLDS, make_world
from envs.data.store import EpisodeStore, StoreError
from envs.worlds.mazes import maze_spec
from tests.envs.conftest import record, recorded_files


def test_the_manifest_says_what_was_recorded_and_with_what(recorded: Path, spec: dict[str, Any]) -> None:
    manifest = json.loads((recorded / "manifest.json").read_text())
    assert manifest["world"] == spec
    assert (manifest["seed"], manifest["steps"], manifest["episodes"], manifest["frames"]) == (0, 20, 6, 6 * 21)
    assert manifest["play"] == "random"
    assert manifest["renderer"] in ("egl", "osmesa", "glfw")
    assert {"python", "mujoco", "numpy", "gymnasium", "h5py"} <= set(manifest["versions"])
    assert manifest["files"] == {f"episodes/{name}": digest for name, digest in recorded_files(recorded).items()}


def test_scripted_play_is_called_so_and_what_does_not_name_its_play_is_read_but_not_gone_on_with(
    tmp_path: Path,
) -> None:
    puck = {**WORLDS["puck"], "frame_size": 16}
    assert record(puck, tmp_path / "data", episodes=1, steps=2).manifest["play"] == "scripted"
    file = tmp_path / "data" / "manifest.json"
    earlier = {key: value for key, value in json.loads(file.read_text()).items() if key != "play"}
    file.write_text(json.dumps(earlier))
    assert len(EpisodeStore.open(tmp_path / "data")) == 1
    with pytest.raises(StoreError, match="recorded with play None, asked for is scripted"):
        record(puck, tmp_path / "data", episodes=2, steps=2)


def test_several_processes_record_what_one_does(recorded: Path, spec: dict[str, Any], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    record(spec, tmp_path / "data", workers=3, on_progress=lambda done, total: seen.append((done, total)))
    assert recorded_files(tmp_path / "data") == recorded_files(recorded)
    assert seen == [(done, 6) for done in range(1, 7)]


def test_the_throughput_is_measured_in_parts_that_add_up(recorded: Path) -> None:
    speed = EpisodeStore.open(recorded).manifest["throughput"]
    assert (speed["frames"], speed["processes"]) == (6 * 21, 1)
    assert speed["total"] == pytest.approx(speed["frames"] / speed["seconds"], rel=0.1)
    working = sum(speed["frames"] / speed[work] for work in ("physics", "rendering", "writing"))
    assert 0 < working <= speed["seconds"] * 1.1


def test_an_episode_says_which_geoms_touch_in_each_frame(recorded: Path) -> None:
    store = EpisodeStore.open(recorded)
    scene = make_world(store.world).scene
    touched = 0
    for index in range(len(store)):
        episode = store.episode(index)
        touched += len(episode.contacts)
        for frame, state in enumerate(episode.states):
            scene.set_state(state)
            rows = episode.contacts[episode.contacts[:, 0] == frame]
            np.testing.assert_array_equal(rows[:, 1:], scene.contacts())
    assert touched > 0


def test_another_seed_records_something_else(recorded: Path, spec: dict[str, Any], tmp_path: Path) -> None:
    other = record(spec, tmp_path / "data", episodes=2, seed=1)
    mine = EpisodeStore.open(recorded)
    assert (other.episode(0).states[0] != mine.episode(0).states[0]).any()
    assert (mine.episode(0).states[0] != mine.episode(1).states[0]).any()


def test_episodes_begin_moving_and_all_over_the_maze(spec: dict[str, Any], tmp_path: Path) -> None:
    store = record(spec, tmp_path / "data", episodes=60, steps=1)
    starts = np.stack([store.episode(index).states[0] for index in range(60)])
    assert {(int(x), int(y)) for x, y in starts[:, :2]} == {(1, 1), (2, 1), (3, 1), (3, 2), (1, 3), (2, 3), (3, 3)}
    assert np.linalg.norm(starts[:, 2:], axis=1).mean() > 0.5


def test_a_finished_collection_is_returned_untouched_and_can_be_enlarged(
    recorded: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "data"
    record(spec, out, episodes=3)
    before = (out / "manifest.json").stat().st_mtime_ns
    assert len(record(spec, out, episodes=2)) == 3
    assert (out / "manifest.json").stat().st_mtime_ns == before
    assert len(record(spec, out, episodes=6)) == 6
    assert recorded_files(out) == recorded_files(recorded)


def test_a_deleted_episode_is_recorded_again(recorded: Path, spec: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "data"
    record(spec, out)
    (out / "episodes" / "000002.h5").unlink()
    assert record(spec, out).check() == []
    assert recorded_files(out) == recorded_files(recorded)


def test_a_damaged_episode_of_an_unfinished_collection_is_recorded_again(
    recorded: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "data"
    record(spec, out)
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps({**manifest, "complete": False, "files": {}}))
    (out / "episodes" / "000001.h5").write_bytes(b"")
    record(spec, out)
    assert recorded_files(out) == recorded_files(recorded)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 1}, "was recorded with seed 0, asked for is 1"),
        ({"steps": 21}, "was recorded with steps 20, asked for is 21"),
        ({"spec": maze_spec("medium", frame_size=16)}, "with world umaze at 16 pixels, asked for is medium at 16"),
        ({"spec": maze_spec("umaze", frame_size=32)}, "asked for is umaze at 32 pixels"),
        (
            {"spec": {**maze_spec("umaze", frame_size=16), "action_repeat": 4}},
            "umaze at 16 pixels, actions repeated for 4 steps",
        ),
        ({"spec": maze_spec("umaze", "####\n#  #\n####", 16)}, "asked for is another layout of umaze"),
    ],
)
def test_a_folder_of_another_recording_is_refused_and_left_alone(
    spec: dict[str, Any], tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    out = tmp_path / "data"
    record(spec, out, episodes=2)
    before = recorded_files(out), (out / "manifest.json").read_bytes()
    with pytest.raises(StoreError, match=message) as caught:
        record(**{"spec": spec, "out": out, "episodes": 3, **changed})
    assert "\n" not in str(caught.value)
    assert (recorded_files(out), (out / "manifest.json").read_bytes()) == before


def test_folders_of_something_else_are_refused_and_left_alone(spec: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"photos": 3}')
    with pytest.raises(StoreError, match="does not describe recorded episodes"):
        record(spec, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    (tmp_path / "other" / "episodes").mkdir(parents=True)
    with pytest.raises(StoreError, match="holds episodes, which this command did not make"):
        record(spec, tmp_path / "other")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match=r"cannot make the folder .*file"):
        record(spec, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_two_recordings_into_one_folder_are_refused(spec: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "data"

    def again(done: int, total: int) -> None:
        if done == 1:
            with pytest.raises(StoreError, match="another process is working in"):
                record(spec, out, episodes=2)

    assert len(record(spec, out, episodes=2, on_progress=again)) == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"episodes": 0}, "episodes must be a whole number of at least 1, got 0"),
        ({"steps": 0}, "steps must be"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"workers": -2}, "workers must be"),
        ({"episodes": 2.5}, "episodes must be a whole number"),
    ],
)
def test_impossible_numbers_are_refused_before_anything_is_written(
    spec: dict[str, Any], tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        record(**{"spec": spec, "out": tmp_path / "data", **changed})
    assert not (tmp_path / "data").exists()
