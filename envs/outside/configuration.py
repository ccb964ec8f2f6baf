"""How far apart two configurations of any MuJoCo model are: a measure for worlds that nobody has written one for.

Each joint counts by its difference: a slide in m, a hinge in rad (round the shorter way where it has no limits), a free
or ball joint by the length of its translation and by its angle of rotation. A difference is divided by the standard
deviation that it has over random play, and the distance is the root mean square over the joints, in such deviations.
A site or a body may be named instead: the distance is then that of the point, in m, and of how it is turned if asked.
"""

import mujoco
import numpy as np

UNIT = "sd"  # standard deviations of random play

_SLIDE, _HINGE = int(mujoco.mjtJoint.mjJNT_SLIDE), int(mujoco.mjtJoint.mjJNT_HINGE)
_FREE = int(mujoco.mjtJoint.mjJNT_FREE)


class JointMeasure:
    """Differences of joints, in units of their spread.

    Args:
        joints: numbers of the joints that count.
        level: whether translations of free joints count in the horizontal, too; a camera that follows hides those.
        spreads: what each difference is divided by, as `spreads_of` found it.
    """

    unit = UNIT

    def __init__(self, model: mujoco.MjModel, joints: list[int], level: bool, spreads: list[float]) -> None:
        self._model, self._joints, self._level = model, joints, level
        self._spreads = np.array(spreads)

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Distance ``(N,)`` of ``states (N, S)`` to ``goal (S,)``."""
        parts = differences(self._model, self._joints, self._level, np.asarray(states), np.asarray(goal))
        return np.sqrt(np.mean((parts / self._spreads) ** 2, axis=-1))


class PointMeasure:
    """The distance in space between where a site or body is and where it should be.

    Args:
        kind: "site" or "body"; ``name``: its name or its number.
        lever: m for each rad by which it is turned otherwise: the distance is that of the place, or of the rotation so
            measured where that is more; 0: however it is turned.
    """

    unit = "m"

    def __init__(self, model: mujoco.MjModel, kind: str, name: str | int, lever: float = 0.0) -> None:
        self._lever = lever
        self._model, self._data = model, mujoco.MjData(model)
        self._kind, self._number = kind, getattr(model, kind)(name).id

    def distances(self, states: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Distance ``(N,)`` in m of ``states (N, S)`` to ``goal (S,)``."""
        apart = np.linalg.norm(self.places(states) - self.places(goal), axis=-1)
        if not self._lever:
            return apart
        traces = (self.turns(states) * self.turns(goal)).sum(axis=-1)
        return np.maximum(apart, self._lever * np.arccos(np.clip((traces - 1) / 2, -1.0, 1.0)))

    def places(self, states: np.ndarray) -> np.ndarray:
        """Where the point is in ``states (..., S)``, m: ``(..., 3)``."""
        return self._read(states, "xpos", 3)

    def turns(self, states: np.ndarray) -> np.ndarray:
        """How it is turned there: the entries of a rotation matrix ``(..., 9)``."""
        return self._read(states, "xmat", 9)

    def _read(self, states: np.ndarray, what: str, count: int) -> np.ndarray:
        states = np.asarray(states)
        flat = states.reshape(-1, states.shape[-1])
        found = np.empty((len(flat), count))
        array = getattr(self._data, f"site_{what}" if self._kind == "site" else what)
        for row, state in enumerate(flat):
            self._data.qpos[:] = state[: self._model.nq]
            mujoco.mj_kinematics(self._model, self._data)
            found[row] = array[self._number]
        return found.reshape(*states.shape[:-1], count)


def driven_joints(model: mujoco.MjModel, follows: bool) -> list[int]:
    """The joints of all bodies that hang together with an actuator's; loose objects are left out.

    ``follows``: the camera moves along, and a horizontal slide of the trunk cannot be seen.
    """
    driven = set()
    for actuator in range(model.nu):
        driven |= _trees_of(model, actuator)
    joints = []
    for joint in range(model.njnt):
        root = int(model.body_parentid[model.jnt_bodyid[joint]]) == 0
        level = int(model.jnt_type[joint]) == _SLIDE and abs(model.jnt_axis[joint, 2]) < 0.5
        tree = int(model.dof_treeid[model.jnt_dofadr[joint]])
        if (tree in driven or not driven) and not (follows and root and level):
            joints.append(joint)
    return joints


def differences(
    model: mujoco.MjModel, joints: list[int], level: bool, states: np.ndarray, goal: np.ndarray
) -> np.ndarray:
    """Differences ``(N, D)`` of ``states (N, S)`` to ``goal (S,)`` or ``(N, S)``; m and rad, none of them negative."""
    parts = []
    for joint in joints:
        kind, first = int(model.jnt_type[joint]), int(model.jnt_qposadr[joint])
        if kind in (_SLIDE, _HINGE):
            error = states[..., first] - goal[..., first]
            if kind == _HINGE and not model.jnt_limited[joint]:
                error = (error + np.pi) % (2 * np.pi) - np.pi
            parts.append(np.abs(error))
            continue
        if kind == _FREE:
            axes = slice(first if level else first + 2, first + 3)
            parts.append(np.linalg.norm(states[..., axes] - goal[..., axes], axis=-1))
            first += 3
        one, other = _unit(states[..., first : first + 4]), _unit(goal[..., first : first + 4])
        cosine = np.abs((one * other).sum(axis=-1))  # a quaternion and its negative are the same rotation
        parts.append(2 * np.arccos(np.minimum(cosine, 1.0)))
    return np.stack(parts, axis=-1)


def features(model: mujoco.MjModel, joints: list[int], states: np.ndarray) -> np.ndarray:
    """The joints of ``states (..., S)`` as numbers without jumps: angles without limits as cosine and sine."""
    parts = []
    for joint in joints:
        kind, first = int(model.jnt_type[joint]), int(model.jnt_qposadr[joint])
        count = {_SLIDE: 1, _HINGE: 1, _FREE: 7}.get(kind, 4)
        values = states[..., first : first + count]
        if kind == _HINGE and not model.jnt_limited[joint]:
            values = np.concatenate([np.cos(values), np.sin(values)], axis=-1)
        elif kind not in (_SLIDE, _HINGE):
            place, rotation = values[..., :-4], values[..., -4:]
            values = np.concatenate([place, rotation * np.where(rotation[..., :1] < 0, -1.0, 1.0)], axis=-1)
        parts.append(values)
    return np.concatenate(parts, axis=-1)


def _trees_of(model: mujoco.MjModel, actuator: int) -> set[int]:
    """Kinematic trees that an actuator pulls at; none where that is not plain, as for adhesion."""
    target = int(model.actuator_trnid[actuator, 0])
    kind = int(model.actuator_trntype[actuator])
    if target < 0:
        return set()
    if kind in (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT)):
        return {int(model.dof_treeid[model.jnt_dofadr[target]])}
    if kind == int(mujoco.mjtTrn.mjTRN_TENDON):
        wraps = range(model.tendon_adr[target], model.tendon_adr[target] + model.tendon_num[target])
        bodies = set()
        for wrap in wraps:
            what, which = int(model.wrap_type[wrap]), int(model.wrap_objid[wrap])
            if what == int(mujoco.mjtWrap.mjWRAP_JOINT):
                bodies.add(int(model.jnt_bodyid[which]))
            elif what == int(mujoco.mjtWrap.mjWRAP_SITE):
                bodies.add(int(model.site_bodyid[which]))
        return {int(model.body_treeid[body]) for body in bodies} - {-1}
    if kind == int(mujoco.mjtTrn.mjTRN_SITE):
        return {int(model.body_treeid[model.site_bodyid[target]])} - {-1}
    return set()


def _unit(quaternions: np.ndarray) -> np.ndarray:
    return quaternions / np.maximum(np.linalg.norm(quaternions, axis=-1, keepdims=True), 1e-12)
