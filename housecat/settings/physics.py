"""The settings of `housecat physics`: how much is judged is the suite's, where nothing else is said."""

from dataclasses import dataclass

from worldmodel.settings import setting

# As in `envs/physics/scenario.py`, which takes too long to load for a command line that may be wrong.
PROPERTIES = ("permanence", "continuity", "shape", "colour", "solidity", "gravity", "inertia", "support", "collision")


@dataclass(frozen=True)
class PhysicsConfig:
    """Violations of expectation, and what a model knows of the scenes; what is null is the suite's."""

    suite: str = setting("smoke", "how much is judged", choices=("smoke", "standard"))
    properties: tuple[str, ...] = setting(PROPERTIES, "what is violated", choices=PROPERTIES)
    pairs: int | None = setting(None, "possible and impossible clips of each property, two pairs from a scene", 4, 1e5)
    clips: int | None = setting(None, "clips that each quantity is probed on, 20 at least; 0: no probes", 0, 1e5)
    ahead: int = setting(
        2, "frames of each window that are told from those before, as many as the model's context holds", 1, 8
    )
    format: str = setting("png", "of exported clips: pictures, or a video without loss", choices=("png", "webm"))
    pushes: float = setting(0.0, "share of the recorded scenes in which the action pushes a body", 0, 1)


@dataclass(frozen=True)
class Extent:
    """Numbers of clips; those of the suite, or what is asked for in place of them."""

    properties: tuple[str, ...]
    groups: int  # scenes of each property, two pairs of each
    clips: int  # that each quantity is probed on
    ahead: int  # frames that are told from those before


def extent_of(asked: PhysicsConfig) -> Extent:
    """How much is judged."""
    pairs, clips = {"smoke": (4, 24), "standard": (200, 500)}[asked.suite]
    clips = clips if asked.clips is None else asked.clips and max(20, asked.clips)
    return Extent(asked.properties, (asked.pairs or pairs) // 2, clips, asked.ahead)
