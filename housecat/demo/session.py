"""What is played: a world, a player and a goal, moved on by a control step at a time; it knows no page and no clock.

One thread owns a session, for pictures are drawn in the thread that drew the first of them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from envs.goals.drawing import standing_for
from envs.goals.forms import pictures_of
from envs.goals.record import Goal, progress
from envs.registry import make_world
from envs.streams import stream
from housecat.demo.places import NOWHERE, placed, places_of
from housecat.demo.tape import Tape
from housecat.errors import UsageError
from housecat.evaluation.player import Player
from housecat.players.truth import InformedAgent
from housecat.runs.fitted import NEED, scene_of
from housecat.runs.trained import BenchSetup
from housecat.settings.groups import PLAYERS
from housecat.settings.own_code import is_reference
from housecat.settings.schema import Config
from planners.agent import Agent
from planners.interface import Plan
from planners.targets import Targets
from worldmodel.streams import torch_stream

_SAMPLES = 4  # states that stand for a goal of quantities: each is a picture to be encoded
_REST = 10  # control steps at a goal before another one is drawn
_NAN = float("nan")

Compose = Callable[[Sequence[str]], Config]
"""The settings of the command line with further `key=value` behind them; raises UsageError."""


@dataclass(frozen=True)
class Moment:
    """What there is to be seen after a control step. Places are (n, 3) in m, with n = 0 where there is none."""

    step: int  # control steps since the start
    state: np.ndarray  # (S,) simulator state
    frame: np.ndarray  # (h, w, 3) uint8: what the player sees
    goal: np.ndarray  # (h, w, 3) uint8: what it shall look like
    wanted: np.ndarray | None  # (S,) a state at the goal; None: only its picture is known
    aim: np.ndarray  # places of the goal
    path: np.ndarray  # places that are imagined
    subgoal: np.ndarray  # place that is aimed at on the way, where that is not the goal's
    energy: float  # of the plan; NaN where none is made
    surprise: float  # root mean square of the latent that was seen from the one that was imagined; NaN likewise
    milliseconds: float  # that the player took
    reached: bool
    by_hand: bool  # a person acts
    decided: str  # how it is planned, and why, where a player says so


class Session:
    """Plays as long as somebody asks for another step.

    Args:
        setup: the checkpoint, its world and the settings.
        player: name of who plays; None: the planner that is recommended.

    Raises CheckpointError or UsageError: the checkpoint is not there, of another world, or no simulator is known.
    """

    def __init__(self, setup: BenchSetup, compose: Compose, player: str | None = None) -> None:
        if scene_of(setup.spec) is None:
            told = f"nothing is known of the bodies of world '{setup.spec['name']}', which a demo draws and pushes"
            raise UsageError(f"{told}: name another checkpoint")
        self.setup, self._compose, self.world = setup, compose, make_world(setup.spec)
        self.trained = setup.load()
        self._places = places_of(self.world, self.trained.landmarks)
        self.changed: dict[str, str] = {}  # settings, as written
        self.hand: np.ndarray | None = None  # (A,) in [-1, 1], what a person does; None: the player acts
        self._lasts: int | None = None  # control steps for which the hand stays as it is
        self._tape: Tape | None = None
        self._drawn = 0  # how often something was
        self.players = [name for name in PLAYERS if name not in NEED and self._can_play(name)]
        self.player = player or self.trained.recommended
        self._player = self._made(self.player, setup)
        self.restart(True)

    def restart(self, anew: bool = False) -> None:
        """Begins at the start once more, or with another start and goal."""
        self._cut()
        if anew:
            self._start, self._first = self._pair()
        self.world.reset(options={"start": self._start, "goal": None, "factors": {}})
        self._steps, self._frame = 0, self.world.frame()
        own = not anew and self._own
        self.ask(self._wanted if own else self._first, own)

    def another(self) -> None:
        """Turns to a goal that is drawn."""
        self.ask(self._pair(self.world.scene.at_rest(self.world.state()))[1], False)

    def ask(self, goal: Goal, own: bool = True) -> None:
        """Turns to another goal. Raises GoalError: no state has what it asks for; UsageError: the player cannot.

        `own`: of a person, who wants to see it kept; others give way to further ones once they are reached.
        """
        if (goal.regions or goal.said) and goal.states is None:
            start = self.world.scene.at_rest(self.world.state())
            goal = replace(goal, states=standing_for(self.world, goal, _SAMPLES, self._rng(), start))
        pictures = pictures_of(goal, self.world)
        finds = self.setup.with_loaded(self.trained).targets
        latents = None if finds is None else finds(goal)
        targets = Targets(pictures[None] if latents is None else latents[None], goal.order)
        self._tell(self._player, goal, targets)
        self._wanted, self._own, self._pictures, self._targets, self._aim = goal, own, pictures, targets, NOWHERE
        if goal.states is not None:
            self._aim = placed(self.world, goal.states if goal.order == "sequence" else goal.states[:1])
        self._done = self._rested = 0

    def choose(self, player: str) -> None:
        """Lets somebody else play. Raises UsageError: the checkpoint or the goal lacks what that one needs."""
        self._hand_over(player, self.setup)

    def set(self, name: str, value: str) -> None:
        """Changes a setting, written as on a command line. Raises UsageError: it is wrong, and stays as it was."""
        if is_reference(value):  # whoever can open a page on this machine could write it
            raise UsageError(f"{name} names code, which runs only if you write it on the command line")
        changed = self.changed | {name: value}
        who = () if self.player == "random" else (f"evaluate.planners={self.player}",)
        setup = replace(self.setup, config=self._compose([*who, *(f"{key}={one}" for key, one in changed.items())]))
        self._hand_over(self.player, setup)
        self.changed = changed

    def steer(self, action: np.ndarray | None, steps: int | None = None) -> None:
        """From now on a person acts, with `action` (A,) in [-1, 1], for so many steps or on and on, then with zeros.

        None: the player acts again.
        """
        back = action is None and self.hand is not None
        self.hand = None if action is None else np.clip(np.asarray(action, np.float64), -1.0, 1.0)
        self._lasts = steps
        if back:
            self._cut()
            self._tell(self._player, self._wanted, self._targets)  # it has not seen what the person did

    def record(self, tape: Tape | None) -> None:
        """From now on what a person does is kept on a tape; None: no more. Raises StoreError: it cannot be written."""
        self._cut()
        self._tape = tape

    def shove(self, strength: float = 0.5) -> None:
        """A push from nowhere: so much is added to the velocities, m/s and rad/s, in a random direction."""
        self._cut()
        state, moving = self.world.state(), self.world.scene.velocities
        drawn = self._rng().standard_normal(moving.stop - moving.start)
        state[moving] += strength * drawn / np.linalg.norm(drawn)
        self.world.set_state(state)

    def step(self) -> Moment:
        """One control step."""
        began, plan, surprise = time.perf_counter(), None, _NAN
        if self.hand is None:
            before, action = self._player.last_plan, self._player.act(self._frame[None])[0]
            plan = self._player.last_plan
            if plan is not before:
                surprise, self._since = self._surprise(before), 0
            self._since += 1
        else:
            if self._lasts == 0:
                self.hand, self._lasts = np.zeros_like(self.hand), None
            action, self._lasts = self.hand, None if self._lasts is None else self._lasts - 1
        took = 1000 * (time.perf_counter() - began)
        tape = self._tape if self.hand is not None else None
        if tape is not None and not tape.running:
            tape.add(action, self._frame, self.world)
        self._frame, self._steps = self.world.step(action)[0], self._steps + 1
        if tape is not None:
            tape.add(action, self._frame, self.world)
        reached, self._done = progress(self._wanted, self.world.task, self.world.state(), self._done)
        self._rested = self._rested + 1 if reached else 0
        if self._rested > _REST and not self._own and self.hand is None:
            self.another()
            plan = None
        return self._seen(plan, surprise, took)

    def look(self) -> Moment:
        """What there is to be seen without going on."""
        return self._seen(None if self.hand is not None else self._player.last_plan, _NAN, _NAN)

    def _cut(self) -> None:
        """What follows is another episode."""
        if self._tape is not None:
            self._tape.end()

    def _tell(self, player: Player, goal: Goal, targets: Targets) -> None:
        """Tells a player of a goal; what it has seen so far is forgotten."""
        if isinstance(player, InformedAgent):
            if goal.states is None:
                raise UsageError("who plays reads the state at the goal, which a picture does not tell: choose another")
            player.know([self.world], [goal.states[-1]])
        player.reset(targets)
        self._since = 0

    def _hand_over(self, name: str, setup: BenchSetup) -> None:
        player = self._made(name, setup)
        self._tell(player, self._wanted, self._targets)
        self.player, self._player, self.setup = name, player, setup

    def _made(self, name: str, setup: BenchSetup) -> Player:
        self._drawn += 1
        generator = torch_stream(setup.config.seed, "players shown", self._drawn)
        return setup.with_loaded(self.trained).make_agent(name, None, [generator])

    def _can_play(self, name: str) -> bool:
        try:
            return self._made(name, self.setup) is not None
        except UsageError:
            return False

    def _pair(self, start: np.ndarray | None = None) -> tuple[np.ndarray, Goal]:
        """A start (S,), drawn unless given, and a goal."""
        try:
            pair = self.world.task.sample_pair(self._rng(), start=start)
        except ValueError:  # in a small world hardly anything is far from the middle
            pair = self.world.task.sample_pair(self._rng(), 0.0, start=start)
        return pair.start, Goal(states=pair.goal[None])

    def _rng(self) -> np.random.Generator:
        self._drawn += 1
        return stream(self.setup.config.seed, "what is shown", self._drawn)

    def _surprise(self, before: Plan | None) -> float:
        """How far the latent that is seen is from what the plan before foresaw for now."""
        seen = self._player.seen if isinstance(self._player, Agent) else None
        if before is None or seen is None or not self._since:
            return _NAN
        return float((before.imagined[0, self._since - 1] - seen[0]).square().mean().sqrt())

    def _seen(self, plan: Plan | None, surprise: float, took: float) -> Moment:
        path = subgoal = NOWHERE
        if plan is not None:
            path, subgoal = self._places(plan.imagined[0, max(self._since - 1, 0) :]), self._places(plan.target)
            if len(subgoal) and len(self._aim) and self.world.unit == "m":
                there = np.linalg.norm(subgoal - self._aim, axis=1).min() <= self.world.tolerance
                subgoal = NOWHERE if there else subgoal
        return Moment(
            step=self._steps,
            state=self.world.state(),
            frame=self._frame,
            goal=self._pictures[min(self._done, len(self._pictures) - 1)],
            wanted=None if self._wanted.states is None else self._wanted.states[0],
            aim=self._aim,
            path=path,
            subgoal=subgoal,
            energy=_NAN if plan is None else float(plan.energy[0]),
            surprise=surprise,
            milliseconds=took,
            reached=self._rested > 0,
            by_hand=self.hand is not None,
            decided=plan.decided[0].why if plan is not None and plan.decided else "",
        )
