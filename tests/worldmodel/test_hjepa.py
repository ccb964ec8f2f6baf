"""The second level: its clock, what its terms train, the bounds of its macro-actions, and that it learns to predict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.worldmodel.conftest import SIZE, small_settings, square_clips
from worldmodel.checkpoint import load, save
from worldmodel.critic import TemporalDistance
from worldmodel.hjepa import HJepa, Settings
from worldmodel.training import TrainSettings, start, update
from worldmodel.upper import QUANTILES, UpperLevel, UpperSettings, clock, upper_terms

UPPER = UpperSettings(
    stride=3, macro=4, latent=0, width=64, depth=1, horizon=2, prediction=1.0, variance=1.0, covariance=0.1,
    gradient=0.0,
)  # fmt: skip


def settings(**changes: object) -> Settings:
    below = small_settings()
    return Settings(below.model, below.objective, below.horizon, SIZE, 2, replace(UPPER, **changes))  # type: ignore[arg-type]


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


@pytest.mark.parametrize(("gradient", "reaches"), [(0.0, False), (0.5, True)])
def test_level_1_feels_level_2_only_if_it_is_meant_to(gradient: float, reaches: bool) -> None:
    z = torch.randn(4, 10, 6, requires_grad=True)
    asked = replace(UPPER, gradient=gradient, latent=3)
    terms = upper_terms(level(latent=3), asked, z, torch.randn(4, 9, 2))
    torch.stack(list(terms.values())).sum().backward()
    assert (z.grad is not None and bool(z.grad.abs().max() > 0)) is reaches


def test_without_its_gradient_level_1_learns_what_the_default_method_does() -> None:
    torch.manual_seed(0)
    method = HJepa(settings())
    clips = square_clips(np.random.default_rng(0), 4, 12)
    frames, actions = torch.from_numpy(clips.frames), torch.from_numpy(clips.actions)
    method.fit_pixels(frames)
    terms = method.terms(frames, actions, torch.Generator().manual_seed(0))
    below = [terms[name] for name in ("prediction", "inverse", "variance", "covariance")]
    weights = [weight for weight in method.model.encoder.parameters() if weight.requires_grad]
    alone = torch.autograd.grad(torch.stack(below).sum(), weights, retain_graph=True)
    both = torch.autograd.grad(torch.stack(list(terms.values())).sum(), weights)
    assert all(torch.allclose(one, other) for one, other in zip(alone, both, strict=True))


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
    save(tmp_path / "model", "hjepa", settings(), method.model, TemporalDistance(16, 8, 30.0), {}, {})
    found = load(tmp_path / "model", torch.device("cpu")).model
    assert torch.equal(found.upper.macro_low, before)
    assert found.upper.stride == 3


def test_clips_that_are_too_short_for_level_2_are_refused_with_the_length_that_it_takes() -> None:
    with pytest.raises(ValueError, match=r"set train.length to 7 or more"):
        upper_terms(level(), UPPER, torch.randn(2, 6, 6), torch.randn(2, 5, 2))


@pytest.mark.parametrize("latent", [0, 4])
def test_level_2_comes_to_know_where_macro_actions_lead_and_does_not_collapse(latent: int) -> None:
    above, asked = level(latent=latent), replace(UPPER, latent=latent)
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(2, 6, generator=generator)

    def walk(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents (B, 10, 6) of a point that actions move, and these actions (B, 9, 2)."""
        actions = 2 * torch.rand(count, 9, 2, generator=generator) - 1
        starts = torch.randn(count, 1, 2, generator=generator)
        return torch.cat([starts, starts + 0.5 * actions.cumsum(dim=1)], dim=1) @ mix, actions

    optimizer = torch.optim.Adam(above.parameters(), lr=3e-3)
    for _ in range(200):
        optimizer.zero_grad()
        torch.stack(list(upper_terms(above, asked, *walk(64)).values())).sum().backward()
        optimizer.step()
    above.eval()
    z, actions = walk(500)
    y, macros = above.lift(z), above.macros(actions.unflatten(1, (3, 3)))
    imagined = above.imagine(y[:, 0], macros)
    for step, time in enumerate((3, 6, 9)):  # one more than it was trained on
        assert (imagined[:, step] - y[:, time]).pow(2).mean() < 0.1 * (y[:, 0] - y[:, time]).pow(2).mean()
    assert y.flatten(0, 1).std(dim=0).min() > 0.5
    inside = (macros > above.macro_low) & (macros < above.macro_high)
    assert inside.float().mean() == pytest.approx(0.96, abs=0.03)


def test_both_levels_are_trained_by_the_loop_that_trains_one() -> None:
    torch.manual_seed(0)
    method = HJepa(settings(latent=8))
    asked = TrainSettings(
        updates=30, batch=8, length=9, horizon=3, learning_rate=2e-3, weight_decay=1e-4, gradient_norm=1.0,
        measure_every=30, save_every=30, seed=0,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    method.fit_pixels(torch.from_numpy(square_clips(rng, 32, 6).frames))
    run = start(method, asked)
    terms = [update(run, square_clips(rng, asked.batch, asked.length + 3), asked) for _ in range(asked.updates)]
    for name in ("inverse", "variance", "macro_variance", "upper_variance"):
        assert terms[-1][name] < terms[0][name], name
    assert method.model.upper.noted > 0.4


def test_what_is_given_stays_as_the_second_level_has_learned_it() -> None:
    below = replace(small_settings("keypoints").model, given="components")
    method = HJepa(replace(settings(), model=below))
    frames = torch.from_numpy(square_clips(np.random.default_rng(0), 8, 6).frames)
    before = method.model.latents(frames)
    method.settle(frames)
    assert torch.equal(method.model.latents(frames), before)
