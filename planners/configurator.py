"""The configurator: decides in every control step how it is planned, by rules that can be read, and says why.

It knows how far the goal is estimated to be, how far what is seen is from what was imagined, how long nothing has
become better, and how long a search takes (the module of that name in LeCun 2022, A Path Towards Autonomous Machine
Intelligence). In each part the first rule that holds decides:

    way        rest        no nearer for `give_up` control steps: give up, say so, and hold still from then on
               afresh      surprised, or within `wary` steps of it: what was planned, and the way followed, are void
               onward      else: go on with what was planned
    planner    actor       the quickest search took `late` times `milliseconds`, a fitted policy is at hand and nothing
                           is forbidden: it acts, without a search
               still       at most `arrived` steps to go: straight, and effort counts `standstill` more
               landmarks   more than `far` horizons to go (once so, more than two thirds of that): the hierarchy
               flat        else: straight to the goal
    horizon    the whole   with landmarks
               shorter     else, near the goal: twice the steps to go, at least `shortest`
"""

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from planners.interface import Distance, Generators, Memory, Plan, Planner, WorldModel
from planners.settings import setting

ONWARD, AFRESH, REST = "onward", "afresh", "rest"
FLAT, STILL, LANDMARKS, ACTOR = "flat", "still", "landmarks", "actor"
_GAIN = 1.0  # control steps by which the goal must become nearer to count as progress
_AGAIN = 2 / 3  # of the steps from which on landmarks are aimed at: so near, they are no longer
_TRIED = 3  # searches before one knows how long they take: the first one loads code


@dataclass(frozen=True)
class ConfigureSettings:
    """When the planner `configured` changes its ways."""

    alarm: float = setting(
        1.2, "times the error that recordings have once in a thousand steps, from where on it is a surprise", 0, 1e3
    )
    wary: int = setting(2, "control steps from a surprise on in which configured searches from scratch", 1, 1000)
    give_up: int = setting(60, "control steps without getting nearer, after which configured gives up", 1, 1e6)
    far: float = setting(2.0, "horizons to the goal, beyond which configured aims at landmarks", 0, 1e4)
    arrived: float = setting(1.0, "control steps to the goal, within which effort counts more for configured", 0, 1e4)
    standstill: float = setting(0.1, "weight of the effort that it adds there", 0, 1e6)
    shortest: int = setting(4, "control steps that configured looks ahead at least, near the goal", 1, 200)
    late: float = setting(
        1.5, "times planner.milliseconds that a search takes, from where on configured leaves it to a policy", 0, 1e4
    )


@dataclass(frozen=True)
class Decision:
    """What was decided for one environment in one control step."""

    way: str  # ONWARD, AFRESH or REST
    why: str  # in words
    steps: float  # estimated control steps to the goal
    surprise: float  # root mean square of what is seen less what was imagined; 0 where nothing was
    surprised: bool
    planner: str = FLAT  # or STILL, LANDMARKS, ACTOR; REST where nobody plans
    horizon: int = 0  # control steps that it looks ahead
    calls: int = 0  # predictor steps that this took


@dataclass(frozen=True)
class Course:
    """How it has gone so far in one environment, towards one goal."""

    least: float = float("inf")  # fewest estimated control steps to the goal
    waited: int = 0  # control steps since then
    wary: int = 0  # control steps for which it stays so
    given_up: bool = False
    planner: str = FLAT  # who planned last


@dataclass(frozen=True)
class _Known:
    """Of one environment: its goal (D,), on the CPU, what was imagined for the next plan (*Z), and how it has gone."""

    goal: Tensor
    expected: Tensor
    course: Course
    below: Any  # memory of the hierarchy


def decide(
    course: Course, steps: float, surprise: float, threshold: float, rules: ConfigureSettings, passed: int = 1
) -> tuple[Course, Decision]:
    """The way, by the rules above: the course from now on, and the decision. `passed`: steps since the last one."""
    surprised = surprise > threshold
    fresh = surprised or steps < course.least - _GAIN  # a push takes one back: what came before counts no more
    waited = 0 if fresh else course.waited + passed
    wary = rules.wary if surprised else max(0, course.wary - passed)
    given_up = course.given_up or waited >= rules.give_up
    now = replace(course, least=steps if fresh else course.least, waited=waited, wary=wary, given_up=given_up)
    if now.given_up:
        way, why = REST, f"given up: no nearer than {now.least:.0f} steps in {rules.give_up} steps"
    elif surprised:
        way, why = AFRESH, f"surprised by {surprise / threshold:.1f} times what is taken for usual: from scratch"
    elif wary:
        way, why = AFRESH, "surprised lately: from scratch"
    else:
        way, why = ONWARD, f"{steps:.0f} steps to go"
    return now, Decision(way, why, steps, surprise, surprised, REST if now.given_up else FLAT)


def choose(
    before: str, steps: float, at_hand: Collection[str], horizon: int, took: float, rules: ConfigureSettings
) -> tuple[str, int, str]:
    """Who plans, by the rules above, how many control steps ahead, and why.

    Args:
        before: who planned last.
        steps: estimated control steps to the goal.
        at_hand: who could.
        horizon: of all planners.
        took: of the time that a plan may take, how much a search of one control step ahead takes.
    """
    ahead = min(horizon, max(rules.shortest, math.ceil(min(horizon, 2 * steps))))
    if ACTOR in at_hand and took * ahead > rules.late:
        return ACTOR, horizon, "no time for a search: the policy acts"
    if STILL in at_hand and steps <= rules.arrived:
        return STILL, ahead, f"arrived: effort counts, {ahead} steps ahead"
    if LANDMARKS in at_hand and steps > rules.far * horizon * (_AGAIN if before == LANDMARKS else 1.0):
        return LANDMARKS, horizon, f"far: by landmarks, {horizon} steps ahead"
    return FLAT, ahead, f"straight, {ahead} steps ahead"


class Configured:
    """Plans each environment as is decided for it; itself a planner.

    Args:
        planners: FLAT, and whatever else is at hand; all searching ones of the same horizon.
        distance: steps from one latent to another.
        surprising: root mean square error of the next latent that recordings exceed once in a thousand steps; None: not
            known, and nothing is a surprise.
        execute: control steps from one call of this planner to the next.
        milliseconds: that a plan may take; None: as long as it takes.
        clock: s.
    """

    def __init__(
        self,
        planners: Mapping[str, Planner],
        model: WorldModel,
        distance: Distance,
        rules: ConfigureSettings,
        surprising: float | None,
        execute: int = 1,
        milliseconds: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.planners, self.model, self.distance, self.execute = planners, model, distance, execute
        self.horizon, self.milliseconds, self.clock = planners[FLAT].horizon, milliseconds, clock
        self.rules = replace(rules, shortest=max(rules.shortest, execute))
        self.threshold = float("inf") if surprising is None else rules.alarm * surprising
        self._searches, self._quickest = 0, float("inf")  # ms for each control step that a search looked ahead

    @torch.no_grad()
    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`; latents are vectors. `Plan.decided` says what was decided."""
        known: list[_Known | None] = list(memory or [None] * len(z))
        goals, decided, courses, below = target.cpu(), list[Decision](), list[Course](), list[Any]()
        for goal, one, (steps, surprise) in zip(goals, known, self._measured(z, target, known), strict=True):
            course = one.course if one is not None and torch.equal(one.goal, goal) else Course()
            course, decision = decide(course, steps, surprise, self.threshold, self.rules, self.execute)
            if decision.way != REST:
                who, ahead, why = choose(course.planner, steps, self.planners, self.horizon, self._share(), self.rules)
                decision = replace(decision, planner=who, horizon=ahead, why=f"{decision.why}; {why}")
            decided.append(decision)
            courses.append(replace(course, planner=decision.planner))
            below.append(one.below if one is not None and decision.way == ONWARD else None)
        middle = self._middle(len(z), self.horizon)
        afresh = torch.tensor([one.way == AFRESH for one in decided], device=z.device)
        begin = middle if start is None else torch.where(afresh[:, None, None], middle, start)
        found: list[Any] = [None] * len(z)
        for who, ahead in dict.fromkeys((one.planner, one.horizon) for one in decided):
            rows = [row for row, one in enumerate(decided) if (one.planner, one.horizon) == (who, ahead)]
            own = [generators[row] for row in rows], [below[row] for row in rows]
            plan = self._planned(who, z[rows], target[rows], begin[rows, : ahead or None], *own)
            for at, row in enumerate(rows):
                found[row] = [
                    getattr(plan, name)[at] for name in ("actions", "imagined", "energy", "target", "subgoal")
                ]
                decided[row] = replace(decided[row], calls=plan.calls)
                below[row] = plan.memory[at] if plan.memory is not None else below[row]
        actions, imagined, energy, aims, subgoals = (torch.stack(each) for each in zip(*found, strict=True))
        kept = zip(goals, imagined[:, self.execute - 1], courses, below, strict=True)
        calls = round(sum(one.calls for one in decided) / len(z))
        memory = tuple(_Known(*one) for one in kept)
        return Plan(actions, imagined, energy, aims, calls, subgoals, memory, tuple(decided))

    def _planned(
        self, who: str, z: Tensor, target: Tensor, start: Tensor, generators: Generators, below: list[Any]
    ) -> Plan:
        """A plan by one of the planners over the whole horizon: past what it looked ahead, nothing is done."""
        if who in (REST, ACTOR):
            acted = None if who == REST else self.planners[ACTOR](z, target, None, generators).actions
            held = self._middle(len(z), 1) if acted is None else acted[:, :1]
            actions = held.repeat(1, self.horizon, 1)
            imagined, nothing = self.model.rollout(z, actions[:, None])[:, 0], z.new_zeros(len(z))
            return Plan(actions, imagined, nothing, target, self.horizon, torch.full((len(z),), -1))
        began = self.clock()
        plan = self.planners[who](z, target, start, generators, below if who == LANDMARKS else None)
        took = 1000 * (self.clock() - began) / len(z) / start.shape[1]
        self._searches, self._quickest = self._searches + 1, min(self._quickest, took)
        left = self.horizon - start.shape[1]
        actions = torch.cat([plan.actions, self._middle(len(z), left)], dim=1)
        return replace(
            plan, actions=actions, imagined=torch.cat([plan.imagined, *[plan.imagined[:, -1:]] * left], dim=1)
        )

    def _middle(self, count: int, steps: int) -> Tensor:
        return ((self.model.action_low + self.model.action_high) / 2).expand(count, steps, -1)

    def _share(self) -> float:
        """Of the time that a plan may take, how much a search of one control step ahead takes; 0: not known yet."""
        known = self.milliseconds is not None and self._searches >= _TRIED
        return self._quickest / self.milliseconds if known and self.milliseconds else 0.0

    def _measured(self, z: Tensor, target: Tensor, known: list[_Known | None]) -> list[list[float]]:
        """Estimated steps to the goals, and surprises, of each environment; on the CPU one by one."""
        expected = torch.stack([here if one is None else one.expected for here, one in zip(z, known, strict=True)])
        parts = [(z, target, expected)]
        if z.device.type == "cpu":
            parts = list(zip(z.split(1), target.split(1), expected.split(1), strict=True))
        found = [
            torch.stack([self.distance.steps(here, goal), (here - before).square().mean(dim=-1).sqrt()], dim=1)
            for here, goal, before in parts
        ]
        return torch.cat(found).tolist()
