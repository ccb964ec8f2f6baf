"""Pushes, and whether a player noticed them: of players that say when they are surprised."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from envs.vector import WorldVector
from housecat.evaluation.statistics import Rate
from housecat.evaluation.trouble import TroubledVector
from planners.interface import Plan

WITHIN = 5  # control steps, in which a push has to be noticed


class Notes:
    """What happens to episodes that are played side by side: the control steps of pushes and of surprises."""

    def __init__(self, count: int) -> None:
        self._pushed: list[list[int]] = [[] for _ in range(count)]
        self._surprised: list[list[int]] = [[] for _ in range(count)]
        self._decides = False  # whether the player says what surprises it

    def add(self, step: int, rows: Iterable[int], vector: WorldVector, plan: Plan | None) -> None:
        """After a control step of the episodes `rows`; `plan`: made in it, None where an earlier one was followed."""
        for row in rows:
            if isinstance(vector, TroubledVector) and vector.pushed[row]:
                self._pushed[row].append(step)
            if plan is not None and plan.decided is not None:
                self._decides = True
                if plan.decided[row].surprised:
                    self._surprised[row].append(step)

    def of(self, row: int) -> dict[str, Any]:
        """`pushed` and `surprised` of an `EpisodeResult`; nothing where the player does not say."""
        return {"pushed": self._pushed[row], "surprised": self._surprised[row]} if self._decides else {}


def noticed(results: Sequence[Any]) -> dict[str, Any]:
    """Shares of the pushes that were noticed within five control steps, and of the other steps that were false alarms.

    A push so near the end that it could not be judged counts only if it was noticed. Empty of players that do not say.
    `results`: of `housecat.evaluation.episodes.EpisodeResult`.
    """
    seen, alarms = list[bool](), list[bool]()
    for one in results:
        if one.pushed is None or one.surprised is None:
            return {}
        after = [range(push + 1, push + 1 + WITHIN) for push in one.pushed]
        found = [any(step in window for step in one.surprised) for window in after]
        seen += [was for was, window in zip(found, after, strict=True) if was or window.stop <= len(one.targets)]
        quiet = [step for step in range(len(one.targets)) if not any(step in window for window in after)]
        alarms += [step in one.surprised for step in quiet]
    pushes = {"noticed": asdict(Rate.of(seen))} if seen else {}
    return pushes | ({"false_alarms": asdict(Rate.of(alarms))} if alarms else {})
