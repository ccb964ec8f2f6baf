"""`housecat demo`: a video without a browser, and one line about whatever keeps the page from opening."""

import socket
import sys
from pathlib import Path

import pytest
from PIL import Image

QUICK = ("planner.samples=8", "planner.elites=2", "planner.iterations=1")


def test_a_video_shows_both_pictures_of_so_many_control_steps_and_needs_no_viser(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "viser", None)
    monkeypatch.setitem(sys.modules, "trimesh", None)
    outcome = command("demo", "out=demo.webp", "demo.steps=5", "goal.position=[1.5,1.5]", *QUICK)
    assert outcome.code == 0 and "goals reached in 5 control steps: demo.webp" in outcome.out, outcome.err
    with Image.open("demo.webp") as video:
        assert (video.n_frames, video.size) == (5, (520, 278))
    command("demo", "out=demo.webp", *QUICK).is_one_line_saying("demo.webp is there already")


@pytest.mark.parametrize(
    ("words", "reasons"),
    [
        (("world=giant",), ("no model zoo/giant comes with Housecat", "checkpoint=DIR")),
        (("checkpoint=zoo/puck", "world=medium"), ("is of world 'puck'", "'medium'")),
        (("checkpoint=nowhere",), ("there is no checkpoint in nowhere",)),
        (("goal.puck=[0,0]", "out=a.webp"), ("world 'medium' has no quantity",)),
        (("demo.player=hjepa", "out=a.webp"), ("planner",)),
        (("demo.player=nobody",), ("demo.player must be one of",)),
        (("port=80",), ("demo.port must be from 1024",)),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line(command, words, reasons):
    command("demo", *words).is_one_line_saying(*reasons)


def test_a_port_in_use_is_told_in_one_line(command):
    pytest.importorskip("viser")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        command("demo", f"port={port}", "demo.steps=1").is_one_line_saying(f"port {port} is in use", "port=8081")


def test_without_viser_a_video_is_offered(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "viser", None)
    monkeypatch.delitem(sys.modules, "housecat.demo.page", raising=False)
    command("demo", "demo.steps=1").is_one_line_saying("pip install 'housecat[demo]'", "out=demo.webp")
    assert not list(Path().iterdir())
