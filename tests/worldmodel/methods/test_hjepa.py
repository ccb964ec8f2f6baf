"""The second level: its clock, what its terms train, the bounds of its macro-actions, and that it learns to predict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.worldmodel.conftest import SIZE, small_settings, square_clips
from worldmodel.checkpoint import load, save
from worldmodel.distances.critic import ExpectileDistance
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.methods.hjepa import HJepa, HJepaSettings
from worldmodel.networks.upper import QUANTILES, UpperLevel, UpperSettings, clock, upper_terms
from worldmodel.training import learn

UPPER = UpperSettings(
    stride=3, macro=4, latent=0, width=64, depth=1, horizon=2, prediction=1.0, variance=1.0, covariance=0.1,
    updates=200, batch=64, learning_rate=3e-3,
)  # fmt: skip


def settings(**changes: object) -> HJepaSettings:
    below = small_settings()
    return HJepaSettings(below.model, below.objective, below.horizon, SIZE, 2, replace(UPPER, **changes))  # type: ignore[arg-type]


def level(**changes: object) -> UpperLevel:
    torch.manual_seed(0)
    return UpperLevel(replace(UPPER, **changes), 6, 2, torch.float32)  # type: ignore[arg-type]


def test_a_step_of_level_2_begins_every_stride_and_takes_in_just_the_actions_until_the_next() -> None:
    assert clock(starts=2, horizon=3, stride=5).tolist() == [[0, 5, 10], [1, 6, 11]]
    above = level()
    seen: list[torch.Tensor] = []
    above.of_actions.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    actions = torch.arange(9.0)[None, :, None].expand(1, 9, 2)  # the time at which each is taken
    upper_terms(above, UPPER, torch.randn(1, 10, 6), actions)
    assert seen[0][0, :, ::2].tolist() == [[t, t + 1, t + 2] for t in range(7)]


def test_what_level_2_predicts_is_the_latent_one_stride_later() -> None:
    above = level()

    class Exact(torch.nn.Module):
        """Adds the macro-action."""

        def forward(self, y: torch.Tensor, macro: torch.Tensor) -> torch.Tensor:
            return y + macro

    class Moved(torch.nn.Module):
        """Actions of a stride, flat -> how far they move all six numbers of the latent."""

        def forward(self, flat: torch.Tensor) -> torch.Tensor:
            return flat.unflatten(-1, (3, 2)).sum(dim=-2).repeat(1, 1, 3)

    above.predictor, above.of_actions = Exact(), Moved()  # type: ignore[assignment]
    motion = torch.randn(2, 9, 2)
    z = torch.cat([torch.zeros(2, 1, 6), motion.repeat(1, 1, 3).cumsum(dim=1)], dim=1)
    above.eval()
    terms = upper_terms(above, UPPER, z, motion)
    assert terms["upper_prediction"] < 1e-10


def test_level_1_learns_what_the_default_method_does_and_level_2_nothing_yet() -> None:
    torch.manual_seed(0)
    method = HJepa(settings())
    clips = square_clips(np.random.default_rng(0), 4, 7)
    frames, actions = torch.from_numpy(clips.frames), torch.from_numpy(clips.actions)
    method.fit_pixels(frames)
    terms = method.terms(frames, actions, torch.Generator().manual_seed(0))
    assert set(terms) == {"prediction", "inverse", "variance", "covariance"}
    assert not any(p.requires_grad for p in method.model.upper.parameters())


def test_the_bounds_come_to_hold_the_middle_96_percent_of_the_macro_actions() -> None:
    above = level()
    above.note(torch.full((50, 4), 9.0))  # what early weights said is forgotten
    generator = torch.Generator().manual_seed(0)
    for _ in range(400):
        above.note(torch.randn(500, 4, generator=generator))
    for bound, share in zip((above.macro_low, above.macro_high), QUANTILES, strict=True):
        assert (bound - torch.distributions.Normal(0, 1).icdf(torch.tensor(share))).abs().max() < 0.1


def test_bounds_are_part_of_the_checkpoint_and_evaluation_leaves_them_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = HJepa(settings())
    method.model.upper.note(torch.randn(100, 4))
    above = method.model.upper.eval()
    before = above.macro_low.clone()
    upper_terms(above, UPPER, torch.randn(2, 10, 16), torch.randn(2, 9, 2))
    assert torch.equal(above.macro_low, before)
    save(tmp_path / "model", "hjepa", settings(), method.model, ExpectileDistance(16, 8, 30.0), {}, {})
    found = load(tmp_path / "model", torch.device("cpu")).model
    assert torch.equal(found.upper.macro_low, before)
    assert found.upper.stride == 3


def walks(count: int, seed: int) -> LatentEpisodes:
    """Latents of a point that actions move, recordings of ten; a still picture shows them halved."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    actions = 2 * torch.rand(count, 10, 2, generator=generator) - 1
    starts = torch.randn(count, 1, 2, generator=generator)
    z = torch.cat([starts, starts + 0.5 * actions[:, :-1].cumsum(dim=1)], dim=1) @ mix
    last = torch.arange(count).repeat_interleave(10) * 10 + 9
    return LatentEpisodes(z.flatten(0, 1), 0.5 * z.flatten(0, 1), last, actions.flatten(0, 1))


def finished(latent: int, seed: int = 0) -> HJepa:
    torch.manual_seed(0)
    method = HJepa(settings(latent=latent)).eval().requires_grad_(False)
    learn(method.second_level(walks(500, seed=1), seed))
    return method


@pytest.mark.parametrize("latent", [0, 4])
def test_level_2_comes_to_know_where_macro_actions_lead_and_how_that_looks_at_rest(latent: int) -> None:
    method = finished(latent)
    above, data = method.model.upper, walks(500, seed=2)
    z, actions = data.moving.view(500, 10, -1), data.actions.view(500, 10, -1)[:, :-1]
    y, macros = above.lift(z), above.macros(actions.unflatten(1, (3, 3)))
    imagined = above.imagine(y[:, 0], macros)
    for step, time in enumerate((3, 6, 9)):  # one more than it was trained on
        assert (imagined[:, step] - y[:, time]).pow(2).mean() < 0.1 * (y[:, 0] - y[:, time]).pow(2).mean()
    collapsible = [macros, y] if latent else [macros]  # a shared latent is level 1's
    assert all(one.flatten(0, 1).std(dim=0).min() > 0.5 for one in collapsible)
    inside = (macros > above.macro_low) & (macros < above.macro_high)
    assert inside.float().mean() == pytest.approx(0.96, abs=0.03)
    assert (above.ground(y) - 0.5 * z).pow(2).mean() < 0.1 * (0.5 * z).var()


def test_level_2_changes_nothing_below_it_and_depends_on_its_seed_alone() -> None:
    torch.manual_seed(0)
    before = HJepa(settings(latent=4)).state_dict()
    one, same, other = finished(4), finished(4), finished(4, seed=1)
    changed = {name for name, value in one.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith("model.upper.") for name in changed)
    assert not any(p.requires_grad for p in one.parameters())
    assert not one.model.upper.training
    weights = [method.model.upper.predictor.leave.weight for method in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
