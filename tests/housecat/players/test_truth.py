"""Players that are told the truth play in the loop of all others, and do what is known to be right."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from envs.registry import WORLDS, make_named, make_world
from envs.task import Pair
from housecat.evaluation.episodes import Bench, generator_of, play
from housecat.evaluation.player import Player
from housecat.players.true_subgoals import TrueSubgoals, come_to, way_to
from housecat.players.truth import (
    InformedAgent,
    RenderedModel,
    SimulatorModel,
    TrueDistance,
    Truth,
    looked_at,
    oracle_path,
    oracle_planner,
)
from planners.interface import Score
from tests.worldmodel.conftest import make_model

SPEC = WORLDS["umaze"] | {"frame_size": 32}


@pytest.fixture(scope="module")
def pairs() -> list[tuple[int, Pair]]:
    world = make_world(SPEC)
    return [(index, world.sample_pair(np.random.default_rng(index), 1.0, 1.5)) for index in range(2)]


def told_everything(name: str, horizon: int | None, generators: list[torch.Generator]) -> Player:
    truth = Truth()
    planner = oracle_planner(truth, torch.ones(2), make_world(SPEC).task)
    return InformedAgent(planner, planner.model, generators, 1, truth)


def test_a_player_that_is_told_everything_goes_the_oracles_way_on_every_pair(pairs: list[tuple[int, Pair]]) -> None:
    bench = Bench(partial(make_world, SPEC), told_everything, None)
    for (index, pair), result in zip(pairs, play(bench, "oracle", None, pairs, seed=4), strict=True):
        path, reached = oracle_path(make_world(SPEC), pair.start, pair.goal, generator_of(4, index))
        assert reached and result.success
        assert np.array_equal(path, result.path)


def test_the_oracle_prefers_actions_that_lead_to_the_goal_and_takes_the_best_of_them() -> None:
    world = make_named("reacher")
    pair = world.sample_pair(np.random.default_rng(1))
    kept = []

    def best_of_many(
        score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Sequence[torch.Generator]
    ) -> tuple[Tensor, Tensor]:
        actions = torch.rand(1, 64, *start.shape[1:], generator=generators[0]) * (high - low) + low
        costs = score(actions)
        reached = world.scene.imagine(world.scene.state(), actions[0].numpy())[:, -1]
        kept.append(np.corrcoef(costs[0], world.task.distances(reached, pair.goal))[0, 1])
        return actions[:, costs[0].argmin()], costs.amin(dim=1)

    path, reached = oracle_path(world, pair.start, pair.goal, torch.Generator().manual_seed(0), best_of_many)
    assert reached and len(path) <= world.max_steps + 1 and np.array_equal(path[0], pair.start)
    assert kept[0] > 0.5


def test_the_true_distance_is_in_control_steps_and_may_be_read_off_latents() -> None:
    world, rng = make_world(SPEC), np.random.default_rng(0)
    states = torch.from_numpy(np.stack([world.sample_state(rng) for _ in range(6)]))
    goal, actions = torch.from_numpy(world.sample_state(rng)), torch.zeros(6, 1, 2)
    energy = TrueDistance(world.task).of(states[:, None], actions, goal)
    assert energy.tolist() == pytest.approx([world.steps(state, goal.numpy()) for state in states.numpy()])
    seen = TrueDistance(world.task, lambda z: -z)(-states[None, :, None], actions[None], -goal[None])
    assert torch.allclose(seen[0], energy)


def test_the_simulator_as_a_model_imagines_what_then_happens() -> None:
    worlds = [make_world(SPEC), make_world(SPEC)]
    for index, world in enumerate(worlds):
        world.set_state(world.sample_state(np.random.default_rng(index), moving=True))
    truth = Truth(worlds)
    truth.look([1, 0])
    actions = torch.rand(2, 3, 4, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    imagined = SimulatorModel(truth, torch.ones(2)).rollout(truth.states, actions)
    for row, world in enumerate(truth.turn):
        for step in range(4):
            world.scene.step(actions[row, 2, step].numpy())
            assert np.allclose(world.state(), imagined[row, 2, step])


def test_frames_that_are_imagined_are_those_that_the_camera_then_shows() -> None:
    world, model = make_world(SPEC), make_model()
    world.set_state(world.sample_state(np.random.default_rng(0), moving=True))
    truth, frames = Truth([world]), [world.frame()] * model.context
    truth.look([0])
    actions = torch.ones(1, 2, 4, 2)
    imagined = RenderedModel(truth, model).rollout(torch.zeros(1, model.latent), actions)
    for step in range(4):
        world.scene.step(actions[0, 0, step].numpy())
        frames.append(world.frame())
        if step in looked_at(4):
            seen = model.latents(torch.from_numpy(np.stack(frames[-model.context :]))[None])[0, -1]
            assert torch.allclose(imagined[0, 0, step], seen, atol=1e-4)
    assert torch.equal(imagined[0, 0, 0], imagined[0, 0, 1]) and torch.equal(imagined[0, 0, 2], imagined[0, 0, 3])


def test_a_way_leads_from_where_the_world_is_to_the_goal_and_leaves_it_there(pairs: list[tuple[int, Pair]]) -> None:
    world, (_, pair) = make_world(SPEC), pairs[0]
    world.set_state(pair.start)
    way = way_to(world, pair.goal, torch.Generator().manual_seed(0))
    assert np.array_equal(world.state(), pair.start) and np.array_equal(way[0], pair.start)
    assert np.array_equal(way[-1], pair.goal) and world.success(way[-2], pair.goal)


def test_who_strays_from_the_way_is_found_on_it_and_never_sent_back() -> None:
    way = np.zeros((20, 4))
    way[:, 0] = np.arange(20)
    moving = slice(2, 4)
    assert come_to(way, 0, np.array([3.2, 1.0, 9.0, 9.0]), moving, 4) == 3
    assert come_to(way, 5, np.array([3.2, 1.0, 0.0, 0.0]), moving, 4) == 5
    assert come_to(way, 0, np.array([19.0, 0.0, 0.0, 0.0]), moving, 4) == 8  # what is far on may be beyond a wall


class Watching:
    """Stands still, and keeps what it is sent towards."""

    horizon = 1

    def __init__(self) -> None:
        self.targets: list[Tensor] = []

    def __call__(self, z: Tensor, target: Tensor, start, generators, memory=None):  # type: ignore[no-untyped-def]
        from tests.housecat.pointmass import plan

        self.targets.append(target)
        return plan(len(z), 0, -1)


def test_a_true_subgoal_is_the_picture_of_a_place_so_many_steps_on_along_the_way(
    pairs: list[tuple[int, Pair]],
) -> None:
    world, (_, pair), model = make_world(SPEC), pairs[1], make_model()
    world.set_state(pair.start)
    truth, flat = Truth([world], [pair.goal]), Watching()
    truth.look([0])
    planner = TrueSubgoals(flat, truth, model, ahead=3)
    z, goal = torch.zeros(1, model.latent), torch.ones(1, model.latent)
    memory = planner(z, goal, None, [torch.Generator().manual_seed(0)], [None]).memory
    way = memory[0].way
    picture = world.frame(state=world.scene.at_rest(way[3]))
    assert torch.equal(flat.targets[0], model.still(torch.from_numpy(picture[None])))
    world.set_state(way[-2])
    for _ in range(len(way)):
        memory = planner(z, goal, None, [torch.Generator()], memory).memory
    assert torch.equal(flat.targets[-1], goal)
