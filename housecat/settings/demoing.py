"""The settings of the demo."""

from dataclasses import dataclass

from housecat.settings.groups import PLAYERS
from worldmodel.settings import setting


@dataclass(frozen=True)
class DemoConfig:
    """The agent live, on a page of this machine or as a video."""

    player: str | None = setting(
        None,
        "who plays first; null: what its own evaluation recommends, else hierarchy or flat_distance",
        choices=PLAYERS,
    )
    port: int = setting(8080, "of the page, on 127.0.0.1", 1024, 65535)
    speed: float = setting(1.0, "times as fast as reality, at first", 0.1, 20)
    steps: int | None = setting(None, "control steps after which it ends; null: never, a video after 200", 1, 100000)
