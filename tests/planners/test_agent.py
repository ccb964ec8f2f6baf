import numpy as np
import pytest
import torch
from torch import Tensor

from planners.agent import Agent, RandomAgent
from planners.interface import Context, Plan
from tests.planners.closed_loop import TOLERANCE, far_pairs, generators, graph_of, hierarchy
from tests.planners.point_mass import MEDIUM, Maze, PointMass, Steps, frames_of, noisy

LOW, HIGH = torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 5.0])


class Transcript:
    """A world model whose latent is the context itself: three grey frames, and the two actions between them."""

    context = 3
    action_low, action_high = LOW, HIGH

    def encode(self, context: Context) -> Tensor:
        assert context.frames.dtype == torch.uint8
        assert context.frames.shape[1:] == (3, 4, 5, 3)
        return torch.cat([context.frames[..., 0, 0, 0].float(), context.actions.flatten(start_dim=1)], dim=-1)

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        raise NotImplementedError


class Counter:
    """A planner whose n-th plan for an environment is the actions 10 n, 10 n + 1, ...; keeps what it was given."""

    horizon = 4

    def __init__(self) -> None:
        self.given: list[tuple] = []

    def __call__(self, z, target, start, generators, memory=None) -> Plan:
        self.given.append((z, target, start, list(generators), list(memory)))
        plans = [(one or 0) + 1 for one in memory]
        actions = torch.stack([10.0 * n + torch.arange(4.0) for n in plans])[..., None].repeat(1, 1, 2)
        empty = torch.zeros(len(z))
        return Plan(actions, z[:, None].repeat(1, 4, 1), empty, target, 7, torch.tensor(plans), tuple(plans))


def grey(*values: int) -> np.ndarray:
    return np.stack([np.full((4, 5, 3), value, np.uint8) for value in values])


def agent(count: int = 2, execute: int = 1) -> tuple[Agent, Counter]:
    planner = Counter()
    made = Agent(planner, Transcript(), generators(count), execute)
    made.reset(grey(*range(100, 100 + count)))
    return made, planner


def test_the_goal_is_a_frame_that_stands_still():
    made, planner = agent()
    made.act(grey(1, 2))
    goal = planner.given[0][1]
    assert goal.tolist() == [[100, 100, 100, 0, 0, 0, 0], [101, 101, 101, 0, 0, 0, 0]]


def test_at_the_start_the_first_frame_stands_for_those_before_it():
    made, planner = agent()
    made.act(grey(1, 2))
    assert planner.given[0][0].tolist() == [[1, 1, 1, 0, 0, 0, 0], [2, 2, 2, 0, 0, 0, 0]]


def test_an_action_in_memory_is_the_one_that_led_from_its_frame_to_the_next():
    made, planner = agent(count=1)
    taken = [made.act(grey(value))[0].tolist() for value in (1, 2, 3, 4)]
    assert taken == [[10, 10], [20, 20], [30, 30], [40, 40]]
    seen = [given[0][0].tolist() for given in planner.given]
    assert seen[1] == [1, 1, 2, 0, 0, 10, 10]
    assert seen[2] == [1, 2, 3, 10, 10, 20, 20]
    assert seen[3] == [2, 3, 4, 20, 20, 30, 30]


def test_actions_are_handed_out_as_float32_arrays():
    actions = agent()[0].act(grey(1, 2))
    assert actions.dtype == np.float32
    assert actions.shape == (2, 2)


def test_the_next_search_starts_with_what_is_left_of_the_last_plan():
    made, planner = agent(count=1)
    made.act(grey(1))
    made.act(grey(2))
    assert planner.given[0][2] is None
    assert planner.given[1][2][0, :, 0].tolist() == [11, 12, 13, 13]


def test_several_actions_of_a_plan_can_be_taken_before_the_next_one():
    made, planner = agent(count=1, execute=3)
    taken = [made.act(grey(value))[0, 0] for value in range(5)]
    assert taken == [10, 11, 12, 20, 21]
    assert len(planner.given) == 2
    assert planner.given[1][0][0].tolist() == [1, 2, 3, 11, 11, 12, 12]
    assert planner.given[1][2][0, :, 0].tolist() == [13, 13, 13, 13]


def test_a_planner_is_told_what_it_wanted_to_remember():
    made, planner = agent()
    for value in (1, 2, 3):
        made.act(grey(value, value))
    assert [given[4] for given in planner.given] == [[None, None], [1, 1], [2, 2]]


def test_a_finished_environment_is_left_out_and_the_others_notice_nothing():
    made, planner = agent(count=3)
    made.act(grey(1, 2, 3))
    actions = made.act(grey(4, 5, 6), np.array([True, False, True]))
    z, target, start, own, memory = planner.given[1]
    assert actions[:, 0].tolist() == [20, 0, 20]
    assert z[:, 2].tolist() == [4, 6]
    assert target[:, 0].tolist() == [100, 102]
    assert start.shape == (2, 4, 2)
    assert own == [made.generators[0], made.generators[2]]
    assert memory == [1, 1]
    assert made.last_plan.subgoal.tolist() == [2, 1, 2]
    assert made.last_plan.actions[:, 0, 0].tolist() == [20, 10, 20]
    assert made.last_plan.memory == (2, 1, 2)


def test_environments_may_be_finished_from_the_beginning_and_all_in_the_end():
    made, planner = agent()
    actions = made.act(grey(1, 2), np.array([False, True]))
    assert actions[:, 0].tolist() == [0, 10]
    assert len(made.last_plan.actions) == 2
    assert not made.act(grey(1, 2), np.array([False, False])).any()
    assert len(planner.given) == 1


def test_a_new_episode_remembers_nothing_of_the_last():
    made, planner = agent(count=1)
    made.act(grey(1))
    made.act(grey(2))
    made.reset(grey(200))
    assert made.last_plan is None
    made.act(grey(7))
    z, target, start, _, memory = planner.given[-1]
    assert z[0].tolist() == [7, 7, 7, 0, 0, 0, 0]
    assert target[0, 0] == 200
    assert start is None
    assert memory == [None]


def test_frames_may_be_overwritten_after_they_were_shown():
    made, planner = agent(count=1)
    frame = grey(1)
    made.act(frame)
    frame[:] = 9
    made.act(grey(2))
    assert planner.given[1][0][0, :3].tolist() == [1, 1, 2]


def test_a_model_that_needs_one_frame_has_no_actions_in_its_context():
    class Still(Transcript):
        context = 1

        def encode(self, context: Context) -> Tensor:
            assert context.frames.shape[1] == 1
            assert context.actions.shape[1:] == (0, 2)
            return context.frames[:, 0, 0, 0].float()

    made = Agent(Counter(), Still(), generators(1))
    made.reset(grey(5))
    assert [made.act(grey(value))[0, 0] for value in (1, 2)] == [10, 20]


def test_mistakes_in_its_use_are_refused():
    with pytest.raises(ValueError, match="execute must be between 1 and the horizon of 4"):
        Agent(Counter(), Transcript(), generators(1), execute=5)
    made = Agent(Counter(), Transcript(), generators(2))
    with pytest.raises(RuntimeError, match="call reset"):
        made.act(grey(1, 2))
    with pytest.raises(ValueError, match="2 environments need as many goal frames; got 1"):
        made.reset(grey(1))


def test_from_camera_frames_to_far_goals_alike_alone_and_beside_others_that_finish():
    maze = Maze(MEDIUM)
    model, distance = PointMass(maze), Steps(maze, noisy(0.2))
    planner = hierarchy(maze, distance, graph_of(maze, distance))
    start, goals = far_pairs(maze, 3)

    def actions_of(rows: list[int]) -> dict[int, list[np.ndarray]]:
        made = Agent(planner, model, [generators(3)[row] for row in rows])
        made.reset(frames_of(goals[rows]))
        z, active, taken = start[rows], np.ones(len(rows), bool), {row: [] for row in rows}
        for _ in range(80):
            actions = made.act(frames_of(z), active)
            for i in np.flatnonzero(active):
                taken[rows[i]].append(actions[i])
            z = model.step(z, torch.from_numpy(actions))
            active &= ((z - goals[rows])[:, :2].norm(dim=-1) > TOLERANCE).numpy()
            if not active.any():
                break
        assert not active.any()
        return taken

    together, alone = actions_of([0, 1, 2]), actions_of([2])
    assert len({len(taken) for taken in together.values()}) > 1
    np.testing.assert_array_equal(np.stack(together[2]), np.stack(alone[2]))


def test_the_random_agent_acts_evenly_over_the_bounds():
    made = RandomAgent(LOW, HIGH, generators(500))
    made.reset(grey(*[0] * 500))
    actions = made.act(grey(*[0] * 500))
    assert actions.dtype == np.float32
    assert (actions >= LOW.numpy()).all()
    assert (actions <= HIGH.numpy()).all()
    np.testing.assert_allclose(np.quantile(actions, [0.1, 0.5, 0.9], axis=0)[:, 1], [0.5, 2.5, 4.5], atol=0.4)
    assert made.last_plan is None


def test_a_random_environment_acts_alike_whatever_the_batch():
    many, one = RandomAgent(LOW, HIGH, generators(3)), RandomAgent(LOW, HIGH, generators(3)[2:])
    for active in ([True, True, True], [False, True, True], [False, False, True]):
        actions = many.act(grey(0, 0, 0), np.array(active))
        np.testing.assert_array_equal(actions[2], one.act(grey(0))[0])
        assert not actions[~np.array(active)].any()


class Halves:
    """A memory of half of what was kept, of what was done, and of what is seen."""

    def __call__(self, kept: Tensor, actions: Tensor, seen: Tensor) -> Tensor:
        return (kept + seen) / 2 + actions.sum(dim=-1, keepdim=True)


def test_plans_are_made_from_what_is_remembered_and_memory_is_kept_in_every_control_step():
    planner = Counter()
    made = Agent(planner, Transcript(), generators(1), execute=2, short_term=Halves())
    made.reset(grey(100))
    for value in (8, 16, 32):
        made.act(grey(value))
    first, second = (given[0][0, 2].item() for given in planner.given)
    # The newest grey: 8 at first; actions 10, 10 lie between it and 16, and 11, 11 between that and 32.
    assert first == 8
    assert second == ((8 + 16) / 2 + 20 + 32) / 2 + 22


def test_a_plan_that_is_only_asked_for_leaves_the_memory_as_it_was():
    planner = Counter()
    made = Agent(planner, Transcript(), generators(1), short_term=Halves())
    made.reset(grey(100))
    made.act(grey(8))
    asked = [made.plan(grey(16)).imagined for _ in range(2)]
    assert torch.equal(*asked)
    made.act(grey(16))
    assert torch.equal(planner.given[-1][0], planner.given[-2][0])


class Glance(Transcript):
    """Sees one grey frame at a time, and no action between frames."""

    context = 1

    def encode(self, context: Context) -> Tensor:
        return context.frames[..., 0, 0, 0].float()


def test_memory_knows_what_was_done_where_a_context_is_one_frame():
    planner = Counter()
    made = Agent(planner, Glance(), generators(1), short_term=Halves())
    made.reset(grey(100))
    for value in (8, 16):
        made.act(grey(value))
    assert planner.given[-1][0].tolist() == [[(8 + 16) / 2 + 20]]


def test_an_episode_begins_without_memories():
    made = Agent(Counter(), Transcript(), generators(1), short_term=Halves())
    for _ in range(2):
        made.reset(grey(100))
        made.act(grey(8))
        assert made.seen is not None and made.seen[0, 2] == 8
