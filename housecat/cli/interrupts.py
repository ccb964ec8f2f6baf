"""Ctrl-C and SIGTERM end a command once, from wherever it is, with what it must clean up."""

import signal
import sys
from typing import Any

_MOMENT = 0.02  # seconds after which an interrupt that was lost comes again


def heed() -> None:
    """From here on SIGTERM is what Ctrl-C is, and neither is lost.

    Python shows an exception of a weak reference's callback or of `__del__` and goes on, so that an interrupt that
    comes there would end nothing: it is given again.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    sys.unraisablehook = _again


def no_more() -> None:
    """All is said and done: while Python takes itself apart, an interrupt would only show as a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def _again(lost: Any) -> None:
    if lost.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)
    else:
        sys.__unraisablehook__(lost)
