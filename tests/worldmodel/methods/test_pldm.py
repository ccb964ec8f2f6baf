"""PLDM: its terms against slow references, whole rollouts, and that it learns."""

from dataclasses import replace

import pytest
import torch

from tests.worldmodel.conftest import SIZE, SquareClips, small_settings
from tests.worldmodel.square_runs import learned
from worldmodel.losses import objectives
from worldmodel.methods.pldm import PLDM, PLDMObjectiveSettings, PLDMSettings, TimeSettings

SMALL = PLDMSettings(
    small_settings("keypoints").model, PLDMObjectiveSettings(1.0, 1.072, 3.98, 0.3), TimeSettings(0.245, 0.742), SIZE, 2
)


def make(settings: PLDMSettings = SMALL) -> PLDM:
    torch.manual_seed(0)
    return PLDM(settings)


def terms(method: PLDM, clips: SquareClips) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return method.terms(torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), generator)


def test_terms_in_time_equal_slow_references() -> None:
    latents = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.1, 0.5, 1.0, 3.0])
    hinge = [max(0.0, 1 - float((latents[b, :, d].var() + 1e-4).sqrt())) for b in range(3) for d in range(4)]
    assert float(objectives.time_variance(latents)) == pytest.approx(sum(hinge) / len(hinge), rel=1e-5)
    steps = [
        float((latents[b, t + 1, d] - latents[b, t, d]) ** 2) for b in range(3) for t in range(4) for d in range(4)
    ]
    assert float(objectives.time_similarity(latents)) == pytest.approx(sum(steps) / len(steps), rel=1e-5)


def test_clips_that_differ_but_stand_still_are_similar_in_time_and_lack_variance_in_time() -> None:
    still = (10 * torch.randn(64, 1, 4)).expand(-1, 6, -1)
    assert objectives.time_similarity(still) == 0
    assert objectives.time_variance(still) == pytest.approx(0.99, abs=1e-3)
    assert objectives.variance(still) == 0, "over all clips they vary"


def test_the_whole_clip_is_imagined_from_its_first_latent(clips: SquareClips) -> None:
    method = make()
    latents = method.model.latents(torch.from_numpy(clips.frames))
    z, errors = latents[:, 0], []
    for step in range(latents.shape[1] - 1):
        z = method.model.predictor(z, torch.from_numpy(clips.actions)[:, 3 + step])
        errors.append((z - latents[:, step + 1]).pow(2).mean())
    assert torch.allclose(terms(method, clips)["prediction"], torch.stack(errors).mean(), rtol=1e-4)


def test_the_prediction_error_teaches_both_what_predicts_and_what_is_predicted(clips: SquareClips) -> None:
    method = make()
    latents = method.model.latents(torch.from_numpy(clips.frames)).detach().requires_grad_(True)
    method.model.latents = lambda _: latents  # type: ignore[method-assign]
    terms(method, clips)["prediction"].backward()
    assert (latents.grad.abs().amax(dim=(0, 2)) > 0).all(), "there is no stop-gradient"


def test_every_weight_scales_its_own_term(clips: SquareClips) -> None:
    once = terms(make(), clips)
    doubled = replace(SMALL, objective=PLDMObjectiveSettings(2.0, 3.0, 4.0, 5.0), pldm=TimeSettings(6.0, 7.0))
    unit = terms(make(replace(SMALL, objective=PLDMObjectiveSettings(1, 1, 1, 1), pldm=TimeSettings(1, 1))), clips)
    weighed = terms(make(doubled), clips)
    for name, weight in zip(
        ("prediction", "inverse", "variance", "covariance", "time_variance", "time_similarity"),
        range(2, 8),
        strict=True,
    ):
        assert torch.allclose(weighed[name], weight * unit[name]), name
    assert set(once) == set(weighed)


def test_it_learns_to_imagine_better_than_copying() -> None:
    numbers = learned(make(), 150)
    assert numbers["probe_position"] > 0.9
    assert numbers["open_loop_ratio"] < 0.5
    assert numbers["std_min"] > 0.2
