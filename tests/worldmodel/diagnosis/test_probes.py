"""Probes find what is there, say that nothing is there where nothing is, and give intervals that hold."""

import pytest
import torch
from torch import Tensor

from worldmodel.diagnosis.probes import PENALTIES, fit_attentive, fit_linear, r2, ratio


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def score(predicted: Tensor, targets: Tensor) -> float:
    return r2(predicted, targets, torch.arange(len(targets)), seeded()).value


@pytest.mark.parametrize("rows", [600, 40])  # more rows than features, and fewer
def test_a_linear_map_is_found_in_few_rows_and_in_many(rows: int) -> None:
    hidden, test_hidden = torch.randn(rows, 5, generator=seeded()), torch.randn(300, 5, generator=seeded(1))
    wide = torch.randn(5, 80, generator=seeded(2))
    truth = torch.randn(5, 3, generator=seeded(3))
    probe = fit_linear(hidden @ wide + 7, hidden @ truth - 2)
    assert score(probe(test_hidden @ wide + 7), test_hidden @ truth - 2) > 0.999


def test_the_penalty_is_the_one_whose_left_out_errors_are_least() -> None:
    rows, noise = torch.randn(30, 12, generator=seeded()), torch.randn(30, 1, generator=seeded(1))
    targets = rows[:, :1] + 1.5 * noise

    def left_out(penalty: float) -> float:
        errors = []
        for i in range(30):
            kept = torch.arange(30) != i
            x, y = rows[kept].double(), targets[kept].double()
            # The closed form centres and scales once, with all rows; so does this slow reference.
            center, scale = rows.mean(0).double(), rows.std(0).double()
            x = torch.cat([(x - center) / scale, torch.ones(29, 1)], dim=1)
            matrix = penalty * 30 * torch.eye(13, dtype=torch.float64)
            matrix[-1, -1] = 0
            solution = torch.linalg.solve(x.T @ x + matrix, x.T @ y)
            one = torch.cat([(rows[i].double() - center) / scale, torch.ones(1)])
            errors.append(float((one @ solution - targets[i]) ** 2))
        return sum(errors)

    best = min(PENALTIES, key=left_out)
    assert torch.allclose(fit_linear(rows, targets).weights, fit_linear(rows, targets, (best,)).weights)


def test_nothing_is_read_from_noise_even_with_more_features_than_rows() -> None:
    rows, test = torch.randn(100, 400, generator=seeded()), torch.randn(400, 400, generator=seeded(1))
    targets, test_targets = torch.randn(100, 1, generator=seeded(2)), torch.randn(400, 1, generator=seeded(3))
    assert abs(score(fit_linear(rows, targets)(test), test_targets)) < 0.1


def test_features_that_never_vary_do_no_harm() -> None:
    rows = torch.cat([torch.randn(200, 2, generator=seeded()), torch.full((200, 3), 5.0)], dim=1)
    probe = fit_linear(rows[:100], rows[:100, :1])
    assert score(probe(rows[100:]), rows[100:, :1]) > 0.999


def test_attention_reads_what_one_place_among_many_says() -> None:
    """Which place it is differs from row to row and is marked by another feature: no fixed linear map can follow."""

    def scenes(count: int, seed: int) -> tuple[Tensor, Tensor]:
        tokens = torch.randn(count, 9, 4, generator=seeded(seed))
        place = torch.randint(9, (count,), generator=seeded(seed + 1))
        said = torch.randn(count, 2, generator=seeded(seed + 2))
        tokens[torch.arange(count), place, 0] = 6.0
        tokens[torch.arange(count), place, 1:3] = said
        return tokens, said

    (tokens, said), (unseen, told) = scenes(1000, 0), scenes(300, 10)
    attentive = fit_attentive(tokens, said, seeded(), updates=120)
    assert score(attentive(unseen), told) > 0.8
    assert score(fit_linear(tokens.flatten(1), said)(unseen.flatten(1)), told) < 0.3


def test_the_attentive_probe_depends_on_its_generator_alone() -> None:
    tokens, targets = torch.randn(60, 4, 3, generator=seeded()), torch.randn(60, 1, generator=seeded(1))
    torch.manual_seed(5)
    first = fit_attentive(tokens, targets, seeded(2), updates=20)(tokens)
    torch.manual_seed(6)
    assert torch.equal(first, fit_attentive(tokens, targets, seeded(2), updates=20)(tokens))


def test_a_target_that_never_varies_is_not_judged() -> None:
    rows = torch.arange(6)
    assert r2(torch.zeros(6, 1), torch.ones(6, 1), rows, seeded()) is None
    targets = torch.stack([torch.ones(6), torch.arange(6.0)], dim=1)
    assert r2(targets, targets, rows, seeded()).value == 1


def test_the_interval_counts_recordings_and_not_their_rows() -> None:
    targets, noise = torch.randn(50, 1, generator=seeded()), torch.randn(50, 1, generator=seeded(1))
    once = r2(targets + 0.5 * noise, targets, torch.arange(50), seeded(2))
    repeated = [one.repeat_interleave(20, dim=0) for one in (targets + 0.5 * noise, targets, torch.arange(50))]
    again = r2(*repeated, seeded(2))
    assert (again.value, again.low, again.high) == pytest.approx((once.value, once.low, once.high), abs=1e-6)
    assert once.low < once.value < once.high


def test_a_ratio_of_equal_sums_is_one_without_doubt() -> None:
    found = ratio(*[torch.rand(30, 2, generator=seeded())] * 2, seeded())
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
