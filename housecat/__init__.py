"""The program that puts worlds, world models and planners together: collect, train, evaluate, report.

The same from Python, without a command line: `housecat.load`, `collect`, `train`, `evaluate`; see `housecat/api.py`.
Nothing heavy is imported before one of them is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from housecat.api import FrameAgent, Recorder, collect, evaluate, load, train

__version__ = "0.1.0"
__all__ = ["FrameAgent", "Recorder", "collect", "evaluate", "load", "train"]


def __getattr__(name: str) -> Any:
    """The names of `__all__`, loaded when the first of them is used."""
    if name in __all__:
        for line in importlib.import_module("housecat.cli.doctor").misplaced_packages():
            raise ImportError(line)
        return getattr(importlib.import_module("housecat.api"), name)
    raise AttributeError(f"module 'housecat' has no attribute '{name}'")
