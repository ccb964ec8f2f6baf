"""The intrinsic cost from settings: quantities of the world are read off imagined latents by the checkpoint's probes.

The same limits are kept at hand for the simulator's states, so that an evaluation can say what was really violated.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from envs import make_world
from envs.goals.forms import region
from envs.goals.record import GoalError
from envs.quantities import Quantity, askable
from envs.streams import stream
from envs.world import World
from housecat.errors import UsageError
from housecat.players.painted import depth_in, painted
from housecat.players.probed import Probes
from planners.intrinsic import Depth, Intrinsic, IntrinsicSettings, Limit, out_of, read_as, within

_NUDGE = 1e-4  # m or rad, by which a joint is moved to see what tells of it


@dataclass(frozen=True)
class Bounded:
    """A limit on a quantity of the world."""

    setting: str  # that asks for it
    quantity: Quantity
    depth: Depth  # of its numbers, which do not turn

    def violated(self, states: np.ndarray) -> np.ndarray:
        """Whether it really is in simulator states (..., S): (...) bool."""
        return (self.depth(torch.from_numpy(self.quantity.features(states))) > 0).numpy()


def intrinsic_of(asked: IntrinsicSettings, spec: dict[str, Any], probes: Probes | None) -> Intrinsic:
    """What the settings ask for in a world. Raises UsageError: the world has no such quantity, or no probe reads it."""
    limits = [_read(one, probes) for one in bounds_of(asked, spec, asked.keep_out_margin)]
    how = asked.most_change, asked.constraint_weight, asked.constraint_rounds
    return Intrinsic(asked.effort, asked.smoothness, tuple(limits), *how)


def judge_of(asked: IntrinsicSettings, spec: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray] | None:
    """Whether limits on places or joints are really violated in states (..., S): (...) bool; None: there are none."""
    bounds = bounds_of(asked, spec)
    return (lambda states: np.any([one.violated(states) for one in bounds], axis=0)) if bounds else None


def pictures_of(asked: IntrinsicSettings) -> list[str]:
    """The files of pictures that the settings name."""
    named = asked.keep_out.values() if isinstance(asked.keep_out, dict) else [asked.keep_out]
    return [one for one in named if isinstance(one, str)]


def bounds_of(asked: IntrinsicSettings, spec: dict[str, Any], margin: float = 0.0) -> list[Bounded]:
    """The limits on quantities that settings ask for. Raises UsageError: the world has no such quantity.

    `margin`: m by which what is kept out of is widened.
    """
    if not asked.bounded:
        return []
    world = make_world(spec)
    found = [] if asked.keep_out is None else list(_kept_out(world, asked.keep_out, margin))
    for name, one in _by_quantity("keep_within", asked.keep_within).items():
        quantity, low, high = _box(world, "planner.keep_within", name, one)
        found.append(Bounded("planner.keep_within", quantity, within(low, high)))
    return found if asked.joint_limits is None else [*found, *_joints(world, asked.joint_limits)]


def _kept_out(world: World, asked: Any, margin: float) -> Iterator[Bounded]:
    setting, places = "planner.keep_out", [one for one in askable(world.task.quantities) if _is_place(world, one)]
    if isinstance(asked, str) and not places:
        raise UsageError(f"{setting}: world '{world.name}' has no place that a picture shows: name a quantity")
    if isinstance(asked, str):
        asked = {one.name: asked for one in places}
    for name, one in _by_quantity("keep_out", asked).items():
        if not isinstance(one, str):
            quantity, low, high = _box(world, setting, name, one)
            wider = margin if quantity.unit == "m" else 0.0
            yield Bounded(setting, quantity, out_of([end - wider for end in low], [end + wider for end in high]))
            continue
        if name not in {place.name for place in places}:
            raise UsageError(f"{setting}: world '{world.name}' has no place {name} that a picture could show")
        mask = painted(Path(one), setting)
        yield Bounded(setting, next(p for p in places if p.name == name), depth_in(mask, world.scene.view, margin))


def _is_place(world: World, one: Quantity) -> bool:
    """Whether a quantity is a place in a camera that stands still."""
    state = _state(world)
    return one.unit == "m" and one.read(state).shape[-1] in (2, 3) and bool(np.isfinite(world.located(state)).all())


def _state(world: World) -> np.ndarray:
    return world.scene.within_limits(world.sample_state(stream(0, "a state that is looked at")))


def _joints(world: World, clear: float) -> Iterator[Bounded]:
    """Of quantities, those numbers that are positions of joints with a range."""
    setting, found = "planner.joint_limits", False
    for one in askable(world.task.quantities):
        state, (places, ranges) = _state(world), world.scene.limited
        before, moved = one.features(state), state + _NUDGE * np.eye(len(state))[places]
        slopes = (one.features(moved) - before) / _NUDGE  # (J, n)
        alone = np.isclose(np.abs(slopes).sum(axis=-1, keepdims=True), 1.0, atol=1e-3)
        joint, number = np.nonzero(alone & np.isclose(slopes, 1.0, atol=1e-3))
        if not len(joint):
            continue
        low, high = (ranges[joint] + (before[number] - state[places[joint]])[:, None]).T
        inset = clear * (high - low)
        yield Bounded(setting, one, _some(number.tolist(), within((low + inset).tolist(), (high - inset).tolist())))
        found = True
    if not found:
        raise UsageError(f"{setting}: world '{world.name}' tells of no joint that has a range: leave it out")


def _some(numbers: Sequence[int], depth: Depth) -> Depth:
    return lambda values: depth(values[..., numbers])


def _by_quantity(name: str, asked: Any) -> dict[str, Any]:
    if asked is None or isinstance(asked, dict):
        return asked or {}
    raise UsageError(f"planner.{name} names quantities, like {{puck: {{center: [0, 0], radius: 0.1}}}}, got {asked}")


def _box(world: World, setting: str, name: str, asked: Any) -> tuple[Quantity, list[float], list[float]]:
    """A quantity and its bounds, with a region's radius on every side."""
    try:
        found = region(world, name, asked)
    except GoalError as error:
        raise UsageError(f"{setting}: {str(error).replace('goal.', '')}") from error
    quantity = next(one for one in world.task.quantities if one.name == name)
    if np.any(quantity.turns):
        raise UsageError(f"{setting}: {name} turns, and only places can be bounded: name another quantity")
    return quantity, [one - found.radius for one in found.low], [one + found.radius for one in found.high]


def _read(bound: Bounded, probes: Probes | None) -> Limit:
    name = bound.quantity.name
    if probes is None or name not in probes.numbers:
        raise UsageError(
            f"{bound.setting} needs a probe that reads {name}, which the checkpoint does not have: train again on "
            "recordings that know the simulator's states"
        )
    names = list(probes.numbers)
    before = sum(probes.numbers[other] for other in names[: names.index(name)])
    part, readings = slice(before, before + probes.numbers[name]), probes.readings

    def read(latents: Tensor) -> Tensor:
        return readings.read(latents)[..., part]

    return read_as(read, bound.depth)
