"""What a plan must not do, from settings: quantities of the world are read off imagined latents by the checkpoint's
probes."""

from typing import Any

import numpy as np
from torch import Tensor

from envs import make_world
from envs.goals.forms import region
from envs.goals.record import GoalError
from housecat.errors import UsageError
from housecat.players.probed import Probes
from planners.constraints import Constraints, ConstraintSettings, Read, change_at_most, keep_out, keep_within


def limits_of(asked: ConstraintSettings, spec: dict[str, Any], probes: Probes | None) -> Constraints | None:
    """The constraints that the settings ask for in a world; None: nothing is forbidden.

    Raises UsageError: the world has no such quantity, or no probe reads it.
    """
    if not asked.constrained:
        return None
    violations = [] if asked.most_change is None else [change_at_most(asked.most_change)]
    for name, make in (("keep_out", keep_out), ("keep_within", keep_within)):
        for quantity, values in _by_quantity(name, getattr(asked, name)).items():
            low, high, read = _box(f"planner.{name}", quantity, values, spec, probes)
            violations.append(make(read, low, high))
    return Constraints(tuple(violations), asked.constraint_weight, asked.constraint_rounds)


def _by_quantity(name: str, asked: Any) -> dict[str, Any]:
    if asked is None or isinstance(asked, dict):
        return asked or {}
    raise UsageError(f"planner.{name} names quantities, like {{puck: {{center: [0, 0], radius: 0.1}}}}, got {asked}")


def _box(
    setting: str, name: str, asked: Any, spec: dict[str, Any], probes: Probes | None
) -> tuple[list[float], list[float], Read]:
    """Bounds of a quantity, with a region's radius on every side, and what reads it off latents."""
    world = make_world(spec)
    try:
        found = region(world, name, asked)
    except GoalError as error:
        raise UsageError(f"{setting}: {str(error).replace('goal.', '')}") from error
    if probes is None or name not in probes.numbers:
        raise UsageError(
            f"{setting} needs a probe that reads {name}, which the checkpoint does not have: train again on recordings "
            "that know the simulator's states"
        )
    if np.any(next(one.turns for one in world.task.quantities if one.name == name)):
        raise UsageError(f"{setting}: {name} turns, and only places can be bounded: name another quantity")
    names = list(probes.numbers)
    before = sum(probes.numbers[other] for other in names[: names.index(name)])
    part, readings = slice(before, before + probes.numbers[name]), probes.readings

    def read(latents: Tensor) -> Tensor:
        return readings.read(latents)[..., part]

    return [one - found.radius for one in found.low], [one + found.radius for one in found.high], read
