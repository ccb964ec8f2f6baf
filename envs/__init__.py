"""Simulated worlds, what is recorded in them, and the two cameras that look at them.

Importing this package chooses the OpenGL backend before MuJoCo is loaded (MuJoCo reads the choice at import)
and registers the Gymnasium ids, e.g. ``housecat/PointMaze-Medium-v0``.
"""

from envs.simulation.backend import choose_backend

choose_backend()

from envs.registry import WORLDS, make_vector, make_world, register_worlds  # noqa: E402  (MuJoCo must come after the backend)

register_worlds()

__all__ = ["WORLDS", "make_vector", "make_world"]
