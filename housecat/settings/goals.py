"""How a goal is said on the command line; `envs/goals/forms.py` reads it."""

from dataclasses import dataclass
from typing import Any

from worldmodel.settings import setting


@dataclass(frozen=True)
class GoalConfig:
    """A goal of your own instead of one drawn for each pair, said in one way; goal.NAME=[...] asks for a quantity."""

    picture: str | None = setting(None, "picture that shows it; goal=FILE for short")
    pictures: tuple[str, ...] | None = setting(None, "several pictures")
    order: str = setting("any", "of several: any of them, or one after the other", choices=("any", "sequence"))
    state: Any = setting(None, "simulator state, or a list of several")
    part: Any = setting(None, "values by quantity, {puck: [0.2, -0.1]}; what is not named is free")
    region: Any = setting(None, "likewise within bounds: {puck: {center: [0.2, -0.1], radius: 0.05}}, or {low, high}")
    words: str | None = setting(None, "what shall be, in a sentence, or in several with 'then' between them")
    data: str | None = setting(None, "recording that shows it, in one frame")
    episode: int | None = setting(None, "of that recording; null: the first", 0, 1e9)
    frame: int | None = setting(None, "of that episode; null: the last", 0, 1e9)
    targets: str = setting(
        "pictures",
        "what stands for quantities: pictures of states that have them, or recorded latents of which a probe says so",
        choices=("pictures", "probes"),
    )
    samples: int = setting(16, "how many of these", 1, 256)

    def form(self) -> dict[str, Any]:
        """What says where to go, as `envs.goals.forms.goal_asked` reads it: what is not left open, by name."""
        shown = {
            "picture": self.picture,
            "pictures": self.pictures,
            "order": None if self.order == "any" else self.order,
        }
        known = {"state": self.state, "part": self.part, "region": self.region, "words": self.words}
        recorded = {"data": self.data, "episode": self.episode, "frame": self.frame}
        return {name: value for name, value in {**shown, **known, **recorded}.items() if value is not None}

    def asked(self) -> dict[str, Any]:
        """The same, and how quantities are aimed at where that is not as usual."""
        how = {"targets": self.targets, "samples": self.samples}
        return self.form() | {name: value for name, value in how.items() if value != getattr(GoalConfig(), name)}
