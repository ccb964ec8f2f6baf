"""Data sets made of other ones: drawn again, merged, split."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs import make_world
from envs.data.collect import collect
from envs.data.rearrange import merge, rerender, split
from envs.data.store import EpisodeStore, StoreError
from envs.worlds.mazes import maze_spec


def quiet(action: Any, *arguments: Any, **more: Any) -> Any:
    return action(*arguments, progress=False, **more)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, spec: dict[str, Any]) -> Path:
    """Three episodes of another seed and length; not to be changed."""
    out = tmp_path_factory.mktemp("other") / "data"
    collect(spec, out, episodes=3, steps=12, seed=5, workers=1, progress=False)
    return out


@pytest.mark.parametrize("workers", [1, 2])
def test_drawn_again_as_they_were_episodes_are_the_same_bit_for_bit(
    recorded: Path, tmp_path: Path, workers: int
) -> None:
    again = quiet(rerender, recorded, tmp_path / "again", workers=workers)
    assert again.manifest["files"] == EpisodeStore.open(recorded).manifest["files"]


@pytest.mark.parametrize(("camera", "size"), [("train", 40), ("people", 48)])
def test_other_frames_show_the_same_states(recorded: Path, tmp_path: Path, camera: str, size: int) -> None:
    first = EpisodeStore.open(recorded)
    again = quiet(rerender, recorded, tmp_path / "again", size=size, camera=camera, workers=1)
    assert (again.manifest["camera"], again.world["frame_size"]) == (camera, size)
    assert again.manifest["play"] == "random"
    assert (again.manifest["seed"], again.manifest["steps"]) == (0, 20)
    world = make_world(first.world)
    before, after = first.load(2), again.load(2)
    for name in ("actions", "states", "contacts"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert after.seed == (0, 2)
    assert after.frames.shape == (21, size, size, 3)
    for state, frame in zip(before.states, after.frames, strict=True):
        np.testing.assert_array_equal(frame, world.frame(camera, state, size))


def test_impossible_frames_are_refused_before_anything_is_written(recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no camera 'side'"):
        quiet(rerender, recorded, tmp_path / "out", camera="side")
    with pytest.raises(ValueError, match="frame_size is 5, expected a whole number >= 16"):
        quiet(rerender, recorded, tmp_path / "out", size=5)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_frames_is_refused_and_left_alone(recorded: Path, tmp_path: Path) -> None:
    quiet(rerender, recorded, tmp_path / "out", workers=1)
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    with pytest.raises(StoreError, match="was recorded with camera train, asked for is people"):
        quiet(rerender, recorded, tmp_path / "out", camera="people", workers=1)
    with pytest.raises(StoreError, match="was recorded with origin"):
        quiet(collect, EpisodeStore.open(recorded).world, tmp_path / "out", 6, 20, 0, workers=1)
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before


def test_a_merge_holds_the_episodes_of_all_in_order(recorded: Path, other: Path, tmp_path: Path) -> None:
    both = quiet(merge, [recorded, other], tmp_path / "both")
    assert both.lengths.tolist() == [20] * 6 + [12] * 3
    assert (both.manifest["seed"], both.manifest["steps"], both.manifest["play"]) == (None, None, "random")
    digests = [EpisodeStore.open(path).manifest["files"].values() for path in (recorded, other)]
    assert list(both.manifest["files"].values()) == [digest for part in digests for digest in part]
    assert both.load(7).seed == (5, 1)
    assert both.check() == []


def test_recordings_that_do_not_belong_together_are_not_merged(recorded: Path, tmp_path: Path) -> None:
    collect(maze_spec("umaze", frame_size=32), tmp_path / "large", 1, 20, 7, 1, progress=False)
    with pytest.raises(StoreError, match="differ in world"):
        quiet(merge, [recorded, tmp_path / "large"], tmp_path / "out")
    with pytest.raises(StoreError, match="is in .* too"):
        quiet(merge, [recorded, recorded], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_split_loses_nothing_and_shares_nothing(recorded: Path, tmp_path: Path) -> None:
    train, test = quiet(split, recorded, tmp_path / "out", 0.34)
    assert (len(train), len(test)) == (4, 2)
    assert (train.path, test.path) == (tmp_path / "out" / "train", tmp_path / "out" / "test")
    digests = [*train.manifest["files"].values(), *test.manifest["files"].values()]
    assert digests == list(EpisodeStore.open(recorded).manifest["files"].values())
    with pytest.raises(ValueError, match="leaves one part empty"):
        quiet(split, recorded, tmp_path / "none", 0.01)


def test_an_interrupted_rerender_goes_on(recorded: Path, tmp_path: Path) -> None:
    whole = quiet(rerender, recorded, tmp_path / "out", size=32, workers=1)
    kept = (whole.path / "episodes" / "000000.h5").stat().st_mtime_ns
    (whole.path / "episodes" / "000003.h5").unlink()
    again = quiet(rerender, recorded, tmp_path / "out", size=32, workers=1)
    assert again.manifest["files"] == whole.manifest["files"]
    assert (whole.path / "episodes" / "000000.h5").stat().st_mtime_ns == kept
