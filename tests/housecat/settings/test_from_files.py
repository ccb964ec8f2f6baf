"""Settings out of files: `config=FILE` and `preset=NAME`."""

from pathlib import Path

import pytest

from housecat.errors import UsageError
from housecat.settings.config import load_config
from housecat.settings.from_files import expanded


def from_file(folder: Path, text: str, *arguments: str, reads=lambda name: True) -> list[str]:
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return expanded([f"config={file}", *arguments], reads)


def test_sections_and_full_names_say_the_same(tmp_path):
    nested = from_file(tmp_path, "world: umaze\ntrain: {updates: 30, schedule: wsd}")
    assert nested == from_file(tmp_path, "world: umaze\ntrain.updates: 30\ntrain.schedule: wsd")
    config = load_config(nested)
    assert (config.world.name, config.train.updates, config.train.schedule) == ("umaze", 30, "wsd")


def test_lists_mappings_and_nothing_are_read_as_they_are_meant(tmp_path):
    text = "factors: {train: {light: [0.8, 1.0]}}\nevaluate: {planners: [random, flat_distance], max_steps: null}"
    config = load_config(from_file(tmp_path, text))
    assert config.factors.train == {"light": [0.8, 1.0]}
    assert config.evaluate.planners == ("random", "flat_distance")
    assert config.evaluate.max_steps is None


def test_what_is_written_by_hand_wins_over_the_file_and_the_file_over_the_preset(tmp_path):
    config = load_config(
        from_file(tmp_path, "train.updates: 40\ncritic.updates: 70", "preset=fast", "train.updates=50")
    )
    assert (config.train.updates, config.critic.updates) == (50, 70)
    assert config.collect.episodes == load_config(expanded(["preset=fast"], lambda name: True)).collect.episodes < 1500


def test_a_command_takes_what_it_reads(tmp_path):
    reads = lambda name: name.startswith("train.")  # noqa: E731
    assert from_file(tmp_path, "train.updates: 40\ncritic.updates: 70", reads=reads) == ["train.updates=40"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train: {update: 3}", "there is no setting 'train.update': did you mean train.updates?"),
        ("config: other.yaml", "there is no setting 'config'"),
        ("- train.updates", "expected lines like"),
        ("train: {updates: 3", "it is not YAML"),
        ("a: &a [1, 2]\nb: *a", "stands for what is written elsewhere"),
    ],
)
def test_a_file_that_says_no_settings_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(UsageError, match=r"config=.*mine\.yaml: ") as error:
        from_file(tmp_path, text)
    assert said in str(error.value)


@pytest.mark.parametrize("argument", ["config=/nowhere/mine.yaml", "config=/dev/zero", "config=", "preset=slow"])
def test_a_file_that_is_not_there_is_refused_in_one_line(argument):
    with pytest.raises(UsageError, match=argument.replace(".", r"\.")):
        expanded([argument], lambda name: True)
