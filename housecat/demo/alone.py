"""The loop without a browser: it plays for a while, and leaves a video."""

import itertools
import os
from pathlib import Path

import numpy as np
from PIL import Image

from envs.data.episodes import write_whole
from envs.data.folder import remove_leftovers
from housecat.demo.loop import Loop
from housecat.demo.picture import beside
from housecat.demo.session import Moment, Session
from housecat.errors import UsageError
from housecat.report.videos import webp


def check_video(out: Path) -> None:
    """Raises UsageError: something is there already."""
    if os.path.lexists(out):
        raise UsageError(f"{out} is there already: delete it, or name another video with out=FILE.webp")


def film(session: Session, out: Path, steps: int) -> int:
    """Plays so many control steps, writes what the people's camera saw, beside the goal, to `out` (.webp), and counts
    the goals that were reached. Raises UsageError or StoreError: it cannot be written.
    """
    check_video(out)
    remove_leftovers(out.parent)
    world, arrived = session.world, [False]
    frames: list[Image.Image] = []
    drawn: dict[bytes | None, np.ndarray | None] = {}  # the goal, for people

    def show(seen: Moment) -> None:
        nonlocal drawn
        goal = None if seen.wanted is None else seen.wanted.tobytes()
        if goal not in drawn:
            drawn = {goal: None if goal is None else world.frame("people", seen.wanted)}
        frames.append(beside(world, seen, world.frame("people"), drawn[goal]))
        arrived.append(seen.reached)

    def fail(message: str) -> None:
        raise UsageError(message)

    Loop(session, show, fail, 0.0).run(steps)
    write_whole(out, webp(frames, round(1000 * world.dt)))
    return sum(now and not before for before, now in itertools.pairwise(arrived))
