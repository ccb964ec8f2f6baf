"""Sentences: all that can be said of a world, in which words, and what of it learning never hears.

Two things are held out, so that it can be judged whether a sentence is understood that was never heard: phrasings
(words and turns of phrase, of whatever is said), and combinations of a thing and a relation (however it is said).
"""

import re
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from envs.goals.concepts import CORNERS, ENDS, SIDES, Concept, concepts
from envs.goals.meaning import Bound, Said
from envs.goals.record import GoalError
from envs.world import World

SPLITS = ("seen", "phrasings", "combinations")
_THEN = re.compile(r"[,;.]?\s+(?:and\s+)?then\s+|\s*;\s*")  # between the parts of a sequence
_MOST = 400  # characters of a sentence


class _Ways(NamedTuple):
    """How something is said: what learning hears, and what it does not."""

    heard: tuple[str, ...]
    held: tuple[str, ...]


_SIDE = _Ways(("to the {0}", "to the {0} side", "all the way to the {0}"), ("over to the {0}", "towards the {0} side"))
_CORNER = _Ways(
    ("to the {0} {1}", "into the {0} {1} corner", "to the {0} {1} corner", "to the {2} {1}", "to the {1} at the {0}"),
    ("over to the {0} {1}", "into the {2} {1} corner", "to the corner at the {0} {1}"),
)
_WHERE = {
    "middle": _Ways(("to the middle", "to the centre", "home"), ("into the middle", "over to the center")),
    "left of": _Ways(("to the left of the {o}", "left of the {o}"), ("on the left side of the {o}",)),
    "right of": _Ways(("to the right of the {o}", "right of the {o}"), ("on the right side of the {o}",)),
    "above": _Ways(("above the {o}", "to above the {o}"), ("up above the {o}",)),
    "below": _Ways(("below the {o}", "to below the {o}"), ("down below the {o}",)),
    "near": _Ways(("next to the {o}", "near the {o}", "close to the {o}"), ("up close to the {o}",)),
    "far from": _Ways(("far from the {o}", "away from the {o}"), ("far away from the {o}",)),
}
_WALL = _Ways(("against the {0} wall", "to the {0} wall"), ("up against the {0} wall", "over to the {0} wall"))
_WHOLE = {  # sentences without a place
    "folded": _Ways(("fold the {n}", "bend the {n}"), ("fold the {n} up", "please fold the {n}")),
    "stretched": _Ways(("stretch the {n}", "straighten the {n}"), ("stretch the {n} out", "please stretch the {n}")),
}
_POINT = _Ways(("point the {n} {w}", "turn the {n} {w}"), ("make the {n} point {w}", "please point the {n} {w}"))
_POINTED = {"right": ("right", "to the right"), "left": ("left", "to the left"), "up": ("up",), "down": ("down",)}
_PUSH = _Ways(("push the {n} {w}", "move the {n} {w}"), ("get the {n} {w}", "please shove the {n} {w}"))
_MOVE = _Ways(("move the {n} {w}", "bring the {n} {w}"), ("get the {n} {w}", "please take the {n} {w}"))
_GO = _Ways(("go {w}", "move {w}"), ("please go {w}", "head {w}"))
_HIGHER = {"top": "upper", "bottom": "lower"}


@dataclass(frozen=True)
class Language:
    """What can be said of one world."""

    world: str
    meanings: Mapping[Concept, tuple[Bound, ...]]
    sentences: Mapping[str, Concept]  # every sentence there is
    held_phrasings: frozenset[str]  # of the sentences
    held_combinations: frozenset[Concept]

    def of(self, split: str) -> dict[str, Concept]:
        """The sentences of one of SPLITS: those that are learnt from; the same in other words; other combinations."""
        combined = split == "combinations"
        return {
            text: concept
            for text, concept in self.sentences.items()
            if (text in self.held_phrasings) == (split == "phrasings")
            and (concept in self.held_combinations) == combined
        }

    def said(self, text: str) -> tuple[Said, ...]:
        """What a sentence, or a sequence of them with "then" in between, asks for.

        Raises GoalError: this world cannot mean that; one line says what can be asked.
        """
        parts = [plain(part) for part in _THEN.split(text[:_MOST].strip())]
        for part in parts:
            if part not in self.sentences:
                raise GoalError(f"world '{self.world}' does not know what {part[:60]!a} means: {self.help()}")
        return tuple(Said(part, self.meanings[self.sentences[part]]) for part in parts)

    def help(self) -> str:
        """What can be asked, in one line."""
        if not self.sentences:
            return "nothing is known of it that has a name, so a picture says what is meant"
        first = {concept: text for text, concept in reversed(list(self.sentences.items()))}
        chosen = [first[concept] for concept in self.meanings]
        chosen = chosen[:: max(1, len(chosen) // 8)][:8]
        return f"ask for one of {len(first)} things, like {', '.join(map(repr, chosen))}"


_KNOWN: "weakref.WeakKeyDictionary[World, Language]" = weakref.WeakKeyDictionary()


def language_of(world: World) -> Language:
    """What can be said of a world."""
    if world not in _KNOWN:
        _KNOWN[world] = _language(world)
    return _KNOWN[world]


def plain(text: str) -> str:
    """A sentence without what makes no difference: capitals, stops, further spaces."""
    return " ".join(re.sub(r"[^\w\s]", " ", text.lower()).split())


def _language(world: World) -> Language:
    meanings = concepts(world)
    actor = next((one.thing for one in meanings if one.relation in SIDES), "")
    heard: dict[str, Concept] = {}
    held: dict[str, Concept] = {}
    for concept in meanings:
        for text, unheard in _sentences(concept, actor):
            (held if unheard else heard).setdefault(plain(text), concept)
    held = {text: concept for text, concept in held.items() if text not in heard}
    return Language(world.name, meanings, {**heard, **held}, frozenset(held), frozenset(_held_out(meanings)))


def _held_out(meanings: Mapping[Concept, tuple[Bound, ...]]) -> Iterator[Concept]:
    """Combinations whose parts are heard in others: a corner of each thing, and of several things a side as well."""
    things, sides = list(dict.fromkeys(one.thing for one in meanings if one.relation in SIDES)), (*SIDES, *ENDS)
    for index, thing in enumerate(things):
        for names in (CORNERS[index:], sides[index + 1 :])[: min(len(things), 2)]:
            yield from [Concept(thing, name) for name in names if Concept(thing, name) in meanings][:1]


def _sentences(concept: Concept, actor: str) -> Iterator[tuple[str, bool]]:
    """All ways to ask for something, and whether each is held out."""
    names = {"n": concept.thing, "o": concept.other}
    if concept.relation in _WHOLE:
        yield from ((text.format(**names), unheard) for text, unheard in _both(_WHOLE[concept.relation]))
        return
    if concept.relation.startswith("pointing "):
        for where in _POINTED[concept.relation.removeprefix("pointing ")]:
            yield from ((text.format(n=concept.thing, w=where), unheard) for text, unheard in _both(_POINT))
        return
    usual = _WALL if concept.relation.endswith(" wall") else _CORNER if concept.relation in CORNERS else _SIDE
    for where, unheard in _both(_WHERE.get(concept.relation, usual)):
        first, _, second = concept.relation.removesuffix(" wall").partition(" ")
        told = where.format(first, second, _HIGHER.get(first, ""), **names)
        for frame in (_MOVE, _GO) if concept.thing == actor else (_PUSH,):
            yield from ((text.format(w=told, **names), unheard or new) for text, new in _both(frame))


def _both(ways: _Ways) -> Iterator[tuple[str, bool]]:
    yield from ((text, False) for text in ways.heard)
    yield from ((text, True) for text in ways.held)
