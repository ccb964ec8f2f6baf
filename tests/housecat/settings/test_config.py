"""Settings: what a user writes is looked up, typed, checked, and beats the files."""

from dataclasses import fields
from importlib import import_module

import pytest
import yaml

from housecat.errors import UsageError
from housecat.settings.config import check_shared, load_config, to_yaml
from housecat.settings.groups import group_choices
from housecat.settings.schema import method_sections, shared_sections


def refusal(*arguments: str) -> str:
    with pytest.raises(UsageError) as error:
        load_config(list(arguments))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_setting_on_the_command_line_beats_the_files():
    config = load_config(["world=large", "train.updates=7", "evaluate.horizons=[4,5]", "train.learning_rate=2e-3"])
    assert (config.world.name, config.train.updates, config.evaluate.horizons) == ("large", 7, (4, 5))
    assert config.train.learning_rate == 0.002


def test_a_world_of_somebody_elses_is_chosen_by_where_it_comes_from():
    assert load_config(["world=dm_control/cheetah/run"]).world.name == "dm_control/cheetah/run"
    assert load_config(["world=gymnasium/Pusher-v5"]).world.name == "gymnasium/Pusher-v5"
    assert load_config(["world=mjcf", "path=my/robot.xml"]).world.path == "my/robot.xml"


def test_the_last_of_two_values_counts():
    assert load_config(["seed=1", "seed=2"]).seed == 2


def test_choosing_another_model_replaces_all_of_it():
    assert load_config(["model=cnn"]).of_method["model"].encoder == "cnn"
    assert load_config(["model=cnn"]).of_method["model"].context != load_config([]).of_method["model"].context


def test_a_world_sets_what_suits_the_default_model_and_a_method_of_its_own_updates_wins() -> None:
    own, pusht = load_config(["method=vjepa2_ac"]), load_config(["world=pusht"])
    assert pusht.finetuning != load_config([]).finetuning
    both = load_config(["world=pusht", "method=vjepa2_ac"])
    assert both.finetuning == own.finetuning
    assert (both.planner, both.critic) == (pusht.planner, pusht.critic)


@pytest.mark.parametrize(
    "path", ["a b", "a=b", "x,y", "~/runs", "it's", 'say "x"', "${oc.env:HOME}", "[1]", "ü{}", "null.d"]
)
def test_a_path_is_taken_as_it_is_written(path):
    assert load_config([f"out={path}"]).out == path


def test_null_stands_for_no_value():
    assert load_config(["out=null"]).out is None


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("train.update=3", "did you mean train.updates?"),
        ("updates=3", "did you mean pretraining.updates or train.updates or finetuning.updates or"),
        ("wrld=umaze", "did you mean world?"),
        ("train=3", "did you mean train.updates"),
        ("qqqq=1", "no setting 'qqqq'"),
        ("world=medum", "did you mean medium?"),
        ("world=maze.txt", "world=pointmaze world.layout=maze.txt"),
        ("world=robot.xml", "world=mjcf path=robot.xml"),
        ("world=mjcf", "name its MJCF file with path=FILE"),
        ("path=robot.xml", "write world=mjcf"),
        ("world.options=robot.yaml", "world 'medium' is none"),
        ("world=dmcontrol/cheetah/run", "world=dmcontrol/cheetah/run is unknown"),
        ("objective=none", "there are ema, sigreg, variance_covariance"),
        ("data/medium", "expected key=value, got 'data/medium'"),
        ("--out", "write out=VALUE"),
        ("out=", "out= has no value"),
        ("train.updates=many", "train.updates must be a whole number, got 'many'"),
        ("train.updates=1.5", "must be a whole number"),
        ("train.learning_rate=nan", "must be a number"),
        ("train.learning_rate=7", "train.learning_rate must be from 1e-08 to 1, got 7"),
        ("seed=-1", "seed must be from 0 to 2147483647, got -1"),
        ("episodes=0", "episodes must be from 1 to 1000000, got 0"),
        ("device=tpu", "device must be one of auto, cpu, cuda, got 'tpu'"),
        ("evaluate.planners=[hierarchy,flat]", "got 'flat'"),
        ("evaluate.planners=[]", "must not be empty"),
        ("evaluate.horizons=[8,x]", "evaluate.horizons must be a whole number, got 'x'"),
        ("world=pointmaze", "world.layout=FILE"),
        ("train.horizon=40", "must be less than train.length"),
        ("model=vit model.context=3", "must be even"),
        (
            "model.latent=64",
            "model.latent must be above the 64 numbers that model.keypoints=32 gives it as places, got 64",
        ),
        (
            "model.latent=32 model.fixed=components",
            "model.latent must be above the 32 numbers that model.keypoints=32 gives it as components, got 32",
        ),
        ("finetuning.updates=0", "finetuning.updates must be at least 1 for model=keypoints"),
        ("method=vjepa2_ac finetuning.updates=0", "finetuning.updates must be at least 1 for method=vjepa2_ac"),
        ("method=vjepa model.context=2", "model.context must be at least 4 for masking.future"),
        ("model.patch=7", "must divide world.frame_size (64)"),
        ("planner.elites=100000", "must be less than planner.samples"),
        ("evaluate.planners=[flat_latent] evaluate.calibration=0", "evaluate.calibration must be at least 1"),
        ("ensemble.members=1", "ensemble.members must be 0 or at least 2"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(argument, expected):
    assert expected in refusal(*argument.split())


def test_a_layout_without_a_maze_is_refused():
    assert "world=pointmaze" in refusal("world=reacher", "world.layout=maze.txt")


def test_the_settings_file_holds_what_the_command_reads_and_nothing_else():
    maze = {"name": "mine", "layout": "###\n# #\n###"}
    text = to_yaml(load_config(["seed=5"]), lambda name: name.partition(".")[0] in ("seed", "train", "world"), maze)
    assert "  # #\n" in text
    written = yaml.safe_load(text)
    assert written["seed"] == 5
    assert written["world"] == maze
    assert written["train"]["updates"] == load_config([]).train.updates
    assert set(written) == {"seed", "train", "world"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("lewm.heads=2", "method=default does not read lewm.heads: it is for method=lewm"),
        (
            "method=lewm model.latent=9",
            "method=lewm does not read model.latent: it is for method=default, hjepa, pixel",
        ),
        ("method=lewm model=vit", "method=lewm does not read model=vit: it is for method=default"),
        ("model.depth=3", "model.encoder=keypoints does not read model.depth: it is for model.encoder=vit"),
        ("model=cnn pretraining.updates=3", "model.encoder=cnn does not read pretraining.updates"),
        ("objective.momentum=0.9", "objective.name=variance_covariance does not read objective.momentum"),
        ("critic.kind=quasimetric critic.expectile=0.7", "critic.kind=quasimetric does not read critic.expectile"),
        ("method=vjepa critic.updates=60", "method=vjepa does not read critic.updates"),
        ("planner.upper_every=1", "does not read planner.upper_every: it is for evaluate.planners=hjepa"),
        ("evaluate.planners=[random] planner.reach=3", "evaluate.planners=random does not read planner.reach"),
    ],
)
def test_a_setting_that_nothing_chosen_reads_is_refused_with_what_reads_it(line: str, reason: str) -> None:
    assert reason in refusal(*line.split())


def test_several_methods_share_a_command_line_that_one_of_them_reads() -> None:
    line = ["model.latent=100", "lewm.heads=2"]
    check_shared(line, ["default", "lewm"])
    assert load_config([*line, "method=lewm"], shared=True).of_method["lewm"].heads == 2
    assert load_config(["method=lewm", "model=vit"], shared=True).of_method["model"].width == 192
    with pytest.raises(UsageError, match="does not read lewm.heads"):
        check_shared(line, ["default", "pldm"])


def test_what_is_read_of_the_source_is_what_the_dataclasses_are() -> None:
    parts = dict(shared_sections())
    for method in group_choices("method"):
        parts |= {f"{method}/{name}": part for name, part in method_sections(method).items()}
    for part in parts.values():
        kind = getattr(import_module(part.module), part.kind)
        declared = {f"{part.name}.{one.name}": one for one in fields(kind) if "meaning" in one.metadata}
        assert declared.keys() == part.settings.keys()
        for name, one in declared.items():
            read = part.settings[name]
            assert (read.default, read.meaning) == (one.default, one.metadata["meaning"])
            assert (read.low, read.high, read.choices) == tuple(one.metadata[key] for key in ("low", "high", "choices"))
        assert kind() == kind(**{name.partition(".")[2]: one.default for name, one in declared.items()})
