"""Two levels on a ball in a maze that is known exactly: the second level moves it in straight pieces of five steps."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from planners.energies import TemporalDistance
from planners.optimizers.cem import CEM
from planners.subgoals.hjepa import TwoLevels
from tests.planners.closed_loop import flat_by_distance, generators, play
from tests.planners.point_mass import MEDIUM, PER_STEP, WALL, Maze, PointMass, Steps, at_rest

STRIDE = 5  # control steps
FAR = CEM(samples=128, elites=12, iterations=5, noise=0.9, persistence=0.5)


@dataclass
class Strides:
    """Level 2 of the ball: y is its place (m), a macro-action the way it goes in a stride, short of walls."""

    maze: Maze
    stride: int = STRIDE
    macro_low: Tensor = -torch.full((2,), 0.7 * STRIDE * PER_STEP)
    macro_high: Tensor = torch.full((2,), 0.7 * STRIDE * PER_STEP)
    widest: float = 0.0  # largest macro-action that was ever asked about

    def lift(self, z: Tensor) -> Tensor:
        return z[..., :2]

    def ground(self, y: Tensor) -> Tensor:
        return at_rest(y)

    def rollout(self, y: Tensor, macros: Tensor) -> Tensor:
        self.widest = max(self.widest, float(macros.abs().max()))
        y = y[:, None].expand(-1, macros.shape[1], -1)
        imagined = []
        for macro in macros.unbind(dim=2):
            for axis in torch.eye(2).repeat(8, 1):  # in eight pieces, sliding along walls
                ahead = y + axis * macro / 8
                y = torch.where(self.maze.is_free(ahead)[..., None], ahead, y)
            imagined.append(y)
        return torch.stack(imagined, dim=2)


def two_levels(maze: Maze, horizon: int = 8, every: int = 2, upper: Strides | None = None, **more: object) -> TwoLevels:
    distance = Steps(maze)
    settings = {"energy": TemporalDistance(distance), "optimizer": FAR, "near": 6.0, **more}
    return TwoLevels(
        flat_by_distance(maze, distance), upper or Strides(maze), distance=distance, horizon=horizon, every=every,
        **settings,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture(scope="module")
def wall() -> Maze:
    return Maze(WALL)


@pytest.fixture(scope="module")
def field() -> Maze:
    return Maze("\n".join(["#" * 12, *["#" + " " * 10 + "#"] * 5, "#" * 12]))


def behind_the_wall() -> tuple[Tensor, Tensor]:
    return at_rest(torch.tensor([[1.5, 3.5], [1.5, 3.0]])), at_rest(torch.tensor([[7.5, 3.5], [7.5, 3.9]]))


def test_in_the_open_the_subgoal_is_as_far_as_a_stride_goes_on_the_straight_way(field):
    start, goal = at_rest(torch.tensor([[1.5, 3.5]])), at_rest(torch.tensor([[10.0, 3.5]]))
    plan = two_levels(field)(start, goal, None, generators(1))
    best = torch.tensor([1.5 + 0.7 * STRIDE * PER_STEP, 3.5])
    assert (plan.target[0, :2] - best).norm() < 0.2
    assert plan.subgoal.tolist() == [-1]


def test_where_the_distance_says_nothing_of_what_is_far_the_second_level_sees_far_enough(field):
    model, blind = PointMass(field), Steps(field, lambda steps, start, end: steps.clamp(max=8))
    start, goals = at_rest(torch.tensor([[1.5, 3.5], [1.5, 2.5]])), at_rest(torch.tensor([[6.3, 3.5], [6.3, 3.5]]))
    flat = flat_by_distance(field, blind)
    assert not play(flat, model, start, goals, steps=45).success.any()
    planner = TwoLevels(flat, Strides(field), TemporalDistance(blind), FAR, blind, horizon=7, near=6.0, every=2)
    assert play(planner, model, start, goals, steps=60).success.all()


def test_far_goals_in_a_maze_are_reached_and_near_them_planning_is_flat(wall):
    start, goals = behind_the_wall()
    planner = two_levels(wall)
    played = play(planner, PointMass(wall), start, goals, steps=65, until_success=False)
    assert played.reached[-8:].all(), "and it stays there"
    flat = flat_by_distance(wall, Steps(wall))
    near = planner(goals, goals, None, generators(2))
    alone = flat(goals, goals, None, generators(2))
    assert torch.equal(near.actions, alone.actions)
    assert near.calls == alone.calls


def test_macro_actions_never_leave_the_bounds(wall):
    upper = Strides(wall, macro_low=-torch.full((2,), 0.3), macro_high=torch.full((2,), 0.3))
    start, goals = behind_the_wall()
    plan = two_levels(wall, upper=upper)(start, goals, None, generators(2))
    assert 0.299 < upper.widest <= 0.3 + 1e-6
    assert ((plan.target[:, :2] - start[:, :2]).abs() <= 0.3 + 1e-5).all()


def counted(planner: TwoLevels, z: Tensor, goals: Tensor, steps: int) -> list[int]:
    own, memory, calls = generators(len(z)), None, []
    for _ in range(steps):
        plan = planner(z, goals, None, own, memory)
        memory = plan.memory
        calls.append(plan.calls)
    return calls


@pytest.mark.parametrize(("every", "execute", "expected"), [(1, 1, "uuuuuu"), (3, 1, "u--u--"), (4, 2, "u-u-u-")])
def test_level_2_plans_on_its_own_clock_and_its_calls_are_counted(wall, every, execute, expected):
    start, goals = behind_the_wall()
    calls = counted(two_levels(wall, every=every, execute=execute), start[:1], goals[:1], 6)
    flat, upper = min(calls) if "-" in expected else 0, FAR.iterations * FAR.samples * 8 + 8 + 1
    alone = 64 * 3 * 8 + 8
    assert flat in (0, alone)
    assert "".join("u" if one == alone + upper else "-" if one == alone else "?" for one in calls) == expected


def test_between_its_plans_the_subgoal_stays_and_the_next_search_starts_where_the_last_one_led(wall):
    starts: list[Tensor] = []

    class Watched(CEM):
        def __call__(self, score: Callable, start: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
            starts.append(start)
            return super().__call__(score, start, *rest)  # type: ignore[arg-type]

    planner = two_levels(wall, every=STRIDE, optimizer=Watched(samples=32, elites=4, iterations=2))
    start, goals = behind_the_wall()
    own, memory, targets, macros = generators(1), None, [], []
    for _ in range(STRIDE + 1):
        plan = planner(start[:1], goals[:1], None, own, memory)
        memory = plan.memory
        targets.append(plan.target)
        macros.append(memory[0].macros)
    assert all(torch.equal(target, targets[0]) for target in targets[:STRIDE])
    assert torch.equal(starts[0][0], torch.zeros(8, 2)), "in the middle of the bounds"
    assert torch.equal(starts[1][0, :-1], macros[0][1:]), "a stride later, one macro-action further"


def test_a_new_goal_begins_a_new_search(wall):
    start, goals = behind_the_wall()
    planner = two_levels(wall, every=STRIDE)
    memory = planner(start[:1], goals[:1], None, generators(1)).memory
    other = at_rest(torch.tensor([[7.5, 1.5]]))
    plan = planner(start[:1], other, None, generators(1), memory)
    fresh = planner(start[:1], other, None, generators(1))
    assert torch.equal(plan.target, fresh.target)


def test_an_episode_is_the_same_to_the_last_bit_alone_and_in_a_batch():
    maze = Maze(MEDIUM)
    start, goals = maze.sample(6, torch.Generator().manual_seed(3)).split(3)
    planner, model = two_levels(maze), PointMass(maze)
    own, z, memory, warm = generators(3), start, None, None
    alone, z_alone, memory_alone, warm_alone = generators(3)[1], start[1:2], None, None
    for _ in range(6):
        plan = planner(z, goals, warm, own, memory)
        one = planner(z_alone, goals[1:2], warm_alone, [alone], memory_alone)
        assert torch.equal(one.actions[0], plan.actions[1])
        z, memory, warm = model.step(z, plan.actions[:, 0]), plan.memory, plan.actions
        z_alone, memory_alone, warm_alone = model.step(z_alone, one.actions[:, 0]), one.memory, one.actions


@pytest.mark.parametrize("wrong", [{"horizon": 0}, {"near": -1.0}, {"every": 0}, {"every": 6}, {"execute": 0}])
def test_settings_that_make_no_sense_are_refused(wall, wrong):
    with pytest.raises(ValueError, match="every between 1 and the stride of 5"):
        two_levels(wall, **wrong)
