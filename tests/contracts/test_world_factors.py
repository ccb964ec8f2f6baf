"""What factors of variation keep in every world, and what a long run and a recording with them keep."""

import gc
import math
import warnings
from pathlib import Path

import numpy as np
import pytest

import envs
from envs.data.collect import collect
from envs.factors import KINDS, checked_ranges, sample_factors
from envs.registry import SUBJECTS, make_named
from envs.world import World

NAMES = sorted(envs.WORLDS)
_PHYSICS = (
    "body_mass",
    "body_inertia",
    "dof_armature",
    "dof_damping",
    "geom_friction",
    "geom_size",
    "actuator_gainprm",
)


@pytest.fixture(scope="module", params=NAMES)
def world(request: pytest.FixtureRequest) -> World:
    return make_named(request.param)


def motion(world: World, state: np.ndarray, steps: int = 15) -> np.ndarray:
    """States ``(steps + 1, S)`` under the same actions each time."""
    world.set_state(state)
    rng, states = np.random.default_rng(5), [world.state()]
    for _ in range(steps):
        world.scene.step(rng.uniform(-1, 1, world.action_space.shape))
        states.append(world.state())
    return np.stack(states)


def everything(world: World, seed: int = 0) -> dict[str, float]:
    """A value for every factor."""
    return sample_factors(checked_ranges("all", world.factors), np.random.default_rng(seed))


def test_every_world_has_a_subject_and_factors_of_look_and_motion(world: World) -> None:
    subjects = {"navigation", "reaching", "pushing", "manipulation", "locomotion", "driving"}
    assert SUBJECTS[world.spec_dict["family"]] in subjects
    kinds = {factor.kind for factor in world.factors.values()}
    assert kinds <= set(KINDS)
    assert {"colour", "light", "physics"} <= kinds
    for name, factor in world.factors.items():
        assert factor.name == name and factor.unit and factor.meaning
        assert factor.low <= factor.default <= factor.high and factor.low < factor.high


def test_at_their_defaults_factors_change_nothing(world: World) -> None:
    state = world.sample_state(np.random.default_rng(0), moving=True)
    plain, frame, picture = motion(world, state), world.frame(state=state), world.frame("people", state=state)
    world.set_factors({name: factor.default for name, factor in world.factors.items()})
    np.testing.assert_array_equal(motion(world, state), plain)
    np.testing.assert_array_equal(world.frame(state=state), frame)
    np.testing.assert_array_equal(world.frame("people", state=state), picture)
    world.set_factors({})


def test_a_world_without_factors_again_is_the_world_it_was(world: World) -> None:
    other = make_named(world.name)
    state = world.sample_state(np.random.default_rng(0), moving=True)
    plain, frame = motion(world, state), world.frame(state=state)
    world.set_factors(everything(world))
    assert (world.frame(state=state) != frame).any()
    assert (motion(world, state) != plain).any()
    # Worlds of one kind share what is compiled and drawn, but not what is varied.
    np.testing.assert_array_equal(motion(other, state), plain)
    np.testing.assert_array_equal(other.frame(state=state), frame)
    world.set_factors({})
    np.testing.assert_array_equal(motion(world, state), plain)
    np.testing.assert_array_equal(world.frame(state=state), frame)


def test_the_look_changes_frames_and_never_the_motion(world: World) -> None:
    state = world.sample_state(np.random.default_rng(0), moving=True)
    plain, frame = motion(world, state), world.frame(state=state)
    changed: dict[str, list[bool]] = {}
    for name, factor in world.factors.items():
        if factor.kind != "physics":
            there = {"screen": 0.3} if factor.kind == "screen" else {}  # where it stands shows only then
            world.set_factors({**there, name: factor.low if factor.low < factor.default else factor.high})
            np.testing.assert_array_equal(motion(world, state), plain)
            changed.setdefault(factor.kind, []).append(bool((world.frame(state=state) != frame).any()))
    world.set_factors({})
    colours = changed.pop("colour")
    assert sum(colours) >= len(colours) / 2  # something may be hidden behind something else
    assert all(all(seen) for seen in changed.values())


def test_motion_that_is_imagined_is_varied_like_motion_that_happens(world: World) -> None:
    world.set_factors(everything(world))
    state = world.sample_state(np.random.default_rng(2), moving=True)
    states = motion(world, state, 6)
    actions = np.random.default_rng(5).uniform(-1, 1, (6, *world.action_space.shape))
    np.testing.assert_allclose(world.scene.imagine(state, actions[None])[0], states[1:], atol=1e-12)
    world.set_factors({})


def test_both_cameras_look_at_the_same_body(world: World) -> None:
    world.set_factors(everything(world))
    models = []
    for camera in ("train", "people"):
        world.frame(camera)
        variant = world.scene._variant(camera)
        assert variant is not None
        models.append(variant.model)
    for field in _PHYSICS:
        np.testing.assert_array_equal(*(getattr(model, field) for model in models))
    np.testing.assert_array_equal(*(model.opt.gravity for model in models))
    world.set_factors({})


def test_the_same_values_are_the_same_world(world: World) -> None:
    state = world.sample_state(np.random.default_rng(0), moving=True)
    values = everything(world, 3)
    world.set_factors(values)
    first, frame = motion(world, state), world.frame(state=state)
    world.set_factors(everything(world, 4))
    world.set_factors(dict(reversed(values.items())))
    np.testing.assert_array_equal(motion(world, state), first)
    np.testing.assert_array_equal(world.frame(state=state), frame)
    world.set_factors({})


def test_a_thousand_random_steps_leave_no_warning_no_nonsense_and_no_leak(world: World) -> None:
    rng, held = np.random.default_rng(0), list[float]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        world.reset(seed=0, options={"goal": None})
        for step in range(2400):
            frame, reward, *_, info = world.step(rng.uniform(-1, 1, world.action_space.shape))
            assert np.isfinite(info["state"]).all() and math.isfinite(reward)
            if step % 200 == 199:  # what is made when first needed is there by the first of them
                held.append(memory())
        assert frame.any()
        assert world.scene.warnings == 0
        # What leaks does so all the time; a large process may grow by some MB that nobody keeps, and then stops: in
        # four stretches of five, once. So there are eleven of them.
        assert np.median(np.diff(held)) < 0.5


def test_varying_a_world_again_and_again_takes_no_more_memory(world: World) -> None:
    for step in range(120):
        world.set_factors(everything(world, step))
        world.frame()
        if step == 20:
            before = memory()
    world.set_factors({})
    assert memory() - before < 2.0


def test_two_processes_record_varied_episodes_like_one(world: World, tmp_path: Path) -> None:
    ranges = {name: list(ends) for name, ends in checked_ranges("all", world.factors).items()}
    spec = {**world.spec_dict, "factors": ranges, "frame_size": 32}
    one, two = (
        collect(spec, tmp_path / str(workers), episodes=4, steps=6, seed=1, workers=workers, progress=False)
        for workers in (1, 2)
    )
    assert one.manifest["files"] == two.manifest["files"]
    assert one.manifest["world"]["factors"] == ranges
    first, second = one.episode(0), one.episode(1)
    assert np.abs(first.frames[0].astype(int).mean((0, 1)) - second.frames[0].mean((0, 1))).max() > 5  # other colours


def memory() -> float:
    """MB that this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
