"""An interrupt is never lost, and never shows as a traceback."""

import subprocess
import sys

import pytest

LOST = """
import os, signal, sys, time, weakref
from housecat.cli import interrupts
class Thing: pass
def interrupted(_):
    os.kill(os.getpid(), signal.{name})
    for _ in range(10): pass
thing = Thing()
heard = weakref.ref(thing, interrupted)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background would ignore it
interrupts.heed()
try:
    del thing
    time.sleep(20)
    print("lost")
except KeyboardInterrupt:
    print("heard")
"""
CAUGHT = """
import os, signal
from housecat.cli import interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)
interrupts.heed()
before = interrupts.came()
try:
    os.kill(os.getpid(), signal.{name})
    for _ in range(10): pass
except:  # as some libraries do
    print(before, interrupts.came())
"""
LATE = """
import os, signal, weakref
from housecat.cli import interrupts
class Thing: pass
thing = Thing()
weakref.finalize(thing, lambda: (os.kill(os.getpid(), signal.{name}), list(range(10))))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background would ignore it
interrupts.heed()
interrupts.no_more()
print("done")
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(("text", "said"), [(LOST, "heard\n"), (CAUGHT, "False True\n"), (LATE, "done\n")])
def test_an_interrupt_in_a_callback_comes_again_and_one_at_the_end_says_nothing(name: str, text: str, said: str):
    ended = subprocess.run([sys.executable, "-c", text.format(name=name)], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr, ended.returncode) == (said, "", 0)
