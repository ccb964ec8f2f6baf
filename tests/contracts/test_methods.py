"""What every method that makes a world model keeps: flat latents, alike after saving, alone as in a batch."""

from pathlib import Path

import pytest
import torch

from housecat.config import load_config
from housecat.train import make_method
from housecat.wiring import training_plan
from worldmodel import checkpoint

SMALL = {
    "default": "model=keypoints model.latent=8",
    "lewm": "model.depth=1 model.width=24 model.predictor_width=32 model.predictor_depth=1 lewm.heads=2",
    "pixel": "model.latent=8 decoder.width=4",
    "pldm": "model=keypoints model.latent=8",
    "token": "model.width=16 model.depth=1 quantizer.codes=8 quantizer.size=4 decoder.width=4 model.predictor_width=16",
}


@pytest.mark.parametrize("name", SMALL)
def test_a_saved_method_imagines_what_it_imagined(name: str, tmp_path: Path) -> None:
    plan = training_plan(load_config([f"method={name}", "precision=fp32", *SMALL[name].split()]), 32, 2)
    method = make_method(plan)
    frames = torch.randint(0, 256, (3, 8, 32, 32, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    method.fit_pixels(frames)
    model = method.eval().model.requires_grad_(False)
    checkpoint.save(tmp_path / "model", name, plan.settings, model, None, {}, {"world": "x"})
    loaded = checkpoint.load(tmp_path / "model", torch.device("cpu")).model
    z = model.latents(frames)
    assert z.shape == (3, 8 - model.context + 1, model.latent)
    assert torch.equal(loaded.latents(frames), z)
    actions = torch.rand(3, 4, 5, 2) * 2 - 1
    imagined = model.rollout(z[:, 0], actions)
    assert imagined.shape == (3, 4, 5, model.latent)
    assert torch.equal(loaded.rollout(z[:, 0], actions), imagined)
    assert torch.equal(model.rollout(z[1:2, 0], actions[1:2])[0], imagined[1]), "alone as in a batch"
