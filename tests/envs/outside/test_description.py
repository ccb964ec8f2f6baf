"""Models of others: what is taken from them, how configurations are compared, and what is refused in one line."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

import envs
from envs.outside.configuration import JointMeasure, PointMeasure, differences, driven_joints, features
from envs.outside.description import outside_spec
from envs.outside.options import read_options
from envs.outside.sources import OutsideError, read_mjcf
from envs.outside.staging import staged

ARM = """
<mujoco>
  <option gravity="0 0 0"/>
  <worldbody>
    <body name="upper">
      <joint name="shoulder" axis="0 0 1" damping="0.5"/>
      <geom type="capsule" size="0.05" fromto="0 0 0 0.5 0 0"/>
      <body name="lower" pos="0.5 0 0">
        <joint name="elbow" axis="0 0 1" limited="true" range="-120 120" damping="0.5"/>
        <geom type="capsule" size="0.05" fromto="0 0 0 0.5 0 0"/>
        <site name="tip" pos="0.5 0 0"/>
      </body>
    </body>
    <body name="ball" pos="0 0.8 0">
      <freejoint name="ball"/>
      <geom type="sphere" size="0.05"/>
    </body>
    {camera}
  </worldbody>
  <actuator>{actuator}</actuator>
</mujoco>"""
MOTORS = (
    '<motor name="shoulder" joint="shoulder" ctrlrange="-1 1"/><motor name="elbow" joint="elbow" ctrlrange="-1 1"/>'
)
MODEL = mujoco.MjModel.from_xml_string(ARM.format(camera="", actuator=MOTORS))
STATE = np.concatenate([MODEL.qpos0, np.zeros(MODEL.nv)])


def written(folder: Path, camera: str = "", actuator: str = MOTORS, options: str | None = None) -> Path:
    """The arm as a file, with options beside it."""
    path = folder / "arm.xml"
    path.write_text(ARM.format(camera=camera, actuator=actuator))
    if options is not None:
        path.with_suffix(".yaml").write_text(options)
    return path


def at(**values: float) -> np.ndarray:
    """A state with some joints elsewhere."""
    state = STATE.copy()
    for name, value in values.items():
        state[MODEL.joint(name).qposadr[0]] = value
    return state


def refusal(*arguments: object) -> str:
    with pytest.raises(OutsideError) as caught:
        outside_spec(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_hinge_without_limits_counts_the_shorter_way_round_and_one_with_limits_does_not() -> None:
    goal = at(shoulder=3.1, elbow=2.0)
    found = differences(MODEL, [0, 1], True, np.stack([at(shoulder=-3.1, elbow=-2.0)]), goal)
    np.testing.assert_allclose(found, [[2 * np.pi - 6.2, 4.0]])


def test_a_free_body_counts_by_translation_and_by_angle_of_rotation() -> None:
    moved = STATE.copy()
    moved[2:5] += (0.3, 0.0, 0.4)
    moved[5:9] = (np.cos(0.4), 0, np.sin(0.4), 0)  # turned by 0.8 rad
    np.testing.assert_allclose(differences(MODEL, [2], True, moved[None], STATE), [[0.5, 0.8]])
    np.testing.assert_allclose(differences(MODEL, [2], False, moved[None], STATE), [[0.4, 0.8]])  # the height alone


def test_a_quaternion_and_its_negative_are_the_same_rotation() -> None:
    other = STATE.copy()
    other[5:9] *= -1
    assert differences(MODEL, [2], True, other[None], STATE).max() < 1e-6
    np.testing.assert_array_equal(features(MODEL, [2], other), features(MODEL, [2], STATE))


def test_the_distance_is_the_root_mean_square_in_units_of_the_spread() -> None:
    measure = JointMeasure(MODEL, [0, 1], True, [0.5, 0.1])
    assert measure.distances(at(shoulder=1.0, elbow=0.4)[None], STATE)[0] == pytest.approx(np.sqrt((4 + 16) / 2))


def test_a_point_is_compared_in_metres() -> None:
    measure = PointMeasure(MODEL, "site", "tip")
    np.testing.assert_allclose(measure.places(at(shoulder=np.pi / 2)), [0, 1, 0], atol=1e-12)
    assert measure.distances(at(shoulder=np.pi)[None], STATE)[0] == pytest.approx(2.0)


def test_loose_objects_are_no_part_of_the_goal_and_stay_where_they_are_at_the_start(tmp_path: Path) -> None:
    assert driven_joints(MODEL, follows=False) == [0, 1]
    world = envs.make_world(outside_spec("arm", written(tmp_path)))
    start = world.sample_state(np.random.default_rng(0))
    start[2:5] = (0.7, 0.7, 0.0)
    goal = world.task.sample_goal(np.random.default_rng(1), start)
    np.testing.assert_array_equal(goal[2:9], start[2:9])
    assert (goal[:2] != start[:2]).all()


def test_options_beside_the_file_say_what_a_goal_is_and_where_the_camera_stands(tmp_path: Path) -> None:
    options = """
    camera: {centre: [0, 0, 0], extent: 2.4}
    control_step: 0.1
    actuators: {elbow: [-0.5, 0.5]}
    max_steps: 70
    goal: {site: tip, tolerance: 0.07}
    """
    world = envs.make_world(outside_spec("arm", written(tmp_path, options=options)))
    assert (world.unit, world.tolerance, world.max_steps, world.dt) == ("m", 0.07, 70, pytest.approx(0.1))
    state = world.sample_state(np.random.default_rng(0))
    np.testing.assert_allclose(world.located(state), PointMeasure(MODEL, "site", "tip").places(state))
    assert world.scene.view.extent == 2.4
    np.testing.assert_allclose(world.scene.models["train"].actuator_ctrlrange, [[-1, 1], [-0.5, 0.5]])
    bright = world.frame("people", state=state, size=200).astype(int).max(axis=-1) > 60
    x, y = world.pixels(world.located(state), "people", 200)
    assert bright[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].any()


def test_a_camera_that_stands_still_is_understood_and_one_that_follows_is_not_drawn_upon(tmp_path: Path) -> None:
    above = '<camera name="above" pos="0.1 0 3" xyaxes="1 0 0 0 1 0" fovy="40"/>'
    stage = staged(read_mjcf(written(tmp_path, above), "arm"), None, {})
    assert not stage.follows
    data = mujoco.MjData(stage.models["people"])
    data.qpos[:2] = 0.3, 0.8
    place = PointMeasure(stage.models["people"], "site", "tip").places(np.concatenate([data.qpos, data.qvel]))
    offset = (place[:2] - (0.1, 0.0)) / (2 * 3 * np.tan(np.radians(20)))
    np.testing.assert_allclose(stage.view.pixels(place, 1), 0.5 + offset * (1, -1), atol=1e-6)
    follows = '<camera name="behind" pos="0 0 3" mode="targetbody" target="lower"/>'
    world = envs.make_world(outside_spec("arm", written(tmp_path, follows)))
    assert np.isnan(world.located(world.sample_state(np.random.default_rng(0)))).all()


def test_people_may_look_from_another_place_than_models(tmp_path: Path) -> None:
    cameras = '<camera name="above" pos="0.1 0 3" xyaxes="1 0 0 0 1 0"/>'
    cameras += '<camera name="side" pos="0 -3 1" euler="70 0 0"/>'
    (tmp_path / "same").mkdir()
    one = outside_spec("arm", written(tmp_path, cameras, options="{camera: above, people: side}"))
    both, same = envs.make_world(one), envs.make_world(outside_spec("arm", written(tmp_path / "same", cameras)))
    state = both.sample_state(np.random.default_rng(0))
    np.testing.assert_array_equal(both.frame(state=state), same.frame(state=state))
    seen = both.frame("people", state)
    assert (seen != same.frame("people", state)).any() and np.isnan(both.located(state)).all()
    both.set_factors({"camera_zoom": 0.9})
    assert (both.frame(state=state) != same.frame(state=state)).any()
    np.testing.assert_array_equal(both.frame("people", state), seen)


def test_a_goal_of_place_and_heading_is_reached_where_both_are(tmp_path: Path) -> None:
    options = "goal: {site: tip, tolerance: 0.1, turn: 0.4}"
    world = envs.make_world(outside_spec("arm", written(tmp_path, options=options)))
    goal, other = at(shoulder=1.0, elbow=0.5), at(shoulder=1.5, elbow=-0.5)  # the elbow on the other side
    places = PointMeasure(MODEL, "site", "tip").places
    np.testing.assert_allclose(places(other), places(goal), atol=1e-12)
    assert world.distance(other, goal) == pytest.approx(0.5 * 0.1 / 0.4)  # turned by 0.5 rad
    near = at(shoulder=1.0, elbow=0.7)
    assert world.distance(near, goal) == pytest.approx(np.linalg.norm(places(near) - places(goal)))
    assert world.success(near, goal) and not world.success(other, goal)


def test_an_actuator_without_a_range_is_given_one_and_the_user_told(tmp_path: Path) -> None:
    spec = outside_spec("arm", written(tmp_path, actuator='<motor name="elbow" joint="elbow"/>'))
    assert spec["notes"] == [
        "arm gives no control range for elbow: -1 to 1 is assumed, say otherwise under `actuators` in the file of "
        "world.options"
    ]


def test_a_model_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    spec = outside_spec("arm", written(tmp_path))
    with pytest.raises(OutsideError, match="is not what it was"):
        envs.make_world({**spec, "fingerprint": "0" * 16})


def test_nothing_begins_anew_inside_an_episode(tmp_path: Path) -> None:
    world = envs.make_world(outside_spec("arm", written(tmp_path)))
    flags = int(world.scene.models["train"].opt.disableflags)
    assert flags & int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    assert flags & int(mujoco.mjtDisableBit.mjDSBL_WARMSTART)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("camera: nowhere", "arm has no camera 'nowhere': there are none"),
        ("actuators: {wrist: [-1, 1]}", "arm has no actuator 'wrist': there are shoulder, elbow"),
        ("goal: {site: nose}", "arm has no site 'nose': there are tip"),
        ("goal: {joints: [knee]}", "arm has no joint 'knee': there are shoulder, elbow, ball"),
        ("goal: {body: world}", "random play does not move what the goal is about"),
        ("colour: red", "it has the entry colour, which is not known"),
        ("- camera", "expected a list of `key: value`"),
        ("goal: {site: tip, body: lower}", "goal names body and site, expected one of them"),
        ("goal: {tolerance: -1}", "goal.tolerance is -1, expected a number > 0"),
        ("goal: {tolerance: 0}", "goal.tolerance is 0, expected a number > 0"),
        ("goal: {site: tip, tolerance: 0.00001}", "goal.tolerance is 1e-05 m, but a control step covers"),
        ("goal: {site: tip, tolerance: 9}", "goal.tolerance is 9 m, but goals of play are"),
        ("goal: {turn: 0.2}", "goal.turn goes with a site or a body and a tolerance"),
        ("people: nowhere", "arm has no camera 'nowhere': there are none"),
        ("actuators: {elbow: [1, -1]}", "actuators.elbow is [1, -1], expected the lower number first"),
        ("camera: {extent: 1}", "camera lacks centre"),
        ("control_step: soon", "control_step is 'soon', expected a number"),
        ("max_steps: 1.5", "max_steps is 1.5, expected a whole number"),
        ("goal: [", "arm.yaml: it is not YAML"),
    ],
)
def test_options_that_are_wrong_are_refused_in_one_line(tmp_path: Path, options: str, expected: str) -> None:
    assert expected in refusal("arm", written(tmp_path, options=options))


def test_empty_options_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing yet\n")
    assert read_options(tmp_path / "empty.yaml") == {}


def test_a_model_that_cannot_be_moved_or_read_is_refused(tmp_path: Path) -> None:
    assert "arm has no actuators" in refusal("arm", written(tmp_path, actuator=""))
    assert "there is no file" in refusal("arm", tmp_path / "gone.xml")
    (tmp_path / "torn.xml").write_text("<mujoco><worldbody>")
    assert "MuJoCo does not accept" in refusal("torn", tmp_path / "torn.xml")


def test_environments_that_do_not_exist_or_are_not_of_mujoco_are_refused() -> None:
    assert "Did you mean: `Pusher`?" in refusal("gymnasium/Pushr-v5")
    assert "is not simulated by MuJoCo" in refusal("gymnasium/CartPole-v1")
    assert "world=gymnasium/ID" in refusal("gymnasium")
    assert "world=dm_control/DOMAIN/TASK" in refusal("dm_control/cheetah")


def test_a_task_that_dm_control_does_not_have_is_refused_with_those_that_it_has() -> None:
    pytest.importorskip("dm_control")
    assert "there are dm_control/walker/run, dm_control/walker/stand" in refusal("dm_control/walker/fly")
    assert "dm_control/quadruped" in refusal("dm_control/horse/run")


def test_the_model_of_dm_control_is_taken_as_its_reset_leaves_it() -> None:
    suite = pytest.importorskip("dm_control.suite")
    from envs.outside.suites import read_dm_control

    taken = read_dm_control("reacher", "hard", "reacher").document.compile()
    there = suite.load("reacher", "hard", task_kwargs={"random": 0})
    there.reset()
    model = there.physics.model
    np.testing.assert_allclose(taken.geom("target").size, model.geom("target").size)  # set by the task, not in the file
    np.testing.assert_allclose(taken.geom("target").pos, model.geom("target").pos)
    np.testing.assert_allclose(taken.body_mass, model.body_mass)
