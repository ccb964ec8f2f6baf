"""States in which a partial goal holds, drawn from what the world itself would ask for: what is free stays sensible."""

from collections.abc import Mapping

import numpy as np

from envs.goals.meaning import Said, holds
from envs.goals.record import Goal, GoalError, out_of_reach
from envs.quantities import Region
from envs.world import World

_PART, _MOST = 256, 2048  # goals that are drawn at a time, and at most
_PULLS = 6  # steps of Gauss and Newton that bring a quantity to where it is asked for
_DAMPING = 1e-4  # of these, of squared derivatives: a direction that hardly moves the quantity is not gone far
_NUDGE = 1e-5  # m or rad, for derivatives
_FARTHEST = 4.0  # times the reach of a region: what lies farther off is another goal, not one to be pulled here
_OVERLAP = 0.005  # m by which bodies may sink into each other more than in what was drawn


def fulfilling(
    world: World, regions: Mapping[str, Region], count: int, rng: np.random.Generator, start: np.ndarray | None = None
) -> np.ndarray:
    """Draws ``count`` states at rest ``(K, S)`` in which all regions hold.

    They are goals that the world draws for ``start (S,)`` (None: for one of its own), pulled to the regions, by the
    way that changes the positions least, where too few lie in them by themselves.

    Raises GoalError: there seem to be none, e.g. because a wall is in the way.
    """
    found: list[np.ndarray] = []
    drawn = np.empty((0, world.scene.state_dim))
    while len(found) < count and len(drawn) < _MOST:
        origins = (world.sample_state(rng) if start is None else start for _ in range(_PART))
        drawn = np.concatenate([drawn, np.stack([world.task.sample_goal(rng, origin) for origin in origins])])
        away = out_of_reach(world.task.quantities, regions, drawn)
        order = np.argsort(away, kind="stable")
        near = order[away[order] <= _FARTHEST]
        # The nearest few times as many as are needed, so that some may fail.
        found = [state for state in (_pulled(world, regions, drawn[i]) for i in near[: 3 * count]) if state is not None]
    if not found:
        told = ", ".join(f"'{name}'" for name in regions)
        raise GoalError(f"no state of world '{world.name}' was found in which {told} is as asked for: ask for another")
    away = out_of_reach(world.task.quantities, regions, np.stack(found))
    chosen = [found[i] for i in rng.permutation(np.argsort(away, kind="stable")[:count])]
    return np.stack([chosen[i % len(chosen)] for i in range(count)])


def saying(
    world: World, said: Said, count: int, rng: np.random.Generator, start: np.ndarray | None = None
) -> np.ndarray:
    """Draws ``count`` states at rest ``(K, S)`` of which a sentence is true, see `fulfilling`.

    Raises GoalError: it seems to be true of none.
    """
    found: list[np.ndarray] = []
    for tried in range(_MOST):
        origin = world.sample_state(rng) if start is None else start
        # Every other one from anywhere: what the world asks for may leave out all that a sentence means.
        state = world.task.sample_goal(rng, origin) if tried % 2 else world.sample_state(rng)
        if holds(said.bounds, world.task.quantities, state):
            found.append(state)
            if len(found) == count:
                break
    if not found:
        raise GoalError(f"no state of world '{world.name}' was found of which {said.text!r} is true: ask for another")
    return np.stack([found[i % len(found)] for i in range(count)])


def standing_for(
    world: World, goal: Goal, count: int, rng: np.random.Generator, start: np.ndarray | None = None
) -> np.ndarray:
    """States ``(K, S)`` in which a goal of regions or words is reached, `count` of them; of a sequence one for each.

    Raises GoalError: as `fulfilling` does.
    """
    if goal.regions:
        return fulfilling(world, goal.regions, count, rng, start)
    if len(goal.said) > 1:
        return np.concatenate([saying(world, one, 1, rng, start) for one in goal.said])
    return saying(world, goal.said[0], count, rng, start)


def _pulled(world: World, regions: Mapping[str, Region], state: np.ndarray) -> np.ndarray | None:
    """A state near ``state (S,)`` in which the regions hold; None: none that touches no more than before."""
    quantities = world.task.quantities
    deepest = world.scene.overlap(state) + _OVERLAP
    here = state.copy()
    positions = world.scene.position_dim
    for _ in range(_PULLS):
        errors = _errors(world, regions, here)
        if np.abs(errors).max() < 1e-4:
            break
        nudged = here + _NUDGE * np.eye(positions, len(here))
        slope = (_errors(world, regions, nudged) - errors).T / _NUDGE  # (errors, positions)
        square = slope @ slope.T + _DAMPING * np.eye(len(errors))
        here[:positions] -= slope.T @ np.linalg.solve(square, errors)
        here = world.scene.within_limits(here)
    for one in (here, state):  # or it holds where it was drawn
        if out_of_reach(quantities, regions, one) <= 0 and world.scene.overlap(one) <= deepest:
            return one
    return None


def _errors(world: World, regions: Mapping[str, Region], states: np.ndarray) -> np.ndarray:
    """How far each number that is asked for is out of its bounds in ``states (..., S)``: ``(..., n)``."""
    values = world.quantities(states)
    known = {one.name: one for one in world.task.quantities}
    return np.concatenate([known[name].errors(values[name], region) for name, region in regions.items()], axis=-1)
