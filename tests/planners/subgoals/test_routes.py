"""The search for a subgoal, with landmarks on a line or a ring: landmark i lies at place i, a control step a unit."""

from dataclasses import replace

import numpy as np
import pytest

from planners.subgoals.routes import GOAL, NOTHING, Pursuit, Rules, advance, begin

RULES = Rules(near=4, reach=8, patience=10)


class Line:
    """Landmarks 0 to 30 on a line, joined where they are at most 4 apart."""

    count = 31

    def apart(self, start, end):
        return np.abs(np.asarray(start, float) - np.asarray(end, float))

    def __init__(self) -> None:
        places = np.arange(self.count)
        self.steps = self.apart(places[:, None], places)
        self.edges = np.argwhere((self.steps <= 4) & (self.steps > 0))

    def to(self, place: float) -> np.ndarray:
        return self.apart(np.arange(self.count), place)

    def begin(self, goal: float) -> Pursuit:
        return begin(self.edges, self.steps, self.to(goal), self.to(goal), RULES.reach)

    def advance(self, pursuit: Pursuit, place: float, goal: float, rules: Rules = RULES) -> Pursuit:
        return advance(pursuit, self.to(place), float(self.apart(place, goal)), rules)


class Ring(Line):
    """Landmarks 0 to 39 on a ring."""

    count = 40

    def apart(self, start, end):
        straight = np.abs(np.asarray(start, float) - np.asarray(end, float))
        return np.minimum(straight, self.count - straight)


def test_the_landmark_farthest_along_within_reach_is_aimed_at():
    line = Line()
    assert line.advance(line.begin(25.3), 5.2, 25.3).subgoal == 13


def test_the_goal_itself_is_aimed_at_when_it_is_near():
    line = Line()
    pursuit = line.begin(20.0)
    assert line.advance(pursuit, 15.5, 20.0).subgoal != GOAL
    assert line.advance(pursuit, 16.5, 20.0).subgoal == GOAL


def test_a_little_noise_does_not_turn_back_from_the_goal_to_a_landmark():
    line = Line()
    pursuit = line.advance(line.begin(20.0), 16.5, 20.0)
    assert line.advance(pursuit, 15.0, 20.0).subgoal == GOAL
    assert line.advance(pursuit, 13.0, 20.0).subgoal != GOAL


def test_the_target_moves_on_before_it_is_reached_and_never_back():
    line, rng = Line(), np.random.default_rng(0)
    pursuit, targets = line.begin(29.0), []
    for place in np.arange(1.0, 24.0, 0.5):
        noisy = line.to(place) * (1 + 0.3 * (rng.random(line.count) - 0.5))
        pursuit = advance(pursuit, noisy, 29.0 - place, RULES)
        targets.append(pursuit.subgoal)
        assert pursuit.subgoal > place + RULES.at_hand / 2
    assert (np.diff(targets) >= 0).all()
    assert targets[-1] > 20


def test_of_two_ways_that_are_as_long_the_one_chosen_is_kept():
    ring, rng = Ring(), np.random.default_rng(1)
    pursuit, sides = ring.begin(20.0), []
    for _ in range(RULES.patience):  # it does not move at all, and only noise decides
        noisy = ring.to(0.0) * (1 + 0.2 * (rng.random(ring.count) - 0.5))
        pursuit = advance(pursuit, noisy, 20.0, RULES)
        sides.append(pursuit.subgoal < 20)
    assert len(set(sides)) == 1


def test_a_shorter_way_is_taken_where_the_one_chosen_has_become_longer_by_far():
    ring = Ring()
    pursuit = ring.advance(ring.begin(20.0), 1.0, 20.0)
    assert pursuit.subgoal < 20
    assert ring.advance(pursuit, -5.0, 20.0).subgoal > 20


def test_a_landmark_at_hand_is_not_aimed_at_although_the_next_is_out_of_reach():
    places = np.array([0.0, 1.0, 12.0, 24.0, 36.0])
    steps = np.abs(places[:, None] - places)
    edges = np.argwhere(np.abs(np.subtract.outer(np.arange(5), np.arange(5))) == 1)
    pursuit = begin(edges, steps, np.abs(places - 36), np.abs(places - 36), RULES.reach)
    for place, expected in ((0.5, 2), (6.0, 2), (11.0, 3), (12.5, 3), (23.5, 4)):
        pursuit = advance(pursuit, np.abs(places - place), 36 - place, RULES)
        assert pursuit.subgoal == expected


def test_behind_the_last_landmark_there_is_only_the_goal():
    places = np.array([0.0, 4.0, 8.0])
    steps = np.abs(places[:, None] - places)
    edges = np.argwhere(steps == 4)
    pursuit = begin(edges, steps, np.abs(places - 14), np.abs(places - 14), RULES.reach)
    pursuit = advance(pursuit, np.abs(places - 4), 10.0, RULES)
    assert pursuit.subgoal == 2
    assert advance(pursuit, np.abs(places - 7.5), 6.5, RULES).subgoal == GOAL


def test_without_a_way_the_goal_itself_is_aimed_at():
    line = Line()
    apart = line.steps.copy()
    apart[:15, 15:] = apart[15:, :15] = np.inf
    edges = np.argwhere((apart <= 4) & (apart > 0))
    pursuit = begin(edges, apart, line.to(25.0), line.to(25.0), RULES.reach)
    assert advance(pursuit, line.to(3.0), 22.0, RULES).subgoal == GOAL
    assert advance(pursuit, line.to(17.0), 8.0, RULES).subgoal >= 15


def test_a_goal_far_from_all_landmarks_is_aimed_at_itself():
    line = Line()
    pursuit = begin(line.edges, line.steps, line.to(60.0), line.to(60.0), RULES.reach)
    assert advance(pursuit, line.to(10.0), 50.0, RULES).subgoal == GOAL


def test_a_goal_a_bit_out_of_reach_of_all_landmarks_is_approached_by_the_nearest():
    line = Line()
    pursuit = line.begin(42.0)
    assert np.isfinite(pursuit.last).sum() == 1
    assert line.advance(pursuit, 10.0, 42.0).subgoal == 18


def test_a_false_nearness_of_the_goal_is_found_out():
    line = Line()
    assert advance(line.begin(30.0), line.to(2.0), 1.0, RULES).subgoal != GOAL


def test_a_false_nearness_of_a_landmark_is_found_out():
    line = Line()
    here = line.to(2.0)
    here[28] = 3.0
    assert advance(line.begin(30.0), here, 28.0, RULES).subgoal == 10


def test_a_false_nearness_between_landmarks_and_goal_is_found_out():
    line = Line()
    to_goal = line.to(30.0)
    to_goal[[3, 5]] = 1.0
    pursuit = begin(line.edges, line.steps, to_goal, line.to(30.0), RULES.reach)
    np.testing.assert_allclose(pursuit.to_goal, line.to(30.0))


def ring_with_a_wall() -> tuple[Ring, Pursuit]:
    """The goal is at 20 and one begins at 2; what the distance does not know: there is a wall at 7.5."""
    ring = Ring()
    return ring, ring.begin(20.0)


def pushed_on(ring: Ring, pursuit: Pursuit, steps: int) -> tuple[list[int], list[float]]:
    """Goes towards its targets, half a unit a step, but not through the wall."""
    place, targets, places = 2.0, [], []
    for _ in range(steps):
        pursuit = ring.advance(pursuit, place, 20.0)
        target = 20 if pursuit.subgoal == GOAL else pursuit.subgoal
        ahead = (target - place + 20) % 40 - 20
        following = (place + np.clip(ahead, -0.5, 0.5)) % 40
        place = 7.5 if place <= 7.5 < following < 15 else following
        targets.append(pursuit.subgoal)
        places.append(place)
    return targets, places


def test_a_way_that_leads_nowhere_is_given_up_for_another_one():
    targets, places = pushed_on(*ring_with_a_wall(), steps=90)
    assert max(places[:20]) == 7.5
    assert places[-1] == 20.0
    assert targets[-1] == GOAL


def test_a_way_is_not_given_up_before_patience_ends():
    ring, pursuit = ring_with_a_wall()
    targets, _ = pushed_on(ring, pursuit, 11 + RULES.patience)
    assert max(targets) < 20


def test_giving_up_a_way_changes_the_graph_of_this_pursuit_only():
    ring, pursuit = ring_with_a_wall()
    edges, steps = ring.edges.copy(), ring.steps.copy()
    later = pursuit
    for _ in range(3 * RULES.patience):
        later = ring.advance(later, 7.4, 20.0)
    assert len(later.edges) < len(edges)
    np.testing.assert_array_equal(ring.edges, edges)
    np.testing.assert_array_equal(ring.steps, steps)
    assert len(pursuit.edges) == len(edges)
    assert pursuit.subgoal == NOTHING


def test_the_only_way_is_not_given_up():
    line = Line()
    pursuit = line.begin(29.0)
    for _ in range(5 * RULES.patience):
        pursuit = line.advance(pursuit, 3.0, 29.0)
        assert pursuit.subgoal > 3


def test_standing_at_the_target_is_no_reason_to_give_up_a_way():
    line = Line()
    pursuit = line.begin(20.0)
    for _ in range(3 * RULES.patience):
        pursuit = line.advance(pursuit, 19.5, 20.0)
        assert pursuit.subgoal == GOAL
    assert len(pursuit.edges) == len(line.edges)


@pytest.mark.parametrize("near", [0.0, 100.0])
def test_near_decides_between_landmarks_and_goal(near):
    line = Line()
    chosen = advance(line.begin(28.0), line.to(20.3), 7.7, Rules(near=near, reach=8, patience=10)).subgoal
    assert (chosen == GOAL) == (near > 0)


@pytest.mark.parametrize("execute", [1, 2, 5])
def test_patience_is_counted_in_control_steps_however_long_a_plan_is_followed(execute):
    ring, pursuit = ring_with_a_wall()
    rules, steps = replace(RULES, execute=execute), 0
    while len(pursuit.edges) == len(ring.edges):
        pursuit, steps = ring.advance(pursuit, 7.4, 20.0, rules), steps + execute
    assert RULES.patience < steps - execute <= RULES.patience + execute
