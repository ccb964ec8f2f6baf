"""Settings become the objects that they name."""

import pytest
import torch

from envs import WORLDS
from envs.outside.description import FAMILY_NAMES
from housecat.errors import UsageError
from housecat.runs import steering, wiring
from housecat.runs.fitted import Fitted
from housecat.runs.players import Ingredients, make_player
from housecat.runs.training import make_method
from housecat.settings import schema
from housecat.settings.config import group_choices, load_config
from housecat.settings.groups import OUTSIDE
from planners.agent import Agent
from planners.configurator import ACTOR
from planners.flat import Flat
from planners.intrinsic import Intrinsic
from planners.subgoals.hierarchy import Hierarchy
from planners.subgoals.hjepa import TwoLevels
from planners.subgoals.landmarks import build_landmarks
from worldmodel.distances.critic import ExpectileDistance
from worldmodel.distances.critics import KINDS
from worldmodel.methods.default import OBJECTIVES, PREDICTORS
from worldmodel.methods.registry import METHODS
from worldmodel.networks.keypoints import FIXED

POLE = """<mujoco><worldbody><body><joint name="hinge" axis="0 1 0" damping="0.1"/>
<geom type="capsule" size="0.05" fromto="0 0 0 0 0 -1"/></body></worldbody>
<actuator><motor joint="hinge" ctrlrange="-3 3"/></actuator></mujoco>"""
SMALL = "model=cnn model.latent=8 model.width=8 model.predictor_width=16 planner.samples=8 planner.elites=2".split()


def fixed(*arguments: str) -> str:
    return load_config(list(arguments)).of_method["model"].fixed


def test_what_can_be_given_is_what_the_model_knows():
    assert schema.settings()["model.fixed"].choices == FIXED
    assert schema.settings()["model.predictor"].choices == tuple(PREDICTORS)
    assert {fixed("world=pusht"), fixed("world=cube")} == {"components"}
    assert fixed() == "places"


def test_the_groups_offer_every_world_and_every_objective():
    assert set(group_choices("world")) == set(WORLDS) | {"pointmaze", "python", *OUTSIDE}
    assert OUTSIDE == FAMILY_NAMES
    assert set(group_choices("objective")) == set(OBJECTIVES)
    assert set(schema.settings()["critic.kind"].choices) == set(KINDS)
    assert set(group_choices("method")) == set(METHODS)


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_chosen_by_name_is_that_world(name):
    assert wiring.world_spec(load_config([f"world={name}"])) == WORLDS[name]


def test_a_maze_of_the_users_own_is_called_after_its_file(tmp_path):
    (tmp_path / "attic.txt").write_text("####\n#..#\n####\n")
    spec = wiring.world_spec(load_config(["world=pointmaze", f"world.layout={tmp_path / 'attic.txt'}"]))
    assert (spec["name"], spec["layout"]) == ("attic", "####\n#..#\n####")


def test_a_robot_of_the_users_own_is_called_after_its_file_and_keeps_its_options(tmp_path):
    (tmp_path / "pole.xml").write_text(POLE)
    (tmp_path / "slow.yaml").write_text("control_step: 0.2")
    arguments = ["world=mjcf", f"path={tmp_path / 'pole.xml'}", f"world.options={tmp_path / 'slow.yaml'}"]
    spec = wiring.world_spec(load_config(arguments))
    assert (spec["name"], spec["family"], spec["options"]) == ("pole", "mjcf", {"control_step": 0.2})
    assert wiring.world_spec(load_config([*arguments, "world.name=stick"]))["name"] == "stick"


def test_sizes_come_from_the_data_and_the_rest_from_the_settings():
    plan = wiring.training_plan(
        load_config(["train.updates=7", "precision=fp32", "seed=3"]), frame_size=32, action_dim=5
    )
    assert (plan.frame_size, plan.action_dim) == (32, 5)
    assert (plan.train.updates, plan.train.seed, plan.critic.seed, plan.precision) == (7, 3, 3, torch.float32)


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    config = load_config(SMALL)
    plan = wiring.training_plan(config, frame_size=32, action_dim=2)
    model = make_method(plan).model.eval().requires_grad_(False)
    distance = ExpectileDistance(8, 8, 50.0).eval().requires_grad_(False)
    landmarks = build_landmarks(torch.randn(6, 8), torch.zeros(6, 4), distance, 10.0)
    return model, distance, landmarks


class Everywhere:
    """A temporal distance that is one step wherever one is."""

    def steps(self, z, target):
        return torch.ones(torch.broadcast_shapes(z.shape, target.shape)[:-1])


@pytest.mark.parametrize(
    ("name", "horizon", "expected"), [("flat_latent", 5, 5), ("flat_distance", None, 8), ("hierarchy", None, 8)]
)
def test_every_planner_plans_as_far_as_it_was_asked_to(parts, name, horizon, expected):
    planner = steering.build_planner(load_config([*SMALL, "planner.horizon=8"]), name, horizon, *parts)
    assert isinstance(planner, Hierarchy if name == "hierarchy" else Flat)
    plan = planner(torch.zeros(1, 8), torch.ones(1, 8), None, [torch.Generator().manual_seed(0)])
    assert plan.actions.shape == (1, expected, 2)
    assert plan.actions.abs().max() <= 1


def test_effort_in_the_energy_makes_actions_smaller(parts):
    def effort(weight: float) -> float:
        config = load_config([*SMALL, f"planner.effort={weight}", "planner.samples=64", "planner.elites=8"])
        planner = steering.build_planner(config, "flat_distance", 4, *parts)
        plan = planner(torch.zeros(1, 8), torch.ones(1, 8), None, [torch.Generator().manual_seed(0)])
        return float(plan.actions.pow(2).mean())

    assert effort(1e6) < 0.5 * effort(0)


@pytest.mark.parametrize("name", ["flat_latent", "flat_distance", "hierarchy", "sampled", "configured", "hjepa"])
def test_prices_and_limits_hold_for_every_planner(parts, name):
    words, model = [*SMALL, "planner.near=0", "planner.samples=64", "planner.elites=8"], parts[0]
    if name == "hjepa":
        words += ["method=hjepa", "evaluate.planners=[hjepa]"]
        plan = wiring.training_plan(load_config(words), frame_size=32, action_dim=2)
        model = make_method(plan).model.eval().requires_grad_(False)

    def right(intrinsic: Intrinsic) -> tuple[float, float]:
        """How far to the right the imagined path gets at most, and how large its actions are."""
        planner = steering.build_planner(load_config(words), name, 4, model, *parts[1:], intrinsic=intrinsic)
        plan = planner(torch.zeros(1, 8), torch.ones(1, 8), None, [torch.Generator().manual_seed(0)])
        return float(plan.imagined[..., 0].max()), float(plan.actions.square().mean())

    (far, large), (_, small) = right(Intrinsic()), right(Intrinsic(effort=1e6))
    near, _ = right(Intrinsic(limits=(lambda latents: latents[..., 0] - far + 0.1,), weight=1e6))
    assert near < far and small < 0.5 * large


def test_a_fitted_policy_is_at_hand_for_a_deadline_where_nothing_is_forbidden(parts):
    model, distance, landmarks = parts
    fitted = Fitted(["cloning"], 8, 2, None)

    def player(*words: str, there: bool = True, **limits: object) -> Agent:
        config = load_config([*SMALL, "evaluate.planners=[configured]", *words])
        made = Ingredients(
            config, WORLDS["umaze"], model, distance, landmarks, lambda: fitted, at_hand=there,
            intrinsic=Intrinsic(**limits),
        )  # fmt: skip
        return make_player(made, "configured", None, [torch.Generator()])

    hasty = "planner.milliseconds=10"
    assert not any(ACTOR in one.planner.planners for one in (player(), player(hasty, there=False)))
    assert ACTOR not in player(hasty, most_change=0.5).planner.planners
    acting = player(hasty, "planner.late=0").planner  # as if every search came too late
    z, goal = torch.zeros(2, 8), torch.ones(2, 8)
    plans = [acting(z, goal, None, [torch.Generator().manual_seed(row) for row in range(2)]) for _ in range(4)]
    assert [plan.decided[0].planner == ACTOR for plan in plans] == [False, False, False, True]
    policy = fitted.parts["cloning"](z[:1], goal[:1]).clamp(-1, 1)
    torch.testing.assert_close(plans[-1].actions[:, 0], policy.expand(2, -1))
    torch.testing.assert_close(plans[-1].imagined, model.rollout(z, plans[-1].actions[:, None])[:, 0])


@pytest.mark.parametrize("name", ["hierarchy", "sampled"])
def test_subgoals_without_landmarks_are_refused(parts, name):
    model, distance, _ = parts
    with pytest.raises(UsageError, match=f"no landmarks, which planner {name} needs"):
        steering.build_planner(load_config(SMALL), name, None, model, distance, None)


def test_two_levels_are_refused_for_a_model_of_one_and_a_plan_that_outlives_its_stride(parts):
    with pytest.raises(UsageError, match="no second level"):
        steering.build_planner(load_config(SMALL), "hjepa", None, *parts)
    asked = load_config([*SMALL, "method=hjepa", "evaluate.planners=[hjepa]", "planner.upper_every=6"])
    model = make_method(wiring.training_plan(asked, frame_size=32, action_dim=2)).model
    with pytest.raises(UsageError, match="planner.upper_every=6 is more than the 5"):
        steering.build_planner(asked, "hjepa", None, model, *parts[1:])


def test_three_levels_are_landmarks_above_the_two_of_the_model(parts):
    asked = load_config([*SMALL, "method=hjepa", "evaluate.planners=[three_levels]", "planner.near=0"])
    model = make_method(wiring.training_plan(asked, frame_size=32, action_dim=2)).model.eval().requires_grad_(False)
    planner = steering.build_planner(asked, "three_levels", None, model, *parts[1:])
    z, goal, generators = torch.zeros(1, 8), torch.ones(1, 8), [torch.Generator().manual_seed(0)]
    first = planner(z, goal, None, generators)
    again = planner(z, goal, None, generators, first.memory)
    assert isinstance(planner, Hierarchy) and isinstance(planner.flat, TwoLevels)
    assert first.actions.shape == again.actions.shape == (1, planner.horizon, 2)


@pytest.mark.parametrize("energy", ["temporal", "latent"])
def test_two_levels_plan_with_the_second_level_of_the_model(parts, energy):
    asked = load_config(
        [*SMALL, "method=hjepa", "evaluate.planners=[hjepa]", f"planner.upper_energy={energy}", "planner.near=0"]
    )
    model = make_method(wiring.training_plan(asked, frame_size=32, action_dim=2)).model.eval().requires_grad_(False)
    planner = steering.build_planner(asked, "hjepa", None, model, *parts[1:])
    assert isinstance(planner, TwoLevels)
    paths, macros = torch.randn(1, 2, 8, 8), torch.zeros(1, 2, 8, 4)
    paths[:, 1, -1] = paths[:, 0, -1]
    judged = planner.energy(paths, macros, torch.zeros(1, 8))[0]
    assert judged[0] == judged[1], "by where they end"
    z, goal = torch.zeros(1, 8), 5 * torch.ones(1, 8)
    plan = planner(z, goal, None, [torch.Generator().manual_seed(0)])
    assert not torch.equal(plan.target, goal)
    assert plan.actions.shape == (1, asked.planner.horizon, 2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="write device=cpu"):
        wiring.device(load_config(["device=cuda"]))


def test_closeness_tells_apart_what_is_the_same_number_of_steps_away(parts):
    model, _, landmarks = parts
    start, goal = torch.zeros(1, 8), torch.ones(1, 8)

    def left(weight: float, name: str = "flat_distance", effort: float = 0.0) -> float:
        """Latent distance to the goal along a plan, where the temporal distance is the same everywhere."""
        weights = [f"planner.closeness={weight}", f"planner.effort={effort}"]
        config = load_config([*SMALL, *weights, "planner.samples=64", "planner.elites=8"])
        planner = steering.build_planner(config, name, 4, model, Everywhere(), landmarks)
        plan = planner(start, goal, None, [torch.Generator().manual_seed(0)])
        return float((plan.imagined - goal[:, None]).square().mean(dim=-1).sqrt().mean())

    assert left(5.0) < left(0.0)
    assert left(5.0) == pytest.approx(left(0.0, "flat_latent"), abs=1e-6)
    # The planner that minimises nothing else takes no more of it, which effort beside it would show.
    assert left(5.0, "flat_latent", 0.1) == left(0.0, "flat_latent", 0.1) > left(0.0, "flat_latent")
