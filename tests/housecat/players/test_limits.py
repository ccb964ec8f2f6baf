"""What a plan must not do is read off latents by a checkpoint's probes; what cannot be read is told in one line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from envs.registry import WORLDS, make_named
from housecat.errors import UsageError
from housecat.players.limits import bounds_of, intrinsic_of, judge_of
from housecat.players.painted import in_view, painted
from housecat.players.probed import Probes
from housecat.runs.searching import optimizer_of
from housecat.settings.config import load_config
from planners.intrinsic import Intrinsic
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
    limits = intrinsic_of(asked, WORLDS["puck"], known)
    for place, expected in (((0.2, -0.1), 1.0), ((0.25, -0.1), 0.5), ((0.4, -0.1), 0.0)):
        found = limits.of(latent(known.readings, puck=place), STILL)
        assert found.shape == (1, 1, 1) and found.item() == pytest.approx(expected, abs=0.02)


def test_several_limits_are_kept_apart(known: Probes) -> None:
    words = ["planner.keep_within={pusher: {low: [-0.2, -0.2], high: [0.2, 0.2]}}", "planner.most_change=0.5"]
    limits = intrinsic_of(load_config(words).planner, WORLDS["puck"], known)
    outside = latent(known.readings, pusher=(0.4, 0.0)).expand(-1, -1, 2, -1)
    jumping = torch.tensor([[[[-1.0, 0.0], [1.0, 0.0]]]])
    torch.testing.assert_close(limits.of(outside, jumping)[0, 0], torch.tensor([1.0, 1.5]), atol=0.02, rtol=0)


PUCK = make_named("puck")


def picture(file: Path, *places: tuple[float, float], size: int = 256) -> Path:
    """The puck's plane as people see it, with squares of 21 pixels about these places painted red."""
    seen = PUCK.frame("people", size=size).copy()
    for x, y in PUCK.pixels(np.array(places), size=size).round().astype(int):
        seen[max(y - 10, 0) : y + 11, max(x - 10, 0) : x + 11] = (255, 0, 0)
    Image.fromarray(seen).save(file)
    return file


def test_what_is_painted_in_a_picture_is_kept_out_of_and_judged_where_the_camera_sees_it(
    known: Probes, tmp_path: Path
) -> None:
    asked = load_config([f"planner.keep_out={picture(tmp_path / 'no.png', (0.2, -0.1))}"]).planner
    limits, judge = intrinsic_of(asked, WORLDS["puck"], known), judge_of(asked, WORLDS["puck"])
    assert len(limits.limits) == 2 and judge is not None, "neither the pusher nor the puck shall be there"
    far = 10.5 * PUCK.scene.view.extent / 256  # m, from the middle to the edge of what is painted
    for place, expected in (((0.2, -0.1), 1.0), ((0.2 + far / 2, -0.1), 0.5), ((0.2, -0.1 + 1.2 * far), 0.0)):
        found = limits.of(latent(known.readings, puck=place, pusher=(-0.4, 0.3)), STILL)[0, 0]
        torch.testing.assert_close(found, torch.tensor([0.0, expected]), atol=0.1, rtol=0)
        state = np.array([-0.4, 0.3, *place, 0, 0, 0, 0])
        assert judge(np.stack([state, state])).tolist() == [expected > 0] * 2
    only = load_config([f"planner.keep_out={{pusher: {tmp_path / 'no.png'}}}"]).planner
    assert not judge_of(only, WORLDS["puck"])(np.array([-0.4, 0.3, 0.2, -0.1, 0, 0, 0, 0]))  # type: ignore[misc]


def test_a_margin_keeps_plans_clear_and_is_not_judged(known: Probes, tmp_path: Path) -> None:
    beside = (0.2 + 14 * PUCK.scene.view.extent / 256, -0.1)
    for where in (picture(tmp_path / "no.png", (0.2, -0.1)), "{puck: {center: [0.2, -0.1], radius: 0.04}}"):
        words = [f"planner.keep_out={where}", "planner.keep_out_margin=0.1"]
        asked = load_config(words).planner
        found = intrinsic_of(asked, WORLDS["puck"], known).of(latent(known.readings, puck=beside), STILL)
        assert found.max() > 0.2
        assert not judge_of(asked, WORLDS["puck"])(np.array([-0.4, 0.3, *beside, 0, 0, 0, 0]))  # type: ignore[misc]


@pytest.mark.parametrize("name", ["puck", "cube"])  # without perspective and with it
def test_places_are_looked_up_where_the_camera_sees_them(name: str) -> None:
    view, rng = make_named(name).scene.view, np.random.default_rng(0)
    for dimensions in (2, 3):
        places = np.array(view.centre[:dimensions]) + rng.uniform(-0.4, 0.4, (20, dimensions)) * view.extent
        np.testing.assert_allclose((in_view(torch.from_numpy(places), view) + 1) / 2, view.pixels(places, 1), atol=1e-9)


def test_a_mask_of_black_and_white_is_painted_where_it_is_white(tmp_path: Path) -> None:
    mask = np.zeros((8, 8, 3), np.uint8)
    mask[2:5, 3:6] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    assert np.array_equal(painted(tmp_path / "mask.png", "planner.keep_out"), mask[..., 0] > 0)


def test_joints_with_a_range_are_found_where_a_quantity_tells_of_them() -> None:
    asked = load_config(["planner.joint_limits=0.1"]).planner
    reacher, (elbow,) = make_named("reacher"), bounds_of(asked, WORLDS["reacher"])
    low, high = reacher.scene.limited[1][0]
    assert elbow.quantity.name == "elbow", "the shoulder turns freely"
    ends = np.array([low + 0.11 * (high - low), low + 0.09 * (high - low), high - 0.09 * (high - low)])
    states = np.stack([np.zeros(3), ends, np.zeros(3), np.zeros(3)], axis=1)
    assert elbow.violated(states).tolist() == [False, True, True]
    (joints,) = bounds_of(asked, WORLDS["arm"])
    assert joints.quantity.name == "joints"


def test_where_nothing_is_forbidden_there_are_no_limits(known: Probes) -> None:
    asked = load_config(["planner.effort=0.5"]).planner
    assert intrinsic_of(asked, WORLDS["puck"], None) == Intrinsic(effort=0.5)
    assert judge_of(asked, WORLDS["puck"]) is None


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("planner.keep_out={ball: [0, 0]}", "planner.keep_out: world 'puck' has no quantity 'ball'"),
        ("planner.keep_out={puck: [0, 0, 0]}", "planner.keep_out: puck is 2 numbers (m), got 3"),
        ("planner.keep_within=[0, 1]", "planner.keep_within names quantities, like"),
        ("planner.keep_out=there/is/none.png", "planner.keep_out: the picture there/is/none.png cannot be read"),
        ("planner.keep_out={puck_velocity: no.png}", "planner.keep_out: world 'puck' has no place puck_velocity"),
    ],
)
def test_what_cannot_be_kept_is_told_in_one_line(known: Probes, word: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        intrinsic_of(load_config([word]).planner, WORLDS["puck"], known)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_pictures_in_which_nothing_is_painted_or_that_are_no_square_are_refused(tmp_path: Path) -> None:
    for size, message in (
        ((8, 8), "nothing is painted: paint what"),
        ((8, 6), "is 8 x 6 pixels, cameras see a square"),
    ):
        Image.new("RGB", size, (200, 0, 0)).save(tmp_path / "no.png")
        with pytest.raises(UsageError, match=message):
            painted(tmp_path / "no.png", "planner.keep_out")
    with pytest.raises(UsageError, match="planner.joint_limits: world 'umaze' tells of no joint that has a range"):
        bounds_of(load_config(["planner.joint_limits=0.1"]).planner, WORLDS["umaze"])
    asked = load_config([f"planner.keep_out={tmp_path / 'no.png'}"]).planner
    with pytest.raises(UsageError, match="world 'runner' has no place that a picture shows"):
        bounds_of(asked, WORLDS["runner"])


def test_a_checkpoint_without_probes_and_an_angle_are_refused(known: Probes) -> None:
    with pytest.raises(UsageError, match="needs a probe that reads puck"):
        intrinsic_of(load_config(["planner.keep_out={puck: [0, 0]}"]).planner, WORLDS["puck"], None)
    reacher = make_named("reacher")
    turning = next(one.name for one in reacher.task.quantities if np.any(one.turns) and one.tolerance is not None)
    numbers = {one.name: one.features(np.zeros((1, 50))).shape[1] for one in reacher.task.quantities}
    asked = load_config([f"planner.keep_out={{{turning}: 0.5}}"]).planner
    with pytest.raises(UsageError, match="only places can be bounded"):
        intrinsic_of(asked, WORLDS["reacher"], Probes(known.readings, numbers))


def test_the_searches_for_one_plan_share_its_budget() -> None:
    searching = optimizer_of(load_config(["planner.most_change=0.5", "planner.calls=900"]).planner)
    assert isinstance(searching, Budgeted) and searching.calls == 300
    with pytest.raises(UsageError, match=r"\(8\) for each of planner.constraint_rounds, got 20"):
        load_config(["planner.most_change=0.5", "planner.calls=20"])
