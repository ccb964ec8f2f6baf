"""`housecat data ...` and `housecat rerender`, as a user meets them."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from envs.data.collect import collect
from envs.data.store import EpisodeStore
from envs.worlds.mazes import maze_spec
from housecat.cli.datasets import speed
from housecat.cli.preview import frame_by_frame, tiled
from housecat.errors import UsageError
from housecat.runs import stages
from housecat.runs.wiring import plan_for_store
from housecat.settings.config import load_config


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Four episodes of 10 steps; not to be changed."""
    out = tmp_path_factory.mktemp("recorded") / "data"
    collect(maze_spec("umaze", frame_size=32), out, 4, 10, 0, workers=1, progress=False)
    return out


def test_info_says_what_a_folder_holds(command, recorded):
    outcome = command("data", "info", f"data={recorded}")
    assert outcome.code == 0
    for part in (
        "umaze (pointmaze)",
        "collect, seed 0",
        "play      random",
        "4 of 10 control steps",
        "44 of 32 pixels",
        "0.1 s",
        "frames/s",
    ):
        assert part in outcome.out


def test_check_names_every_damaged_episode_and_exits_with_2(command, recorded, tmp_path):
    assert command("data", "check", f"data={recorded}").out.startswith("4 episodes, 44 frames, all whole")
    command("data", "split", f"data={recorded}", "out=parts", "held_out=0.5")
    for index in range(2):
        file = tmp_path / "parts" / "train" / "episodes" / f"00000{index}.h5"
        file.write_bytes(file.read_bytes()[:-1])
    outcome = command("data", "check", "data=parts/train")
    outcome.is_one_line_saying("2 of 2 episodes", "000000.h5")
    assert "000001.h5" in outcome.out


def test_split_parts_merge_into_what_they_were(command, recorded):
    assert command("data", "split", f"data={recorded}", "out=parts", "held_out=0.25").code == 0
    assert command("data", "merge", "data=parts/train,parts/test", "out=whole").code == 0
    assert EpisodeStore.open("whole").fingerprint() == EpisodeStore.open(recorded).fingerprint()


def test_rerender_makes_frames_of_the_size_that_was_asked_for(command, recorded):
    outcome = command("rerender", f"data={recorded}", "out=large", "size=48", "workers=1")
    assert outcome.code == 0
    assert "rendering" in outcome.out
    assert EpisodeStore.open("large").load(0).frames.shape == (11, 48, 48, 3)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("data info", ["data is missing: write data=DIR"]),
        ("data check data=nowhere", ["no recorded episodes in nowhere"]),
        ("data merge data=RECORDED out=x", ["at least two recordings: data=DIR,DIR"]),
        ("data merge data=RECORDED,RECORDED out=x", ["merge different recordings"]),
        ("data split data=RECORDED out=x held_out=0.01", ["leaves one part empty", "held_out"]),
        ("data preview data=RECORDED out=x.gif", ["x.gif must end in .webp (moving) or .png"]),
        ("data export data=RECORDED out=x", ["which format?"]),
        ("data export data=RECORDED out=x format=hdf5", ["cannot be exported: there are lerobot, minari"]),
        ("data import source=nowhere.h5 out=x format=hdf5", ["nothing at nowhere.h5"]),
        ("data import out=x format=hdf5", ["source is missing"]),
        ("rerender data=RECORDED", ["out is missing"]),
    ],
)
def test_what_is_missing_or_impossible_is_answered_in_one_line(command, recorded, tmp_path, line, parts):
    command(*shlex.split(line.replace("RECORDED", str(recorded)))).is_one_line_saying(*parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "packages"), [("lerobot", ("pyarrow", "av")), ("minari", ("minari",))])
def test_an_export_comes_back_by_command_line(command, recorded, name, packages):
    for package in packages:
        pytest.importorskip(package)
    assert command("data", "export", f"data={recorded}", "out=there", f"format={name}").code == 0
    outcome = command("data", "import", "source=there", "out=back", f"format={name}")
    assert outcome.code == 0
    assert "next: housecat train data=back" in outcome.out
    assert EpisodeStore.open("back").fingerprint() == EpisodeStore.open(recorded).fingerprint()


def test_a_preview_moves_for_as_long_as_the_episodes(command, recorded, tmp_path):
    assert command("data", "preview", f"data={recorded}", "out=p.webp", "episodes=4").code == 0
    assert command("data", "preview", f"data={recorded}", "out=p.png", "episodes=2").code == 0
    with Image.open(tmp_path / "p.webp") as moving:
        assert (moving.n_frames, moving.size) == (11, (2 * 132 + 4, 2 * 132 + 4))
    with Image.open(tmp_path / "p.png") as still:
        assert still.size == (10 * 132 + 4, 2 * 132 + 4)


def test_a_sheet_shows_each_frame_at_its_place():
    frames = [np.full((2, 2, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = tiled(frames, columns=2)
    assert sheet.shape == (16, 16, 3)
    assert [sheet[4, 4, 0], sheet[5, 11, 0], sheet[11, 5, 0], sheet[11, 11, 0]] == [10, 20, 30, 255]
    moments = frame_by_frame([np.arange(11)[:, None, None, None] * np.ones((1, 2, 2, 3))])
    assert [int(moment[0, 0, 0]) for moment in moments] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]


def test_the_speed_is_said_in_one_line():
    said = speed({"frames": 12000, "seconds": 10.0, "processes": 2, "total": 1200, "physics": 9000, "writing": 5000})
    assert said.startswith("1,200 frames/s (12,000 frames in 10.0 s by 2 processes;")
    assert "physics 9,000, writing 5,000 frames/s" in said


def test_training_refuses_what_the_training_camera_did_not_see(command, recorded):
    command("rerender", f"data={recorded}", "out=people", "camera=people", "workers=1")
    command("train", "data=people", "out=run").is_one_line_saying("frames of the people's camera", "camera=train")


def test_training_tells_one_derived_recording_from_another(command, recorded):
    command("data", "split", f"data={recorded}", "out=parts", "held_out=0.5")
    first, last = (stages.recording_of(EpisodeStore.open(Path("parts") / part)) for part in ("train", "test"))
    assert first != last
    assert json.loads(json.dumps(first)) == first
    config = load_config(["train.length=6", "train.horizon=3", "finetuning.horizon=5", "world.frame_size=32"])
    assert plan_for_store(config, EpisodeStore.open("parts/train")).frame_size == 32


def test_recordings_too_short_for_the_second_level_are_refused_before_training(recorded):
    config = load_config(["method=hjepa", "train.length=6", "train.horizon=3", "finetuning.horizon=5"])
    with pytest.raises(UsageError, match="11 frames, .*upper.stride=5, upper.horizon=8 .* need 45: lower them"):
        plan_for_store(config, EpisodeStore.open(recorded))
