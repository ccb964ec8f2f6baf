"""The tabs of the page: goals, who plays, plots, steering by hand, and a video of it all."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from envs.quantities import askable
from envs.world import World
from housecat.demo.asking import Recorded, pictured, said
from housecat.demo.controls import add_controls
from housecat.demo.loop import Loop
from housecat.demo.session import Moment, Session
from housecat.demo.tape import Tape
from housecat.report.videos import webp

_KEPT = 300  # control steps that plots go back
_EVERY = 3  # control steps from one drawing of the plots to the next
_LONGEST = 600  # pictures of a video
_PRESS = 0.4  # seconds for which a key that was pressed acts
_KEYS = (("arrowleft", 0, -1), ("arrowright", 0, 1), ("arrowdown", 1, -1), ("arrowup", 1, 1))
_PLOTS = (
    ("energy", "energy", "#26c"),
    ("surprise", "surprise", "#d6246e"),
    ("milliseconds", "ms to decide", "#2a9d5c"),
)


def add_goals(gui: Any, loop: Loop, world: World, recorded: Recorded) -> None:
    """Says where to go: in words, with a picture file, with a recorded frame."""
    values = {one.name: np.round(world.quantities()[one.name], 2).tolist() for one in askable(world.task.quantities)}
    with gui.add_form(None) as form:
        text = gui.add_text("say it", " ".join(f"{name}={value}" for name, value in list(values.items())[-1:]))
    form.on_submit(lambda _: loop.order(lambda session: session.ask(said(text.value, world))))
    sent = gui.add_upload_button("Show a picture file", mime_type="image/*", hint="of how the world shall look")
    sent.on_upload(lambda _: loop.order(lambda session: session.ask(pictured(sent.value.content, world))))
    if not recorded.count:
        return
    number = gui.add_slider("recorded frame", 0, recorded.count - 1, 1, 0)
    image = gui.add_image(_large(recorded.picture(0)), format="jpeg")
    chosen = gui.add_button("Make it the goal")

    def look(_: Session) -> None:
        image.image = _large(recorded.picture(number.value))

    number.on_update(lambda _: loop.order(look))
    chosen.on_click(lambda _: loop.order(lambda session: session.ask(recorded.goal(number.value))))


def add_player(gui: Any, loop: Loop, session: Session) -> None:
    """Says who plays, with which settings."""
    who = gui.add_dropdown("player", session.players, initial_value=session.player)
    who.on_update(lambda _: loop.order(lambda session: session.choose(who.value)))

    newest: dict[str, str] = {}

    def changed(name: str, value: str) -> None:
        newest[name] = value  # a slider that is drawn tells of every value on its way
        loop.order(lambda session: session.set(name, value) if newest[name] == value else None)

    add_controls(gui, session.setup.config, changed)


def add_hand(gui: Any, loop: Loop, world: World, out: Path) -> None:
    """Lets a person steer, and keeps what is done."""
    count = world.scene.action_dim
    steering = gui.add_checkbox("I steer", False)
    sliders = [gui.add_slider(f"action {number + 1}", -1.0, 1.0, 0.02, 0.0) for number in range(count)]
    keeping = gui.add_checkbox("record it", False, hint=f"for training, in {out}")
    gui.add_markdown(f"Arrow keys push along the first {'two actions' if count > 1 else 'action'} as well.")

    def act(_: Any) -> None:
        action = np.array([one.value for one in sliders]) if steering.value else None
        loop.order(lambda session: session.steer(action))

    for one in (steering, *sliders):
        one.on_update(act)

    def keep(session: Session) -> None:
        session.record(Tape(world, out) if keeping.value else None)

    keeping.on_update(lambda _: loop.order(keep))

    def pressed(action: np.ndarray) -> Callable[[Any], None]:
        steps = max(1, round(_PRESS / world.dt))
        return lambda _: loop.order(lambda session: session.steer(action, steps)) if steering.value else None

    for key, which, way in _KEYS:
        if which < count:
            command = gui.add_command(f"Push {key.removeprefix('arrow')}", hotkey=key)
            command.on_trigger(pressed(way * np.eye(count)[which]))


class Plots:
    """Energy, surprise and time of planning, as they run."""

    def __init__(self, gui: Any) -> None:
        self._count, self._lines = 1, {name: deque([0.0, 0.0], _KEPT) for name, *_ in _PLOTS}
        self._steps = deque([0.0, 1.0], _KEPT)
        scales = {"x": {"time": False, "auto": True}, "y": {"auto": True}}
        self._plots = {}
        for name, words, colour in _PLOTS:
            line = {"label": name, "stroke": colour, "width": 2}
            shape = {"title": words, "scales": scales, "height": 110, "legend": {"show": False}}
            self._plots[name] = gui.add_uplot(self._data(name), ({}, line), **shape)

    def add(self, seen: Moment) -> None:
        """One control step more."""
        self._count += 1
        self._steps.append(float(self._count))
        for name, line in self._lines.items():
            value = getattr(seen, name)
            line.append(line[-1] if np.isnan(value) else value)
            if self._count % _EVERY == 0:
                self._plots[name].data = self._data(name)

    def _data(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return np.array(self._steps), np.array(self._lines[name])


class Film:
    """Keeps what is seen, and hands it over as a file."""

    def __init__(self, gui: Any, dt: float) -> None:
        self._frames: list[Image.Image] | None = None
        begin, end = gui.add_button("Begin a video"), gui.add_button("End it and save", disabled=True)
        gui.add_markdown(f"The two pictures above, up to {_LONGEST} control steps.")

        @begin.on_click
        def _(event: Any) -> None:
            self._frames, begin.disabled, end.disabled = [], True, False

        @end.on_click
        def _(event: Any) -> None:
            frames, self._frames, begin.disabled, end.disabled = self._frames, None, False, True
            if frames:
                event.client.send_file_download("demo.webp", webp(frames, round(1000 * dt), 0))

    def add(self, picture: Image.Image) -> None:
        """One control step more."""
        if self._frames is not None and len(self._frames) < _LONGEST:
            self._frames.append(picture)


def _large(frame: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize((192, 192), Image.Resampling.BICUBIC))
