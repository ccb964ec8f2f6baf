"""Moves a session on in time, and carries out what is ordered from other threads, between two control steps."""

import queue
import time
from collections.abc import Callable

from envs.data.episodes import StoreError
from envs.goals.record import GoalError
from housecat.demo.session import Moment, Session
from housecat.errors import UsageError
from planners.interface import PlanError
from worldmodel.language.vectors import WordsError

_IDLE = 0.1  # seconds for which a loop that is paused waits for orders at a time

Order = Callable[[Session], object]


class Loop:
    """Plays in the thread that calls `run`, which is the one that made the session.

    Args:
        show: told of what there is to be seen, after every step and every order.
        tell: told in one line what could not be done.
        speed: times as fast as reality; 0: as fast as it goes.
    """

    def __init__(
        self, session: Session, show: Callable[[Moment], None], tell: Callable[[str], None], speed: float = 1.0
    ) -> None:
        self.session, self.playing, self.speed = session, True, speed
        self.rate = 0.0  # control steps a second of late
        self._show, self._tell = show, tell
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._singles, self._ended = 0, False

    def order(self, what: Order) -> None:
        """Has something done to the session; from any thread."""
        self._orders.put(what)

    def once(self) -> None:
        """Goes on for one control step, also while it is paused; from any thread."""
        self._singles += 1

    def end(self) -> None:
        """Lets `run` return; from any thread."""
        self._ended = True

    def run(self, steps: int | None = None) -> None:
        """Plays until `end`, or for so many control steps."""
        due, done = time.perf_counter(), 0
        while not self._ended and done != steps:
            if self.playing or self._singles:
                self._singles = max(self._singles - 1, 0)
                began = time.perf_counter()
                self._do(lambda session: self._show(session.step()))
                done += 1
                pace = self.session.world.dt / self.speed if self.speed else 0.0
                due = max(due + pace, time.perf_counter())
                self._obey(due)
                self.rate += 0.1 * (1 / max(time.perf_counter() - began, 1e-6) - self.rate)
            else:
                self._obey(time.perf_counter() + _IDLE)
                due = time.perf_counter()

    def _obey(self, until: float) -> None:
        """Carries out what is ordered until it is time; in a pause the first order ends the waiting, and is shown."""
        while not self._ended:
            try:
                left = until - time.perf_counter()
                order = self._orders.get(timeout=left) if left > 0 else self._orders.get_nowait()
            except queue.Empty:
                return
            self._do(order)
            if not self.playing and not self._ended:
                self._do(lambda session: self._show(session.look()))
                return

    def _do(self, order: Order) -> None:
        try:
            order(self.session)
        except (UsageError, GoalError, StoreError, PlanError, WordsError) as error:
            self.playing = self.playing and not isinstance(error, PlanError)  # which the next step would meet again
            self._tell(" ".join(str(error).split()))
