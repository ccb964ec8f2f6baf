"""Probes that are kept: they read what latents hold, say how well, and find latents that read as asked."""

import pytest
import torch
from torch import Tensor

from worldmodel.readings import Readings, errors, fit_readings

MIXING = torch.randn(3, 6, generator=torch.Generator().manual_seed(1))


def world(count: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Latents (K, 6) in which three numbers are mixed, two of them of a body and one of another, and a little noise."""
    generator = torch.Generator().manual_seed(seed)
    state = torch.randn(count, 3, generator=generator)
    noise = 0.01 * torch.randn(count, 6, generator=generator)
    return state @ MIXING + 2 + noise, {"body": state[:, :2], "other": state[:, 2:]}


@pytest.fixture(scope="module")
def readings() -> Readings:
    found = fit_readings(*world(3000, 0), torch.Generator().manual_seed(0))
    assert found is not None
    return found


def test_probes_read_what_latents_hold_and_tell_their_error_on_latents_they_have_not_seen(readings: Readings) -> None:
    told = errors(readings, *world(500, 5))
    assert {name: one["size"] for name, one in told.items()} == {"body": 2, "other": 1}
    latents, truth = world(500, 5)
    off = readings.read(latents)[:, :2] - truth["body"]
    assert told["body"]["error"] == pytest.approx(float(off.pow(2).sum(dim=1).mean().sqrt()), rel=1e-4)
    assert all(one["error"] < 0.05 for one in told.values())


def test_shifted_latents_are_those_of_the_world_where_it_is_as_wanted(readings: Readings) -> None:
    latents, truth = world(200, 7)
    wanted = torch.cat([truth["body"] + 0.4, truth["other"]], dim=1)
    moved = readings.shifted(latents, wanted)
    torch.testing.assert_close(readings.read(moved), wanted, atol=0.02, rtol=0)
    there = wanted @ MIXING + 2
    assert float((moved - there).norm(dim=1).max()) < 0.1, "not merely read so"


def test_what_is_unknown_or_never_varies_gives_no_probes_and_unknown_rows_are_left_out() -> None:
    latents, truth = world(300, 0)
    generator = torch.Generator().manual_seed(0)
    assert fit_readings(latents, {}, generator) is None
    assert fit_readings(latents, {"body": torch.full((300, 2), torch.nan)}, generator) is None
    assert fit_readings(latents, {"body": torch.ones(300, 2)}, generator) is None
    truth["body"][::2] = torch.nan
    found = fit_readings(latents, truth, generator)
    assert found is not None and errors(found, *world(200, 5))["body"]["error"] < 0.05


def test_probes_of_other_shapes_or_without_numbers_are_refused(readings: Readings) -> None:
    unknown = readings.latents * torch.nan
    for changed in ({"weights": readings.weights.T}, {"latents": readings.latents[:, :2]}, {"latents": unknown}):
        with pytest.raises(ValueError, match="probes"):
            Readings(**{**readings.tensors(), **changed})
