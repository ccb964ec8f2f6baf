"""A saved model is the model that was saved; anything else on disk is refused in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.worldmodel.conftest import make_model, small_settings
from worldmodel.checkpoint import FORMAT, CheckpointError, load, save
from worldmodel.distances.critic import ExpectileDistance
from worldmodel.distances.critics import KINDS

CPU = torch.device("cpu")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    graph = {"edges": torch.tensor([[0, 1]])}
    save(
        tmp_path / "model",
        "default",
        small_settings(),
        make_model(),
        ExpectileDistance(16, 32, 50.0),
        graph,
        {"world": "x"},
    )
    return tmp_path / "model"


def test_a_loaded_model_imagines_and_measures_as_the_saved_one(saved: Path) -> None:
    loaded = load(saved, CPU)
    z, actions = torch.randn(1, 16), torch.randn(1, 3, 4, 2)
    assert torch.equal(loaded.model.rollout(z, actions), make_model().rollout(z, actions))
    torch.manual_seed(1)
    make_model()
    assert loaded.distance.longest == 50
    assert loaded.landmarks["edges"].tolist() == [[0, 1]]
    assert loaded.about == {"world": "x"}
    assert not loaded.model.training


def test_saving_again_replaces_the_checkpoint_as_a_whole(saved: Path) -> None:
    save(saved, "default", small_settings(), make_model(), ExpectileDistance(16, 32, 60.0), {}, {})
    loaded = load(saved, CPU)
    assert loaded.distance.longest == 60
    assert loaded.landmarks == {}
    assert [path.name for path in saved.parent.iterdir()] == ["model"], "no temporary folder stays"


@pytest.mark.parametrize("kind", KINDS)
def test_a_distance_of_any_kind_comes_back_as_it_was(kind: str, tmp_path: Path) -> None:
    distance = KINDS[kind].network(16, 32, 50.0, torch.float32)
    distance.fit_whitening(torch.randn(30, 16))
    save(tmp_path / "model", "default", small_settings(), make_model(), distance, {}, {})
    found = load(tmp_path / "model", CPU).distance
    z, goal = torch.randn(20, 16), torch.randn(16)
    assert type(found) is type(distance)
    assert torch.equal(found.steps(z, goal), distance.steps(z, goal))


def truncate(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def change_width(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"latent": 16', '"latent": 24'))


def change_format(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace(f'"format": {FORMAT}', '"format": 99'))


def remove_config(folder: Path) -> None:
    (folder / "config.json").unlink()


@pytest.mark.parametrize("harm", [truncate, change_width, change_format, remove_config])
def test_a_harmed_checkpoint_is_refused_in_one_line(saved: Path, harm: Callable[[Path], None]) -> None:
    harm(saved)
    with pytest.raises(CheckpointError) as error:
        load(saved, CPU)
    assert "\n" not in str(error.value)
    assert str(saved) in str(error.value)
