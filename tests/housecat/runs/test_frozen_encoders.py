"""A frozen encoder on the command line: a run of ours or a backbone of others becomes part of the model and stays."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from housecat.cli.main import explain
from housecat.errors import UsageError
from housecat.runs import wiring
from housecat.runs.training import TrainingPlan, make_method
from housecat.settings.config import load_config
from worldmodel import checkpoint
from worldmodel.networks.pretrained import PretrainedError

CPU = torch.device("cpu")
SMALL = (
    "method=vjepa2_ac model.width=16 model.depth=1 model.heads=2 model.patch=4 model.predictor_width=16 "
    "model.predictor_depth=1 dynamics.width=16 dynamics.depth=1 dynamics.channels=6 precision=fp32"
).split()


def plan(*more: str):
    return wiring.training_plan(load_config([*SMALL, *more], shared=True), frame_size=32, action_dim=2)


def saved(folder: Path, *more: str) -> Path:
    """A run folder of that method, untrained."""
    asked = plan(*more)
    checkpoint.save(folder / "model", asked.method, asked.settings, make_method(asked).model, None, {}, {})
    return folder


@pytest.mark.parametrize("name", ["vjepa", "ijepa"])
def test_the_encoder_of_a_run_is_taken_over_whole(tmp_path: Path, name: str) -> None:
    folder = saved(tmp_path / "run", f"method={name}")
    asked = plan(f"method.encoder={folder}")
    taken = make_method(asked, asked.first).model.pooled.encoder
    for key, value in checkpoint.load(folder / "model", CPU).model.state_dict().items():
        assert torch.equal(taken.state_dict()[key], value), key


def test_without_one_its_training_comes_first_with_the_same_settings() -> None:
    first = plan().first
    assert (first.method, first.settings.model.width, first.settings.frame_size) == ("vjepa", 16, 32)
    assert plan().settings.encoder == checkpoint.description("vjepa", first.settings)


def test_a_checkpoint_needs_the_run_of_its_encoder_no_more(tmp_path: Path) -> None:
    folder = saved(tmp_path / "run", "method=ijepa")
    asked = plan(f"method.encoder={folder}")
    model = make_method(asked, asked.first).model.eval()
    checkpoint.save(tmp_path / "ac", asked.method, asked.settings, model, None, {}, {})
    shutil.rmtree(folder)
    again = checkpoint.load(tmp_path / "ac", CPU).model
    frames = torch.randint(0, 256, (1, model.context, 32, 32, 3), dtype=torch.uint8)
    actions = torch.rand(1, 3, 4, 2)
    z = model.latents(frames)[:, 0]
    assert torch.equal(again.latents(frames)[:, 0], z)
    assert torch.equal(again.rollout(z, actions), model.rollout(z, actions))


def test_a_world_model_is_no_encoder(tmp_path: Path) -> None:
    folder = saved(tmp_path / "run", "method=default", "model=cnn")
    with pytest.raises(UsageError, match="is a world model .default., vjepa2_ac builds on an encoder"):
        plan(f"method.encoder={folder}")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("dynamics.grid=3", "dynamics.grid 3 must divide"),
        ("dynamics.channels=999", "dynamics.channels 999 must be at most"),
        ("dynamics.width=18", "dynamics.width 18 must be a multiple"),
    ],
)
def test_a_predictor_that_does_not_fit_the_encoder_is_refused(wrong: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_method(plan(wrong))


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny DINOv2 as a download leaves it."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("dinov2")
    config = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=56, patch_size=14
    )
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.25] * 3}))
    return folder


def test_a_backbone_of_others_is_named_on_the_command_line_and_kept_in_the_checkpoint(
    backbone: Path, tmp_path: Path
) -> None:
    here = shutil.copytree(backbone, tmp_path / "dinov2")
    asked = plan(f"method.encoder=transformers/{here}")
    method = make_method(asked, asked.first).eval()
    frames, actions = torch.randint(0, 256, (2, 4, 32, 32, 3), dtype=torch.uint8), torch.rand(2, 3, 4, 2)
    method.fit_pixels(frames)
    weights = {name: value.clone() for name, value in method.model.pooled.state_dict().items()}
    latents = method.model.latents(frames.repeat(1, 2, 1, 1, 1))
    method.finetuning_loss(latents, torch.rand(2, latents.shape[1] - 1, 2)).backward()
    assert method.model.predictor.leave.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in method.model.pooled.parameters())
    checkpoint.save(tmp_path / "ac", asked.method, asked.settings, method.model, None, {}, {})
    shutil.rmtree(here)
    again = checkpoint.load(tmp_path / "ac", CPU).model
    assert all(torch.equal(again.pooled.state_dict()[name], value) for name, value in weights.items())
    z = again.still(frames[:, 0])
    assert torch.equal(z, method.model.still(frames[:, 0]))
    assert torch.equal(again.rollout(z, actions), method.model.rollout(z, actions))


def test_all_updates_on_frames_are_those_of_the_encoder_that_is_trained_first() -> None:
    asked = plan("train.updates=7")
    assert isinstance(asked.first, TrainingPlan)
    assert (asked.updates, asked.train.updates, asked.first.train.updates) == (7, 0, 7)


def test_a_backbone_that_is_nowhere_is_for_the_user_to_put_right() -> None:
    pytest.importorskip("transformers")
    with pytest.raises(PretrainedError) as error:
        plan("method.encoder=transformers//no/such/folder")
    message, code = explain(error.value)
    assert code == 2
    assert "transformers//no/such/folder cannot be loaded" in message
