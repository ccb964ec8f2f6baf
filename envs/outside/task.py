"""The task in a world that nobody has written one for: be as the model was at some other moment of random play."""

from dataclasses import dataclass
from functools import partial

import mujoco
import numpy as np

from envs.outside.configuration import JointMeasure, PointMeasure, differences, features
from envs.outside.sources import OutsideError, Source
from envs.play.policies import RandomPlay
from envs.quantities import Quantity, part
from envs.simulation.scene import Scene
from envs.streams import stream
from envs.task import Task

MAX_STEPS = 100  # control steps, unless the options say otherwise

_PLAYS, _PLAY_STEPS = 64, 40  # of random play that starts and goals are taken from
_GOALS = 16  # of other plays, to which each play is compared
_LUCK = 0.02  # a tolerance is so near that in this share of the plays chance reaches a goal
_STEPS_OVER = 20  # a tolerance of less than a control step through this is passed by without being met
_STILL = 1e-4  # m or rad: a joint that moves less does not move
_PAIRS = 4096


@dataclass(frozen=True)
class PlayCalibration:
    """Numbers taken from random play, in the unit of the measure."""

    tolerance: float
    nearest: float
    speed: float


class OutsideTask(Task):
    """Reach a configuration out of random play; at any speed, and whatever else has moved meanwhile.

    Nothing else ends an episode: a body that falls lies there, as it would in the simulator alone.

    Args:
        plays: ``(P, T, S)`` states of random play, as `played` makes them: recordings begin in them.
        held_out: ``(P, T, S)`` of other play: starts and goals are those of its configurations that are not in `plays`.
        measure: how far configurations are apart.
        counted: joints that the measure looks at.
        calibration: as `calibrated` finds it.
        unseen: the people's camera moves along, or is another, so that no place has a known place in its picture.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        plays: np.ndarray,
        held_out: np.ndarray,
        measure: JointMeasure | PointMeasure,
        counted: list[int],
        calibration: PlayCalibration,
        max_steps: int,
        unseen: bool,
    ) -> None:
        self._model, self._measure, self._counted, self._unseen = model, measure, counted, unseen
        self._states = plays.reshape(-1, plays.shape[-1])
        begun = {state[: model.nq].tobytes() for state in self._states}
        others = held_out.reshape(-1, plays.shape[-1])
        self._held_out = np.stack([state for state in others if state[: model.nq].tobytes() not in begun])
        self.quantities = _quantities(model, measure, counted, calibration.tolerance)
        self._loose = _loose_positions(model, counted)
        self._marker = measure if isinstance(measure, PointMeasure) else _marker(model, counted)
        self.unit = measure.unit
        self.tolerance, self.nearest, self.speed = calibration.tolerance, calibration.nearest, calibration.speed
        self.farthest = float("inf")
        self.max_steps = max_steps

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """A moment of random play, ``moving`` as recordings begin, or of held-out play and at rest, as pairs are."""
        if moving:
            return self._states[rng.integers(len(self._states))].copy()
        state = self._held_out[rng.integers(len(self._held_out))].copy()
        state[self._model.nq :] = 0.0
        return state

    def sample_goal(self, rng: np.random.Generator, start: np.ndarray) -> np.ndarray:
        """A moment of held-out play, in which loose objects are where they are at the ``start``."""
        goal = self.sample_state(rng)
        goal[self._loose] = start[self._loose]
        return goal

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Distance by the measure; see `Task.distances`."""
        return self._measure.distances(states, goal)

    def located(self, states: np.ndarray) -> np.ndarray:
        """The named point, or the trunk, or the end of an arm, m; not a number where nothing can be drawn upon."""
        states = np.asarray(states)
        return np.full((*states.shape[:-1], 3), np.nan) if self._unseen else self._marker.places(states)


def _quantities(
    model: mujoco.MjModel, measure: JointMeasure | PointMeasure, counted: list[int], tolerance: float
) -> tuple[Quantity, ...]:
    velocity = Quantity("velocity", "", "of all joints, m/s and rad/s", part(model.nq, model.nq + model.nv))
    if isinstance(measure, PointMeasure):
        return Quantity("position", "m", "of the named point", measure.places, tolerance), velocity
    joints = Quantity(
        "position", "", "joints, m and rad, those without limits as cosine and sine", partial(features, model, counted)
    )
    return joints, velocity


def played(scene: Scene, source: Source, held_out: bool = False) -> np.ndarray:
    """States ``(P, T, S)`` of seeded random play from initial states of ``source``, others where it is ``held_out``.

    Raises OutsideError: the simulation does not survive random play.
    """
    plays = np.empty((_PLAYS, _PLAY_STEPS + 1, scene.state_dim))
    for index in range(_PLAYS):
        plays[index, 0] = source.starts(index + _PLAYS * held_out)
        rng = stream(0, "held-out play of outside worlds", index) if held_out else np.random.default_rng([0, index])
        play = RandomPlay(scene.action_dim, rng)
        actions = np.stack([play.act(plays[index, 0]) for _ in range(_PLAY_STEPS)])
        plays[index, 1:] = scene.imagine(plays[index, 0], actions[None])[0]
    if not np.isfinite(plays).all() or np.abs(plays).max() > 1e6:
        raise OutsideError(
            f"{source.name} becomes unstable under random play: give it smaller ranges under `actuators` in the file "
            "of world.options, or its model a smaller timestep"
        )
    return plays


def spreads_of(model: mujoco.MjModel, joints: list[int], level: bool, plays: np.ndarray) -> dict[int, list[float]]:
    """The standard deviations of each joint's differences over ``plays (P, T, S)``, m or rad.

    Joints that stand still are left out.
    """
    rng = np.random.default_rng(0)
    states = plays.reshape(-1, plays.shape[-1])
    one, other = states[rng.integers(len(states), size=(2, _PAIRS))]
    spreads = {}
    for joint in joints:
        apart = differences(model, [joint], level, one, other)
        if differences(model, [joint], level, plays, plays[:, :1]).max() > _STILL:
            # Two independent draws differ by twice the variance.
            spread = np.sqrt((apart**2).mean(axis=0) / 2)
            spreads[joint] = [float(f"{max(value, _STILL):.6g}") for value in spread]
    return spreads


def calibrated(
    measure: JointMeasure | PointMeasure, plays: np.ndarray, name: str, asked: float | None = None
) -> PlayCalibration:
    """What counts as reached, as near and as fast, from ``plays (P, T, S)``.

    Raises OutsideError: random play does not move what the goal is about, or the tolerance that is ``asked`` for, in
    the unit of the measure, is so small that play steps over it or so large that all is near.
    """
    rng = np.random.default_rng(0)
    apart, closest, covered = [], [], []
    for index, play in enumerate(plays):
        covered.append(np.array([measure.distances(play[t : t + 1], play[t + 1])[0] for t in range(len(play) - 1)]))
        for other in (index + rng.integers(1, len(plays), _GOALS)) % len(plays):
            distances = measure.distances(play, plays[other, rng.integers(1, plays.shape[1])])
            apart.append(distances[0])
            closest.append(distances.min())
    typical, step = float(np.median(apart)), float(np.median(covered))
    if typical < 10 * _STILL:
        raise OutsideError(f"{name}: random play does not move what the goal is about: name another goal")
    tolerance = asked or min(typical / 4, max(float(np.quantile(closest, _LUCK)), step / 2))
    low, high = step / _STEPS_OVER, float(np.max(apart)) / 3
    if asked and not low <= asked <= high:
        why = f"a control step covers {step:.2g}" if tolerance < low else f"goals of play are {np.max(apart):.2g} apart"
        raise OutsideError(
            f"{name}: goal.tolerance is {tolerance:g} {measure.unit}, but {why} {measure.unit}: take "
            f"one from {low:.2g} to {high:.2g}"
        )
    nearest = max(3 * tolerance, typical / 2)
    return PlayCalibration(*(float(f"{value:.3g}") for value in (tolerance, nearest, np.max(covered))))


def _loose_positions(model: mujoco.MjModel, counted: list[int]) -> np.ndarray:
    """Which positions belong to bodies that hang together with none of the joints that count."""
    trees = model.dof_treeid[model.jnt_dofadr]
    loose = np.zeros(model.nq, bool)
    ends = [*model.jnt_qposadr[1:], model.nq]
    for joint in range(model.njnt):
        if trees[joint] not in trees[counted]:
            loose[model.jnt_qposadr[joint] : ends[joint]] = True
    return np.flatnonzero(loose)


def _marker(model: mujoco.MjModel, counted: list[int]) -> PointMeasure:
    """The trunk of a body that moves about as a whole, else the last body of a chain."""
    trunk = int(model.jnt_bodyid[counted[0]])
    joints = int(model.body_jntnum[trunk])
    whole = joints > 1 or int(model.jnt_type[counted[0]]) == int(mujoco.mjtJoint.mjJNT_FREE)
    last = int(np.flatnonzero(model.body_treeid == model.body_treeid[trunk])[-1])
    return PointMeasure(model, "body", trunk if whole else last)
