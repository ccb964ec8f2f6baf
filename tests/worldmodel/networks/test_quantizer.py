"""The book of codes: nearest code, gradients that pass, averages that move as the formula says, dead codes."""

import torch

from worldmodel.networks.quantizer import DEAD, Quantizer, QuantizerSettings, straight_through


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def book(codes: int = 6, size: int = 3, decay: float = 0.9) -> Quantizer:
    torch.manual_seed(0)
    return Quantizer(QuantizerSettings(codes, size, decay, 0.25))


def test_the_nearest_code_is_that_of_a_slow_search() -> None:
    quantizer, rows = book(), torch.randn(5, 4, 3)
    found = quantizer.nearest(rows)
    for b in range(5):
        for p in range(4):
            distances = [float((rows[b, p] - vector).pow(2).sum()) for vector in quantizer.vectors]
            assert int(found[b, p]) == distances.index(min(distances))


def test_closeness_differs_from_minus_the_squared_distance_by_the_rows_own_part() -> None:
    quantizer, rows = book(), torch.randn(7, 3)
    distance = (rows[:, None] - quantizer.vectors).pow(2).sum(dim=-1)
    assert torch.allclose(quantizer.closeness(rows) - rows.pow(2).sum(dim=-1, keepdim=True), -distance, atol=1e-5)


def test_gradients_pass_as_if_nothing_had_been_quantised() -> None:
    rows, codes = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    passed = straight_through(rows, codes)
    assert torch.allclose(passed, codes)
    weights = torch.randn(4, 3)
    (passed * weights).sum().backward()
    assert torch.equal(rows.grad, weights)
    assert codes.grad is None, "the book learns by its averages alone"


def test_the_book_follows_the_formula() -> None:
    quantizer, rows, index = book(codes=3), torch.randn(8, 3), torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    quantizer.share.copy_(torch.tensor([2.0, 1.0, 4.0]))
    quantizer.total.copy_(quantizer.share[:, None] * quantizer.vectors)
    expected = []
    for code, count in enumerate((3, 2, 3)):
        before = float(quantizer.share[code])
        total = 0.9 * before * quantizer.vectors[code] + 0.1 * rows[index == code].sum(dim=0)
        expected.append(total / (0.9 * before + 0.1 * count))
    quantizer.follow(rows, index, generator())
    assert torch.allclose(quantizer.vectors, torch.stack(expected), atol=1e-6)
    assert torch.allclose(quantizer.share, torch.tensor([2.1, 1.1, 3.9]))


def test_averages_finalise_on_the_means_of_what_is_given_to_each_code() -> None:
    quantizer = book(codes=2)
    rows = torch.cat([torch.randn(50, 3) + 4, torch.randn(30, 3) - 4])
    for _ in range(200):
        quantizer.follow(rows, quantizer.nearest(rows), generator())
    means = torch.stack([rows[:50].mean(dim=0), rows[50:].mean(dim=0)])
    assert torch.cdist(means, quantizer.vectors).min(dim=1).values.max() < 1e-2


def test_a_dead_code_begins_anew_at_what_the_others_miss_most() -> None:
    quantizer = book(codes=3)
    quantizer.vectors.copy_(torch.tensor([[0.0, 0, 0], [9.0, 9, 9], [-99.0, 0, 0]]))
    quantizer.share.copy_(torch.tensor([50.0, 50.0, 0.0]))
    quantizer.total.copy_(quantizer.share[:, None] * quantizer.vectors)
    rows = torch.cat([torch.zeros(99, 3), torch.tensor([[0.0, 5.0, 0.0]])])
    quantizer.follow(rows, quantizer.nearest(rows), generator())
    assert torch.allclose(quantizer.vectors[2], rows[99], atol=1e-5), "not at the background, of which there is more"
    assert float(quantizer.share[2]) > DEAD * 100 / 3, "it has time to be used"
    assert torch.allclose(quantizer.vectors[1], torch.full((3,), 9.0)), "unused for a moment is not dead"


def test_a_new_book_lies_where_the_rows_are() -> None:
    quantizer, rows = book(codes=8), torch.randn(100, 3) + 20
    assert torch.cdist(quantizer.vectors, rows).min(dim=1).values.min() > 20
    quantizer.follow(rows, quantizer.nearest(rows), generator())
    assert torch.cdist(quantizer.vectors, rows).min(dim=1).values.max() < 1
