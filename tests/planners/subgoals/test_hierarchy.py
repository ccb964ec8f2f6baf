import pytest
import torch

from planners.energies import LatentDistance
from planners.flat import Flat
from planners.subgoals.hierarchy import Hierarchy
from planners.subgoals.landmarks import Landmarks
from planners.subgoals.routes import GOAL
from tests.planners.closed_loop import (
    REACH,
    SEARCH,
    Played,
    far_pairs,
    flat_by_distance,
    generators,
    graph_of,
    hierarchy,
    play,
)
from tests.planners.point_mass import (
    MEDIUM,
    PER_STEP,
    WALL,
    Maze,
    PointMass,
    Steps,
    at_rest,
    both,
    leak,
    noisy,
    shortcuts,
)


@pytest.fixture(scope="module")
def medium() -> Maze:
    return Maze(MEDIUM)


@pytest.fixture(scope="module")
def wall() -> Maze:
    return Maze(WALL)


@pytest.fixture(scope="module")
def noisy_graph(medium: Maze) -> Landmarks:
    return graph_of(medium, Steps(medium, noisy(0.2)))


@pytest.fixture(scope="module")
def played(medium: Maze, noisy_graph: Landmarks) -> Played:
    """Ten far goals in the medium maze with a distance that is 20 % off."""
    planner = hierarchy(medium, Steps(medium, noisy(0.2)), noisy_graph)
    return play(planner, PointMass(medium), *far_pairs(medium, 10), steps=100)


def behind_the_wall() -> tuple[torch.Tensor, torch.Tensor]:
    return at_rest(torch.tensor([[1.5, 3.5], [1.5, 3.0]])), at_rest(torch.tensor([[7.5, 3.5], [7.5, 3.9]]))


def test_far_goals_are_reached_although_the_distance_is_off_by_a_fifth(played):
    assert played.success.all()


def test_the_way_taken_is_not_much_longer_than_the_shortest(played, medium):
    shortest = medium.way(played.path[0, :, :2], played.goals[:, :2])
    assert (played.steps / (shortest / PER_STEP)).max() < 2.0
    assert (played.steps / (shortest / PER_STEP)).mean() < 1.45


def test_targets_come_ever_closer_to_the_goal(played, medium, noisy_graph):
    for row in range(len(played.goals)):
        targets = played.subgoals[: played.steps[row], row]
        places = noisy_graph.latents[targets[targets >= 0], :2]
        left = medium.way(places, played.goals[row, :2])
        assert (left.diff() < 1.0).all()
        assert (left.diff() > 0).float().mean() < 0.15


def test_near_the_goal_the_planning_is_flat_and_stays_so(medium):
    # A distance that is off by less than the rule allows for: with more, a step may look half as far as the one before.
    little = Steps(medium, noisy(0.1))
    played = play(hierarchy(medium, little), PointMass(medium), *far_pairs(medium, 10), steps=100)
    assert played.success.all()
    for row in range(len(played.goals)):
        targets = played.subgoals[: played.steps[row], row]
        first = (targets == GOAL).int().argmax()
        assert first > 5
        assert (targets[first:] == GOAL).all()
        assert medium.way(played.path[first, row, :2], played.goals[row, :2]) < 1.5 * REACH * PER_STEP


def test_flat_planning_in_the_latent_is_stuck_behind_a_wall_that_the_hierarchy_goes_round(wall):
    model, (start, goals) = PointMass(wall), behind_the_wall()
    by_latent = Flat(model, LatentDistance(), SEARCH, horizon=8)
    assert not play(by_latent, model, start, goals, steps=100).success.any()
    along_the_wall = at_rest(torch.tensor([[1.5, 1.5]])), at_rest(torch.tensor([[7.5, 1.5]]))
    assert play(by_latent, model, *along_the_wall, steps=100).success.all()
    above = play(hierarchy(wall, Steps(wall, noisy(0.2))), model, start, goals, steps=100)
    assert above.success.all()


def test_it_does_not_dither_between_two_ways_round_that_are_as_long(wall):
    start, goals = behind_the_wall()
    played = play(hierarchy(wall, Steps(wall, noisy(0.2))), PointMass(wall), start, goals, steps=100)
    for row in range(2):
        path = played.path[: played.steps[row] + 1, row, :2]
        length = path.diff(dim=0).norm(dim=-1).sum()
        assert length < 1.3 * wall.way(path[0], goals[row, :2])


def test_it_settles_at_the_goal(medium):
    start, goals = far_pairs(medium, 4, farther_than=2.0)
    played = play(hierarchy(medium, Steps(medium)), PointMass(medium), start, goals, steps=70, until_success=False)
    assert played.reached[-10:].all()
    assert played.path[-5:, :, 2:].norm(dim=-1).max() < 0.8


def test_goals_are_reached_although_the_distance_knows_false_shortcuts(medium):
    distance = Steps(medium, both(noisy(0.2), shortcuts(0.03)))
    assert play(hierarchy(medium, distance), PointMass(medium), *far_pairs(medium, 8), steps=120).success.all()


def test_goals_are_reached_although_the_distance_sees_through_a_wall(medium):
    distance = Steps(medium, both(noisy(0.1), leak((5.5, 3.5), 1.2)))
    assert play(hierarchy(medium, distance), PointMass(medium), *far_pairs(medium, 8), steps=120).success.all()


def test_what_is_aimed_at_is_a_recorded_state_or_the_goal(medium, noisy_graph):
    start, goals = far_pairs(medium, 4)
    plan = hierarchy(medium, Steps(medium), noisy_graph)(start, goals, None, generators(4))
    assert (plan.subgoal >= 0).all()
    assert torch.equal(plan.target, noisy_graph.latents[plan.subgoal])
    near = hierarchy(medium, Steps(medium), noisy_graph)(goals, goals, None, generators(4))
    assert (near.subgoal == GOAL).all()
    assert torch.equal(near.target, goals)


def test_without_a_way_in_the_graph_it_plans_like_the_flat_planner(medium, noisy_graph):
    apart = torch.full_like(noisy_graph.steps, torch.inf).fill_diagonal_(0)
    edgeless = Landmarks(noisy_graph.latents, apart, noisy_graph.edges[:0], noisy_graph.states)
    distance = Steps(medium)
    start, goals = far_pairs(medium, 3, farther_than=6.0)
    plan = hierarchy(medium, distance, edgeless)(start, goals, None, generators(3))
    flat = flat_by_distance(medium, distance)(start, goals, None, generators(3))
    assert (plan.subgoal == GOAL).all()
    assert torch.equal(plan.actions, flat.actions)
    assert torch.equal(plan.energy, flat.energy)


def test_an_episode_is_the_same_to_the_last_bit_alone_and_in_a_batch(medium, noisy_graph):
    start, goals = far_pairs(medium, 3)
    planner, model = hierarchy(medium, Steps(medium, noisy(0.2)), noisy_graph), PointMass(medium)
    own, z, memory, warm = generators(3), start, None, None
    alone = generators(3)[1]
    z_alone, memory_alone, warm_alone = start[1:2], None, None
    for _ in range(15):
        plan = planner(z, goals, warm, own, memory)
        one = planner(z_alone, goals[1:2], warm_alone, [alone], memory_alone)
        assert torch.equal(one.actions[0], plan.actions[1])
        assert one.subgoal[0] == plan.subgoal[1]
        z, memory, warm = model.step(z, plan.actions[:, 0]), plan.memory, plan.actions
        z_alone, memory_alone, warm_alone = model.step(z_alone, one.actions[:, 0]), one.memory, one.actions


def test_a_new_goal_begins_a_new_search(medium, noisy_graph):
    start, goals = far_pairs(medium, 2)
    planner = hierarchy(medium, Steps(medium), noisy_graph)
    memory = planner(start[:1], goals[:1], None, generators(1)).memory
    changed = planner(start[:1], start[:1] + 0.05, None, generators(1), memory)
    assert changed.subgoal.tolist() == [GOAL]


def test_the_horizon_is_that_of_the_flat_planner(medium, noisy_graph):
    assert hierarchy(medium, Steps(medium), noisy_graph).horizon == 8


@pytest.mark.parametrize("wrong", [{"near": -1.0}, {"reach": 0.0}, {"patience": 0}])
def test_settings_that_make_no_sense_are_refused(medium, noisy_graph, wrong):
    settings = {"near": 8.0, "reach": 8.0, "patience": 12, **wrong}
    distance = Steps(medium)
    with pytest.raises(ValueError, match="near must be"):
        Hierarchy(flat_by_distance(medium, distance), noisy_graph, distance, **settings)
