"""Ctrl-C and SIGTERM end a command once, from wherever it is, with what it must clean up."""

import signal
import sys
from typing import Any

_MOMENT = 0.02  # seconds after which an interrupt that was lost comes again
_numbers: list[int] = []  # of the signals that came


def heed() -> None:
    """From here on SIGTERM is what Ctrl-C is, and neither is lost.

    Python shows an exception of a weak reference's callback or of `__del__` and goes on, so that an interrupt that
    comes there would end nothing: it is given again.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as a shell has it for jobs in the background
            signal.signal(number, _interrupt)
    sys.unraisablehook = _again


def came() -> bool:
    """Whether there was one: an error after it is not to be believed, for some libraries catch whatever is raised."""
    return bool(_numbers)


def no_more() -> None:
    """All is said and done: while Python takes itself apart, an interrupt would only show as a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: Any) -> None:
    _numbers.append(number)
    raise KeyboardInterrupt


def _again(lost: Any) -> None:
    if lost.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)
    else:
        sys.__unraisablehook__(lost)
