"""Networks and methods of the user's own, by the words that name them: "FILE.py:NAME".

A checkpoint keeps the words. Nothing is imported because of them: here is what this process's user has handed over.
"""

from typing import Any

_given: dict[str, Any] = {}  # by NAME: the file may have moved since


class OwnCodeError(ValueError):
    """A checkpoint or a setting needs code that nobody has handed over; one line says which and how."""


def is_own(words: str) -> bool:
    """Whether this names code of a user's own, and not a part of this package."""
    return ":" in words


def hand_over(words: str, thing: Any) -> None:
    """Makes an encoder's class, or a method's `Entry`, known under these words."""
    _given[words.rpartition(":")[2]] = thing


def handed_over(words: str) -> Any:
    """What was handed over under these words. Raises OwnCodeError: nothing was."""
    name = words.rpartition(":")[2]
    if name not in _given:
        raise OwnCodeError(f"it needs code of its user's own, which runs only if you name it: code={words}")
    return _given[name]
