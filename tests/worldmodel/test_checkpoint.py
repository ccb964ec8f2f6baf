"""A saved model is the model that was saved; anything else on disk is refused in one line."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.worldmodel.conftest import make_model, small_settings
from worldmodel.checkpoint import FORMAT, CheckpointError, load, save
from worldmodel.distances.critic import ExpectileDistance
from worldmodel.distances.critics import KINDS
from worldmodel.stages.ensemble import Ensemble

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


def test_an_ensemble_comes_back_as_it_was(tmp_path: Path) -> None:
    ensemble, parts = Ensemble(16, 2, members=3, width=8), ("default", small_settings(), make_model())
    save(tmp_path / "model", *parts, ExpectileDistance(16, 32, 50.0), {}, {}, ensemble=ensemble)
    found = load(tmp_path / "model", CPU).ensemble
    z, actions = torch.randn(5, 16), torch.randn(5, 2)
    assert found is not None and torch.equal(found(z, actions), ensemble(z, actions))
    save(tmp_path / "model", *parts, ExpectileDistance(16, 32, 50.0), {}, {})
    assert load(tmp_path / "model", CPU).ensemble is None


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


def edited(place: str, value: Any) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        *outer, name = place.split(".")
        inner = config
        for key in outer:
            inner = inner[key]
        inner[name] = value
        (folder / "config.json").write_text(json.dumps(config))

    return harm


def weights(change: Callable[[dict[str, torch.Tensor]], object], name: str = "model") -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        tensors = load_file(folder / f"{name}.safetensors")
        change(tensors)
        save_file(tensors, folder / f"{name}.safetensors")

    return harm


def not_a_number(tensors: dict[str, torch.Tensor]) -> None:
    next(one for one in tensors.values() if one.is_floating_point()).view(-1)[0] = float("nan")


def link_out(folder: Path) -> None:
    (folder / "config.json").rename(folder.parent / "elsewhere.json")
    (folder / "config.json").symlink_to(folder.parent / "elsewhere.json")


def pipe(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


def written(text: str) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        (folder / "config.json").write_text(text)

    return harm


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (edited("settings.model.patch", 0), "the setting model.patch is 0, expected 2 to"),
        (edited("settings.model.width", 10**9), "the setting model.width is 1e"),
        (edited("settings.model.depth", 10**9), "the setting model.depth is 1e+09, expected 1 to 48"),
        (edited("settings.model.encoder", "spy"), "the setting model.encoder is none of keypoints, vit, cnn"),
        (edited("settings.model.latent", "many"), "Expected `int`, got `str` - at `$.model.latent`"),
        (edited("settings.objective.variance", None), "Expected `float`, got `null`"),
        (edited("settings.action_dim", 10**12), "the setting action_dim is 1e+12"),
        (edited("settings.frame_size", 17), "must divide world.frame_size"),
        (edited("settings", {}), "the setting model is missing"),
        (edited("settings", 3), "Expected `object`, got `int`"),
        (edited("method", "spy"), "is of the method 'spy', there are"),
        (edited("method", []), "Expected `str`, got `array`"),
        (edited("critic.kind", "spy"), "'spy'"),
        (edited("critic.width", 10**8), "Expected `int` <= "),
        (edited("critic.width", 64), "critic.safetensors: "),
        (edited("critic.longest", -1), "Expected `float` > 0.0"),
        (edited("about", []), "Expected `object`, got `array`"),
        (edited("about", {"shortest": "x"}), "Expected `int`, got `str` - at `$.about.shortest`"),
        (edited("format", "ten"), "Expected `int`, got `str` - at `$.format`"),
        (written("[" * 100_000), "config.json"),
        (written('{"format": NaN}'), "config.json"),
        (written("x" * 20_000_000), "config.json has more than"),
        (weights(not_a_number), "holds what is no finite number"),
        (weights(not_a_number, "critic"), "critic.safetensors: "),
        (weights(lambda tensors: tensors.pop(next(iter(tensors)))), "is None, expected ("),
        (weights(lambda tensors: tensors.update(more=torch.zeros(3))), "more is (3,), expected None"),
        (link_out, "config.json is no regular file in its folder"),
        (pipe, "model.safetensors is no regular file in its folder"),
    ],
)
def test_a_checkpoint_of_a_stranger_that_does_not_fit_is_refused_in_one_line(
    saved: Path, harm: Callable[[Path], None], expected: str
) -> None:
    harm(saved)
    with pytest.raises(CheckpointError) as error:
        load(saved, CPU)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
    assert str(saved) in str(error.value)
    assert expected in str(error.value)


def test_weights_of_other_shapes_are_refused_before_networks_of_these_sizes_are_made(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited("settings.model.predictor_width", 1024)(saved)
    real = torch.nn.Linear.reset_parameters

    def watched(self: torch.nn.Linear) -> None:
        assert self.weight.device.type == "meta", "nothing has been allocated yet"
        real(self)

    monkeypatch.setattr(torch.nn.Linear, "reset_parameters", watched)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: predictor"):
        load(saved, CPU)
