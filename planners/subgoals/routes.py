"""Which landmark to aim at next: the search for a subgoal in one environment, and what it remembers between steps.

The target is the landmark farthest along among those on (about) the shortest way that are within reach. It moves on
before it is arrived at, so that nobody slows down at it, and it never moves back without a reason. Distances are not
taken at their word: landmarks nearby are asked (`planners.subgoals.triangle_check`), and a way that leads
nowhere is cut.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planners.settings import setting
from planners.subgoals.landmarks import shortest_ways
from planners.subgoals.triangle_check import implied, nearest

GOAL = -1  # in place of a landmark: the goal itself
NOTHING = -2  # in place of a landmark: nothing has been aimed at yet


@dataclass(frozen=True)
class Pursuit:
    """What is known in one environment about the way to its goal, M landmarks; never changed, only replaced."""

    edges: NDArray  # (E, 2) of the graph, without those that were cut in this episode
    steps: NDArray  # (M, M) shortest ways through these edges, control steps
    last: NDArray  # (M,) control steps from a landmark straight to the goal; inf where that is too far
    refuted: NDArray  # (M,) bool, whether going straight to the goal has been tried near that landmark, in vain
    to_goal: NDArray  # (M,) control steps from a landmark to the goal through the graph; inf where there is no way
    subgoal: int = NOTHING  # landmark aimed at, or GOAL
    record: float = np.inf  # least `to_goal` of what has been aimed at
    closest: float = np.inf  # least steps to the subgoal since it has been aimed at
    stalled: int = 0  # control steps since `record` or `closest` became less


@dataclass(frozen=True)
class Rules:
    """When to aim at what; all in control steps."""

    near: float = setting(10.0, "control steps from the goal at which the hierarchy aims at the goal itself", 0, 1e4)
    reach: float = setting(10.0, "control steps away at most that a landmark may be to be aimed at", 1, 1e4)
    patience: int = setting(12, "control steps without progress, after which the hierarchy tries another way", 1, 1e4)
    execute: int = setting(1, "control steps from one plan to the next, at most the horizon", 1, 200)

    @property
    def at_hand(self) -> float:
        """A landmark nearer than this has been reached."""
        return self.reach / 4

    @property
    def slack(self) -> float:
        """A way this much longer than the shortest is as good: the distances are not more exact."""
        return self.reach / 8


def begin(edges: NDArray, steps: NDArray, to_goal: NDArray, from_goal: NDArray, reach: float) -> Pursuit:
    """Joins a goal to the graph.

    Args:
        edges: (E, 2) of the graph.
        steps: (M, M) shortest ways through the graph.
        to_goal: (M,) what the distance says from each landmark to the goal.
        from_goal: (M,) and from the goal to each landmark.
        reach: control steps; landmarks nearer than this lead to the goal. Where there are none, the nearest one does,
            up to twice as far away.
    """
    close = nearest(np.maximum(to_goal, from_goal))
    last = np.maximum(to_goal, implied(from_goal[close], steps.T[close]))
    last = np.where(last <= np.clip(last.min(), reach, 2 * reach), last, np.inf)
    return _connect(Pursuit(edges, steps, last, np.zeros(len(last), bool), last))


def advance(pursuit: Pursuit, here: NDArray, direct: float, rules: Rules) -> Pursuit:
    """The pursuit with the subgoal for this control step.

    Args:
        here: (M,) what the distance says from where the environment is to each landmark.
        direct: and to the goal.
    """
    chosen = _choose(pursuit, here, direct, rules)
    moved = _note_progress(pursuit, chosen, here, direct, rules.execute)
    if moved.stalled <= rules.patience:
        return moved
    reopened = _cut(moved, here, direct, rules)
    return replace(reopened, subgoal=_choose(reopened, here, direct, rules))


def _connect(pursuit: Pursuit) -> Pursuit:
    return replace(pursuit, to_goal=(pursuit.steps + pursuit.last).min(axis=1))


def _choose(pursuit: Pursuit, here: NDArray, direct: float, rules: Rules) -> int:
    """The landmark to aim at, or GOAL: near it, and where no landmark leads to it."""
    close = nearest(here)
    left = implied(here[close], pursuit.to_goal[close])
    near = rules.near * (1.5 if pursuit.subgoal == GOAL else 1.0)  # no turning back for a little noise
    believed_near = direct <= near and left <= 2 * near and np.mean(pursuit.refuted[close]) < 0.5
    if believed_near or not np.isfinite(left):
        return GOAL
    believed = np.maximum(here, implied(here[close], pursuit.steps[close]))
    total = believed + pursuit.to_goal
    waiting = np.isfinite(total) & (here >= rules.at_hand)
    current = pursuit.subgoal
    best = total[waiting & (believed <= rules.reach)].min(initial=np.inf)
    lost = current < 0 or believed[current] > 1.5 * rules.reach or total[current] > best + rules.reach / 2
    onward = waiting if lost else waiting & (pursuit.to_goal < pursuit.to_goal[current])
    good = onward & (believed <= rules.reach) & (total <= best + rules.slack)
    if good.any():
        return int(np.where(good, pursuit.to_goal, np.inf).argmin())
    if not lost and waiting[current]:
        return current
    if onward.any():
        return int(np.where(onward, total, np.inf).argmin())
    return GOAL


def _note_progress(pursuit: Pursuit, chosen: int, here: NDArray, direct: float, passed: int) -> Pursuit:
    left = 0.0 if chosen == GOAL else pursuit.to_goal[chosen]
    away = direct if chosen == GOAL else here[chosen]
    nearer = chosen == pursuit.subgoal and away <= pursuit.closest - 0.5
    farther_along = left <= pursuit.record - 0.5
    return replace(
        pursuit,
        subgoal=chosen,
        record=min(left, pursuit.record),
        closest=min(away, pursuit.closest) if chosen == pursuit.subgoal else away,
        stalled=0 if nearer or farther_along else pursuit.stalled + passed,
    )


def _cut(pursuit: Pursuit, here: NDArray, direct: float, rules: Rules) -> Pursuit:
    """Gives up the way from here to the subgoal: edges between what is close to one and close to the other are cut.

    As much is cut as leaves a way to the goal: all within the distance between them, or less, or at last only the ways
    to the subgoal itself.
    """
    started = replace(pursuit, subgoal=NOTHING, record=np.inf, closest=np.inf, stalled=0)
    if pursuit.subgoal == GOAL:
        away, beyond = direct, pursuit.last
    else:
        away = here[pursuit.subgoal]
        beyond = np.minimum(pursuit.steps[pursuit.subgoal], pursuit.steps[:, pursuit.subgoal])
    if away < rules.at_hand:  # it is here: no wall lies between
        return started
    close = nearest(here)
    for radius in (away, away / 2, away / 4, 0.0):
        this_side = ((here <= radius) | (radius == 0)) & (here < beyond)
        that_side = (beyond <= radius) & (beyond <= here)
        cut = _without(started, this_side, that_side, here <= radius if pursuit.subgoal == GOAL else None)
        if np.isfinite(implied(here[close], cut.to_goal[close])):
            return cut
    return started


def _without(pursuit: Pursuit, this_side: NDArray, that_side: NDArray, refuted: NDArray | None) -> Pursuit:
    """The pursuit without the edges between two sets of landmarks (M,), and without going straight from a third."""
    start, end = pursuit.edges.T
    crossing = (this_side[start] & that_side[end]) | (that_side[start] & this_side[end])
    edges = pursuit.edges[~crossing]
    steps = shortest_ways(len(this_side), edges, pursuit.steps[edges[:, 0], edges[:, 1]])
    if refuted is not None:
        pursuit = replace(pursuit, last=np.where(refuted, np.inf, pursuit.last), refuted=pursuit.refuted | refuted)
    return _connect(replace(pursuit, edges=edges, steps=steps))
