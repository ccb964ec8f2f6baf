"""The ladder of replacements: from everything learned to everything true, one part after another, on the same pairs.

What a part loses is the difference between two neighbours on the ladder. Nothing is blamed for a difference that may be
chance: the intervals of all parts hold together with 95 %.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from housecat.evaluation.statistics import Rate, difference_paired

LEARNED, ORACLE = "flat_distance", "oracle"
# Up the ladder; each with the part that is the truth in it and was not before.
RUNGS = (
    (LEARNED, ""),
    ("true_distance", "distance"),
    ("true_dynamics", "model"),
    ("true_state", "perception"),
    (ORACLE, "search"),
)
HIERARCHY, GUIDED = "hierarchy", "true_subgoals"
TOGETHER = 0.95  # confidence of all intervals together


@dataclass(frozen=True)
class Part:
    """What is lost between two players of the ladder."""

    name: str  # "distance", or "distance and model" where these can't be told apart
    learned: str  # player that has it learned
    true: str  # player that has the truth in its place
    loses: float  # share of the pairs that the latter solves more
    low: float  # with `high`: bounds that hold for all parts together
    high: float
    blamed: bool  # beyond chance, and the latter is also better than where everything is learned


def parts_of(outcomes: Mapping[str, Sequence[bool]]) -> list[Part]:
    """What each part loses, of players whose outcomes on the same pairs are known; the worst first.

    Where a player between is missing, the parts that it would tell apart are one.
    """
    steps, missing, below = list[tuple[str, str, str]](), list[str](), ""
    for player, part in RUNGS:
        missing += [part] if part else []
        if player in outcomes:
            if below:
                steps.append((" and ".join(missing), below, player))
            missing, below = [], player
    if {HIERARCHY, GUIDED} <= outcomes.keys():
        steps.append(("subgoals", HIERARCHY, GUIDED))
    level = 1 - (1 - TOGETHER) / max(1, len(steps))
    found = []
    for name, learned, true in steps:
        points = difference_paired(outcomes[learned], outcomes[true], level)
        ahead = difference_paired(outcomes[learned if name == "subgoals" else LEARNED], outcomes[true], level)
        found.append(Part(name, learned, true, *points, blamed=points[1] > 0 and ahead[1] > 0))
    return sorted(found, key=lambda part: (not part.blamed, -part.loses))


def told(parts: Sequence[Part], outcomes: Mapping[str, Sequence[bool]]) -> list[str]:
    """The diagnosis in sentences: first what fails, if anything does."""
    count = len(next(iter(outcomes.values())))
    rates = {name: round(100 * sum(one) / count) for name, one in outcomes.items()}
    best = max((name for name in (LEARNED, HIERARCHY) if name in rates), key=lambda name: rates[name])
    said = [f"What is learned reaches {rates[best]} of 100 goals ({best}, {count} pairs)."]
    if not any(part.blamed for part in parts):
        said.append(
            "No part can be blamed: what is learned is as good as the truth here, or what it lacks may be chance."
        )
    for part in parts:
        truth = f"the true {part.name}" if part.name != "search" else "the world's own search"
        instead = f"{rates[part.true]} instead of {rates[part.learned]} of 100 goals"
        points, low, high = (round(100 * one) for one in (part.loses, part.low, part.high))
        if part.blamed:
            verb = "lose" if part.name == "subgoals" or " and " in part.name else "loses"
            said.append(f"The {part.name} {verb} {points} of 100 points ({low} to {high}): with {truth} {instead}.")
        elif part.high < 0:
            said.append(f"With {truth} it is {instead}: the rest is used to the learned one.")
        elif part is parts[0] and points > 0 >= part.low:
            said.append(f"The largest difference, with {truth} {instead}, may be chance: play more pairs.")
    if (left := round(100 * sum(not any(pair) for pair in zip(*outcomes.values(), strict=True)) / count)) > 0:
        said.append(
            f"{left} of 100 goals are reached by nobody, the oracle included: nothing learned is to blame for these."
        )
    return said


def diagnosis_json(parts: Sequence[Part], outcomes: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    """What `diagnosis.json` says of the players and the parts."""
    rates = {name: Rate.of(one) for name, one in outcomes.items()}
    players = {name: {"success": one.value, "interval": [one.low, one.high]} for name, one in rates.items()}
    return {
        "players": players,
        "parts": [asdict(part) for part in parts],
        "told": told(parts, outcomes),
    }
