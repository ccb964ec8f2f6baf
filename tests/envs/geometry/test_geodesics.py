"""Shortest paths of a disc among walls, against lengths worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.geometry.geodesics import FreeSpace, wall_boxes
from envs.worlds.mazes import LAYOUTS, parse_layout

RADIUS = 0.3
ROOM = "########\n#      #\n#      #\n#  ##  #\n#  ##  #\n#      #\n#      #\n########"


def space(layout: str) -> FreeSpace:
    return FreeSpace(parse_layout(layout), RADIUS)


def length(layout: str, one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(space(layout).distances(np.array([one]), np.array(other))[0])


def test_in_the_open_the_distance_is_the_straight_one() -> None:
    assert length(ROOM, (1.5, 1.5), (6.3, 2.0)) == pytest.approx(np.hypot(4.8, 0.5))


def test_a_path_round_one_corner_is_two_tangents_and_an_arc() -> None:
    # Round the pillar's corner (3, 5): the tangents leave at 0 and 90 degrees.
    x, y = 3 - RADIUS, 5 + RADIUS
    quarter = np.pi / 2 * RADIUS
    assert length(ROOM, (x, 3.4), (4.6, y)) == pytest.approx(1.6 + quarter + 1.6, rel=0.01)


def test_a_path_round_two_corners_adds_up() -> None:
    x0, x1 = 3 - RADIUS, 5 + RADIUS
    expected = 1.0 + np.pi / 2 * RADIUS + 2.0 + np.pi / 2 * RADIUS + 1.0
    assert length(ROOM, (x0, 4.0), (x1, 4.0)) == pytest.approx(expected, rel=0.01)


def test_the_u_maze_is_as_long_as_its_middle_lane_cut_at_the_corners() -> None:
    quarter = np.pi / 2 * RADIUS
    # From the lower left end, along the inner wall, up the right lane and back to the upper left end.
    expected = 1.5 + quarter + 1.0 + quarter + 1.5
    layout = "\n".join(LAYOUTS["umaze"])
    assert length(layout, (1.5, 1.7), (1.5, 3.3)) == pytest.approx(expected, rel=0.01)


def test_a_ball_pressed_into_a_wall_is_measured_from_the_nearest_free_place() -> None:
    assert length(ROOM, (1.28, 1.5), (6.0, 1.5)) == pytest.approx(4.7, abs=0.03)
    assert np.isfinite(length(ROOM, (2.72, 4.0), (5.28, 4.0)))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_paths_are_no_shorter_than_straight_and_no_longer_than_a_walk_through_the_cells(name: str) -> None:
    wall = parse_layout("\n".join(LAYOUTS[name]))
    rows, columns = np.nonzero(~wall)
    centres = np.stack([columns + 0.5, len(wall) - rows - 0.5], axis=1)
    free = FreeSpace(wall, RADIUS)
    for goal in centres[:: max(1, len(centres) // 6)]:
        walk = walked(centres, goal)
        lengths = free.distances(centres, goal)
        assert (lengths >= np.linalg.norm(centres - goal, axis=1) - 1e-9).all()
        assert (lengths <= walk + 1e-9).all()
        # Cutting corners saves at most about half of a walk along both sides of cells.
        assert (lengths >= walk / np.sqrt(2) - 1e-9).all()


def walked(centres: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Lengths of walks from cell centre to cell centre, by breadth-first search."""
    steps = {tuple(goal): 0}
    cells = {tuple(centre) for centre in centres}
    edge = [tuple(goal)]
    for x, y in edge:
        for cell in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            if cell in cells and cell not in steps:
                steps[cell] = steps[(x, y)] + 1
                edge.append(cell)
    return np.array([steps[tuple(centre)] for centre in centres], float)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_detour_is_shorter_than_the_shortest_path(seed: int) -> None:
    free = MEDIUM
    rng = np.random.default_rng(seed)
    points = rng.uniform(1, 7, (40, 2))
    points = points[free.clearance(points) >= RADIUS][:3]
    if len(points) < 3:
        return
    a, b, c = points
    there, on, through = (free.distances(p[None], q)[0] for p, q in ((a, b), (b, c), (a, c)))
    assert through <= there + on + 1e-6


MEDIUM = space("\n".join(LAYOUTS["medium"]))


def test_wall_boxes_cover_each_wall_cell_once() -> None:
    for layout in LAYOUTS.values():
        wall = parse_layout("\n".join(layout))
        covered = np.zeros(wall.shape, int)
        for x0, y0, x1, y1 in wall_boxes(wall).astype(int):
            covered[len(wall) - y1 : len(wall) - y0, x0:x1] += 1
        np.testing.assert_array_equal(covered, wall.astype(int))
