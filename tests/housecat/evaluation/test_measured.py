"""Figures of worlds: taken on the same pairs by anybody, and forgotten when the world changes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.registry import make_named, make_world
from envs.world import World
from housecat.evaluation.measured import (
    TriedPair,
    figures_of,
    fingerprint,
    keep_figures,
    known_figures,
    try_pair,
    try_pairs,
)

TRIED = [TriedPair(12, False), TriedPair(None, True), TriedPair(15, False)]


def test_figures_count_what_was_tried() -> None:
    figures = figures_of(make_named("umaze"), "1.2", 7, TRIED)
    assert (figures.oracle, figures.random, figures.episodes, figures.oracle_steps) == (2, 1, 3, 13.5)
    assert (figures.version, figures.seed) == ("1.2", 7)


def test_figures_are_read_back_for_the_world_they_were_taken_in(tmp_path: Path) -> None:
    world, file = make_named("umaze"), tmp_path / "measured.json"
    assert known_figures(world, file) is None
    figures = figures_of(world, "1.2", 7, TRIED)
    keep_figures("umaze", figures, file)
    keep_figures("reacher", figures, file)  # of another world by mistake
    assert known_figures(make_named("umaze"), file) == figures
    assert known_figures(make_named("reacher"), file) is None
    newer = replace(figures, oracle=3)
    keep_figures("umaze", newer, file)
    assert known_figures(world, file) == newer


def heavier(world: World) -> None:
    world.scene.models["train"].body_mass[1] *= 1.01


def more_patient(world: World) -> None:
    world.task.max_steps += 1


def elsewhere(world: World) -> None:
    sample = world.task.sample_state
    world.task.sample_state = lambda rng, moving=False: sample(rng, moving) + np.array([0.002, 0, 0, 0])  # type: ignore[method-assign]


@pytest.mark.parametrize("change", [heavier, more_patient, elsewhere])
def test_a_change_of_body_task_or_pairs_is_another_world(change: Callable[[World], None]) -> None:
    spec = {**make_named("reacher").spec_dict}
    world = make_world(spec)
    before = fingerprint(world)
    mass = world.scene.models["train"].body_mass.copy()
    change(world)
    assert fingerprint(world) != before
    world.scene.models["train"].body_mass[:] = mass  # worlds of one kind share it
    assert fingerprint(make_world(spec)) == before


def test_neither_the_frame_size_nor_what_is_varied_makes_another_world() -> None:
    spec = make_named("reacher").spec_dict
    other = make_world({**spec, "frame_size": 32, "factors": {"light": [0.5, 1.0]}})
    assert fingerprint(other) == fingerprint(make_world(spec))


def test_a_pair_is_tried_alike_by_one_process_and_by_two() -> None:
    spec = {**make_named("reacher").spec_dict, "frame_size": 32}
    tried = list(try_pairs(spec, 3, 2, workers=2))
    assert sorted(tried, key=repr) == sorted([try_pair(spec, 3, 0), try_pair(spec, 3, 1)], key=repr)
