"""What plays episodes; and a player that has to act at a given rate, of which what comes too late is counted."""

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from planners.agent import Agent
from planners.interface import Plan
from planners.targets import Targets

PLANNING = 0.7  # share of the time between two actions that a search may take; what is seen must be encoded, too


class Player(Protocol):
    """What plays episodes side by side; `planners.agent.Agent` and `RandomAgent` are such."""

    last_plan: Plan | None  # another object with every plan, however long it is followed; None: it does not plan

    def reset(self, goals: np.ndarray | Targets) -> None:
        """Begins anew with goal frames uint8 (B, h, w, 3), or with several targets each."""

    def act(self, frames: np.ndarray, active: np.ndarray | None = None) -> np.ndarray:
        """Frames uint8 (B, h, w, 3) -> actions (B, A); what is not `active` (B,) bool is left out of the planning."""


class OnTime:
    """Acts as `player` does, `rate` times a second.

    Where the action comes too late, the one before is held for another control step, and the late one is at hand for
    the next. An agent plans once before its first action, for first calls load code. `clock`: s.
    """

    def __init__(self, player: Player, rate: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.player, self.rate, self.clock = player, rate, clock
        self.missed = 0  # control steps without an action in time
        self.last_plan: Plan | None = None  # late ones are among them
        self._held: np.ndarray | None = None  # (B, A)

    def reset(self, goals: np.ndarray | Targets) -> None:
        """See `Player`."""
        self.player.reset(goals)
        self.missed, self.last_plan, self._held = 0, None, None

    def act(self, frames: np.ndarray, active: np.ndarray | None = None) -> np.ndarray:
        """See `Player`; zeros where the very first action is late."""
        if self._held is None and isinstance(self.player, Agent):
            self.player.plan(frames)
        began = self.clock()
        actions = self.player.act(frames, active)
        late = self.clock() - began > 1 / self.rate
        self.last_plan = self.player.last_plan
        held, self._held = self._held, actions
        if not late:
            return actions
        self.missed += 1
        return np.zeros_like(actions) if held is None else held
