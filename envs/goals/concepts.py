"""What can be said of a world at all: which thing stands in which relation, and what that means in numbers.

Left, right, top and bottom are those of the picture. Worlds of strangers get what follows from the names and units of
their quantities.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from envs.goals.meaning import Bound, holds
from envs.quantities import Quantity, askable
from envs.streams import stream
from envs.world import World

SIDES, ENDS = ("left", "right"), ("top", "bottom")
CORNERS = tuple(f"{end} {side}" for end, side in itertools.product(ENDS, SIDES))
AROUND = ("left of", "right of", "above", "below")
_THIRD, _EDGE = 1 / 3, 0.12  # of the range of a place: what lies in a part of it, and what at its edge
_NEAR, _FAR = 0.25, 0.6  # likewise, of the larger range: how far things are from each other
_BENT, _STRAIGHT = 0.7, 0.15  # of the farthest that a joint bends
_TOWARDS = float(np.cos(np.pi / 6))  # of the angle from a direction
_LEAST, _MOST = 0.01, 0.65  # share of the states in which something worth asking for is true
_STATES = 600
_BODIES = ("puck", "pusht", "cube")  # families of worlds with several things that move apart from each other
_WALLED = ("puck", "pusht", "pointmaze")
_CALLED = {"pointmaze": "ball", "car": "car", "rover": "robot"}  # by family, what has the position
_NOUNS = {"tee": "T", "along": "runner", "palm": "hand"}  # where the name of the quantity is no word for it
_NO_PLACES = ("opening", "height")
_POINTED = {"right": (1.0, 0.0), "up": (0.0, 1.0), "left": (-1.0, 0.0), "down": (0.0, -1.0)}  # cosine and sine
_JOINTS = {"reacher": {"elbow": "arm", "shoulder": "upper arm"}}


class Concept(NamedTuple):
    """A thing in a relation, perhaps to another thing."""

    thing: str  # noun
    relation: str
    other: str = ""  # noun


@dataclass(frozen=True)
class _Place:
    """A thing that is somewhere: its quantity and, along each axis of the picture, the range of its values."""

    noun: str
    quantity: str
    axes: tuple[tuple[float, ...], ...]  # right, up; of places in space also into the picture
    ranges: tuple[tuple[float, float], ...]

    @property
    def span(self) -> float:
        return max(high - low for low, high in self.ranges[:2])

    def within(self, axis: int, low: float = -np.inf, high: float = np.inf) -> Bound:
        """Between shares of the range along an axis."""
        first, last = self.ranges[axis]
        size = max(last - first, 1e-9)
        return Bound(self.quantity, self.axes[axis], (), first + low * size, first + high * size)


def concepts(world: World) -> dict[Concept, tuple[Bound, ...]]:
    """All that can be said of this world, in an order that does not change; empty where no quantity is known."""
    if not askable(world.task.quantities):
        return {}
    rng = stream(0, "states that are spoken of")
    states = np.stack([world.sample_state(rng) for _ in range(_STATES)])
    family = world.spec_dict["family"]
    named = askable(world.task.quantities)
    places = [_place(world, one, states, family) for one in named if one.unit == "m" and one.name not in _NO_PLACES]
    found: dict[Concept, tuple[Bound, ...]] = {}
    for place in places:
        found |= {Concept(place.noun, name): bounds for name, bounds in _parts(place, family in _WALLED)}
    if family in _BODIES:
        for one, other in itertools.permutations(places, 2):
            found |= {Concept(one.noun, name, other.noun): bounds for name, bounds in _relations(one, other)}
    for joint in (one for one in named if one.unit == "rad"):
        noun = _JOINTS.get(family, {}).get(joint.name, _CALLED.get(family, joint.name))
        found |= {Concept(noun, name): bounds for name, bounds in _angles(joint, states)}
    if family == "arm":
        found |= {Concept("arm", name): bounds for name, bounds in _reach(world.task.quantities[0], states)}
    shares = {name: holds(bounds, world.task.quantities, states).mean() for name, bounds in found.items()}
    return {name: bounds for name, bounds in found.items() if _LEAST <= shares[name] <= _MOST}


def _place(world: World, one: Quantity, states: np.ndarray, family: str) -> _Place:
    values, (right, up, into) = one.read(states), world.scene.view.axes()
    size = values.shape[-1]
    axes: tuple[np.ndarray, ...] = (np.ones(1),) if size == 1 else (right[:2], up[:2])
    if size == 3:  # seen at a slant: up is up in the world
        level = np.array([into[0], into[1], 0.0])
        axes = (right, np.array([0.0, 0.0, 1.0]), level / max(float(np.linalg.norm(level)), 1e-9))
    along = [values @ axis for axis in axes]
    noun = _CALLED.get(family, "point") if one.name == "position" else _NOUNS.get(one.name, one.name.replace("_", " "))
    ends = tuple((float(each.min()), float(each.max())) for each in along)
    return _Place(noun, one.name, tuple(tuple(map(float, axis)) for axis in axes), ends)


def _parts(place: _Place, walls: bool) -> Iterator[tuple[str, tuple[Bound, ...]]]:
    """Parts of where a thing can be."""
    ends = list(zip((SIDES, ENDS[::-1], ("front", "back")), range(len(place.axes)), strict=False))
    outer: dict[str, tuple[Bound, ...]] = {}
    for (low, high), axis in ends:
        outer |= {low: (place.within(axis, high=_THIRD),), high: (place.within(axis, 1 - _THIRD),)}
    yield from outer.items()
    yield "middle", tuple(place.within(axis, _THIRD, 1 - _THIRD) for _, axis in ends[:2])
    if len(ends) > 1:
        yield from ((f"{end} {side}", outer[end] + outer[side]) for end, side in itertools.product(ENDS, SIDES))
    if walls:
        for (low, high), axis in ends[:2]:
            yield f"{low} wall", (place.within(axis, high=_EDGE),)
            yield f"{high} wall", (place.within(axis, 1 - _EDGE),)


def _relations(one: _Place, other: _Place) -> Iterator[tuple[str, tuple[Bound, ...]]]:
    """Where a thing is seen from another: more to that side than aside."""
    right, up = (np.array(axis) for axis in one.axes[:2])
    for name, way, aside in zip(AROUND, (-right, right, up, -up), (up, up, right, right), strict=True):
        gap = Bound(one.quantity, tuple(way.tolist()), other.quantity, _EDGE * one.span)
        more = [Bound(one.quantity, tuple((way + sign * aside).tolist()), other.quantity, 0.0) for sign in (-1, 1)]
        yield name, (gap, *more)
    yield "near", (Bound(one.quantity, None, other.quantity, high=_NEAR * one.span),)
    yield "far from", (Bound(one.quantity, None, other.quantity, _FAR * one.span),)


def _angles(joint: Quantity, states: np.ndarray) -> Iterator[tuple[str, tuple[Bound, ...]]]:
    """How a single joint is bent, or where it points if it turns."""
    if joint.read(states).shape[-1] != 1:
        return
    if np.any(joint.turns):
        for name, axis in _POINTED.items():
            yield f"pointing {name}", (Bound(joint.name, axis, (), _TOWARDS),)
        return
    most = float(np.abs(joint.read(states)).max())
    yield "folded", (Bound(joint.name, None, (), _BENT * most),)
    yield "stretched", (Bound(joint.name, None, (), high=_STRAIGHT * most),)


def _reach(palm: Quantity, states: np.ndarray) -> Iterator[tuple[str, tuple[Bound, ...]]]:
    """How far a hand is from the foot of its arm."""
    low, high = np.quantile(np.linalg.norm(palm.read(states), axis=-1), (0.12, 0.88))
    yield "folded", (Bound(palm.name, None, (), high=float(low)),)
    yield "stretched", (Bound(palm.name, None, (), float(high)),)
