"""How a goal is said on the command line; `envs/goals/forms.py` reads it."""

from dataclasses import asdict, dataclass
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
    data: str | None = setting(None, "recording that shows it, in one frame")
    episode: int | None = setting(None, "of that recording; null: the first", 0, 1e9)
    frame: int | None = setting(None, "of that episode; null: the last", 0, 1e9)
    targets: str = setting(
        "pictures",
        "what stands for quantities: pictures of states that have them, or recorded latents of which a probe says so",
        choices=("pictures", "probes"),
    )
    samples: int = setting(16, "how many of these", 1, 256)

    def asked(self) -> dict[str, Any]:
        """What is not as it is unless told, by name."""
        plain = asdict(GoalConfig())
        return {name: value for name, value in asdict(self).items() if value != plain[name]}

    def form(self) -> dict[str, Any]:
        """What says where to go, as `envs.goals.forms.goal_asked` reads it."""
        return {name: value for name, value in self.asked().items() if name not in ("targets", "samples")}
