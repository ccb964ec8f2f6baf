import pytest
import torch
from torch import Tensor

from planners.optimizers.cem import CEM
from planners.optimizers.sampling import persistent

LOW, HIGH = torch.tensor([-1.0, -10.0]), torch.tensor([1.0, 30.0])


def far(actions: Tensor) -> Tensor:
    return (actions - torch.tensor([0.3, 20.0])).square().sum(dim=(2, 3))


def asked(cem: CEM, score=far, start: Tensor | None = None, seed: int = 0) -> tuple[list[Tensor], Tensor]:
    """The candidates (N, H, A) of every iteration, and what was returned (H, A)."""
    seen = []

    def spy(actions: Tensor) -> Tensor:
        seen.append(actions[0].clone())
        return score(actions)

    start = torch.zeros(1, 5, 2) if start is None else start
    actions, _ = cem(spy, start, LOW, HIGH, [torch.Generator().manual_seed(seed)])
    return seen, actions[0]


def test_the_mean_is_fitted_to_the_elites_and_keeps_a_share_of_the_old_one():
    cem = CEM(samples=40, elites=7, iterations=4, momentum=0.25)
    seen, returned = asked(cem)
    means = [candidates[0] for candidates in seen[:4]] + [returned]
    for candidates, mean, fitted in zip(seen, means, means[1:], strict=False):
        elites = candidates[far(candidates[None])[0].argsort()[:7]]
        torch.testing.assert_close(fitted, 0.25 * mean + 0.75 * elites.mean(dim=0))


def test_the_spread_is_fitted_to_the_elites_too():
    seen, _ = asked(CEM(samples=4000, elites=1000, iterations=2, momentum=0.0, floor=0.0, noise=0.1, persistence=0.0))
    elites = seen[0][far(seen[0][None])[0].argsort()[:1000]]
    torch.testing.assert_close(seen[1].std(dim=0), elites.std(dim=0), rtol=0.1, atol=0)


def test_the_first_candidate_of_every_iteration_is_the_mean_and_the_first_mean_is_the_start():
    start = torch.full((1, 5, 2), 0.5)
    seen, returned = asked(CEM(samples=16, elites=4, iterations=3), start=start)
    assert torch.equal(seen[0][0], start[0])
    assert torch.equal(seen[-1][0], returned)


def test_the_score_is_asked_for_all_candidates_of_an_iteration_at_once():
    seen, _ = asked(CEM(samples=16, elites=4, iterations=3))
    assert [len(candidates) for candidates in seen] == [16, 16, 16, 1]


def test_noise_is_a_share_of_half_the_range_of_each_action():
    seen, _ = asked(
        CEM(samples=5000, elites=10, iterations=1, noise=0.2), start=torch.tensor([0.0, 10.0]).expand(1, 5, 2)
    )
    torch.testing.assert_close(seen[0].std(dim=0), torch.tensor([0.2, 4.0]).expand(5, 2), rtol=0.06, atol=0)


def test_the_spread_never_sinks_below_the_floor():
    indifferent = CEM(samples=2000, elites=2, iterations=3, momentum=0.0, floor=0.1, persistence=0.0)
    seen, _ = asked(indifferent, score=lambda actions: actions.square().sum(dim=(2, 3)))
    assert (seen[2].std(dim=0) >= 0.9 * torch.tensor([0.1, 2.0])).all()


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.9])
def test_noise_persists_over_the_horizon_and_keeps_its_variance(persistence):
    noise = torch.randn(200_000, 6, generator=torch.Generator().manual_seed(0)) @ persistent(6, persistence)
    correlation = torch.corrcoef(noise.T)
    torch.testing.assert_close(noise.var(dim=0), torch.ones(6), atol=0.02, rtol=0)
    lags = torch.arange(6)
    expected = persistence ** (lags[:, None] - lags).abs()
    torch.testing.assert_close(correlation, expected.to(correlation), atol=0.02, rtol=0)


def test_a_longer_search_finds_better_actions():
    scores = [
        CEM(samples=32, elites=4, iterations=iterations)(
            far, torch.zeros(20, 5, 2), LOW, HIGH, [torch.Generator().manual_seed(i) for i in range(20)]
        )[1].mean()
        for iterations in (1, 3, 8)
    ]
    assert scores[0] > scores[1] > scores[2]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"samples": 8, "elites": 8}, "less than samples; got 8 of 8"),
        ({"elites": 0}, "at least 1"),
        ({"iterations": 0}, "iterations"),
        ({"noise": 0.0}, "noise"),
        ({"floor": -0.1}, "floor"),
        ({"momentum": 1.0}, "momentum"),
        ({"persistence": 1.0}, "persistence"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        CEM(**settings)
