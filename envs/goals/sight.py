"""Which state a picture shows: found by drawing states, looking at them, and looking closer where they look alike."""

import numpy as np

from envs.goals.record import GoalError
from envs.world import World

_DRAWN, _KEPT = 600, 8  # states that are looked at first; the most alike, around which others are tried
_ROUNDS, _TRIED = 40, 32  # of the search around them
_SPREAD, _SHRINK = 0.25, 0.88  # of what states vary by; of that, from round to round
_JUMPS = 0.25  # share of what is tried that takes some of its positions from another state
_ALIKE = 0.04  # mean error of what is still not as in the picture, in shares of that of a state drawn at random


def state_seen(world: World, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """States at rest ``(K, S)`` that look like the pictures uint8 ``(K, h, w, 3)`` do.

    Raises GoalError: no state that the world can be in was found to look like that.
    """
    if not world.task.quantities:
        raise GoalError(f"nobody can tell in world '{world.name}' when a goal picture is reached: leave goal.* out")
    start = world.sample_state(rng)
    drawn = np.stack([world.task.sample_goal(rng, start if i % 2 else world.sample_state(rng)) for i in range(_DRAWN)])
    frames = np.stack([world.frame(state=state, screened=False) for state in drawn]).astype(np.float32)
    return np.stack([_found(world, picture.astype(np.float32), drawn, frames, rng) for picture in pictures])


def _found(
    world: World, picture: np.ndarray, drawn: np.ndarray, frames: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    errors = np.array([_error(frame, picture) for frame in frames])
    typical, size = float(np.median(errors)), world.scene.position_dim
    best = np.argsort(errors)[:_KEPT]
    states, least = drawn[best], errors[best]
    spread = drawn[:, :size].std(axis=0) * _SPREAD
    for _ in range(_ROUNDS):
        tried = states[rng.integers(len(states), size=_TRIED)].copy()
        tried[:, :size] += spread * rng.normal(size=(_TRIED, size)) * (rng.random((_TRIED, size)) < 0.6)
        others = (rng.random((_TRIED, size)) < 0.3) & (rng.random((_TRIED, 1)) < _JUMPS)
        tried[:, :size] = np.where(others, drawn[rng.integers(len(drawn), size=_TRIED), :size], tried[:, :size])
        tried = np.stack([world.scene.within_limits(state) for state in tried])
        found = np.array(
            [_error(world.frame(state=state, screened=False).astype(np.float32), picture) for state in tried]
        )
        states, least = np.concatenate([states, tried]), np.concatenate([least, found])
        best = np.argsort(least)[:_KEPT]
        states, least, spread = states[best], least[best], spread * _SHRINK
    if least[0] > _ALIKE * typical:
        raise GoalError(
            f"no state of world '{world.name}' was found that looks like the goal picture, and without one nobody can "
            "tell when it is reached: give goal.state, or quantities, instead"
        )
    return np.asarray(states[0])


def _error(frame: np.ndarray, picture: np.ndarray) -> float:
    """Of the picture, and of a coarse one, in which what is near counts as half right."""
    apart = frame - picture
    side = len(apart) - len(apart) % 4
    coarse = apart[:side, :side].reshape(side // 4, 4, side // 4, 4, 3).mean(axis=(1, 3))
    return float(np.abs(apart).mean() + 2 * np.abs(coarse).mean())
