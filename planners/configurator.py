"""The configurator: decides in every control step how it is planned, by rules that can be read, and says why.

It knows how far the goal is estimated to be, how far what is seen is from what was imagined, and how long nothing has
become better (the module of that name in LeCun 2022, A Path Towards Autonomous Machine Intelligence). Rules, in order:

1. No nearer for `give_up` control steps: give up, say so, and hold still from then on.
2. Surprised, or lately so: what was planned, and the way that was being followed, are void; search from scratch.
3. Else: go on with what was planned.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from planners.interface import Distance, Generators, Memory, Plan, Planner, WorldModel
from planners.settings import setting

ONWARD, AFRESH, REST = "onward", "afresh", "rest"
_GAIN = 1.0  # control steps by which the goal must become nearer to count as progress


@dataclass(frozen=True)
class ConfigureSettings:
    """When the planner `configured` changes its ways."""

    alarm: float = setting(
        1.2, "times the error that recordings have once in a thousand steps, from where on it is a surprise", 0, 1e3
    )
    wary: int = setting(2, "control steps from a surprise on in which configured searches from scratch", 1, 1000)
    give_up: int = setting(60, "control steps without getting nearer, after which configured gives up", 1, 1e6)


@dataclass(frozen=True)
class Decision:
    """What was decided for one environment in one control step."""

    way: str  # ONWARD, AFRESH or REST
    why: str  # in words
    steps: float  # estimated control steps to the goal
    surprise: float  # root mean square of what is seen less what was imagined; 0 where nothing was
    surprised: bool


@dataclass(frozen=True)
class Course:
    """How it has gone so far in one environment, towards one goal."""

    least: float = float("inf")  # fewest estimated control steps to the goal
    waited: int = 0  # control steps since then
    wary: int = 0  # control steps for which it stays so
    given_up: bool = False


@dataclass(frozen=True)
class _Known:
    """Of one environment: its goal (D,), on the CPU, what was imagined for the next plan (*Z), and how it has gone."""

    goal: Tensor
    expected: Tensor
    course: Course
    below: Any  # memory of the planner that is configured


def decide(
    course: Course, steps: float, surprise: float, threshold: float, rules: ConfigureSettings, passed: int = 1
) -> tuple[Course, Decision]:
    """The rules above: the course from now on, and the decision. `passed`: control steps since the last one."""
    surprised = surprise > threshold
    fresh = surprised or steps < course.least - _GAIN  # a push takes one back: what came before counts no more
    waited = 0 if fresh else course.waited + passed
    wary = rules.wary if surprised else max(0, course.wary - passed)
    now = Course(steps if fresh else course.least, waited, wary, course.given_up or waited >= rules.give_up)
    if now.given_up:
        way, why = REST, f"given up: no nearer than {now.least:.0f} steps in {rules.give_up} steps"
    elif surprised:
        way, why = AFRESH, f"surprised by {surprise / threshold:.1f} times what is taken for usual: from scratch"
    elif wary:
        way, why = AFRESH, "surprised lately: from scratch"
    else:
        way, why = ONWARD, f"{steps:.0f} steps to go"
    return now, Decision(way, why, steps, surprise, surprised)


class Configured:
    """Plans each environment as is decided for it; itself a planner.

    Args:
        planner: what is configured, flat or with subgoals.
        distance: steps from one latent to another.
        surprising: root mean square error of the next latent that recordings exceed once in a thousand steps; None: not
            known, and nothing is a surprise.
        execute: control steps from one call of this planner to the next.
    """

    def __init__(
        self,
        planner: Planner,
        model: WorldModel,
        distance: Distance,
        rules: ConfigureSettings,
        surprising: float | None,
        execute: int = 1,
    ) -> None:
        self.planner, self.model, self.distance, self.rules, self.execute = planner, model, distance, rules, execute
        self.horizon = planner.horizon
        self.threshold = float("inf") if surprising is None else rules.alarm * surprising

    @torch.no_grad()
    def __call__(
        self, z: Tensor, target: Tensor, start: Tensor | None, generators: Generators, memory: Memory = None
    ) -> Plan:
        """See `planners.interface.Planner`; latents are vectors. `Plan.decided` says what was decided."""
        known: list[_Known | None] = list(memory or [None] * len(z))
        goals, courses, decisions, below = target.cpu(), [], [], []
        for goal, one, (steps, surprise) in zip(goals, known, self._measured(z, target, known), strict=True):
            course = one.course if one is not None and torch.equal(one.goal, goal) else Course()
            course, decision = decide(course, steps, surprise, self.threshold, self.rules, self.execute)
            courses.append(course)
            decisions.append(decision)
            below.append(one.below if one is not None and decision.way == ONWARD else None)
        middle = ((self.model.action_low + self.model.action_high) / 2).expand(len(z), self.horizon, -1)
        afresh, rest = (torch.tensor([one.way == way for one in decisions], device=z.device) for way in (AFRESH, REST))
        begin = middle if start is None else torch.where(afresh[:, None, None], middle, start)
        plan = self.planner(z, target, begin, generators, below)
        actions = torch.where(rest[:, None, None], middle, plan.actions)
        kept = zip(goals, plan.imagined[:, self.execute - 1], courses, plan.memory or [None] * len(z), strict=True)
        return replace(plan, actions=actions, memory=tuple(_Known(*one) for one in kept), decided=tuple(decisions))

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
