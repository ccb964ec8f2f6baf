"""Layers are listed with one row for each latent, and listing them changes nothing."""

import pytest
import torch
from torch import Tensor, nn

from tests.worldmodel.conftest import SquareClips, make_model
from worldmodel.diagnosis.layers import by_time
from worldmodel.model import PatchEncoder
from worldmodel.networks.encoders import Block


@pytest.mark.parametrize(("encoder", "kind"), [("vit", "block"), ("cnn", "convolution")])
def test_every_layer_of_a_world_model_has_a_row_for_each_latent(clips: SquareClips, encoder: str, kind: str) -> None:
    model, frames = make_model(encoder), torch.from_numpy(clips.frames)
    layers = model.layers(frames)
    assert list(layers)[-1] == "latent" and torch.equal(layers["latent"], model.latents(frames))
    assert all(layer.shape[:2] == layers["latent"].shape[:2] for layer in layers.values())
    assert len(layers) > 1 and all(name.startswith(kind) for name in list(layers)[:-1])
    assert not any(module._forward_hooks for module in model.modules())


def test_the_last_block_is_what_the_summary_reads(clips: SquareClips) -> None:
    model, frames = make_model("vit"), torch.from_numpy(clips.frames)
    layers = model.layers(frames)
    assert torch.allclose(model.encoder.summary(layers["block 1"].flatten(0, 1)), layers["latent"].flatten(0, 1))


class Still(PatchEncoder):
    """Looks at single pictures, and gives the newest of two."""

    def __init__(self) -> None:
        super().__init__(2, 4, 8, torch.float32)
        self.embed, self.block = nn.Linear(16 * 16 * 3, 8), Block(8, 2)

    def fit_pixels(self, frames: Tensor) -> None:
        pass

    def tokens(self, frames: Tensor) -> Tensor:
        batch, times = frames.shape[:2]
        cut = frames.view(batch * times, 2, 16, 2, 16, 3).transpose(2, 3).reshape(batch * times, 4, -1)
        return self.block(self.embed(cut.float() / 255)).view(batch, times, 4, 8)[:, 1:]


def test_a_layer_of_single_pictures_is_given_for_the_newest_of_each_context(clips: SquareClips) -> None:
    torch.manual_seed(0)
    model, frames = Still(), torch.from_numpy(clips.frames)
    layers = model.layers(frames)
    assert torch.equal(layers["block 1"], model.tokens(frames))
    assert torch.equal(layers["block 1"].mean(dim=2), layers["latent"])


def test_a_layer_whose_rows_belong_to_no_time_is_left_out() -> None:
    rows = {"neither": torch.zeros(7, 3, 2), "frames": torch.arange(8.0)[:, None, None].expand(8, 3, 2)}
    found = by_time(rows, batch=2, steps=3, frames=4)
    assert set(found) == {"frames"} and found["frames"].shape == (2, 3, 3, 2)
    assert found["frames"][..., 0, 0].tolist() == [[1, 2, 3], [5, 6, 7]]
