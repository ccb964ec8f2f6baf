"""`housecat worlds`: a list for people, for programs, and in pictures; and figures only where they were measured."""

import json

import numpy as np
import pytest
from PIL import Image

from envs import WORLDS, make_world
from envs.registry import make_named
from envs.streams import stream
from envs.worlds.mazes import maze_spec
from housecat.cli import main as cli
from housecat.cli.worlds import entry_of, show_worlds
from housecat.evaluation.measured import TriedPair, figures_of

FAMILIES = {"navigation", "reaching", "pushing", "manipulation", "locomotion", "driving"}


def test_the_list_for_programs_names_every_world_with_its_family_sizes_test_and_factors(capsys):
    assert cli.main(["worlds", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in entries] == list(WORLDS)
    for entry in entries:
        world = make_named(entry["id"])
        assert entry["family"] in FAMILIES
        assert (entry["action_dim"], entry["state_dim"]) == (world.scene.action_dim, world.scene.state_dim)
        assert f"{world.tolerance:g} {world.unit}" in entry["success"]
        assert set(entry["factors"]) == set(world.factors)
        assert set(entry["quantities"]) == set(world.ranges)
        assert {"oracle_success", "random_success", "unit", "tolerance", "max_steps"} <= set(entry)


def test_rates_come_from_figures_with_their_interval_and_are_null_without():
    world = make_named("umaze")
    entry = entry_of(world, figures_of(world, "1", 0, [TriedPair(9, False)] * 3 + [TriedPair(None, True)]))
    assert (entry["oracle_success"], entry["random_success"]) == (0.75, 0.25)
    assert entry["oracle_interval"] == [0.3006, 0.9544]  # Wilson, 3 of 4
    assert entry["measured"]["episodes"] == 4
    assert entry_of(world, None)["oracle_success"] is None


def test_what_is_measured_is_shown_kept_and_shown_again(tmp_path, capsys):
    file, specs = tmp_path / "measured.json", [WORLDS["reacher"]]
    show_worlds(specs, 2, 2, 1, None, frozenset({"--save", "--json"}), file)
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["measured"]["episodes"] == 2 and entry["measured"]["seed"] == 2
    assert entry["oracle_success"] >= entry["random_success"]
    show_worlds(specs, None, 0, 1, None, frozenset({"--json"}), file)
    assert json.loads(capsys.readouterr().out) == [entry]
    show_worlds(specs, None, 0, 1, None, frozenset(), file)
    shown = capsys.readouterr().out
    assert f"{entry['measured']['oracle']} of 2" in shown
    assert "thickness" in shown and "0.7 to 1.3 times" in shown
    assert "fingertip      2 numbers, m " in shown and "-3.142..3.142, reached within 0.1" in shown


def test_the_sheet_shows_training_frames_upscaled_beside_the_people_s_pictures(tmp_path, capsys):
    assert cli.main(["worlds", "world=reacher", f"out={tmp_path}", "seed=3"]) == 0
    assert str(tmp_path / "worlds.png") in capsys.readouterr().out
    sheet = np.asarray(Image.open(tmp_path / "worlds.png"))
    world = make_world(WORLDS["reacher"])
    pair = world.sample_pair(stream(3, "pictures of worlds"))
    training = world.frame(state=pair.start).repeat(4, 0).repeat(4, 1)
    assert any((sheet[34 : 34 + 256, left : left + 256] == training).all() for left in range(sheet.shape[1] - 256))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["--save"], "say on how many pairs, e.g. episodes=40"),
        (["world=reacher", "world.frame_size=32", "episodes=2", "--save"], "'reacher' is not one"),
        (["world=moon"], "world=moon is unknown"),
        (["--jsn"], "expected key=value"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(line, expected, capsys):
    assert cli.main(["worlds", *line]) == 2
    assert expected in capsys.readouterr().err


def test_a_maze_of_one_s_own_is_listed_like_the_others():
    world = make_world(maze_spec("mine", "#####\n#   #\n#####"))
    assert entry_of(world, None)["family"] == "navigation"
