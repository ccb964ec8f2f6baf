"""Factors of how a world moves, found in its model: masses, gravity, friction, damping, strength, sizes.

All but gravity are multiples of what the model has; masses and sizes do not change each other.
"""

import functools
import re
from collections.abc import Callable

import mujoco
import numpy as np

from envs.factors import Factor
from envs.simulation.variant import Variant

_SHAPES = ("SPHERE", "CAPSULE", "ELLIPSOID", "CYLINDER", "BOX")
_PRIMITIVES = tuple(int(getattr(mujoco.mjtGeom, f"mjGEOM_{shape}")) for shape in _SHAPES)
_SIMPLE_GAINS = tuple(int(gain) for gain in (mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtGain.mjGAIN_AFFINE))


def physics_factors(model: mujoco.MjModel) -> list[Factor]:
    """What can be varied in the motion of ``model``."""
    factors = []
    moving = np.flatnonzero(model.body_weldid)
    if len(moving):
        weigh = functools.partial(_weigh, moving)
        factors.append(_times("mass", "masses of all that moves, motors included", 0.5, 2.0, weigh))
    things = _things(model)
    for name, bodies in things.items():
        if len(things) > 1:
            factors.append(_times(f"{name}_mass", f"mass of {name}", 0.5, 2.0, functools.partial(_weigh, bodies)))
    gravity = float(np.linalg.norm(model.opt.gravity))
    if gravity:
        meaning, fall = "acceleration of all that falls", functools.partial(_fall, gravity)
        factors.append(Factor("gravity", "physics", meaning, "m/s2", gravity, 0.6 * gravity, 1.4 * gravity, fall))
    touching = (model.geom_contype | model.geom_conaffinity) > 0
    if (model.geom_condim[touching] > 1).any() or model.dof_frictionloss.any():
        factors.append(_times("friction", "friction of all surfaces and joints", 0.4, 1.6, _rub))
    if model.dof_damping.any():
        factors.append(_times("damping", "damping of all joints", 0.6, 1.6, _damp))
    if model.nu and np.isin(model.actuator_gaintype, _SIMPLE_GAINS).any():
        factors.append(_times("strength", "force of all actuators", 0.6, 1.4, _strengthen))
    for name, bodies in things.items():
        if len(bodies) == 1 and _of_primitives(model, bodies[0]):
            # Larger than it is made for, a body would begin inside walls or its neighbours.
            resize = functools.partial(_resize, int(bodies[0]))
            factors.append(_times(f"{name}_size", f"size of {name}", 0.75, 1.0, resize))
    return factors


def _things(model: mujoco.MjModel) -> dict[str, np.ndarray]:
    """What moves, by the name of the first body of each tree that hangs on what stands still."""
    found = {}
    for root in range(1, model.nbody):
        if model.body_weldid[root] and not model.body_weldid[model.body_parentid[root]]:
            inside = [body for body in range(root, model.nbody) if _hangs_on(model, body, root)]
            found[re.sub(r"\W+", "_", model.body(root).name or f"body{root}").lower()] = np.array(inside)
    return found


def _hangs_on(model: mujoco.MjModel, body: int, root: int) -> bool:
    while body > root:
        body = int(model.body_parentid[body])
    return body == root


def _of_primitives(model: mujoco.MjModel, body: int) -> bool:
    shapes = model.geom_type[model.geom_bodyid == body]
    return len(shapes) > 0 and bool(np.isin(shapes, _PRIMITIVES).all())


def _times(name: str, meaning: str, low: float, high: float, apply: Callable[[Variant, float], None]) -> Factor:
    return Factor(name, "physics", meaning, "times", 1.0, low, high, apply)


def _weigh(bodies: np.ndarray, variant: Variant, value: float) -> None:
    model = variant.model
    model.body_mass[bodies] *= value
    model.body_inertia[bodies] *= value
    model.dof_armature[np.isin(model.dof_bodyid, bodies)] *= value
    variant.stale = True


def _fall(default: float, variant: Variant, value: float) -> None:
    variant.model.opt.gravity[:] *= value / default


def _rub(variant: Variant, value: float) -> None:
    model = variant.model
    for coefficients in (model.geom_friction, model.pair_friction, model.dof_frictionloss, model.tendon_frictionloss):
        coefficients *= value


def _damp(variant: Variant, value: float) -> None:
    variant.model.dof_damping *= value


def _strengthen(variant: Variant, value: float) -> None:
    """Gain and bias together: a servo grows stiffer and still goes to where it is told."""
    model = variant.model
    simple = np.isin(model.actuator_gaintype, _SIMPLE_GAINS)
    model.actuator_gainprm[simple, :3] *= value
    model.actuator_biasprm[simple, :3] *= value
    model.actuator_forcerange[simple] *= value


def _resize(body: int, variant: Variant, value: float) -> None:
    """The shapes of a body about its own origin, and the bounds by which collisions are looked for."""
    model = variant.model
    geoms = np.flatnonzero(model.geom_bodyid == body)
    for lengths in (model.geom_size, model.geom_pos, model.geom_rbound, model.geom_aabb):
        lengths[geoms] *= value
    first, count = int(model.body_bvhadr[body]), int(model.body_bvhnum[body])
    if count:
        model.bvh_aabb[first : first + count] *= value
    variant.stale = True
