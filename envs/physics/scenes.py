"""Possible scenes, drawn at random: what is recorded for training. Each kind shows some of the laws at work."""

import colorsys
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from envs.physics.scenario import BOARD, HALF, SHAPES, Colour, Law, Look, Mover, Scenario
from envs.physics.stage import simulate

Draw = np.random.Generator
TIED = 1.0, 1.3  # m above a board, where a rope begins that holds what stands on it
TWO_SCREENS = ((-0.66, 0.34, 1.0), (0.66, 0.34, 1.0))  # with a gap in which a body is seen to pass


def scenario(kind: str, rng: Draw) -> Scenario:
    """A scene of one of KINDS."""
    return replace(KINDS[kind](rng), kind=kind, mirror=bool(rng.random() < 0.5))


def law(rng: Draw, **fixed: float) -> Law:
    """Laws at random, but for those that are fixed."""
    drawn = rng.uniform(1.5, 8), rng.uniform(0.05, 0.4), rng.uniform(0.1, 0.9), rng.uniform(0, 0.4)
    return replace(Law(*drawn), **fixed)


def look(rng: Draw) -> Look:
    """Colours, light and camera at random; what stands there is pale or dark, bodies are bright."""
    hues = rng.random(4)
    floor, wall, things = (
        colorsys.hsv_to_rgb(hue, rng.uniform(0.05, 0.3), value)
        for hue, value in zip(hues[:3], rng.permutation([0.45, 0.65, 0.85]), strict=True)
    )
    screen = colorsys.hsv_to_rgb(hues[3], rng.uniform(0.1, 0.35), rng.uniform(0.12, 0.28))
    return Look(floor, wall, things, screen, rng.uniform(0.55, 0.8), rng.uniform(-10, 10), rng.uniform(6, 14))


def colours(rng: Draw) -> tuple[Colour, Colour]:
    """Two bright ones that are far apart."""
    hue = rng.random()
    first, second = (
        colorsys.hsv_to_rgb((hue + shift) % 1, rng.uniform(0.8, 1), rng.uniform(0.8, 1))
        for shift in (0, rng.uniform(0.3, 0.7))
    )
    return first, second


def mover(rng: Draw, shape: str | None = None, x: float = 0.0, v: float = 0.0, on: float = 0.0) -> Mover:
    """A body that stands at ``x`` on something of the height ``on``, moving with ``v``."""
    one = Mover(shape or str(rng.choice(SHAPES)), rng.uniform(0.2, 0.28), colours(rng)[0], (x, 0.0), (v, 0.0))
    return replace(one, place=(x, on + one.half_height))


def arriving(one: Scenario, at: int, x: float) -> Scenario:
    """The scenario with its first body begun where it comes to ``x`` in the frame ``at``, if nothing is in its way."""
    first = one.movers[0]
    gone = simulate(one, at + 1).places[at, 0] - first.place[0]
    return replace(one, movers=(replace(first, place=(x - gone, first.place[1])), *one.movers[1:]))


def passing(rng: Draw, at: int) -> Scenario:
    """A body moves behind a screen, in the middle of which it is in the frame ``at``, and out again."""
    screen = rng.uniform(-0.4, 0.4), rng.uniform(0.42, 0.5), rng.uniform(0.9, 1.2)
    body = mover(rng, None, 0.0, rng.uniform(1.5, 2.3))
    return arriving(Scenario((body,), law(rng, friction=0.0), look(rng), (screen,)), at, screen[0])


def resting(rng: Draw) -> Scenario:
    """A screen rises before a body at rest, and sinks again."""
    screen = rng.uniform(-0.6, 0.6), rng.uniform(0.46, 0.54), rng.uniform(0.9, 1.2)
    body = mover(rng, None, screen[0] + rng.uniform(-0.03, 0.03))
    return Scenario((body,), law(rng), look(rng), (screen,), rises=int(rng.integers(6, 14)))


def pushed(rng: Draw, frames: int) -> Scenario:
    """A body on the floor that is pushed about: the only scene in which actions do something."""
    one = mover(rng, None, rng.uniform(-HALF / 2, HALF / 2), rng.uniform(-0.5, 0.5))
    pushes = np.repeat(rng.uniform(-1, 1, -(-frames // 8)), 8)[: frames - 1]
    return Scenario((one,), law(rng), look(rng), pushes=tuple(map(float, pushes)), kind="pushed")


def _rolling(rng: Draw) -> Scenario:
    one = mover(rng, "ball", rng.uniform(-2, -0.5), rng.uniform(0.6, 2.6))
    ahead = mover(rng, "ball", one.place[0] + rng.uniform(0.6, 1.5), one.velocity[0] + rng.uniform(0.2, 1))
    return Scenario((one, ahead)[: rng.integers(1, 3)], law(rng), look(rng))


def _sliding(rng: Draw) -> Scenario:
    body = mover(rng, str(rng.choice(SHAPES[1:])), rng.uniform(-1.8, -0.4), rng.uniform(1, 2.8))
    return Scenario((body,), law(rng), look(rng))


def _falling(rng: Draw) -> Scenario:
    laws, looks, way, top = law(rng), look(rng), rng.random(), rng.uniform(0.8, 1.7)
    if way < 0.5:  # thrown, or let go
        place, velocity = (rng.uniform(-1.4, 0.5), rng.uniform(0.8, 2.4)), (rng.uniform(0, 1.4), rng.uniform(-0.5, 3))
        return Scenario((replace(mover(rng), place=place, velocity=velocity),), laws, looks)
    if way < 0.75:  # over the edge
        body, edge = mover(rng, "ball", 0.0, rng.uniform(1, 2.2), top), rng.uniform(-0.8, 0.8)
        one = arriving(Scenario((body,), laws, looks, platform=(-20, 20, top)), int(rng.integers(6, 18)), edge)
        return replace(one, platform=(-2.6, edge, top))
    x = rng.uniform(-0.8, 0.8)  # what carries it goes, now and then a rope holds it
    board = x - rng.uniform(0.4, 0.7), x + rng.uniform(0.4, 0.7), top
    rope = (x, top + rng.uniform(*TIED)) if rng.random() < 0.4 else None
    body, leaves = mover(rng, None, x, 0.0, top), int(rng.integers(6, 18))
    return Scenario((body,), laws, looks, platform=board, leaves=leaves, rope=rope)


def _colliding(rng: Draw) -> Scenario:
    laws, looks = law(rng, friction=rng.uniform(0, 0.15)), look(rng)
    one, low = mover(rng, None, -1.5, rng.uniform(1.2, 2.6)), float(rng.choice((0.0, 0.8)))
    if rng.random() < 0.4:
        return Scenario((one,), laws, looks, gate=(rng.uniform(-0.3, 0.7), low))
    one = replace(one, density=float(np.exp(rng.uniform(-1.1, 1.1))))
    other = mover(rng, None, rng.uniform(-0.3, 0.6), rng.choice((0.0, rng.uniform(-1, 0.4))))
    gate = other.place[0] + other.radius + rng.uniform(0.1, 0.8), low
    return Scenario((one, other), laws, looks, gate=gate if rng.random() < 0.5 else None)


def _pendulum(rng: Draw) -> Scenario:
    rope, length, angle = (rng.uniform(-0.3, 0.3), rng.uniform(2.3, 2.7)), rng.uniform(0.9, 1.8), rng.uniform(0.3, 1.3)
    place = rope[0] + length * math.sin(angle), rope[1] - length * math.cos(angle)
    return Scenario((replace(mover(rng, "ball"), place=place),), law(rng), look(rng), rope=rope)


def _ramp(rng: Draw) -> Scenario:
    x, z, incline = rng.uniform(-0.6, 0), rng.uniform(0.6, 0.9), rng.uniform(0.15, 0.45)
    across, down = math.cos(incline), math.sin(incline)
    along, speed = rng.uniform(-0.9, -0.4), 0.0
    if rng.random() < 0.3:  # uphill, and down again
        along, speed = rng.uniform(0.5, 0.9), -rng.uniform(1.2, 2.2)
    one = mover(rng, "ball")
    off = one.radius + BOARD
    place = x + along * across + off * down, z - along * down + off * across
    one = replace(one, place=place, velocity=(speed * across, -speed * down))
    return Scenario((one,), law(rng, restitution=0.1), look(rng), plank=(x, z, incline))


def _stack(rng: Draw) -> Scenario:
    top = rng.choice((0.0, rng.uniform(0.8, 1.2)))
    below = mover(rng, "box", rng.uniform(-0.6, 0.6), 0.0, top)
    x = below.place[0]
    above = mover(rng, str(rng.choice(SHAPES[1:])), x + rng.uniform(0, 0.4), 0.0, top + 2 * below.half_height)
    laws, leaves = law(rng, friction=0.4, restitution=0.1), int(rng.integers(8, 60))
    return Scenario((below, above), laws, look(rng), platform=(x - 0.6, x + 0.6, top) if top else None, leaves=leaves)


def _occluder(rng: Draw) -> Scenario:
    if rng.random() < 0.5:
        return resting(rng)
    one = passing(rng, int(rng.integers(8, 22)))
    one = replace(one, screens=TWO_SCREENS) if rng.random() < 0.3 else one
    return replace(one, movers=one.movers[: rng.integers(0, 6)])  # now and then, nobody comes


_MAKERS = (_rolling, _falling, _colliding, _sliding, _pendulum, _ramp, _stack, _occluder)
KINDS: dict[str, Callable[[Draw], Scenario]] = {make.__name__[1:]: make for make in _MAKERS}
