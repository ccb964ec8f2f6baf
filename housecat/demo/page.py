"""The page: a scene, pictures, plots and controls, with viser, on 127.0.0.1 and nowhere else.

What a person does there arrives in threads of viser's own, and is handed as an order to the thread that plays.
"""

import io
import socket
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import viser

from housecat.demo.asking import Recorded
from housecat.demo.loop import Loop, Order
from housecat.demo.panels import Film, Plots, add_goals, add_hand, add_player
from housecat.demo.picture import beside
from housecat.demo.scenery import Scenery
from housecat.demo.session import Moment, Session
from housecat.errors import UsageError
from housecat.evaluation.player import PLANNING

HOST = "127.0.0.1"
_SPEEDS = (0.1, 20.0)  # times as fast as reality, as the setting demo.speed
_NOTICE = 8.0  # seconds that a message stays


def check_port(port: int) -> None:
    """Raises UsageError: the port is in use. viser would take another one."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has just been closed is free
        try:
            one.bind((HOST, port))
        except OSError as error:
            raise UsageError(f"port {port} is in use ({error.strerror}): name another one with port=8081") from error


class Page:
    """Shows a session and hands on what is done to it. `out`: where what a person does is recorded."""

    def __init__(self, session: Session, recorded: Recorded, out: Path, port: int, speed: float) -> None:
        check_port(port)
        with redirect_stdout(io.StringIO()):  # it says in a box what we say in a line
            self._server = viser.ViserServer(HOST, port, label="Housecat", verbose=False)
        self._server.request_share_url = lambda *_: None  # nobody asks another server to make the page public
        self.address = f"http://{HOST}:{self._server.get_port()}"
        self.loop, self._session = Loop(session, self.show, self.tell, speed), session
        gui, first = self._server.gui, session.look()
        gui.configure_theme(control_width="large", show_logo=False, show_share_button=False)
        gui.main_panel.dock_right()
        self._scenery = Scenery(self._server, session.world, self.loop.order)
        self._image = gui.add_image(np.asarray(beside(session.world, first)), format="jpeg", jpeg_quality=85)
        self._words, self._paced = gui.add_markdown(""), ""
        self._add_buttons(gui, speed)
        tabs = gui.add_tab_group()
        with tabs.add_tab("Goal"):
            add_goals(gui, self.loop, session.world, recorded)
        with tabs.add_tab("Player"):
            add_player(gui, self.loop, session)
        with tabs.add_tab("By hand"):
            add_hand(gui, self.loop, session.world, out)
        with tabs.add_tab("Video"):
            self._video = Film(gui, session.world.dt)
        with gui.add_folder("Plots"):  # in a tab that is not seen yet they would have no width
            self._plots = Plots(gui)
        self.loop.order(self._keep_pace)
        self.show(first)

    def show(self, seen: Moment) -> None:
        """Brings the page to what is seen now."""
        picture = beside(self._session.world, seen)
        who = "you" if seen.by_hand else f"`{self._session.player}`"
        time = "" if np.isnan(seen.milliseconds) else f", {seen.milliseconds:.0f} ms"
        told = f"{self.loop.rate:.0f} steps/s" if self.loop.playing else "paused"
        with self._server.atomic():
            self._scenery.show(seen)
            self._image.image = np.asarray(picture)
            self._plots.add(seen)
            self._words.content = f"step {seen.step}: {who}{time}, {told}" + ", at the goal" * seen.reached
            self._words.content += f" ({seen.decided})" if seen.decided else ""
        self._video.add(picture)

    def tell(self, message: str) -> None:
        """Says in one line what could not be done."""
        for client in self._server.get_clients().values():
            client.add_notification("That cannot be done", message, auto_close_seconds=_NOTICE, color="red")

    def run(self, steps: int | None = None) -> None:
        """Plays until it is ended, or for so many control steps."""
        try:
            self.loop.run(steps)
        finally:
            with redirect_stdout(io.StringIO()):
                self._server.stop()
            self._session.record(None)  # what a person did last is not lost

    def _add_buttons(self, gui: Any, speed: float) -> None:
        loop = self.loop

        def pause(session: Session) -> None:
            loop.playing = not loop.playing

        orders: dict[str, Order] = {
            "Pause": pause,
            "Step": lambda session: loop.once(),
            "Push": lambda session: session.shove(),
            "Reset": lambda session: session.restart(),
            "New start": lambda session: session.restart(True),
            "New goal": lambda session: session.another(),
        }
        for label, names in (("play", ("Pause", "Step", "Push")), ("again", ("Reset", "New start", "New goal"))):
            buttons = gui.add_button_group(label, names)
            buttons.on_click(lambda event: loop.order(orders[event.target.value]))
        pace = gui.add_slider("speed", *_SPEEDS, 0.1, speed, hint="times as fast as reality")

        @pace.on_update
        def _(event: Any) -> None:
            loop.speed = pace.value
            loop.order(lambda session: self._keep_pace(session) if loop.speed == pace.value else None)

    def _keep_pace(self, session: Session) -> None:
        """Has planners search no longer than there is time to, unless a person said how long."""
        name, asked = "planner.milliseconds", session.setup.config.planner.milliseconds
        if asked is None or session.changed.get(name) == self._paced:
            self._paced = f"{PLANNING * 1000 * session.world.dt / self.loop.speed:.4g}"
            session.set(name, self._paced)
