"""What every method's model must be fit for: its layers can be listed, and it can be exported as programs."""

from pathlib import Path

import pytest
import torch

from housecat import wiring
from housecat.config import load_config
from housecat.train import make_method
from worldmodel.export import export
from worldmodel.methods import METHODS

SMALL = """world.frame_size=32 model.width=24 model.heads=2 model.depth=1 model.patch=8 precision=fp32
    dynamics.depth=1 model.predictor_depth=1""".split()


@pytest.mark.parametrize("name", METHODS)
def test_its_layers_are_listed_and_its_programs_are_the_model(name: str, tmp_path: Path) -> None:
    plan = wiring.training_plan(load_config([f"method={name}", *SMALL]), frame_size=32, action_dim=2)
    method = make_method(plan)
    model = method.model
    shape = (2, max(2, model.context) + 1, 32, 32, 3)
    frames = torch.randint(256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    method.fit_pixels(frames)
    model.eval().requires_grad_(False)
    layers = model.layers(frames)
    assert len(layers) > 1 and list(layers)[-1] == "latent"
    assert {layer.shape[:2] for layer in layers.values()} == {(2, shape[1] - model.context + 1)}
    made = export(model, 32, 2, tmp_path)
    assert all(one.equal for one in made), made
    assert ("predictor" in {one.name for one in made}) == METHODS[name].imagines
