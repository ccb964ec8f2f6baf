"""What every method keeps: the same after saving, alone as in a batch; layers to look at, programs to export."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from housecat.runs import wiring
from housecat.runs.training import TrainingPlan, make_method
from housecat.settings.config import load_config
from worldmodel import checkpoint
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.methods.registry import METHODS
from worldmodel.model import Encoder, LatentWorldModel
from worldmodel.share.export import export
from worldmodel.stages.predictor_finetuning import finetuning
from worldmodel.training import learn

SMALL = """world.frame_size=32 model.width=24 model.heads=2 model.depth=1 model.patch=8 precision=fp32
    dynamics.depth=1 model.predictor_depth=1""".split()


def small(name: str) -> tuple[TrainingPlan, Encoder, Tensor]:
    """A small model with its first weights, and frames (3, T, 32, 32, 3) for two latents."""
    plan = wiring.training_plan(load_config([f"method={name}", *SMALL], shared=True), frame_size=32, action_dim=2)
    method = make_method(plan)
    shape = (3, max(2, method.model.context) + 1, 32, 32, 3)
    frames = torch.randint(256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    method.fit_pixels(frames)
    return plan, method.eval().model.requires_grad_(False), frames


@pytest.mark.parametrize("name", METHODS)
def test_it_is_the_same_after_saving_and_alone_as_in_a_batch(name: str, tmp_path: Path) -> None:
    plan, model, frames = small(name)
    checkpoint.save(tmp_path / "model", name, plan.settings, model, None, {}, {"world": "x"})
    loaded = checkpoint.load(tmp_path / "model", torch.device("cpu")).model
    z = model.latents(frames)
    assert z.shape == (3, frames.shape[1] - model.context + 1, model.latent)
    assert torch.equal(loaded.latents(frames), z)
    assert isinstance(model, LatentWorldModel) == METHODS[name].imagines
    if isinstance(model, LatentWorldModel):
        actions = torch.rand(3, 4, 5, 2) * 2 - 1
        imagined = model.rollout(z[:, 0], actions)
        assert imagined.shape == (3, 4, 5, model.latent)
        assert torch.equal(loaded.rollout(z[:, 0], actions), imagined)
        assert torch.equal(model.rollout(z[1:2, 0], actions[1:2])[0], imagined[1])


@pytest.mark.parametrize("name", METHODS)
def test_its_layers_are_listed_and_its_programs_are_the_model(name: str, tmp_path: Path) -> None:
    _, model, frames = small(name)
    layers = model.layers(frames)
    assert len(layers) > 1 and list(layers)[-1] == "latent"
    assert {layer.shape[:2] for layer in layers.values()} == {(3, frames.shape[1] - model.context + 1)}
    made = export(model, 32, 2, tmp_path)
    assert all(one.equal for one in made), made
    assert ("predictor" in {one.name for one in made}) == METHODS[name].imagines


@pytest.mark.parametrize("name", METHODS)
def test_whatever_imagines_has_its_predictor_finetuned_and_nothing_else(name: str) -> None:
    plan, _, _ = small(name)
    method = make_method(plan).eval().requires_grad_(False)
    before = copy.deepcopy(method.state_dict())
    drawn = torch.randn(100, method.model.latent + 2, generator=torch.Generator().manual_seed(0))
    data = LatentEpisodes(drawn[:, 2:], drawn[:, 2:], torch.full((100,), 99), drawn[:, :2].clamp(-1, 1))
    stage = finetuning(method, data, replace(plan.finetuning, updates=2, batch=4, horizon=2))
    assert (stage is not None) == METHODS[name].imagines
    if stage is None:
        return
    learn(stage)
    changed = {key for key, value in method.state_dict().items() if not torch.equal(value, before[key])}
    assert changed and all(key.startswith("model.predictor.") for key in changed)


@pytest.mark.parametrize("name", [name for name, one in METHODS.items() if one.imagines and one.encoder is None])
def test_it_learns_from_the_actions_between_its_latents_and_from_no_earlier_ones(name: str) -> None:
    settings = load_config([f"method={name}", *SMALL, "model.keypoints=4", "train.horizon=2"], shared=True)
    method = make_method(wiring.training_plan(settings, frame_size=32, action_dim=2))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for one in method.parameters():  # some predictors begin by changing nothing
            one += 0.05 * torch.randn(one.shape, generator=generator)
    context, length = method.model.context, method.model.context + 4
    frames = torch.randint(256, (2, length, 32, 32, 3), generator=generator, dtype=torch.uint8)
    actions = torch.rand(2, length - 1, 2, generator=generator) * 2 - 1
    method.fit_pixels(frames)

    def loss(changed: int | None) -> float:
        given = actions.clone()
        if changed is not None:
            given[:, changed] *= -1
        with torch.no_grad():
            terms = copy.deepcopy(method).eval().terms(frames, given, torch.Generator().manual_seed(0))
        return float(torch.stack(list(terms.values())).sum())

    heard = [step for step in range(length - 1) if loss(step) != loss(None)]
    assert heard == list(range(context - 1, length - 1))
