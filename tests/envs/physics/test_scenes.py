"""Scenes obey the laws that they say they obey, and are recorded like anything else."""

import math
from dataclasses import replace

import numpy as np
import pytest

from envs.data.store import EpisodeStore
from envs.physics.record import PARTS, record, spec_of
from envs.physics.scenario import DT, FRAMES, Law, Look, Mover, Scenario
from envs.physics.scenes import KINDS, pushed, scenario
from envs.physics.stage import draw, simulate
from envs.registry import measured
from envs.specs import WorldError, check_spec
from envs.streams import stream

GREY = (0.5, 0.5, 0.5)
LOOK = Look((0.6, 0.6, 0.6), (0.8, 0.8, 0.8), GREY, (0.2, 0.2, 0.2), 0.7, 0.0, 10.0)
BALL = Mover("ball", 0.25, (1.0, 0.0, 0.0), (0.0, 0.25))


def alone(body: Mover, law: Law, **more) -> Scenario:
    return Scenario((body,), law, LOOK, **more)


def test_what_is_let_go_falls_with_the_gravity_on_record():
    gone = simulate(alone(replace(BALL, place=(0.0, 2.5)), Law(gravity=3.0))).places[:, 1]
    assert np.diff(gone[:12], 2) == pytest.approx(-3.0 * DT**2, rel=1e-6)


@pytest.mark.parametrize("restitution", [0.2, 0.6, 0.9])
def test_a_bounce_leaves_the_share_of_the_speed_on_record(restitution):
    law = Law(gravity=0.0, friction=0.0, restitution=restitution)
    speeds = simulate(alone(replace(BALL, place=(0.0, 1.0), velocity=(0.0, -2.0)), law)).speeds[:, 1]
    assert speeds[-1] / 2.0 == pytest.approx(restitution, abs=0.05)


def test_what_slides_is_slowed_by_the_friction_on_record():
    box = Mover("box", 0.25, GREY, (-1.0, 0.2215), (2.0, 0.0))
    speeds = simulate(alone(box, Law(gravity=5.0, friction=0.2, restitution=0.1))).speeds[:, 0]
    assert (speeds[20] - speeds[0]) / (20 * DT) == pytest.approx(-0.2 * 5.0, rel=0.1)


def test_drag_takes_the_share_of_the_speed_on_record():
    speeds = simulate(alone(replace(BALL, place=(0.0, 2.0), velocity=(1.5, 0.0)), Law(gravity=0.0, drag=0.8))).speeds
    assert speeds[20, 0] == pytest.approx(1.5 * math.exp(-0.8 * 20 * DT), rel=0.01)


def test_a_collision_keeps_the_momentum_and_tells_the_masses():
    heavy = replace(BALL, density=3.0, place=(-1.0, 0.25), velocity=(2.0, 0.0))
    other = replace(BALL, place=(0.2, 0.25))
    speeds = simulate(Scenario((heavy, other), Law(friction=0.0, restitution=0.9), LOOK)).speeds[-1]
    assert 3.0 * speeds[0] + speeds[3] == pytest.approx(3.0 * 2.0, rel=0.02)
    assert heavy.mass == pytest.approx(3 * other.mass)


def test_a_ball_rolls_down_a_plank_and_a_rope_keeps_its_length():
    start = replace(BALL, place=(-0.6 + 0.3 * math.sin(0.3), 0.7 + 0.6 * math.tan(0.3) + 0.32 * math.cos(0.3)))
    rolled = simulate(alone(start, Law(gravity=5.0, friction=0.4, restitution=0.1), plank=(0.0, 0.7, 0.3))).speeds[:, 0]
    assert rolled[12] > rolled[6] > 0.1
    hung = simulate(alone(replace(BALL, place=(1.0, 1.6)), Law(), rope=(0.0, 2.6))).places[:, :2]
    assert np.hypot(hung[:, 0], hung[:, 1] - 2.6) == pytest.approx(math.sqrt(2), rel=0.01)


def test_screens_and_the_platform_go_where_they_are_told_whatever_they_carry():
    things = {"platform": (-0.5, 0.5, 1.0), "leaves": 10, "screens": ((0.0, 0.4, 1.0),), "rises": 5}
    motion = simulate(alone(replace(BALL, place=(0.0, 1.25)), Law(gravity=5.0), **things))
    assert (np.abs(motion.places[:11, 1] - 1.25) < 1e-3).all() and motion.places[-1, 1] < 0.6
    height = motion.places[:, 6]
    assert height[5] == pytest.approx(-1.1) and (height[8:13] == 0).all() and height[15] == pytest.approx(-1.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_is_drawn_from_its_seed_and_its_mirror_image_is_one(kind):
    one, again, other = (scenario(kind, stream(seed, "scenes of tests")) for seed in (1, 1, 2))
    assert one == again != other and one.kind == kind
    turned = replace(one, mirror=not one.mirror)
    places, mirrored = simulate(one, 6).places, simulate(turned, 6).places
    assert np.isfinite(places).all() and (places[:, [0, 3]] == -mirrored[:, [0, 3]]).all()
    assert (places[:, [1, 4]] == mirrored[:, [1, 4]]).all()
    assert (draw(one, places, 16) == draw(turned, mirrored, 16)[:, :, ::-1]).all()


def test_a_standing_screen_hides_what_is_behind_it_and_nothing_else():
    seen, hidden, empty = (
        draw(one, simulate(one, 1).places, 64)[0]
        for one in (
            alone(BALL, Law()),
            alone(BALL, Law(), screens=((0.0, 0.5, 1.0),)),
            Scenario((), Law(), LOOK, screens=((0.0, 0.5, 1.0),)),
        )
    )
    assert (hidden == empty).all() and (seen != empty).any()
    assert (seen[:, :20] == empty[:, :20]).all()


def test_a_recording_of_scenes_is_one_like_any_other_whose_states_have_names(tmp_path):
    store = record(tmp_path / "scenes", 6, 32, 3, pushes=0.5, progress=False)
    again = record(tmp_path / "again", 6, 32, 3, pushes=0.5, progress=False)
    assert store.fingerprint() == again.fingerprint() and EpisodeStore.open(tmp_path / "scenes").check() == []
    episodes = [store.episode(index) for index in range(6)]
    acted = {one.factors["kind"] == "pushed" for one in episodes}
    assert acted == {True, False}
    for one in episodes:
        assert one.actions.any() == (one.factors["kind"] == "pushed")
        known = measured(store.world, one.states)
        assert {name: part.shape for name, part in known.items()} == {n: (FRAMES, size) for n, size in PARTS.items()}
        assert known["gravity"][:, 0] == pytest.approx(one.factors["gravity"])
        assert known["momentum"] == pytest.approx(one.factors["mass"] * known["velocity"][:, :2])


def test_a_push_moves_the_body_and_parts_that_are_no_state_are_refused():
    one = replace(pushed(stream(0, "pushes of tests"), FRAMES), pushes=(1.0,) * (FRAMES - 1), law=Law(friction=0.05))
    assert simulate(one).speeds[8, 0] - one.movers[0].velocity[0] > 0.5
    with pytest.raises(WorldError, match="16 numbers"):
        check_spec({**spec_of(32), "parts": {"place": 3}})
