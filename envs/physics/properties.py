"""Violations of expectation: two clips that can be, and the two that cannot and exchange their second halves.

Every clip is spliced of states of the simulator. The first halves of a possible clip and of its impossible partner are
the same frames; and whatever is in the possible two, a motion to the left, a bright picture, much that moves, is as
often in the impossible two. Some halves are exchanged while the body is behind a screen, so that no jump is seen;
others where both motions are at the same place.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from envs.physics.scenario import DT, PROPERTIES, SHAPES, Mover, Scenario
from envs.physics.scenes import TIED, TWO_SCREENS, Draw, arriving, colours, law, look, mover, passing, resting
from envs.physics.stage import RISING, TOLD, UP, Motion, draw, simulate
from envs.streams import stream

CHANGES = ("teleport", "shape", "colour", "nothing")  # in plain view, from the grossest to none

# Two possible scenarios, and the frame from which on they are exchanged; None: that in which the two motions part.
Halves = tuple[Scenario, Scenario, int | None]


@dataclass(frozen=True)
class Quadruplet:
    """Four clips of one property."""

    possible: np.ndarray  # (2, T, h, w, 3) uint8
    impossible: np.ndarray  # the same, impossible[k] begins as possible[k] does
    at: int  # the first frame in which partners differ
    places: np.ndarray  # (4, T, 9) qpos of all four: the possible ones, then the impossible ones


def quadruplet(name: str, seed: int, index: int, size: int) -> Quadruplet:
    """One of the property of this name; ``size``: side of the frames in pixels."""
    rng = stream(seed, "quadruplets", PROPERTIES.index(name), index)
    first, second, at = _HALVES[name](rng)
    mirror = bool(rng.random() < 0.5)
    return spliced((replace(first, mirror=mirror), replace(second, mirror=mirror)), at, size)


def spliced(scenarios: tuple[Scenario, Scenario], at: int | None, size: int) -> Quadruplet:
    """The four clips of two possible scenarios; ``at`` as in `Halves`."""
    motions = [simulate(one) for one in scenarios]
    at = parting(*motions) if at is None else at
    possible = [draw(one, motion.places, size) for one, motion in zip(scenarios, motions, strict=True)]
    places, impossible = [one.places for one in motions], []
    for mine, other in ((0, 1), (1, 0)):
        mixed = places[mine].copy()
        mixed[at:, :TOLD] = places[other][at:, :TOLD]
        # What stands there stays, and a rope is as long as it was; the bodies are those of the other.
        seen = scenarios[mine] if scenarios[mine].rope else replace(scenarios[mine], movers=scenarios[other].movers)
        rest = possible[other][at:] if seen == scenarios[other] else draw(seen, mixed[at:], size)
        impossible.append(np.concatenate([possible[mine][:at], rest]))
        places.append(mixed)
    return Quadruplet(np.stack(possible), np.stack(impossible), at, np.stack(places))


def parting(first: Motion, second: Motion) -> int:
    """The first frame in which bodies are at different places. Raises ValueError: they are always at the same."""
    apart = np.abs(first.places - second.places)[:, :TOLD].max(axis=1) > 1e-6
    if not apart.any():
        raise ValueError("the two motions never part")
    return int(apart.argmax())


def changes(seed: int, index: int, size: int) -> dict[str, np.ndarray]:
    """One scene in plain view, (T, h, w, 3) by name: each of CHANGES half-way, and as it "was"."""
    rng = stream(seed, "changes in plain view", index)
    at = int(rng.integers(13, 19))
    one = replace(_crossing(rng, at, rng.uniform(-0.3, 0.3), "ball"), mirror=bool(rng.random() < 0.5))
    body = one.movers[0]
    altered = {
        "teleport": replace(body, place=(body.place[0] - rng.uniform(0.6, 0.9), body.place[1])),
        "shape": _reshaped(body, str(rng.choice(SHAPES[1:]))),
        "colour": _recoloured(rng, body),
        "nothing": body,
    }
    clips = {name: spliced((one, replace(one, movers=(other,))), at, size) for name, other in altered.items()}
    return {**{name: clip.impossible[0] for name, clip in clips.items()}, "was": clips["nothing"].possible[0]}


def _hidden(rng: Draw, change: Callable[[Mover], tuple[Mover, ...]]) -> Halves:
    """A body passes behind a screen, or a screen rises before it; the other scene has another body, or none."""
    at = int(rng.integers(14, 19))
    one = passing(rng, at) if rng.random() < 0.5 else resting(rng)
    if one.rises is not None:
        at = one.rises + (RISING + UP) // 2
    return one, replace(one, movers=change(one.movers[0])), at


def _permanence(rng: Draw) -> Halves:
    return _hidden(rng, lambda body: ())


def _shape(rng: Draw) -> Halves:
    return _hidden(rng, lambda body: (_reshaped(body, str(rng.choice([s for s in SHAPES if s != body.shape]))),))


def _colour(rng: Draw) -> Halves:
    return _hidden(rng, lambda body: (_recoloured(rng, body),))


def _continuity(rng: Draw) -> Halves:
    """A body passes behind two screens; it is behind one of them while in the other scene it is behind the other."""
    at, body = int(rng.integers(14, 18)), replace(mover(rng, None, 0.0, rng.uniform(1.7, 2.2)), radius=0.21)
    body = replace(body, place=(0.0, body.half_height))
    one = Scenario((body,), law(rng, friction=0.0), look(rng), TWO_SCREENS)
    return *(arriving(one, at, screen[0]) for screen in TWO_SCREENS), at  # type: ignore[return-value]


def _solidity(rng: Draw) -> Halves:
    """A wall is down, or raised so that a ball passes under it."""
    at, x, body = int(rng.integers(12, 17)), rng.uniform(-0.1, 0.4), mover(rng, "ball", 0.0, rng.uniform(1.6, 2.3))
    one = Scenario((body,), law(rng, friction=0.0, restitution=rng.uniform(0.7, 0.95)), look(rng), gate=(x, 0.8))
    one = arriving(one, at, x - body.radius - 0.06)
    return one, replace(one, gate=(x, 0.0)), None


def _gravity(rng: Draw) -> Halves:
    """A ball on a rope is lowest where, in the other scene, one that was thrown is highest; both are as fast there."""
    laws, rope = law(rng, gravity=rng.uniform(2.5, 4), drag=0.0), (rng.uniform(-0.3, 0.3), rng.uniform(2.4, 2.6))
    length, angle = rng.uniform(0.9, 1.2), rng.uniform(0.7, 1.1)
    start = rope[0] - length * math.sin(angle), rope[1] - length * math.cos(angle)
    swung = Scenario((replace(mover(rng, "ball"), place=start),), laws, look(rng), rope=rope)
    motion = simulate(swung)
    low = int((motion.places[:, 0] > rope[0]).argmax())
    at = min(low, int(rng.integers(11, 14)))  # a longer throw would begin in the floor
    swung = _begun(swung, motion.places[low - at], motion.speeds[low - at])
    place, speed = motion.places[low], motion.speeds[low] + [0, laws.gravity * at * DT, 0, 0, 0, 0]
    thrown = _begun(replace(swung, rope=None), place, speed)
    fallen = simulate(thrown, at + 1).places[at]
    return swung, _begun(thrown, 2 * place - fallen, speed), at + 1


def _begun(one: Scenario, place: np.ndarray, speed: np.ndarray) -> Scenario:
    """The scenario with its body begun at the first two of these numbers."""
    (x, z), (v, w) = place[:2].tolist(), speed[:2].tolist()
    return replace(one, movers=(replace(one.movers[0], place=(x, z), velocity=(v, w)),))


def _inertia(rng: Draw) -> Halves:
    """A body crosses from the left, or from the right."""
    at, x = int(rng.integers(13, 18)), rng.uniform(-0.4, 0.4)
    one = _crossing(rng, at, x)
    back = replace(one.movers[0], velocity=(-one.movers[0].velocity[0], 0.0))
    return one, arriving(replace(one, movers=(back,)), at, x), at


def _support(rng: Draw) -> Halves:
    """What carries a body is drawn away; it falls, or a rope holds it."""
    x, top, leaves = rng.uniform(-0.8, 0.8), rng.uniform(1.0, 1.6), int(rng.integers(11, 16))
    board = x - 0.55, x + 0.55, top
    one = Scenario((mover(rng, None, x, 0.0, top),), law(rng), look(rng), platform=board, leaves=leaves)
    return one, replace(one, rope=(x, top + rng.uniform(*TIED))), leaves + 1


def _collision(rng: Draw) -> Halves:
    """What is hit goes off, unless a wall is behind it."""
    at, x = int(rng.integers(12, 17)), rng.uniform(-0.1, 0.4)
    one, (colour, other) = mover(rng, "ball", 0.0, rng.uniform(1.6, 2.3)), colours(rng)
    still = replace(one, colour=other, place=(x - one.radius - 0.07, one.radius), velocity=(0.0, 0.0))
    laws = law(rng, friction=0.0, restitution=rng.uniform(0.8, 0.95))
    free = Scenario((replace(one, colour=colour),), laws, look(rng), gate=(x, 0.8))
    free = arriving(free, at, still.place[0] - 2 * one.radius)
    meeting = replace(free, movers=(*free.movers, still))
    return meeting, replace(meeting, gate=(x, 0.0)), None


def _crossing(rng: Draw, at: int, x: float, shape: str | None = None) -> Scenario:
    """A body that moves across in plain view and is at ``x`` in the frame ``at``."""
    body = mover(rng, shape, 0.0, rng.uniform(1.4, 2.2))
    return arriving(Scenario((body,), law(rng, friction=0.0), look(rng)), at, x)


def _reshaped(body: Mover, shape: str) -> Mover:
    """Another shape that stands on the same ground."""
    one = replace(body, shape=shape)
    return replace(one, place=(body.place[0], body.place[1] - body.half_height + one.half_height))


def _recoloured(rng: Draw, body: Mover) -> Mover:
    """In the farthest of a few colours."""
    some = [colours(rng)[0] for _ in range(4)]
    return replace(body, colour=max(some, key=lambda one: float(np.abs(np.subtract(one, body.colour)).sum())))


_MAKERS = (_permanence, _continuity, _shape, _colour, _solidity, _gravity, _inertia, _support, _collision)
_HALVES: dict[str, Callable[[Draw], Halves]] = dict(zip(PROPERTIES, _MAKERS, strict=True))
