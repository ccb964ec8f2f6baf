"""The scene in three dimensions: bodies that can be pulled at, the goal as a ghost with a handle, what is imagined."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from envs.world import World
from housecat.demo.asking import movable, put
from housecat.demo.loop import Order
from housecat.demo.session import Moment, Session
from housecat.demo.shapes import Solid, moving, shapes_of
from housecat.report.videos import GOAL, PATH, SUBGOAL

_STIFF = 20.0  # 1/s^2: what is pulled by a metre is accelerated so much
_GHOST = 0.35  # opacity of the goal
_OBLIQUE = -52.0  # degrees; a view from straight above is tilted so far
_AWAY = 1.15  # distance of the camera, in sides of the view
_THIN = 0.009  # of the view's side: how thick lines are
_PULL = (250, 180, 30)
_NOWHERE = np.zeros((1, 2, 3), np.float32)
GRIP = 0.13  # of the view's side: how large the handle is


class Scenery:
    """Draws a world on a viser server. `order`: has something done to the session, by the thread that owns it."""

    def __init__(self, server: Any, world: World, order: Callable[[Order], None]) -> None:
        self._scene, self._world, self._order, view = server.scene, world, order, world.scene.view
        self._model, self._thick = world.scene.models["people"], _THIN * view.extent
        into = replace(view, elevation=max(view.elevation, _OBLIQUE)).axes()[2]
        server.initial_camera.look_at = np.array(view.centre)
        server.initial_camera.position = np.array(view.centre) - _AWAY * view.extent * into
        self._scene.world_axes.visible = False
        self._moving, shapes = moving(self._model), shapes_of(self._model)
        self._bodies = self._group("bodies", shapes, True)
        ghosts = [replace(one, colour=GOAL, opacity=_GHOST) for one in shapes if one.body in self._moving]
        self._ghosts = self._group("goal", ghosts, False)
        self._path, self._pull = (
            self._scene.add_line_segments(name, _NOWHERE, colour, thickness=self._thick, visible=False)
            for name, colour in (("/imagined", PATH), ("/pull", _PULL))
        )
        self._subgoal = self._scene.add_icosphere("/subgoal", 1.8 * self._thick, SUBGOAL, visible=False)
        self._handle, self._held, self._shown = self._made_handle(), False, b""

    def show(self, seen: Moment) -> None:
        """Brings the picture to what is seen now."""
        self._place(self._bodies, seen.state)
        wanted = b"" if seen.wanted is None else seen.wanted.tobytes()
        if wanted != self._shown:
            self._shown = wanted
            if seen.wanted is not None:
                self._place(self._ghosts, seen.wanted)
            for frame in self._ghosts.values():
                frame.visible = seen.wanted is not None
            if self._handle is not None and len(seen.aim) and not self._held:
                self._handle.position = seen.aim[0]
        self._path.visible, self._subgoal.visible = len(seen.path) > 1, len(seen.subgoal) > 0
        if len(seen.path) > 1:
            self._path.points = np.stack([seen.path[:-1], seen.path[1:]], axis=1).astype(np.float32)
        if len(seen.subgoal):
            self._subgoal.position = seen.subgoal[0]

    def _group(self, name: str, shapes: list[Solid], solid: bool) -> dict[int, Any]:
        """A frame for each body, by its number, with its shapes in it; those that are solid can be pulled at."""
        frames: dict[int, Any] = {}
        places, turns = self._world.scene.poses()
        for number, one in enumerate(shapes):
            if one.body not in frames:
                there = {"position": places[one.body], "wxyz": turns[one.body]}
                frames[one.body] = self._scene.add_frame(f"/{name}/{one.body}", show_axes=False, **there)
            look = {"color": one.colour, "opacity": None if one.opacity >= 1 else one.opacity, "cast_shadow": solid}
            place = f"/{name}/{one.body}/{number}"
            drawn = self._scene.add_mesh_simple(place, one.vertices, one.faces, flat_shading=one.flat, **look)
            if solid and one.body in self._moving:
                drawn.on_drag("left")(self._dragged(one.body))
        return frames

    def _dragged(self, body: int) -> Callable[[Any], Any]:
        mass = self._model.body_subtreemass[self._model.body_rootid[body]]

        async def dragged(event: Any) -> None:  # viser keeps the order of what is async
            begin, end = (np.array(one, np.float64) for one in (event.start_position, event.end_position))
            force = np.zeros(3) if event.phase == "end" else _STIFF * mass * (end - begin)
            self._pull.visible, self._pull.points = (
                event.phase != "end",
                np.stack([begin, end])[None].astype(np.float32),
            )
            self._order(lambda session: session.world.scene.push(body, force, begin))

        return dragged

    def _place(self, frames: dict[int, Any], state: np.ndarray) -> None:
        places, turns = self._world.scene.poses(state)
        for body in frames.keys() & self._moving:
            frames[body].position, frames[body].wxyz = places[body], turns[body]

    def _made_handle(self) -> Any:
        quantity = movable(self._world)
        if quantity is None:
            return None
        axes = (True, True, len(self._world.ranges[quantity.name][0]) == 3)
        look = {"scale": GRIP * self._world.scene.view.extent, "disable_rotations": True, "depth_test": False}
        handle = self._scene.add_transform_controls("/handle", active_axes=axes, **look)

        def ask(session: Session) -> None:
            try:
                session.ask(put(np.array(handle.position), session.world))
            finally:
                self._shown = b""  # where there is no such goal, the handle goes back

        @handle.on_update
        async def _(event: Any) -> None:
            self._held = event.phase != "end"
            if not self._held:
                self._order(ask)

        return handle
