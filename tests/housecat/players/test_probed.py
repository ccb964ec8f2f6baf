"""Goals through probes: latents are found that read as asked; a checkpoint without probes is told in one line."""

import numpy as np
import pytest
import torch

from envs.goals.forms import goal_of
from envs.quantities import Quantity, part
from envs.registry import make_named
from housecat.errors import UsageError
from housecat.players.probed import Probed, Probes
from worldmodel.readings import fit_readings

PUCK = make_named("puck")


def probes() -> Probes:
    """Of latents (K, 8) that are the states themselves, mixed."""
    rng = np.random.default_rng(0)
    states = np.stack([PUCK.sample_state(rng, moving=True) for _ in range(1500)])
    latents = torch.from_numpy(states @ np.linalg.qr(rng.normal(size=(8, 8)))[0]).float()
    known = {one.name: torch.from_numpy(one.features(states)).float() for one in PUCK.task.quantities}
    readings = fit_readings(latents, known, torch.Generator().manual_seed(0))
    assert readings is not None
    return Probes(readings, {name: values.shape[1] for name, values in known.items()})


def test_the_latents_that_are_found_read_as_asked_and_differ_in_what_is_free() -> None:
    known = probes()
    found = Probed(known, PUCK, 16)(goal_of({"puck": (0.2, -0.1)}, PUCK))
    read = known.readings.read(found)
    assert found.shape == (16, 8)
    torch.testing.assert_close(read[:, 2:4], torch.tensor([[0.2, -0.1]]).expand(16, -1), atol=1e-3, rtol=0)
    assert read[:, :2].std(dim=0).min() > 0.1


def test_in_a_box_no_more_is_changed_than_has_to_be() -> None:
    known = probes()
    inside = Probed(known, PUCK, 16)(goal_of({"puck": {"low": (0.0, -0.6), "high": (0.6, 0.6)}}, PUCK))
    assert all((known.readings.latents - one).norm(dim=1).min() < 1e-3 for one in inside)


def test_an_angle_that_turns_is_read_back_from_its_cosine_and_sine() -> None:
    mixed = Quantity("mixed", "", "a place and two angles, one of which turns", part(0, 3), 0.1, (False, True, False))
    values = np.array([[0.3, 3.0, -2.0], [1.0, -3.1, 4.0]])
    np.testing.assert_allclose(mixed.values(mixed.smooth(values)), values)
    plain = Quantity("plain", "m", "a place", part(0, 2), 0.1)
    np.testing.assert_allclose(plain.values(plain.smooth(values[:, :2])), values[:, :2])


def test_probes_that_are_not_there_or_are_of_other_quantities_are_told_in_one_line() -> None:
    with pytest.raises(UsageError, match="which the checkpoint does not have: train again"):
        Probed(None, PUCK, 16)
    known = probes()
    with pytest.raises(UsageError, match="of the checkpoint read pusher, puck, .* world 'umaze' has position"):
        Probed(known, make_named("umaze"), 16)
