"""How long a control step takes: one environment, one process, one thread, on frames recorded earlier."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.task import Pair
from housecat.evaluation.episodes import Bench, EpisodeResult, one_thread
from housecat.evaluation.goals import shown
from housecat.evaluation.player import Player
from housecat.evaluation.statistics import percentile
from housecat.players.truth import InformedAgent
from planners.targets import Targets
from worldmodel.streams import torch_stream

_WARM_UP = 3  # steps not counted: first calls allocate and choose kernels


@dataclass(frozen=True)
class StepTime:
    """Milliseconds of a control step: encoding the frame, choosing the subgoal, planning."""

    median: float
    p95: float
    steps: int  # control steps timed


@dataclass(frozen=True)
class Recording:
    """What a player saw once, to be shown to it again."""

    goal: Any  # uint8 (h, w, 3), or `Targets` of one environment
    frames: list[np.ndarray]  # each uint8 (h, w, 3)


def record_frames(bench: Bench, results: Sequence[EpisodeResult], pairs: Sequence[Pair], steps: int) -> list[Recording]:
    """The first frames of these episodes as the training camera saw them, `steps` altogether and the warm-up's.

    The world is rendered from recorded states beforehand, so that no rendering is timed.
    """
    world = bench.make_world()
    left = steps + _WARM_UP
    recordings = []
    for result in results:
        states = result.path[:-1][:left]  # after the last state nothing is decided
        left -= len(states)
        pair = pairs[result.pair]
        world.set_factors(pair.factors)
        goal = shown([world], [pair], bench.targets)
        recordings.append(Recording(goal if isinstance(goal, Targets) else goal[0], world.frames(states)))
        if left == 0:
            break
    return recordings


@one_thread()
def time_steps(
    player: Player, recordings: Sequence[Recording], clock: Callable[[], float] = time.perf_counter
) -> StepTime:
    """Shows the recordings to a player of one environment and takes the time of each control step, in `clock`'s s."""
    milliseconds = []
    for recording in recordings:
        goal = recording.goal
        player.reset(goal if isinstance(goal, Targets) else goal[None])
        for frame in recording.frames:
            began = clock()
            player.act(frame[None])
            milliseconds.append(1000 * (clock() - began))
    counted = milliseconds[_WARM_UP:] or milliseconds
    return StepTime(percentile(counted, 50), percentile(counted, 95), len(counted))


def time_planner(
    bench: Bench, planner: str, horizon: int | None, results: Sequence[EpisodeResult], pairs: Sequence[Pair], steps: int
) -> StepTime | None:
    """The time of a planner's control steps on what it saw in its own episodes; None: it needs more than frames."""
    player = bench.make_agent(planner, horizon, [torch_stream(0, "timing")])
    if isinstance(player, InformedAgent):
        return None
    return time_steps(player, record_frames(bench, results, pairs, steps))
