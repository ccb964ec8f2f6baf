"""Data sets that were not written by Housecat."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from envs.data.exchange.importing import import_data
from envs.data.store import EpisodeStore, StoreError

LENGTHS = (7, 4)  # rows, hence frames


def columns(recorded: Path, **changed: Any) -> dict[str, np.ndarray]:
    """Flat columns as stable-worldmodel writes them: the action of an episode's last row is NaN."""
    store = EpisodeStore.open(recorded)
    episodes = [(store.load(index), rows) for index, rows in enumerate(LENGTHS)]
    last = np.full((1, 2), np.nan, np.float32)
    made = {
        "pixels": np.concatenate([episode.frames[:rows] for episode, rows in episodes]),
        "action": np.concatenate([part for e, rows in episodes for part in (e.actions[: rows - 1], last)]),
        "state": np.concatenate([episode.states[:rows] for episode, rows in episodes]),
        "ep_len": np.array(LENGTHS, np.int32),
        "ep_offset": np.array([0, LENGTHS[0]], np.int64),
    }
    return {name: values for name, values in {**made, **changed}.items() if values is not None}


def write(path: Path, content: dict[str, np.ndarray]) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            file[name] = values
    return path


def bring_in(path: Path, out: Path, spec: dict[str, Any] | None) -> EpisodeStore:
    return import_data("hdf5", path, out, spec, progress=False)


@pytest.mark.parametrize("channels_first", [False, True])
def test_flat_columns_become_episodes(
    recorded: Path, spec: dict[str, Any], tmp_path: Path, channels_first: bool
) -> None:
    content = columns(recorded)
    if channels_first:
        content["pixels"] = content["pixels"].transpose(0, 3, 1, 2)
    store = bring_in(write(tmp_path / "data.h5", content), tmp_path / "out", spec)
    first = EpisodeStore.open(recorded)
    assert store.lengths.tolist() == [6, 3]
    assert store.manifest["states"]
    for index, rows in enumerate(LENGTHS):
        episode, whole = store.episode(index), first.load(index)
        np.testing.assert_array_equal(episode.frames, whole.frames[:rows])
        np.testing.assert_array_equal(episode.actions, whole.actions[: rows - 1])
        np.testing.assert_array_equal(episode.states, whole.states[:rows])
        assert episode.seed is None
    assert bring_in(tmp_path / "data.h5", tmp_path / "out", spec).check() == []


def test_states_of_another_simulator_are_unknown_rather_than_wrong(
    recorded: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    content = columns(recorded, state=np.zeros((sum(LENGTHS), 7)))
    store = bring_in(write(tmp_path / "data.h5", content), tmp_path / "out", spec)
    assert not store.manifest["states"]
    assert store.episode(0).states.shape == (7, 4)
    assert np.isnan(store.episode(0).states).all()


def test_larger_frames_are_averaged_down_to_the_size_of_the_world(
    recorded: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    content = columns(recorded)
    content["pixels"] = content["pixels"].repeat(2, axis=1).repeat(2, axis=2)
    store = bring_in(write(tmp_path / "data.h5", content), tmp_path / "out", spec)
    np.testing.assert_array_equal(store.load(1).frames, EpisodeStore.open(recorded).load(1).frames[:4])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"action": np.zeros((11, 3))}, "actions of 3 numbers, 'umaze' 2"),
        ({"action": np.full((11, 2), 300.0)}, "actions up to 300, worlds take them from -1 to 1"),
        ({"action": np.full((11, 2), np.nan)}, "actions up to nan"),
        ({"ep_len": np.array([7, 9])}, "has only 11 rows, its episodes reach beyond them"),
        ({"pixels": None}, "lacks the columns pixels"),
        ({"ep_len": np.zeros(0, int), "ep_offset": np.zeros(0, int)}, "holds no episodes"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    recorded: Path, spec: dict[str, Any], tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "data.h5", columns(recorded, **changed))
    with pytest.raises(StoreError, match=message) as caught:
        bring_in(path, tmp_path / "out", spec)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_and_an_unnamed_world_are_refused(
    recorded: Path, spec: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path / "data.h5", columns(recorded))
    assert bring_in(path, tmp_path / "robot", None).world["family"] == "recorded"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(StoreError, match="is damaged: copy it anew"):
        bring_in(path, tmp_path / "out", spec)
