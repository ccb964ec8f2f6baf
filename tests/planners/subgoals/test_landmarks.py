import numpy as np
import pytest
import torch
from torch import Tensor

from planners.subgoals.landmarks import Landmarks, allowed, build_landmarks, choose_landmarks
from tests.planners.point_mass import MEDIUM, PER_STEP, Maze, Steps, both, leak, noisy, shortcuts


class Line:
    """Places on a line (D = 1), as many control steps apart as they are; backwards takes `back` times as long."""

    def __init__(self, back: float = 1.0) -> None:
        self.back = back

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        ahead = (target - z).squeeze(-1)
        return torch.where(ahead >= 0, ahead, -self.back * ahead)


def line(*places: float) -> Tensor:
    return torch.tensor(places)[:, None]


def graph(places: Tensor, distance=None, max_edge: float = 1.0, **how) -> Landmarks:
    return build_landmarks(places, places.double(), distance or Line(), max_edge, **how)


@pytest.fixture(scope="module")
def maze() -> Maze:
    return Maze(MEDIUM)


@pytest.fixture(scope="module")
def recorded(maze: Maze) -> Tensor:
    return maze.sample(1500, torch.Generator().manual_seed(0))


def chosen(recorded: Tensor, distance: Steps, count: int = 120) -> Tensor:
    return recorded[choose_landmarks(recorded, distance, count, torch.Generator().manual_seed(1))]


def false_edges(maze: Maze, found: Landmarks) -> int:
    """Edges between places that are truly more than twice the longest edge apart."""
    start, end = found.latents[found.edges].unbind(dim=1)
    return int((maze.way(start[:, :2], end[:, :2]) / PER_STEP > 16).sum())


def test_landmarks_leave_no_recorded_state_far_from_all_of_them(maze, recorded):
    few, many = (chosen(recorded, Steps(maze), count) for count in (30, 120))
    gaps = [maze.way(recorded[:, None, :2], each[:, :2]).amin(dim=1).max() for each in (few, many)]
    at_random = maze.way(recorded[:, None, :2], recorded[:120, :2]).amin(dim=1).max()
    assert gaps[1] < 0.6 * gaps[0]
    assert gaps[1] < 0.7 * at_random


def test_no_landmark_is_redundant():
    places = torch.rand(300, 1, generator=torch.Generator().manual_seed(0)) * 10
    kept = places[choose_landmarks(places, Line(), 300, torch.Generator().manual_seed(0), spacing=1.0)].squeeze(1)
    gaps = kept.sort().values.diff()
    assert gaps.min() >= 1.0
    assert gaps.max() < 2.0


def test_no_more_landmarks_are_chosen_than_asked_for_or_there_are():
    for count, expected in ((3, 3), (100, 6)):
        indices = choose_landmarks(line(0, 2, 4, 6, 8, 10), Line(), count, torch.Generator().manual_seed(0))
        assert len(indices) == len(set(indices.tolist())) == expected


def test_landmarks_lie_apart_in_both_directions():
    indices = choose_landmarks(line(0, 1, 2), Line(back=0.1), 3, torch.Generator().manual_seed(0), spacing=1.0)
    assert len(indices) == 3


def test_the_choice_depends_on_the_generator_only():
    places = torch.rand(50, 1, generator=torch.Generator().manual_seed(0)) * 50
    first, again, other = (choose_landmarks(places, Line(), 5, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_steps_are_the_shortest_ways_over_edges():
    found = graph(line(0, 1, 2, 3, 4.5), max_edge=1.5)
    torch.testing.assert_close(found.steps[0], torch.tensor([0.0, 1.0, 2.0, 3.0, 4.5]))
    assert [tuple(edge) for edge in found.edges.tolist()] == [
        (a, b) for a in range(5) for b in range(5) if abs(a - b) == 1
    ]


def test_an_edge_is_as_long_as_the_shortest_way_between_its_ends(maze, recorded):
    landmarks = chosen(recorded, Steps(maze, noisy(0.2)))
    found = graph(landmarks, Steps(maze, noisy(0.2)), max_edge=8.0)
    start, end = found.edges.T
    lengths = found.steps[start, end]
    assert lengths.max() <= 8.0
    assert found.steps.isfinite().all()
    over = (found.steps[:, :, None] + found.steps[None]).amin(dim=1)
    torch.testing.assert_close(over, found.steps)


def test_ways_through_the_graph_are_about_as_long_as_in_truth(maze, recorded):
    found = graph(chosen(recorded, Steps(maze)), Steps(maze), max_edge=8.0)
    truth = maze.way(found.latents[:, None, :2], found.latents[None, :, :2]) / PER_STEP
    ratio = (found.steps / truth)[truth > 8]
    assert ratio.min() > 0.8
    assert ratio.mean() < 1.15


def test_there_is_no_way_between_parts_that_are_far_apart():
    found = graph(line(0, 1, 2, 10, 11))
    assert found.steps[:3, 3:].isinf().all()
    assert found.steps[:3, :3].isfinite().all()


def test_a_small_gap_is_bridged_by_its_shortest_edge_only():
    found = graph(line(0, 1, 2, 3.6, 4.6))
    assert found.steps.isfinite().all()
    crossing = [tuple(edge) for edge in found.edges.tolist() if (edge[0] < 3) != (edge[1] < 3)]
    assert crossing == [(2, 3), (3, 2)]


def test_a_longer_edge_is_not_taken_where_the_parts_are_joined_already():
    found = graph(line(0, 1, 2, 2.9, 3.4), max_edge=1.2)
    assert (found.steps[found.edges[:, 0], found.edges[:, 1]] <= 1.2).all()


def test_ways_with_one_direction_stay_so_where_the_world_is_not_reversible():
    places = line(0, 1, 2, 3)
    one_way = graph(places, Line(back=50), reversible=False)
    assert one_way.steps[0, 3] == 3.0
    assert one_way.steps[3, 0].isinf()
    assert graph(places, Line(back=50)).steps[0, 3].isinf()


def test_isolated_false_shortcuts_are_kept_out_by_the_witnesses_and_by_nothing_else(maze, recorded):
    distance = Steps(maze, both(noisy(0.2), shortcuts(0.03)))
    landmarks = chosen(recorded, distance)
    assert false_edges(maze, graph(landmarks, distance, 8.0, witnesses=0)) > 50
    assert false_edges(maze, graph(landmarks, distance, 8.0)) == 0
    truth = maze.way(landmarks[:, None, :2], landmarks[None, :, :2]) / PER_STEP
    found = graph(landmarks, distance, 8.0)
    assert found.steps.isfinite().all()
    assert (found.steps / truth)[truth > 16].min() > 0.7


def test_most_shortcuts_go_where_the_distance_sees_through_a_wall(maze, recorded):
    distance = Steps(maze, both(noisy(0.1), leak((3.5, 4.5), 1.2)))
    landmarks = chosen(recorded, distance)
    believed, checked = (false_edges(maze, graph(landmarks, distance, 8.0, witnesses=count)) for count in (0, 5))
    assert checked <= believed / 2


def test_shortcuts_that_go_one_way_are_kept_out_in_a_reversible_world(maze, recorded):
    def one_way(true: Tensor, start: Tensor, end: Tensor) -> Tensor:
        return torch.where((start[..., 0] < 4) & (end[..., 0] > 4), true.clamp(max=3.0), true)

    landmarks = chosen(recorded, Steps(maze))
    distance = Steps(maze, one_way)
    assert false_edges(maze, graph(landmarks, distance, 8.0, witnesses=0, reversible=False)) > 50
    assert false_edges(maze, graph(landmarks, distance, 8.0, witnesses=0)) == 0


def test_latents_and_states_are_kept_as_they_came():
    latents, states = torch.rand(4, 1), torch.rand(4, 6, dtype=torch.float64)
    found = build_landmarks(latents, states, Line(), 1.0)
    assert torch.equal(found.latents, latents)
    assert torch.equal(found.states, states)
    assert found.edges.dtype == torch.int64
    assert found.steps.dtype == torch.float32


def test_landmarks_at_the_same_place_are_joined():
    assert graph(line(0, 0, 5)).steps[0, 1] < 0.01


def test_one_landmark_makes_a_graph_without_edges():
    found = graph(line(3))
    assert found.steps.tolist() == [[0.0]]
    assert found.edges.shape == (0, 2)


def test_tensors_that_make_no_graph_are_refused():
    good = graph(line(0, 1, 2))
    with pytest.raises(ValueError, match=r"latents \(M, D\)"):
        Landmarks(good.latents, good.steps[:2], good.edges, good.states)
    with pytest.raises(ValueError, match="M > 0"):
        Landmarks(good.latents[:0], good.steps[:0, :0], good.edges[:0], good.states[:0])
    np.testing.assert_equal(len(good.states), 3)


def test_what_is_forbidden_is_no_landmark_and_no_way_leads_through_it():
    whole = graph(line(0.0, 1.0, 2.0, 3.0, 4.0), max_edge=2.0)
    left = allowed(whole, lambda z: (z[..., 0] > 0.9) & (z[..., 0] < 1.1))
    assert left.latents[:, 0].tolist() == [0.0, 2.0, 3.0, 4.0] and left.states[:, 0].tolist() == [0.0, 2.0, 3.0, 4.0]
    assert left.steps[0].isinf().tolist() == [False, True, True, True], "from 0 to 2 the way leads through 1"
    assert left.steps[1].tolist() == [float("inf"), 0.0, 1.0, 2.0]
    between = allowed(whole, lambda z: (z[..., 0] > 1.3) & (z[..., 0] < 1.7))
    assert len(between.latents) == 5 and between.steps[1, 2].isinf() and between.steps[0, 1] == 1.0
    with pytest.raises(ValueError, match="M > 0"):
        allowed(whole, lambda z: z[..., 0] >= 0)
