"""Reading recorded episodes, whole and damaged."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from envs import make_world
from envs.data.episodes import episode_file, write_episode
from envs.data.manifest import identity, write_manifest
from envs.data.store import EpisodeStore, StoreError


@pytest.fixture
def copy(recorded: Path, tmp_path: Path) -> Path:
    """A data set that may be damaged."""
    shutil.copytree(recorded, tmp_path / "copy")
    return tmp_path / "copy"


def test_episodes_hold_frames_actions_and_states_that_belong_together(recorded: Path) -> None:
    store = EpisodeStore.open(recorded)
    assert len(store) == 6
    world = make_world(store.world)
    episode = store.episode(3)
    assert episode.frames.shape == (21, 16, 16, 3)
    assert episode.frames.dtype == np.uint8
    assert episode.actions.shape == (20, 2)
    assert episode.actions.dtype == np.float32
    world.set_state(episode.states[0])
    for step, action in enumerate(episode.actions):
        np.testing.assert_array_equal(world.state(), episode.states[step])
        np.testing.assert_array_equal(world.frame(), episode.frames[step])
        world.step(action)
    np.testing.assert_array_equal(world.frame(), episode.frames[20])


def test_episode_files_open_with_public_tools(recorded: Path) -> None:
    with h5py.File(recorded / "episodes" / "000002.h5") as file:
        assert set(file) == {"frames", "actions", "states", "contacts"}
        assert file.attrs["seed"].tolist() == [0, 2]
        assert json.loads(file.attrs["factors"]) == {}
        assert file["frames"].compression == "gzip"
        assert file["frames"].chunks == (16, 16, 16, 3)


def test_clips_are_pieces_of_the_episodes_that_they_name(recorded: Path) -> None:
    store = EpisodeStore.open(recorded)
    clips = store.clips(np.random.default_rng(0), batch=40, length=5)
    assert clips.frames.shape == (40, 5, 16, 16, 3)
    assert clips.actions.shape == (40, 4, 2)
    assert clips.states.shape == (40, 5, 4)
    for row, (index, start) in enumerate(zip(clips.episode, clips.start, strict=True)):
        episode = store.episode(int(index))
        np.testing.assert_array_equal(clips.frames[row], episode.frames[start : start + 5])
        np.testing.assert_array_equal(clips.actions[row], episode.actions[start : start + 4])
        np.testing.assert_array_equal(clips.states[row], episode.states[start : start + 5])


def test_every_clip_can_be_drawn_and_the_generator_decides_which(recorded: Path) -> None:
    store = EpisodeStore.open(recorded)
    one, same, other = (store.clips(np.random.default_rng(seed), 500, 18) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.frames, same.frames)
    assert (one.start != other.start).any()
    assert set(zip(one.episode.tolist(), one.start.tolist(), strict=True)) == {
        (e, s) for e in range(6) for s in range(4)
    }


@pytest.fixture
def uneven(recorded: Path, tmp_path: Path) -> EpisodeStore:
    """Episodes of 20, 3 and 9 control steps."""
    first = EpisodeStore.open(recorded)
    files = {}
    for index, steps in enumerate((20, 3, 9)):
        whole = first.load(index)
        contacts = whole.contacts[whole.contacts[:, 0] <= steps]
        short = replace(
            whole,
            frames=whole.frames[: steps + 1],
            actions=whole.actions[:steps],
            states=whole.states[: steps + 1],
            contacts=contacts,
        )
        files[episode_file(index)] = write_episode(tmp_path / "uneven" / episode_file(index), short), steps
    about = {key: first.manifest[key] for key in ("world", "dt", "renderer", "origin")}
    write_manifest(tmp_path / "uneven", identity(**about), 3, files, None)
    return EpisodeStore.open(tmp_path / "uneven")


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_episodes_of_different_lengths_come_back_whole(
    uneven: EpisodeStore, recorded: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr("envs.data.store._MEMORY_SHARE", share)
    first = EpisodeStore.open(recorded)
    for index, steps in enumerate((20, 3, 9)):
        episode, whole = uneven.episode(index), first.episode(index)
        assert (len(episode), len(episode.frames), len(episode.states)) == (steps, steps + 1, steps + 1)
        np.testing.assert_array_equal(episode.frames, whole.frames[: steps + 1])
        np.testing.assert_array_equal(episode.actions, whole.actions[:steps])
        assert episode.seed == (0, index)


def test_all_clips_of_all_long_enough_episodes_are_equally_likely(uneven: EpisodeStore) -> None:
    clips = uneven.clips(np.random.default_rng(0), batch=20_000, length=8)
    drawn = Counter(zip(clips.episode.tolist(), clips.start.tolist(), strict=True))
    assert set(drawn) == {(0, start) for start in range(14)} | {(2, start) for start in range(3)}
    expected = 20_000 / 17
    assert max(abs(count - expected) for count in drawn.values()) < 5 * np.sqrt(expected)
    for row in range(50):
        episode, start = uneven.episode(int(clips.episode[row])), clips.start[row]
        np.testing.assert_array_equal(clips.frames[row], episode.frames[start : start + 8])
        np.testing.assert_array_equal(clips.actions[row], episode.actions[start : start + 7])


def test_short_episodes_can_be_left_out(uneven: EpisodeStore) -> None:
    long = uneven.at_least(9)
    assert long.lengths.tolist() == [20, 9]
    np.testing.assert_array_equal(long.episode(1).frames, uneven.episode(2).frames)


def test_clips_from_disk_are_the_clips_from_memory(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = EpisodeStore.open(recorded).clips(np.random.default_rng(0), 20, 7)
    monkeypatch.setattr("envs.data.store._MEMORY_SHARE", 0.0)
    read = EpisodeStore.open(recorded).clips(np.random.default_rng(0), 20, 7)
    np.testing.assert_array_equal(kept.frames, read.frames)
    np.testing.assert_array_equal(kept.states, read.states)


def test_clips_longer_than_an_episode_are_refused(recorded: Path) -> None:
    store = EpisodeStore.open(recorded)
    store.clips(np.random.default_rng(0), 1, 21)
    with pytest.raises(ValueError, match="clips of 22 frames do not fit in episodes of 21"):
        store.clips(np.random.default_rng(0), 1, 22)


def test_splitting_holds_out_the_last_whole_episodes(recorded: Path) -> None:
    store = EpisodeStore.open(recorded)
    train, held_out = store.split(0.34)
    assert (len(train), len(held_out)) == (4, 2)
    np.testing.assert_array_equal(held_out.episode(0).frames, store.episode(4).frames)
    clips = held_out.clips(np.random.default_rng(0), 30, 3)
    assert set(clips.episode.tolist()) == {0, 1}
    np.testing.assert_array_equal(clips.states[0, 0], store.episode(4 + int(clips.episode[0])).states[clips.start[0]])
    for share in (0.0, 1.0):
        with pytest.raises(ValueError, match="leaves one part empty"):
            store.split(share)


def test_a_whole_data_set_has_no_faults(recorded: Path) -> None:
    assert EpisodeStore.open(recorded).check() == []


def test_a_single_changed_byte_is_found(copy: Path) -> None:
    file = copy / "episodes" / "000004.h5"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    (fault,) = EpisodeStore.open(copy).check()
    assert "000004.h5 is not what was recorded" in fault


def truncate(folder: Path) -> None:
    file = folder / "episodes" / "000001.h5"
    file.write_bytes(file.read_bytes()[:1000])


def change_a_state(folder: Path) -> None:
    with h5py.File(folder / "episodes" / "000001.h5", "a") as file:
        file["states"][3, 0] += 1e-9


def drop_a_column(folder: Path) -> None:
    with h5py.File(folder / "episodes" / "000001.h5", "a") as file:
        del file["states"]


@pytest.mark.parametrize("damage", [truncate, change_a_state, drop_a_column])
def test_a_damaged_episode_is_named_in_one_line(copy: Path, damage: Callable[[Path], None]) -> None:
    damage(copy)
    store = EpisodeStore.open(copy)
    with pytest.raises(StoreError, match=r"000001\.h5 is damaged: delete it and run") as caught:
        store.clips(np.random.default_rng(0), 4, 3)
    assert "\n" not in str(caught.value)


def edited(key: str, value: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        file = folder / "manifest.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))

    return edit


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "there are no recorded episodes in .*: run 'housecat collect out="),
        (lambda folder: (folder / "manifest.json").unlink(), "there are no recorded episodes in"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is damaged"),
        (
            lambda folder: (folder / "manifest.json").write_text("[1]"),
            r"manifest\.json: it is \[1\], expected a list of",
        ),
        (edited("kind", "run"), "does not describe recorded episodes"),
        (edited("schema", 99), "has schema 99, this version reads 2: collect into another folder"),
        (edited("schema", 1), "has schema 1, this version reads 2: collect into another folder"),
        (edited("lengths", [20]), "contradicts itself about its episodes"),
        (edited("complete", False), "is unfinished: run the same 'housecat collect' again"),
        (lambda folder: (folder / "episodes" / "000005.h5").unlink(), r"000005\.h5 is missing"),
    ],
)
def test_what_is_not_a_finished_data_set_is_refused_in_one_line(
    copy: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(copy)
    with pytest.raises(StoreError, match=message) as caught:
        EpisodeStore.open(copy)
    assert "\n" not in str(caught.value)


def test_a_manifest_that_lacks_an_entry_says_which(copy: Path) -> None:
    file = copy / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["files"]
    file.write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="lacks files"):
        EpisodeStore.open(copy)
