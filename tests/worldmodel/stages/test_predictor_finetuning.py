import copy
from dataclasses import replace

import torch

from tests.worldmodel.conftest import small_settings
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.losses.objectives import prediction
from worldmodel.methods.default import Default
from worldmodel.stages.predictor_finetuning import FinetuningSettings, finetuning
from worldmodel.training import learn

SETTINGS = FinetuningSettings(updates=150, batch=32, horizon=5, learning_rate=3e-3, seed=0)


def pushed_points(episodes: int, length: int, seed: int) -> LatentEpisodes:
    """Latents that each action shifts by a fixed linear map, so that there is something exact to be learnt."""
    generator = torch.Generator().manual_seed(seed)
    effect = torch.linspace(-0.5, 0.5, 32).view(2, 16)
    actions = 2 * torch.rand(episodes, length, 2, generator=generator) - 1
    actions[:, -1] = 0
    steps = (actions @ effect).cumsum(1).roll(1, dims=1)
    steps[:, 0] = 0
    latents = (torch.randn(episodes, 1, 16, generator=generator) + steps).flatten(0, 1)
    last = torch.arange(episodes).repeat_interleave(length) * length + length - 1
    return LatentEpisodes(latents, latents, last, actions.flatten(0, 1))


def frozen_method() -> Default:
    torch.manual_seed(0)
    return Default(small_settings()).eval().requires_grad_(False)


def error(method: Default, horizon: int) -> float:
    """Squared error open-loop, on recordings of another seed."""
    data = pushed_points(50, horizon + 1, seed=1)
    latents, actions = data.moving.view(50, horizon + 1, -1), data.actions.view(50, horizon + 1, -1)
    with torch.no_grad():
        return float(prediction(method.model.imagine(latents[:, 0], actions[:, :-1]), latents[:, 1:]))


def test_the_predictor_alone_learns_and_foresees_recordings_never_seen() -> None:
    method = frozen_method()
    before, untrained = copy.deepcopy(method.state_dict()), error(method, 5)
    learn(finetuning(method, pushed_points(200, 20, seed=0), SETTINGS))
    assert error(method, 5) < 0.05 * untrained
    changed = {name for name, value in method.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith("model.predictor.") for name in changed)
    assert not any(one.requires_grad for one in method.parameters())


def test_a_rollout_never_runs_from_one_recording_into_the_next() -> None:
    # As long as the horizon allows: one start in each, and most rollouts from elsewhere would cross a jump.
    method = frozen_method()
    untrained = error(method, 5)
    learn(finetuning(method, pushed_points(300, 6, seed=0), SETTINGS))
    assert error(method, 5) < 0.05 * untrained


def test_the_same_seed_gives_the_same_predictor_and_another_seed_another() -> None:
    data, few = pushed_points(10, 20, seed=0), replace(SETTINGS, updates=5)
    ends = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed + len(ends))  # no global generator has a say
        method = Default(small_settings())
        method.load_state_dict(frozen_method().state_dict())
        method.requires_grad_(False)
        learn(finetuning(method, data, replace(few, seed=seed)))
        ends.append(method.model.predictor.leave.weight)
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def test_nothing_is_learnt_without_updates_or_from_recordings_too_short() -> None:
    method = frozen_method()
    assert finetuning(method, pushed_points(10, 20, seed=0), replace(SETTINGS, updates=0)) is None
    assert finetuning(method, pushed_points(10, 5, seed=0), SETTINGS) is None
