"""The demo put together: a session with a checkpoint, on a page or into a video."""

from pathlib import Path
from typing import Any

from envs.data.store import EpisodeStore
from envs.goals.forms import goal_asked
from envs.registry import make_world
from housecat.demo.alone import check_video, film
from housecat.demo.asking import Recorded
from housecat.demo.session import Compose, Session
from housecat.diagnosis.probe import recordings_of
from housecat.errors import UsageError
from housecat.evaluation.episodes import one_thread
from housecat.runs.trained import BenchSetup
from housecat.runs.wiring import check_world
from housecat.settings.schema import Config

_FILMED = 200  # control steps


@one_thread()
def play(folder: Path, spec: dict[str, Any], config: Config, compose: Compose) -> None:
    """Plays with the checkpoint in `folder` in the world `spec`, until it is ended, and says where it is to be seen.

    Raises UsageError, GoalError or StoreError: it cannot be shown, the goal is none of this world, or `out` is in use.
    """
    goal, out = goal_asked(config.goal.form(), make_world(spec)), Path(config.out or f"data/demo-{spec['name']}")
    video = out.suffix == ".webp"
    if video:
        check_video(out)
    session = Session(BenchSetup(spec, folder, config), compose, config.demo.player)
    if goal is not None:
        session.ask(goal)
    if video:
        steps = config.demo.steps or _FILMED
        print(f"{film(session, out, steps)} goals reached in {steps} control steps: {out}")
        return
    try:
        from housecat.demo.page import Page
    except ImportError as error:
        told = "the page needs viser: pip install 'housecat[demo]', or make a video instead, out=demo.webp"
        raise UsageError(told) from error
    data = Path(config.data) if config.data else recordings_of(folder)
    store = None if data is None else EpisodeStore.open(data)
    if store is not None:
        check_world(str(data), store.world, spec)
    recorded = Recorded(session.world, store, session.trained.landmarks)
    page = Page(session, recorded, out, config.demo.port, config.demo.speed)
    print(f"{page.address} (Ctrl-C ends it)", flush=True)
    page.run(config.demo.steps)
