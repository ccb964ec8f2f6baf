"""Probes are judged on values that they never saw, and imagined futures by how they part."""

import numpy as np
import pytest
import torch

from envs.physics.measurable import FUTURES, QUANTITIES, measurable, two_futures
from envs.physics.stage import simulate
from housecat.physics.quantities import agreement, features_of, held_out_r2, imagine_futures, pooled
from tests.contracts.test_methods import small
from tests.housecat.physics.test_watching import Brightness


def test_what_only_tells_known_values_apart_fails_on_those_left_out():
    rng = np.random.default_rng(0)
    values = rng.uniform(1, 4, 300)
    table = torch.from_numpy(np.eye(30)[((values - 1) * 9.99).astype(int)]).float()  # which of thirty values it is
    linear = torch.from_numpy(np.stack([values, rng.normal(size=300)], axis=1)).float()
    generator = torch.Generator().manual_seed(0)
    assert held_out_r2(linear, values, generator)["value"] > 0.99
    assert held_out_r2(table, values, generator)["value"] < 0.6
    assert held_out_r2(torch.from_numpy(rng.normal(size=(300, 2))).float(), values, generator)["value"] < 0.1


@pytest.mark.parametrize("name", sorted({*QUANTITIES} - {"velocity"}))
def test_the_states_tell_a_quantity_and_the_picture_in_the_middle_does_not(name):
    scenes = [measurable(name, 0, index) for index in range(60)]
    motions, values = [simulate(one) for one, _ in scenes], np.array([value for _, value in scenes])
    whole = np.stack([np.concatenate([one.places[:, :6], one.speeds], axis=1).ravel() for one in motions])
    still = np.stack([one.places[16, [0, 1, 3, 4]] for one in motions])
    told, guessed = (
        held_out_r2(torch.from_numpy(rows).float(), values, torch.Generator().manual_seed(0))["value"]
        for rows in (whole, still)
    )
    assert told > 0.6
    assert guessed < 0.35 or name in ("restitution", "mass"), "these happen at a certain time"
    assert all(np.abs(one.places[:, 0]).max() < 4 for one in motions)


@pytest.mark.parametrize("name", FUTURES)
def test_two_futures_begin_alike_and_part(name):
    first, second = (simulate(one) for one in two_futures(name, 0, 0))
    assert first.places[0, :2] == pytest.approx(second.places[0, :2]) and first.speeds[0] == pytest.approx(
        second.speeds[0]
    )
    apart = np.abs(first.places[:, :2] - second.places[:, :2]).max(axis=1)
    assert apart[24] > apart[16] + 0.05
    if name == "action":
        assert apart[16] < 1e-6


def test_agreement_is_of_differences():
    true = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert agreement(true, true)["share"] == 0 and agreement(true, true)["agrees"]["value"] == 1
    assert agreement(true, torch.zeros(2, 2))["share"] == 1 and agreement(true, -true)["agrees"]["value"] == 0


def test_what_imagines_is_asked_for_both_futures_and_an_encoder_for_none():
    found = imagine_futures(Brightness(), 3, 0, 16)
    assert found is not None and set(found) == set(FUTURES)
    assert all(0 <= one["agrees"]["value"] <= 1 and one["share"] >= 0 for one in found.values())
    assert imagine_futures(small("ijepa")[1], 3, 0, 16) is None


def test_features_are_of_layers_side_by_side_over_time_and_maps_are_averaged():
    _, model, frames = small("vjepa")
    clips = torch.cat([frames, frames], dim=1).numpy()
    found = features_of({"trained": model, "untrained": model}, iter(clips))
    assert list(found) == ["trained", "untrained", "single frame"]
    assert found["trained"]["latent"].shape == (3, 4 * model.latent) and found["single frame"][""].shape == (
        3,
        model.latent,
    )
    assert torch.equal(found["trained"]["block 1"], found["untrained"]["block 1"])
    square = torch.arange(64.0).view(1, 64, 1)
    assert pooled(square).shape == (1, 16) and float(pooled(square)[0, 0]) == pytest.approx((0 + 1 + 8 + 9) / 4)
    assert torch.equal(pooled(torch.cat([-square, square], dim=1), 64), pooled(square))  # of two times, the newest
    assert torch.equal(pooled(torch.ones(2, 7)), torch.ones(2, 7))
