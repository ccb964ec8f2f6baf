"""`seeds=[...]`: the same command once with each seed, and what came of it together."""

from housecat.cli import main as program
from housecat.cli.seeds import each_seed
from housecat.settings.config import load_config


def asked_of(name: str, *arguments: str) -> list[list[str]]:
    """The words with which the command is carried out, the second time in vain."""
    asked: list[list[str]] = []
    code = each_seed(name, load_config(list(arguments)), [], lambda words: asked.append(words) or 2 * (len(asked) == 2))
    assert code == 2
    return asked


def test_each_seed_has_a_folder_of_its_own_and_what_fails_ends_the_row(tmp_path):
    asked = asked_of("quickstart", f"out={tmp_path}", "seeds=[7,8,9]")
    assert asked == [[f"seed={seed}", f"out={tmp_path / f'seed-{seed}'}"] for seed in (7, 8)]


def test_an_evaluation_takes_the_training_of_the_same_seed_where_there_is_one(tmp_path):
    (tmp_path / "seed-7").mkdir()
    first, second = asked_of("evaluate", f"checkpoint={tmp_path}", "seeds=[7,8]")
    assert f"checkpoint={tmp_path / 'seed-7'}" in first
    assert not any(word.startswith("checkpoint=") for word in second)


def test_one_seed_beside_several_is_refused_in_one_line(capsys):
    assert program.main(["quickstart", "seed=1", "seeds=[0,1]"]) == 2
    assert capsys.readouterr().err == "housecat: seed= and seeds= are both given: name one of them\n"
