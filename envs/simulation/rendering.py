"""Pictures of a MuJoCo model: one OpenGL context a process, one renderer a model, both made when first needed.

The training camera renders at twice the size and averages 2x2 pixels: a body that moves by less than a pixel
still changes the frame, which is how velocity can be seen. MuJoCo's multisampling would do the same at a fifth
of the speed without a graphics card.
"""

import atexit
import importlib
import os
import weakref
from contextlib import suppress
from typing import Any

import mujoco
import numpy as np

from envs.simulation.backend import PACKAGES, RenderingError, renderer_name
from envs.simulation.variant import Decor, Variant

__all__ = ["Renderer", "RenderingError", "renderer_name"]

_MAX_GEOMS = 2000
_LOST = "the OpenGL context is lost, as after a reset of the driver: the same command goes on from here"
_PLAIN = (
    mujoco.mjtRndFlag.mjRND_SHADOW,
    mujoco.mjtRndFlag.mjRND_REFLECTION,
    mujoco.mjtRndFlag.mjRND_SKYBOX,
    mujoco.mjtRndFlag.mjRND_HAZE,
)


class Renderer:
    """Draws one model from its camera "view" into square frames; the simulation's own data is never touched.

    Args:
        supersample: pixels rendered for each pixel of the frame along one axis: 1 or 2.
        plain: leave out shadows, reflections, sky and haze (the training camera).
    """

    def __init__(self, model: mujoco.MjModel, supersample: int, plain: bool) -> None:
        if supersample not in (1, 2):
            raise ValueError(f"supersample must be 1 or 2, got {supersample}")
        self._model = model
        self._data = mujoco.MjData(model)
        self._supersample = supersample
        self._gl = _process_context()
        self._gl.make_current()
        self._resources = mujoco.MjrContext(model, int(mujoco.mjtFontScale.mjFONTSCALE_100))
        self._scene = mujoco.MjvScene(model, maxgeom=_MAX_GEOMS)
        self._option = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = int(mujoco.mjtCamera.mjCAMERA_FIXED)
        self._camera.fixedcamid = model.camera("view").id
        if plain:
            for flag in _PLAIN:
                self._scene.flags[int(flag)] = 0
        self._resize(1)
        _renderers.add(self)

    def frame(
        self,
        qpos: np.ndarray,
        size: int,
        out: np.ndarray | None = None,
        variant: Variant | None = None,
        screened: bool = True,
    ) -> np.ndarray:
        """Draw the configuration ``qpos (nq,)`` as ``uint8 (size, size, 3)``, into ``out`` where given.

        ``variant``: of the renderer's model, to be drawn in its place; meshes and textures are those of the model.
        ``screened``: False puts screens away.

        Raises RenderingError: the OpenGL context is lost, or is that of a process from which this one was forked.
        """
        _refuse_forked()
        if size != self._size:
            self._resize(size)
        model, data = self._model if variant is None else variant.model, self._data
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)  # what cameras that follow a body look at
        mujoco.mj_camlight(model, data)
        mujoco.mj_tendon(model, data)  # strings are drawn where they run
        mujoco.mjv_updateScene(
            model, data, self._option, None, self._camera, int(mujoco.mjtCatBit.mjCAT_ALL), self._scene
        )
        for decor in variant.decor if variant is not None else ():
            if screened or not decor.screen:
                self._add(decor)
        self._pixels[0] = self._unread
        try:
            # Another library, or another renderer of ours, may have drawn elsewhere since the last frame.
            self._gl.make_current()
            mujoco.mjr_setBuffer(int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN), self._resources)
            mujoco.mjr_render(self._viewport, self._scene, self._resources)
            mujoco.mjr_readPixels(self._pixels, None, self._viewport, self._resources)
        except Exception as error:  # each backend fails with exceptions of its own
            raise RenderingError(_LOST) from error
        if mujoco.mjr_getError() or np.array_equal(self._pixels[0], self._unread):
            raise RenderingError(_LOST)
        if out is None:
            out = np.empty((size, size, 3), np.uint8)
        upright = self._pixels[::-1]  # OpenGL's first row is the lowest
        if self._supersample == 1:
            out[:] = upright
        else:
            _average_2x2(upright, out)
        return out

    def _add(self, decor: Decor) -> None:
        """Have a further shape in the scene that is drawn next."""
        scene = self._scene
        if scene.ngeom < scene.maxgeom:
            geom = scene.geoms[scene.ngeom]
            rgba = np.array(decor.rgba, np.float32)
            mujoco.mjv_initGeom(geom, decor.shape, np.array(decor.size), np.array(decor.place), np.eye(3).ravel(), rgba)
            geom.category = int(mujoco.mjtCatBit.mjCAT_DECOR)
            scene.ngeom += 1

    def close(self) -> None:
        """Free what the graphics driver holds; the renderer must not be used afterwards."""
        self._gl.make_current()
        self._resources.free()

    def _resize(self, size: int) -> None:
        """Prepare for frames of ``size`` pixels."""
        side = size * self._supersample
        if side > min(self._resources.offWidth, self._resources.offHeight):
            self._gl.make_current()
            mujoco.mjr_resizeOffscreen(side, side, self._resources)
        self._size = size
        self._viewport = mujoco.MjrRect(0, 0, side, side)
        self._pixels = np.empty((side, side, 3), np.uint8)
        self._unread = (np.arange(3 * side) % 251).reshape(side, 3)  # no picture: without a context, nothing is read


def _average_2x2(pixels: np.ndarray, out: np.ndarray) -> None:
    """Rounded mean of each 2x2 block: ``pixels uint8 (2h, 2w, 3)`` -> ``out uint8 (h, w, 3)``."""
    rows = np.add(pixels[0::2], pixels[1::2], dtype=np.uint16)
    rows += 1  # with the one that the other column brings: + 2 before the division by 4 rounds to nearest
    for channel in range(3):  # numpy is slow along an axis of three: go through the long axes instead
        plane = rows[:, :, channel]
        out[:, :, channel] = (plane[:, 0::2] + plane[:, 1::2]) >> 2


_renderers: "weakref.WeakSet[Renderer]" = weakref.WeakSet()
_context: Any = None
_context_process = 0


def _process_context() -> Any:
    """The OpenGL context of this process, made at the first call."""
    global _context, _context_process
    _refuse_forked()
    if _context is None:
        name = renderer_name()
        try:
            _context = importlib.import_module(f"mujoco.{name}").GLContext(64, 64)
            _context.make_current()
        except Exception as error:  # each backend fails with exceptions of its own, from ImportError to GLError
            raise RenderingError(f"the OpenGL backend '{name}' does not start ({error}): {PACKAGES}") from error
        _context_process = os.getpid()
        # Registered after the backend's own clean-up, hence run before it: the driver is still there.
        atexit.register(_close_all)
    return _context


def _refuse_forked() -> None:
    if _context is not None and _context_process != os.getpid():
        raise RenderingError(
            "an OpenGL context does not survive a fork: start processes with the 'spawn' method, "
            "or make the first frame after the fork"
        )


def _close_all() -> None:
    global _context
    if _context_process != os.getpid():
        return
    # Another library that renders, such as dm_control, may have shut the display down before: then nothing is left.
    with suppress(Exception):
        for renderer in list(_renderers):
            renderer.close()
        _context.free()
    _context = None
