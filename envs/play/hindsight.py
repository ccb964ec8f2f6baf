"""Goals that random play has reached: a start on its way, and where it was a number of control steps later.

Known as hindsight goals (Andrychowicz et al. 2017, arXiv 1707.01495), and as the goal offset of the benchmarks of world
models (DINO-WM, LeWorldModel: 25 control steps).
"""

import numpy as np

from envs.task import Pair
from envs.world import World

_ATTEMPTS = 200  # episodes of random play in which a pair is looked for


def hindsight_pair(world: World, rng: np.random.Generator, offset: int, least: float) -> Pair:
    """Two states of one episode of random play, both brought to rest, the second not reached at the first.

    The play begins at rest, where no recording begins, and the start is up to ``offset`` control steps after its
    beginning. The world is left somewhere on the way.

    Args:
        offset: control steps from the start to the goal.
        least: true distance of the two, in the task's unit.

    Raises ValueError: random play does not get that far in so many steps.
    """
    scene = world.scene
    for _ in range(_ATTEMPTS):
        scene.set_state(world.sample_state(rng))
        play = world.play(rng)
        states = []
        for _ in range(int(rng.integers(offset + 1)) + offset):
            states.append(scene.state())
            scene.step(play.act(states[-1]))
        start, goal = scene.at_rest(states[-offset]), scene.at_rest(scene.state())
        distance = world.distance(start, goal)
        if distance >= least and not world.success(start, goal):
            return Pair(start, goal, distance, world.steps(start, goal))
    raise ValueError(
        f"in {offset} control steps random play does not get {least:g} {world.unit} far and out of the tolerance: ask "
        "for a larger offset"
    )
