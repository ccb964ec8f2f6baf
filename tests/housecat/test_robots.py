"""A robot in MJCF goes along with what was recorded of it and trained on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import housecat
from envs.data.rearrange import split
from envs.outside import carried
from envs.outside.sources import OutsideError
from tests.examples.test_examples import FOLDER, PLAYED, TINY

LOOK = """<mujoco><asset>
<mesh name="hand" file="hand.obj"/><texture name="floor" type="2d" file="floor.png"/>
<material name="floor" texture="floor"/></asset></mujoco>"""
HAND = "v 0 0 0\nv .05 0 0\nv 0 .05 0\nv 0 0 .05\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


def robot(folder: Path) -> Path:
    """A robot whose model is in several files, in several folders."""
    for name in ("model/parts", "model/looks", "meshes"):
        (folder / name).mkdir(parents=True)
    text = (FOLDER / "robot.xml").read_text()
    head = '<compiler meshdir="../meshes" texturedir="looks"/><include file="parts/look.xml"/>'
    text = text.replace("<worldbody>", f"{head}<worldbody>").replace('type="plane"', 'type="plane" material="floor"')
    text = text.replace('<site name="tip"', '<geom type="mesh" mesh="hand" pos="0.2 0 0"/><site name="tip"')
    (folder / "model" / "arm.xml").write_text(text)
    (folder / "model" / "arm.yaml").write_text((FOLDER / "robot.yaml").read_text())
    (folder / "model" / "parts" / "look.xml").write_text(LOOK)
    (folder / "meshes" / "hand.obj").write_text(HAND)
    board = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    Image.fromarray(board).save(folder / "model" / "looks" / "floor.png")
    return folder / "model" / "arm.xml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording and a run of a robot whose files have moved since, and whose archive this process does not know."""
    folder = tmp_path_factory.mktemp("robots")
    housecat.collect(robot(folder / "old"), folder / "data", 30, {"collect.steps": 20, "workers": 1})
    housecat.train(folder / "data", folder / "run", updates=8, settings=TINY)
    (folder / "old").rename(folder / "new")
    (folder / "new" / "model" / "arm.xml").rename(folder / "new" / "model" / "copy.xml")
    (folder / "new" / "model" / "arm.yaml").rename(folder / "new" / "model" / "copy.yaml")
    return folder


@pytest.fixture(autouse=True)
def forgotten(folder: Path) -> None:
    carried._known.clear()


def test_a_copied_checkpoint_of_a_robot_acts_and_is_evaluated_where_its_files_are_gone(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "run" / "model", tmp_path / "copied")
    frame = "import housecat, sys\nagent = housecat.load('copied')\nworld = agent.make_world()\n"
    frame += "frame, _ = world.reset(seed=1)\nagent.reset(goal=world.goal_frame())\nfor _ in range(2):\n"
    frame += "    frame, _, _, _, _ = world.step(agent.act(frame))\n"
    asked = {"out": "played", "planners": ["random", "flat_distance"], "settings": PLAYED}
    frame += "if __name__ == '__main__':\n    print(frame.shape, frame.std() > 5)\n"
    frame += f"    print(housecat.evaluate('copied', **{asked})['world'])\n"
    (tmp_path / "play.py").write_text(frame)
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
    done = subprocess.run([sys.executable, "play.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert (said[0], said[-1]) == ("(64, 64, 3) True", "arm"), done.stderr


def test_a_recording_of_a_robot_and_a_part_of_it_are_drawn_as_they_were_where_its_files_are_gone(
    folder: Path, tmp_path: Path
) -> None:
    part, _ = split(folder / "data", tmp_path / "parts", 0.5, progress=False)
    carried._known.clear()
    store = type(part).open(part.path)
    assert (part.path / carried.ARCHIVE).read_bytes() == (folder / "run" / "model" / carried.ARCHIVE).read_bytes()
    episode, world = store.load(0), housecat.load(folder / "run").make_world()
    np.testing.assert_array_equal(world.frame(state=episode.states[3]), episode.frames[3])


def test_a_robots_file_that_was_moved_is_known_by_what_is_in_it(folder: Path) -> None:
    played = {"planners": ["random"], "settings": PLAYED}
    copy = folder / "new" / "model" / "copy.xml"
    assert housecat.evaluate(folder / "run", world=copy, **played)["world"] == "arm"
    copy.with_name("other.xml").write_text(copy.read_text().replace('damping="0.1"', 'damping="0.2"'))
    shutil.copy(copy.with_suffix(".yaml"), copy.with_name("other.yaml"))
    with pytest.raises(Exception, match="is of world 'arm'"):
        housecat.evaluate(folder / "run", world=copy.with_name("other.xml"), **played)


def test_an_archive_that_is_another_is_not_read(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run" / "model", tmp_path / "model")
    content = bytearray((tmp_path / "model" / carried.ARCHIVE).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model" / carried.ARCHIVE).write_bytes(content)
    with pytest.raises(OutsideError, match="is not the robot that it was made with: copy it anew"):
        housecat.load(tmp_path / "model")
