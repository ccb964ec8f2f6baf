"""A program on disk is the model, for any batch; one that is not is found out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.worldmodel.conftest import SIZE, make_model, small_settings
from worldmodel.checkpoint import CheckpointError
from worldmodel.methods.default import VectorModel
from worldmodel.model import LatentWorldModel
from worldmodel.share.export import export


@pytest.mark.parametrize(
    ("encoder", "fixed", "predictor"),
    [("keypoints", "places", "residual"), ("keypoints", "components", "gated"), ("cnn", "places", "residual")],
)
def test_programs_are_the_model_for_batches_that_were_not_tried(
    encoder: str, fixed: str, predictor: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    asked = replace(small_settings(encoder).model, fixed=fixed, predictor=predictor)
    model = VectorModel(asked, SIZE, action_dim=2).eval().requires_grad_(False)
    made = {one.name: one for one in export(model, SIZE, 5, tmp_path)}
    assert set(made) == {"encoder", "predictor"} and all(one.equal for one in made.values())
    frames = torch.randint(256, (7, 4, SIZE, SIZE, 3), generator=torch.Generator().manual_seed(3), dtype=torch.uint8)
    z, actions = model.latents(frames)[:, -1], torch.rand(7, 5, 2) * 2 - 1
    encode, imagine = (torch.export.load(made[name].file).module() for name in ("encoder", "predictor"))
    assert torch.allclose(encode(frames), z, atol=1e-5)
    assert torch.allclose(imagine(z, actions), model.imagine(z, actions), atol=1e-5)


class Fickle(LatentWorldModel):
    """A model that is another one each time it is asked, and cannot be what was written of it."""

    def __init__(self) -> None:
        super().__init__(2, 3, 2, torch.float32)
        self.asked = 0.0

    def fit_pixels(self, frames: Tensor) -> None:
        pass

    def latents(self, frames: Tensor) -> Tensor:
        return frames.float().mean(dim=(2, 3))[:, 1:]

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        self.asked += 1.0
        return (z + self.asked)[..., None, :].expand(*actions.shape[:-1], z.shape[-1])


def test_a_program_that_differs_is_not_called_equal(tmp_path: Path) -> None:
    made = {one.name: one for one in export(Fickle(), 8, 2, tmp_path)}
    assert made["encoder"].equal
    assert not made["predictor"].equal and made["predictor"].difference >= 1


def test_a_model_that_computes_what_is_no_number_is_not_exported(tmp_path: Path) -> None:
    model = make_model("cnn").eval().requires_grad_(False)
    model.predictor.enter.weight.fill_(3e38)
    with pytest.raises(CheckpointError, match="the predictor of this checkpoint computes what is no finite number"):
        export(model, SIZE, 2, tmp_path)


class Untraceable(Fickle):
    def latents(self, frames: Tensor) -> Tensor:
        return super().latents(frames) * (2.0 if float(frames.float().sum()) > 0 else 1.0)


def test_what_cannot_be_exported_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="the encoder cannot be exported") as error:
        export(Untraceable(), 8, 2, tmp_path)
    assert "\n" not in str(error.value)


def test_onnx_files_give_what_the_model_gives(tmp_path: Path) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    made = export(make_model("cnn"), SIZE, 3, tmp_path, onnx=True)
    assert [one.file.name for one in made] == ["encoder.pt2", "encoder.onnx", "predictor.pt2", "predictor.onnx"]
    assert all(one.equal for one in made)
