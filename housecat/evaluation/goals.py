"""Goals that are not a state drawn for each pair: the pairs towards them, and what shows them to a player."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from envs.goals.drawing import standing_for
from envs.goals.forms import around, goal_of, pictures_of
from envs.goals.grammar import language_of
from envs.goals.meaning import holds
from envs.goals.record import Goal, GoalError, progress
from envs.streams import stream
from envs.task import Pair
from envs.world import World
from planners.targets import Targets

IN_WORDS = ("words",)  # instead of names of quantities: each pair is asked for in a sentence that is true of its goal
_ATTEMPTS = 200  # starts that are drawn for a pair

Targeted = Callable[[Goal], Tensor | None]
"""A goal that asks for quantities, or in words -> latents (K, D) that stand for it; None: pictures do."""


@dataclass(frozen=True)
class Asked:
    """What is asked for instead of the states that pairs are made of."""

    goal: Goal | None = None  # the same for all pairs
    only: tuple[str, ...] = ()  # quantities of each pair's goal that alone have to be reached; empty: all of the goal
    targets: str = "pictures"  # that stand for quantities, or "probes"
    samples: int = 16  # K of these

    def told(self, pairs: Sequence[Pair], world: World) -> dict[str, Any]:
        """For the results; nothing where nothing else is asked for."""
        if self.goal is None and not self.only:
            return {}
        wanted = [pair.wanted for pair in pairs if pair.wanted is not None]
        regions = {} if self.goal is None else {name: one.__dict__ for name, one in self.goal.regions.items()}
        solved = sum(progress(one, world.task, pair.start)[0] for one, pair in zip(wanted, pairs, strict=True))
        how = {"targets": self.targets, "samples": self.samples} if wanted[0].regions else {}
        said = [", then ".join(part.text for part in one.said) for one in wanted if one.said]
        how |= {"said": list(dict.fromkeys(said))} if said else {}
        return {"only": list(self.only), "regions": regions, "order": wanted[0].order, **how, "solved_at_start": solved}


def captioned(world: World, pair: Pair, rng: np.random.Generator, split: str = "phrasings") -> Goal:
    """A pair's goal in words of a split of the grammar: what is true of it, and not of its start.

    Where nothing is, something else that is not true of the start. Raises GoalError: there is nothing to be said.
    """
    language, quantities = language_of(world), world.task.quantities
    here = {one: bool(holds(bounds, quantities, pair.start)) for one, bounds in language.meanings.items()}
    every = {text: concept for text, concept in language.of(split).items() if not here[concept]}
    true = {text: one for text, one in every.items() if holds(language.meanings[one], quantities, pair.goal)}
    concepts = list(dict.fromkeys((true or every).values()))
    if not concepts:
        raise GoalError(f"nothing can be asked in words here: {language.help()}")
    chosen = concepts[rng.integers(len(concepts))]
    texts = [text for text, concept in (true or every).items() if concept == chosen]
    return goal_of(texts[rng.integers(len(texts))], world)


def pair_towards(world: World, goal: Goal, rng: np.random.Generator, least: float) -> Pair:
    """A start at least so far, in the task's unit, from a goal that is given, and not there yet.

    What is far from a partial goal is far from the nearest of the states that are drawn for it.

    Raises GoalError: no state has such quantities; ValueError: no start is that far away.
    """
    task = world.task
    for _ in range(_ATTEMPTS):
        start = world.sample_state(rng)
        if progress(goal, task, start)[0]:
            continue
        states = standing_for(world, goal, 8, rng, start) if goal.regions or goal.said else goal.states
        assert states is not None
        away = task.distances(states, start)
        if goal.order == "sequence":
            legs = [task.distance(one, other) for one, other in zip([start, *states[:-1]], states, strict=True)]
            away = np.full(len(states), sum(legs))
        nearest = len(states) - 1 if goal.order == "sequence" else int(away.argmin())
        if away[nearest] >= least:
            reached = states[nearest]
            return Pair(start, reached, float(away[nearest]), task.steps(start, reached))
    raise ValueError(f"no start at least {least:g} {world.unit} from the goal was found: lower evaluate.min_distance")


def towards(world: World, pairs: Sequence[Pair], asked: Asked, seed: int) -> list[Pair]:
    """The pairs with what is asked for; states that stand for quantities are drawn for each anew.

    Raises GoalError: this world has no such quantity, or no such states.
    """
    made = []
    for index, pair in enumerate(pairs):
        goal = asked.goal
        if asked.only == IN_WORDS:
            goal = captioned(world, pair, stream(seed, "sentences", index))
        elif asked.only:
            goal = Goal(around(world, pair.goal, asked.only))
        if goal is not None and (goal.regions or goal.said):
            states = pair.goal[None]
            if asked.targets == "pictures" or goal.said:
                rng = stream(seed, "states of partial goals", index)
                states = standing_for(world, goal, asked.samples, rng, pair.start)
            goal = replace(goal, states=states)
        made.append(replace(pair, wanted=goal))
    return made


def shown(worlds: Sequence[World], pairs: Sequence[Pair], targets: Targeted | None = None) -> np.ndarray | Targets:
    """What players are told of the goals of pairs, each in its world: frames (B, h, w, 3), or several targets each.

    `targets`: finds latents for goals that pictures do not show; None: pictures show them all.
    """
    each = list(zip(worlds, pairs, strict=True))
    wanted = [pair.wanted for pair in pairs if pair.wanted is not None]
    if not wanted:
        return np.stack([world.frame(state=pair.goal, screened=False) for world, pair in each])
    latents = [None if targets is None else targets(one) for one in wanted]
    found = [one for one in latents if one is not None]
    if found:
        return Targets(torch.stack(found), wanted[0].order)
    pictures = [pictures_of(one, world) for (world, _), one in zip(each, wanted, strict=True)]
    return Targets(np.stack(pictures), wanted[0].order)
