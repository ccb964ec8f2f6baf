"""Goals as a person says them on a page: in a line of text, with a picture, by a place, with a recorded frame."""

import re

import numpy as np

from envs.data.store import EpisodeStore
from envs.files import from_yaml
from envs.goals.forms import goal_asked, goal_of, opened_picture, pictures_of, recorded
from envs.goals.record import Goal, GoalError
from envs.pictures import scaled
from envs.quantities import Quantity, askable
from envs.world import World
from planners.subgoals.landmarks import Landmarks


def said(text: str, world: World) -> Goal:
    """The goal that a line of text asks for: quantities with their values, `puck=[0.2,-0.1]`, or a sentence.

    Raises GoalError: it says nothing that this world has.
    """
    if "=" not in text:
        return goal_of(text, world)
    asked = {}
    for word in re.split(r"\s+(?=[\w.]+\s*=)", text.strip()):
        name, _, value = word.partition("=")
        try:
            asked[name.strip().removeprefix("goal.")] = from_yaml(value.strip())
        except ValueError as error:
            raise GoalError(f"{word} cannot be read ({error}): write numbers, like [0.2, -0.1]") from None
    goal = goal_asked({"part": asked}, world)
    assert goal is not None
    return goal


def pictured(content: bytes, world: World) -> Goal:
    """The goal that a picture file shows, scaled to what the camera sees. Raises GoalError: there is none in it."""
    return goal_of(scaled(opened_picture(content, "what was sent")[None], world.scene.frame_size)[0], world)


def movable(world: World) -> Quantity | None:
    """The quantity that is the place of what has to reach the goal, in m; None: a handle cannot say it."""
    states = np.stack([world.sample_state(np.random.default_rng(0)) for _ in range(3)])
    there = np.asarray(world.located(states))
    for one in askable(world.task.quantities):
        values = one.read(states)
        if one.unit == "m" and values.shape[1] in (2, 3) and np.allclose(values, there[:, : values.shape[1]]):
            return one
    return None


def put(place: np.ndarray, world: World) -> Goal:
    """The goal that a handle at `place` (3,), m, asks for. Raises GoalError: handles do not say goals in this world."""
    one = movable(world)
    if one is None:
        raise GoalError(f"a place says no goal in world '{world.name}': show a picture")
    return goal_of({one.name: [float(value) for value in place[: len(world.ranges[one.name][0])]]}, world)


class Recorded:
    """Frames by number, `count` of them: those of a recording, or else those that the landmarks were made of."""

    def __init__(self, world: World, store: EpisodeStore | None, landmarks: Landmarks | None) -> None:
        known = landmarks is not None and landmarks.states.shape[1] == world.scene.state_dim
        self._states = landmarks.states.double().cpu().numpy() if known and landmarks is not None else np.empty((0, 0))
        self._world, self._store = world, store
        self._ends = np.empty(0, np.int64) if store is None else np.cumsum(np.asarray(store.lengths) + 1)
        self.count = len(self._states) if store is None else int(self._ends[-1])

    def goal(self, number: int) -> Goal:
        """The goal that a frame shows."""
        if self._store is None:
            return goal_of(self._states[number], self._world)
        episode = int(np.searchsorted(self._ends, number, side="right"))
        before = int(self._ends[episode - 1]) if episode else 0
        return recorded(self._store.path, episode, number - before, self._world)

    def picture(self, number: int) -> np.ndarray:
        """The frame (h, w, 3) uint8."""
        return pictures_of(self.goal(number), self._world)[0]
