"""Simulated worlds, what is recorded in them, and the two cameras that look at them.

Importing this package registers the Gymnasium ids, e.g. ``housecat/PointMaze-Medium-v0``, and nothing else: MuJoCo is
loaded with the first name that is used, the OpenGL backend is chosen when the first picture is made.
"""

import importlib
from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from envs.registry import WORLDS, make_vector, make_world

__all__ = ["WORLDS", "make_vector", "make_world"]

IDS = {
    "umaze": "housecat/PointMaze-UMaze-v0",
    "medium": "housecat/PointMaze-Medium-v0",
    "large": "housecat/PointMaze-Large-v0",
    "fourrooms": "housecat/PointMaze-FourRooms-v0",
    "giant": "housecat/PointMaze-Giant-v0",
    "rover": "housecat/Rover-v0",
    "reacher": "housecat/Reacher-v0",
    "arm": "housecat/Arm-v0",
    "puck": "housecat/Puck-v0",
    "pusht": "housecat/PushT-v0",
    "cube": "housecat/Cube-v0",
    "runner": "housecat/Runner-v0",
    "car": "housecat/Car-v0",
}
for _name, _identifier in IDS.items():
    if _identifier not in gymnasium.registry:
        gymnasium.register(_identifier, entry_point="envs.registry:make_named", kwargs={"name": _name})


def __getattr__(name: str) -> Any:
    """The names of `__all__`, loaded when the first of them is used."""
    if name in __all__:
        return getattr(importlib.import_module("envs.registry"), name)
    raise AttributeError(f"module 'envs' has no attribute '{name}'")
