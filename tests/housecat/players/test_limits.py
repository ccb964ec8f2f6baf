"""What a plan must not do is read off latents by a checkpoint's probes; what cannot be read is told in one line."""

import numpy as np
import pytest
import torch

from envs.registry import WORLDS, make_named
from housecat.errors import UsageError
from housecat.players.limits import limits_of
from housecat.players.probed import Probes
from housecat.runs.searching import optimizer_of
from housecat.settings.config import load_config
from planners.optimizers.budget import Budgeted
from tests.housecat.players.test_probed import probes
from worldmodel.readings import Readings

STILL = torch.zeros(1, 1, 1, 2)


@pytest.fixture(scope="module")
def known() -> Probes:
    return probes()


def latent(readings: Readings, **places: tuple[float, float]) -> torch.Tensor:
    """One that reads so, (1, 1, 1, D)."""
    wanted = readings.read(readings.latents[:1])
    for name, place in places.items():
        at = {"pusher": 0, "puck": 2}[name]
        wanted[0, at : at + 2] = torch.tensor(place)
    return readings.shifted(readings.latents[:1], wanted)[None, None]


def test_a_place_is_violated_by_latents_that_read_as_being_there(known: Probes) -> None:
    asked = load_config(["planner.keep_out={puck: {center: [0.2, -0.1], radius: 0.1}}"]).planner
    limits = limits_of(asked, WORLDS["puck"], known)
    assert limits is not None
    for place, expected in (((0.2, -0.1), 1.0), ((0.25, -0.1), 0.5), ((0.4, -0.1), 0.0)):
        found = limits.of(latent(known.readings, puck=place), STILL)
        assert found.shape == (1, 1, 1) and found.item() == pytest.approx(expected, abs=0.02)


def test_several_limits_are_kept_apart(known: Probes) -> None:
    words = ["planner.keep_within={pusher: {low: [-0.2, -0.2], high: [0.2, 0.2]}}", "planner.most_change=0.5"]
    limits = limits_of(load_config(words).planner, WORLDS["puck"], known)
    assert limits is not None
    outside = latent(known.readings, pusher=(0.4, 0.0)).expand(-1, -1, 2, -1)
    jumping = torch.tensor([[[[-1.0, 0.0], [1.0, 0.0]]]])
    torch.testing.assert_close(limits.of(outside, jumping)[0, 0], torch.tensor([1.5, 1.0]), atol=0.02, rtol=0)


def test_where_nothing_is_forbidden_there_are_no_limits(known: Probes) -> None:
    assert limits_of(load_config([]).planner, WORLDS["puck"], None) is None


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("planner.keep_out={ball: [0, 0]}", "planner.keep_out: world 'puck' has no quantity 'ball'"),
        ("planner.keep_out={puck: [0, 0, 0]}", "planner.keep_out: puck is 2 numbers (m), got 3"),
        ("planner.keep_within=[0, 1]", "planner.keep_within names quantities, like"),
    ],
)
def test_what_cannot_be_kept_is_told_in_one_line(known: Probes, word: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        limits_of(load_config([word]).planner, WORLDS["puck"], known)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_a_checkpoint_without_probes_and_an_angle_are_refused(known: Probes) -> None:
    with pytest.raises(UsageError, match="needs a probe that reads puck"):
        limits_of(load_config(["planner.keep_out={puck: [0, 0]}"]).planner, WORLDS["puck"], None)
    reacher = make_named("reacher")
    turning = next(one.name for one in reacher.task.quantities if np.any(one.turns) and one.tolerance is not None)
    numbers = {one.name: one.features(np.zeros((1, 50))).shape[1] for one in reacher.task.quantities}
    asked = load_config([f"planner.keep_out={{{turning}: 0.5}}"]).planner
    with pytest.raises(UsageError, match="only places can be bounded"):
        limits_of(asked, WORLDS["reacher"], Probes(known.readings, numbers))


def test_the_searches_for_one_plan_share_its_budget() -> None:
    searching = optimizer_of(load_config(["planner.most_change=0.5", "planner.calls=900"]).planner)
    assert isinstance(searching, Budgeted) and searching.calls == 300
    with pytest.raises(UsageError, match=r"\(8\) for each of planner.constraint_rounds, got 20"):
        load_config(["planner.most_change=0.5", "planner.calls=20"])
