"""Scenes in which a quantity shows in how things move, and in no single picture; and starts that have two futures."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from envs.physics.scenario import DT, FRAMES, Law, Scenario
from envs.physics.scenes import Draw, arriving, colours, law, look, mover
from envs.streams import stream

_MIDDLE = FRAMES // 2  # the frame in which things are where they are, whatever the quantity is
FUTURES = ("gravity", "friction", "action")  # what differs between two futures of one start


def measurable(name: str, seed: int, index: int) -> tuple[Scenario, float]:
    """A scene, and the value of the quantity of this name in it."""
    return QUANTITIES[name](stream(seed, "scenes of quantities", tuple(QUANTITIES).index(name), index))


def two_futures(name: str, seed: int, index: int) -> list[Scenario]:
    """The same start twice; what FUTURES names is low in the first and high in the second."""
    rng = stream(seed, "two futures", FUTURES.index(name), index)
    if name == "gravity":
        one, _ = _gravity(rng)
        return [replace(one, law=replace(one.law, gravity=value)) for value in (2.0, 4.0)]
    one, _ = _friction(rng)
    if name == "friction":
        return [replace(one, law=replace(one.law, friction=value)) for value in (0.05, 0.35)]
    still = replace(one.movers[0], velocity=(0.0, 0.0), place=(0.0, one.movers[0].place[1]))
    wait = (0.0,) * _MIDDLE
    return [replace(one, movers=(still,), pushes=wait + (value,) * _MIDDLE) for value in (-1.0, 1.0)]


def _gravity(rng: Draw) -> tuple[Scenario, float]:
    """In flight all the time, highest near the middle."""
    gravity, speed, across, half = rng.uniform(1.5, 4.5), rng.uniform(-0.3, 0.3), rng.uniform(-1, 1), _MIDDLE * DT
    height = rng.uniform(2.1, 2.5) - speed * half - gravity * half**2 / 2
    place, velocity = (rng.uniform(-0.5, 0.5) - across * half, height), (across, speed + gravity * half)
    one = replace(mover(rng, "ball"), place=place, velocity=velocity)
    return Scenario((one,), law(rng, gravity=gravity, drag=0.0), look(rng)), gravity


def _friction(rng: Draw) -> tuple[Scenario, float]:
    """Slides all the time."""
    friction = rng.uniform(0.05, 0.4)
    speed = rng.uniform(1.6, 2.2) + friction * 5.0 * _MIDDLE * DT
    one = Scenario((mover(rng, "box", 0.0, speed),), Law(5.0, friction, 0.1, 0.0), look(rng))
    return arriving(one, _MIDDLE, rng.uniform(-0.3, 0.3)), friction


def _mass(rng: Draw) -> tuple[Scenario, float]:
    """Hits another, whose density is always 1; told as the logarithm of its own."""
    dense, (colour, other), x = rng.uniform(-1.2, 1.2), colours(rng), rng.uniform(-0.3, 0.3)
    one = replace(mover(rng, "ball", 0.0, rng.uniform(1.6, 2.0)), radius=0.24, place=(0.0, 0.24), colour=colour)
    laws = law(rng, friction=0.0, restitution=0.8)
    free = Scenario((replace(one, density=float(np.exp(dense))),), laws, look(rng))
    free = arriving(free, int(rng.integers(10, 15)), x - 2 * one.radius)
    still = replace(one, colour=other, place=(x, 0.24), velocity=(0.0, 0.0))
    return replace(free, movers=(*free.movers, still)), dense


def _velocity(rng: Draw) -> tuple[Scenario, float]:
    body = mover(rng, "ball", 0.0, rng.choice((-1, 1)) * rng.uniform(0.4, 2.2))
    one = arriving(Scenario((body,), law(rng, drag=0.0), look(rng)), _MIDDLE, rng.uniform(-0.5, 0.5))
    return one, body.velocity[0]


def _momentum(rng: Draw) -> tuple[Scenario, float]:
    """All are of one stuff, so that the size tells the mass."""
    one, speed = _velocity(rng)
    return one, one.movers[0].mass * speed


def _restitution(rng: Draw) -> tuple[Scenario, float]:
    """Falls to the floor and bounces."""
    restitution, body = rng.uniform(0.1, 0.9), mover(rng, "ball", rng.uniform(-0.8, 0.8), 0.0, rng.uniform(0.9, 1.1))
    one = replace(body, velocity=(0.0, rng.uniform(-0.4, 0.4)))
    return Scenario((one,), law(rng, gravity=5.0, restitution=restitution, drag=0.0), look(rng)), restitution


_MAKERS = (_gravity, _friction, _mass, _momentum, _restitution, _velocity)
QUANTITIES: dict[str, Callable[[Draw], tuple[Scenario, float]]] = {make.__name__[1:]: make for make in _MAKERS}
