"""The page in a real browser: it loads, a goal is dragged and reached, pause and push work, nothing is fetched."""

import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from housecat.demo.asking import Recorded, put
from housecat.demo.session import Session
from tests.housecat.demo.conftest import session_in

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SEARCH = ("planner.samples=32", "planner.elites=4", "planner.iterations=2")
SOON = 120_000  # ms


class Visitor(threading.Thread):
    """Does what a person does, beside the thread that plays; what goes wrong is raised there."""

    def __init__(self, session: Session, page: Any, visit: Callable[["Visitor"], None]) -> None:
        super().__init__()
        self.session, self.page, self._visit = session, page, visit
        self.failed: list[BaseException] = []

    def run(self) -> None:
        try:
            self._visit(self)
        except BaseException as error:
            self.failed.append(error)
        finally:
            self.page.loop.end()

    def do(self, what: Callable[[Session], Any]) -> None:
        done = threading.Event()
        self.page.loop.order(lambda session: (what(session), done.set()))
        assert done.wait(60)

    def on_screen(self, place: np.ndarray) -> tuple[float, float]:
        """Where a place (3,), m, is in the browser's picture."""
        (client,) = self.page._server.get_clients().values()
        w, x, y, z = client.camera.wxyz
        turn = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        right, down, ahead = turn.T @ (place - client.camera.position)
        height, width = client.camera.image_height, client.camera.image_width
        focal = height / 2 / np.tan(client.camera.fov / 2)
        return width / 2 + focal * right / ahead, height / 2 + focal * down / ahead


def test_a_person_plays_with_the_agent_in_a_browser_and_nothing_leaves_the_machine(tmp_path: Path) -> None:
    pytest.importorskip("viser")
    from housecat.demo.page import Page

    session = session_in("medium", SEARCH)
    page = Page(session, Recorded(session.world, None, None), tmp_path / "hand", 0, 2.0)
    visitor = Visitor(session, page, visit)
    visitor.start()
    page.run()
    visitor.join()
    if visitor.failed:
        raise visitor.failed[0]


def visit(played: Visitor) -> None:
    """Pauses, goes on by a step, pushes, drags the goal, and waits until it is reached."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 900, "height": 520})
        page.set_default_timeout(SOON)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.goto(played.page.address)
        words = page.get_by_text(re.compile(r"step \d+:"))
        words.wait_for()

        def step() -> int:
            return int(re.search(r"step (\d+)", words.inner_text())[1])

        page.get_by_text("Pause", exact=True).click()
        page.get_by_text("paused").wait_for()
        held = step()
        time.sleep(0.5)
        assert step() == held
        page.get_by_text("Step", exact=True).click()
        page.get_by_text(f"step {held + 1}:").wait_for()
        before = played.session.world.state()
        page.get_by_text("Push", exact=True).click()
        wait_until(lambda: not (played.session.world.state()[2:] == before[2:]).all())
        assert (played.session.world.state()[:2] == before[:2]).all() and step() == held + 1

        played.do(lambda session: session.world.set_state(np.array([1.6, 6.4, 0.0, 0.0])))
        played.do(lambda session: session.ask(put(np.array([1.5, 5.5, 0.0]), session.world)))
        page.wait_for_timeout(1000)  # the picture follows
        for _ in range(4):  # on a slow machine a hand may miss the arrow
            drag(played, page, np.array([1.0, 0.0, 0.0]))
            if played.session.look().wanted[0] > 2.2:
                break
        wanted = played.session.look().wanted
        assert wanted[:2] == pytest.approx([2.5, 5.5], abs=0.25)
        page.get_by_text("Pause", exact=True).click()
        page.get_by_text("at the goal").wait_for()
        assert played.session.world.success(played.session.world.state(), wanted)
        own = played.page.address.removeprefix("http://")
        assert asked and all(re.match(rf"(https?|wss?)://{own}|data:|blob:", url) for url in asked), asked
        browser.close()


def drag(played: Visitor, page: Any, way: np.ndarray) -> None:
    """Drags the goal's handle along (3,), m, by its arrow along x."""
    from housecat.demo.scenery import GRIP

    grip = np.array(played.page._scenery._handle.position)
    grip[0] += 0.6 * GRIP * played.session.world.scene.view.extent
    page.mouse.move(*played.on_screen(grip))
    page.wait_for_timeout(300)
    page.mouse.down()
    for share in (0.3, 0.6, 1.0):
        page.mouse.move(*played.on_screen(grip + share * way))
        page.wait_for_timeout(300)
    page.mouse.up()
    page.wait_for_timeout(1000)


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
