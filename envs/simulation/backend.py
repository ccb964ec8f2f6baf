"""Which OpenGL backend MuJoCo renders with, found out by really creating a context with each.

The probe runs in a process of its own: a driver that fails may abort the process or leave it unable to try
the next one. The outcome is written to ``MUJOCO_GL``, so that processes started from here need not probe again; MuJoCo
itself reads it when its first context is made.
"""

import ctypes
import importlib
import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

BACKENDS = ("egl", "osmesa", "glfw")
NONE = "disabled"  # MuJoCo's own word for "load no OpenGL at all"
PACKAGES = (
    "on Debian install the system packages: apt-get install -y libegl1 libgl1 libgl1-mesa-dri "
    "(or, for the software renderer alone: apt-get install -y libosmesa6)"
)

# EGL without libGL loads, then fails when MuJoCo looks up its functions.
_LIBRARIES = {"egl": ("libEGL.so.1", "libGL.so.1"), "osmesa": ("libOSMesa.so.8",), "glfw": ()}
_PROBE = """
import importlib, sys, mujoco
context = importlib.import_module(f"mujoco.{sys.argv[1]}").GLContext(16, 16)
context.make_current()
resources = mujoco.MjrContext(mujoco.MjModel.from_xml_string("<mujoco/>"), 100)
resources.free()
context.free()
"""
_PROBE_SECONDS = 180  # a busy machine takes its time to load a driver


class RenderingError(RuntimeError):
    """No picture can be made on this machine as it is set up; the message says what to install or set."""


def choose_backend() -> None:
    """Set ``MUJOCO_GL`` to the first backend that works, unless it is set already."""
    # Frames of 64 to 256 pixels are too small to share between rasteriser threads; one process per core scales better.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    if os.environ.get("MUJOCO_GL"):
        return
    os.environ["MUJOCO_GL"] = next((name for name in BACKENDS if backend_works(name)), NONE)


def lend_backend() -> None:
    """Have MuJoCo's own renderer, which others draw with, take the backend that works; it has chosen when imported."""
    choose_backend()
    name = os.environ["MUJOCO_GL"].lower()
    for module in ("mujoco.gl_context", "mujoco.rendering.classic.gl_context"):  # by version of MuJoCo
        with suppress(ImportError):
            if name in BACKENDS:
                theirs: Any = importlib.import_module(module)
                theirs.GLContext = importlib.import_module(f"mujoco.{name}").GLContext


def backend_works(name: str) -> bool:
    """True when a context of this backend can be created, tried in a fresh process."""
    if sys.platform.startswith("linux") and not all(_loads(library) for library in _LIBRARIES[name]):
        return False
    if name == "glfw" and sys.platform.startswith("linux"):
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            return False
    environment = {**os.environ, "MUJOCO_GL": name}
    command = [sys.executable, "-c", _PROBE, name]
    try:
        return subprocess.run(command, env=environment, capture_output=True, timeout=_PROBE_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def renderer_name() -> str:
    """The backend in use, chosen at the first call: "egl", "osmesa" or "glfw".

    Raises RenderingError: no backend works here, or ``MUJOCO_GL`` names one that Housecat does not know.
    """
    choose_backend()
    name = os.environ["MUJOCO_GL"].lower()
    if name in BACKENDS:
        return name
    if name in (NONE, "disable", "off", "false", "0"):
        raise RenderingError(f"no OpenGL backend works here (tried {', '.join(BACKENDS)}): {PACKAGES}")
    raise RenderingError(f"MUJOCO_GL is '{name}', known are {', '.join(BACKENDS)}: unset it to let Housecat choose")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
