"""The command line: exit codes, one-line errors, help, and nothing heavy before it is known to be right."""

import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time

import pytest

import housecat as program
from housecat.cli import main as cli
from housecat.cli.help import COMMANDS, named
from housecat.settings.config import composed, is_read, parsed, text_of
from housecat.settings.schema import settings
from planners.optimizers.registry import OptimizerSettings, make_optimizer
from tests.housecat.conftest import ROOT


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_command(arguments, capsys):
    assert cli.main(arguments) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("line", ["data", "data --help"])
def test_a_group_of_commands_lists_its_members_alone(line, capsys):
    assert cli.main(line.split()) == 0
    shown = capsys.readouterr().out
    assert all((f"  {name} " in shown) == name.startswith("data ") for name in COMMANDS)


def keys_in(text: str) -> set[str]:
    return set(re.findall(r"(?m)^  ([a-z][\w.]+)=(?!NAME)", text))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_lists_what_the_default_choice_reads_with_meaning_and_default(name, capsys):
    assert cli.main([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    values, known = composed(parsed([]))
    read = {key for key, one in known.items() if COMMANDS[name].reads(key) and is_read(one, values)}
    assert keys_in(shown) == read
    for key in read:
        assert f"  {key}={text_of(values[key])} " in shown
        assert known[key].meaning in shown


def test_help_is_of_the_method_and_the_world_that_are_named(capsys):
    def shown(*choice: str) -> str:
        assert cli.main(["quickstart", "--help", *choice]) == 0
        return capsys.readouterr().out

    default, lewm, cube = shown(), shown("method=lewm"), shown("world=cube")
    assert {"model.latent", "objective.inverse"} <= keys_in(default) - keys_in(lewm)
    assert {"lewm.heads", "objective.sigreg"} <= keys_in(lewm) - keys_in(default)
    assert "Attention of the predictor" in lewm
    assert "method=lewm has lewm.*" in default and "lewm.*" not in lewm
    assert "model.width=32 " in default and "model.width=192 " in lewm and "train.updates=1300 " in lewm
    assert "model.latent=112 " in default and "model.latent=80 " in cube and "model.fixed=components " in cube
    assert "planner.upper_every" not in default
    assert "planner.upper_every=2 " in shown("evaluate.planners=[hjepa]")
    assert "critic.expectile" not in shown("critic.kind=quasimetric")
    assert "model.depth" not in default and "model.depth=2 " in shown("model=vit")


def test_every_setting_is_read_by_a_command():
    assert all(any(command.reads(name) for command in COMMANDS.values()) for name in settings())


def test_the_examples_in_the_help_are_command_lines_that_work():
    for name, command in COMMANDS.items():
        called, arguments = named(shlex.split(command.example)[1:])
        assert called == name
        for argument in arguments:
            assert argument == "--json" or command.reads(argument.partition("=")[0])


def test_the_version_is_the_one_of_the_project_file(capsys):
    assert cli.main(["--version"]) == 0
    version = program.__version__
    assert capsys.readouterr().out == f"housecat {version}\n"
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("quikstart", ["no command 'quikstart'", "did you mean quickstart?"]),
        (
            "fly",
            [
                "no command 'fly'",
                "quickstart, collect, train, evaluate, compare, bench, probe, words, memory, export, rerender",
            ],
        ),
        ("data chek data=x", ["no command 'data chek'", "did you mean data check?"]),
        ("data fly", ["no command 'data fly'", "there are data info, data check"]),
        ("data info size=many", ["size must be a whole number, got 'many'"]),
        ("rerender camera=side", ["camera must be one of train, people, got 'side'"]),
        ("doctor now", ["doctor takes no settings, got 'now'"]),
        ("train updates=3", ["or train.updates or"]),
        ("collect world=medium episodes=many", ["episodes must be a whole number, got 'many'"]),
        ("evaluate seed=-1", ["seed must be from 0"]),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line_within_a_second(housecat, line, parts):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcome = housecat(*shlex.split(line))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of processor time, because other tests run beside this one.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
    outcome.is_one_line_saying(*parts)
    assert outcome.out == ""


def test_nothing_heavy_is_loaded_for_a_wrong_command_line():
    code = "import sys; from housecat.cli.main import main; main(['train', 'updates=3']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "mujoco", "matplotlib", "scipy", "gymnasium"} & set(done.stdout.split())


MAZES = {
    "open": ("####\n#   \n####\n", "line 2, column 4: the border is open"),
    "letters": ("####\n#ox#\n####\n", "line 2, column 2: 'o' is neither wall"),
    "split": ("#####\n# # #\n#####\n", "no way leads here"),
    "full": ("####\n#.##\n####\n", "at least 2"),
}


@pytest.mark.parametrize("maze", MAZES)
def test_an_impossible_maze_is_answered_in_one_line_before_any_work(command, tmp_path, maze):
    layout, expected = MAZES[maze]
    (tmp_path / "maze.txt").write_text(layout)
    outcome = command("collect", "world=pointmaze", "world.layout=maze.txt", "out=made")
    outcome.is_one_line_saying("maze.txt", expected)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("train", ["data=DIR"]),
        ("train data=nowhere", ["nowhere", "housecat collect"]),
        ("train model.latent=30", ["model.latent must be above the 64 numbers"]),
        ("train data=nowhere world=medium model.latent=30", ["model.latent must be above the 64 numbers"]),
        ("train data=nowhere model.latent=30", ["nowhere", "housecat collect"]),
        ("evaluate", ["checkpoint=DIR"]),
        ("evaluate checkpoint=nowhere", ["no checkpoint in nowhere", "housecat train"]),
        ("collect world=pointmaze world.layout=gone.txt", ["gone.txt", "No such file"]),
        ("collect world=mjcf path=gone.xml", ["there is no file", "gone.xml"]),
        ("collect world=gymnasium/Pushr-v5", ["world=gymnasium/Pushr-v5 cannot be made", "Did you mean: `Pusher`?"]),
        ("collect world=gymnasium/CartPole-v1", ["not simulated by MuJoCo"]),
        ("collect world=dm_control/cheetah", ["world=dm_control/DOMAIN/TASK"]),
        ("quickstart evaluate.min_steps=5000", ["no goals", "evaluate.min_steps"]),
        ("quickstart collect.episodes=3", ["collect.episodes must be at least 8"]),
        ("quickstart collect.steps=9", ["collect.steps must be at least"]),
    ],
)
def test_what_is_missing_or_impossible_is_answered_in_one_line(command, tmp_path, line, parts):
    command(*shlex.split(line)).is_one_line_saying(*parts)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_answered_in_one_line(command, tmp_path):
    (tmp_path / "file").touch()
    command("collect", "world=umaze", "episodes=2", "out=file/data").is_one_line_saying("file/data", "another out=DIR")


@pytest.mark.parametrize("name", ["quickstart", "compare"])
def test_what_plays_reads_goals_and_trouble_and_refuses_a_goal_before_it_trains(command, name):
    outcome = command(name, "world=umaze", "goal.ball=[1,1]", "trouble.delay=100", "out=new")
    assert outcome.code == 2 and "has no quantity 'ball'" in outcome.err
    assert "does not read" not in outcome.out


def test_a_setting_that_the_command_does_not_read_is_pointed_out(command):
    outcome = command("collect", "world=umaze", "episodes=2", "collect.steps=8", "workers=1", "train.updates=5")
    assert outcome.code == 0
    assert "collect does not read train.updates" in outcome.out


def test_collect_records_a_maze_of_the_users_own(housecat, tmp_path):
    (tmp_path / "corner.txt").write_text("#####\n#...#\n###.#\n#####\n")
    arguments = ("world=pointmaze", "world.layout=corner.txt", "episodes=2", "collect.steps=8", "workers=1")
    outcome = housecat("collect", *arguments)
    assert outcome.code == 0, outcome.err
    assert "2/2" in outcome.err.splitlines()[-1]  # the progress bar is the last thing said, also as the process ends
    assert "next: housecat train data=data/corner" in outcome.out
    manifest = json.loads((tmp_path / "data/corner/manifest.json").read_text())
    assert (manifest["episodes"], manifest["steps"]) == (2, 8)
    again = housecat("collect", *arguments, "seed=1")
    again.is_one_line_saying("data/corner", "seed")


def test_a_recording_of_another_world_is_refused(command, tmp_path):
    assert command("collect", "world=umaze", "episodes=2", "collect.steps=16", "workers=1", "out=data").code == 0
    outcome = command("train", "world=medium", "data=data")
    outcome.is_one_line_saying("the recording in data is of world 'umaze'", "asked for is 'medium'")
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_ends_with_one_line_and_exit_code_130(tmp_path):
    command = [sys.executable, "-m", "housecat", "collect", "world=umaze", "episodes=5000", f"out={tmp_path}/data"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A suite that runs in the background ignores the signal, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        episodes = tmp_path / "data" / "episodes"
        deadline = time.monotonic() + 60
        while not (episodes.is_dir() and any(episodes.glob("*.h5"))) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group, which is this process's own
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1] == "housecat: interrupted; the same command goes on from here"


def test_a_full_disk_is_told_in_one_line():
    message, code = cli.explain(OSError(28, "No space left on device", "runs/x/model"), ["train"])
    assert code == 2
    assert message.startswith("runs/x/model: the disk is full: free space, or write elsewhere with out=DIR; then")


def test_a_fault_of_ours_is_told_in_one_line_that_names_a_file_with_the_details():
    try:
        make_optimizer("lost\nand found", OptimizerSettings())
    except KeyError as error:
        message, code = cli.explain(error)
    assert code == 1
    assert "\n" not in message
    file = message.rpartition("report it with ")[2].rstrip(")")
    with open(file, encoding="utf-8") as details:
        assert "Traceback" in details.read()
