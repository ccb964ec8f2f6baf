"""Every number that a user may write has bounds that a machine can hold; what is no number is told in one line."""

import math
from pathlib import Path
from typing import get_args

import pytest

from envs.data.machine import free_memory
from housecat.cli.help import COMMANDS
from housecat.errors import UsageError
from housecat.settings.config import for_command, load_config, parsed
from housecat.settings.declared import Setting
from housecat.settings.groups import group_choices
from housecat.settings.schema import settings
from housecat.settings.sizes import check_sizes

NUMBERS = {one.name: one for one in settings().values() if {one.type, *get_args(one.type)} & {int, float}}
ODD = ["nan", "inf", "-inf", "9" * 400, "-" + "9" * 400, "1" + "0" * 20, "1e400", "1e-400", "9" * 5000, "0x1p3", "--1"]


def written(one: Setting, text: str) -> str:
    return f"{one.name}=[{text}]" if get_args(one.type) else f"{one.name}={text}"


@pytest.mark.parametrize("one", NUMBERS.values(), ids=lambda one: one.name)
def test_a_number_has_both_bounds_and_its_default_lies_between(one: Setting) -> None:
    assert one.low is not None and one.high is not None, "what is not bounded can be more than any machine holds"
    assert -math.inf < one.low < one.high <= 2**31
    for value in one.default if isinstance(one.default, tuple) else (one.default,):
        assert value is None or one.low <= value <= one.high


@pytest.mark.parametrize("text", ODD, ids=lambda text: text[:8] + f" of {len(text)}" * (len(text) > 8))
def test_what_is_no_number_or_out_of_bounds_is_refused_in_one_short_line_for_every_setting(text: str) -> None:
    for one in NUMBERS.values():
        if text == "1e-400" and one.low == 0 and float in (one.type, *get_args(one.type)):
            continue  # it is nothing
        with pytest.raises(UsageError) as caught:
            parsed([written(one, text)])
        message = str(caught.value)
        assert message.startswith(one.name) and "\n" not in message and len(message) < 200


def test_minus_zero_is_zero() -> None:
    for name in ("planner.effort=-0.0", "planner.effort=-0", "objective.inverse=-1e-400"):
        (value,) = parsed([name]).values.values()
        assert math.copysign(1, value) == 1


@pytest.mark.parametrize("name", [name for name, one in settings().items() if get_args(one.type)])
def test_a_list_that_names_something_twice_is_refused(name: str) -> None:
    one = settings()[name]
    twice = 2 * (one.default or one.choices or (3,))[:1]
    with pytest.raises(UsageError, match=f"{name} names something twice, which would count twice"):
        parsed([f"{name}={list(twice)}".replace("'", "")])


@pytest.mark.parametrize("command", ["collect", "quickstart"])
def test_the_short_form_of_a_setting_has_the_bounds_of_the_long_one(command: str) -> None:
    with pytest.raises(UsageError, match="^collect.episodes must be from 2 to 1000000, got 1$"):
        for_command(load_config(["episodes=1"]), command)
    assert for_command(load_config(["episodes=1"]), "evaluate").evaluate.episodes == 1
    with pytest.raises(UsageError, match="^evaluate.episodes must be from 1 to 100000, got 1000000$"):
        for_command(load_config(["episodes=1000000"]), "evaluate")


@pytest.mark.parametrize(
    ("command", "line", "told"),
    [
        ("collect", "collect.episodes=1000000 collect.steps=100000", "collect.episodes=1000000, collect.steps=100000"),
        ("quickstart", "planner.samples=100000 evaluate.batch=4096", "planner.samples=100000, planner.horizon=8, eval"),
        ("evaluate", "planner.samples=100000 planner.horizon=200 evaluate.batch=4096", "of memory, of which"),
        ("train", "train.batch=65536 train.length=1000", "train.batch=65536, train.length=1000, world.frame_size=64"),
        ("train", "model.predictor_width=8192 model.predictor_depth=32", "model.predictor_depth=32 take at least 32"),
        ("compare", "collect.steps=100000 collect.episodes=1000000", "GiB of disk"),
    ],
)
def test_what_settings_take_together_is_told_before_any_work(
    command: str, line: str, told: str, tmp_path: Path
) -> None:
    config = load_config([*line.split(), f"out={tmp_path / 'new'}"])
    with pytest.raises(UsageError) as caught:
        check_sizes(config, COMMANDS[command].reads)
    assert told in str(caught.value) and str(caught.value).endswith("are free: lower them, or free more")
    assert not list(tmp_path.iterdir())


def test_what_a_command_does_not_read_takes_nothing() -> None:
    greedy = load_config(["planner.samples=100000", "evaluate.batch=4096", "train.batch=65536", "train.length=1000"])
    check_sizes(greedy, COMMANDS["collect"].reads)
    check_sizes(greedy, COMMANDS["data info"].reads)


@pytest.mark.parametrize("method", group_choices("method"))
def test_the_defaults_of_every_method_fit_into_a_small_machine(method: str) -> None:
    assert free_memory() > 2**30
    for command in COMMANDS.values():
        check_sizes(load_config([f"method={method}"]), command.reads)
