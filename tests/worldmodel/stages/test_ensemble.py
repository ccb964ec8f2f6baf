import pytest
import torch

from tests.worldmodel.stages.test_predictor_finetuning import pushed_points
from worldmodel.stages.ensemble import Ensemble, EnsembleSettings, ensemble_stage
from worldmodel.training import learn

SETTINGS = EnsembleSettings(updates=300, batch=64, learning_rate=3e-3, members=4, width=64)


def trained(settings: EnsembleSettings = SETTINGS) -> Ensemble:
    made = ensemble_stage(pushed_points(100, 12, seed=0), settings)
    assert made is not None
    learn(made[1])
    return made[0].eval()


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    return trained()


@torch.no_grad()
def disagreement(ensemble: Ensemble, z: torch.Tensor, actions: torch.Tensor) -> float:
    return float(ensemble(z, actions).std(dim=0).mean())


def test_members_agree_about_what_was_seen_and_disagree_about_what_was_not(ensemble):
    data = pushed_points(20, 12, seed=1)
    seen = disagreement(ensemble, data.moving, data.actions)
    assert disagreement(ensemble, data.moving + 10, data.actions) > 4 * seen
    assert disagreement(ensemble, data.moving, 10 * data.actions) > 2 * seen


@torch.no_grad()
def test_each_member_foresees_recordings_it_never_saw(ensemble):
    data = pushed_points(20, 12, seed=1)
    inside = torch.arange(len(data.last)) < data.last
    z, after = data.moving[inside], data.moving[1:][inside[:-1]]
    copied = (z - after).square().mean()
    for guess in ensemble(z, data.actions[inside]):
        assert (guess - after).square().mean() < 0.2 * copied


def test_members_are_not_each_other_and_the_same_seed_gives_the_same_ones(ensemble):
    data = pushed_points(5, 12, seed=1)
    first = ensemble(data.moving, data.actions).detach()
    assert all((first[0] - other).abs().max() > 1e-3 for other in first[1:])
    short = EnsembleSettings(updates=3, batch=16, members=2, width=8)
    again = [trained(short)(data.moving, data.actions) for _ in range(2)]
    assert torch.equal(*again)


def test_without_members_or_long_enough_recordings_there_is_none():
    data = pushed_points(5, 12, seed=0)
    assert ensemble_stage(data, EnsembleSettings()) is None
    assert ensemble_stage(data, EnsembleSettings(members=2, horizon=12)) is None


def test_a_single_member_is_refused():
    with pytest.raises(ValueError, match="0 or at least 2"):
        EnsembleSettings(members=1).check()
