"""Every section of settings: housecat's own are declared here, the others beside what they are for, and put together.

What a user may write with a method, its meaning, range and default all come from these dataclasses (`declared.py`).
"""

from __future__ import annotations

import sys
from ast import literal_eval
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from housecat.settings.declared import Section, Setting, call, sections
from housecat.settings.groups import OUTSIDE, PLAYERS, TWO_LEVELS, group_choices
from housecat.settings.own_code import is_reference, own_code
from worldmodel.settings import OWN, setting

if TYPE_CHECKING:  # all of this needs torch
    from housecat.evaluation.trouble import Trouble
    from housecat.settings.benching import BenchConfig
    from housecat.settings.demoing import DemoConfig
    from housecat.settings.goals import GoalConfig
    from housecat.settings.physics import PhysicsConfig
    from housecat.settings.planning import PlannerConfig
    from planners.subgoals.landmarks import GraphSettings
    from worldmodel.distances.critic import CriticSettings
    from worldmodel.stages.end_to_end import TrainSettings
    from worldmodel.stages.ensemble import EnsembleSettings
    from worldmodel.stages.keypoint_pretraining import PretrainingSettings
    from worldmodel.stages.predictor_finetuning import FinetuningSettings


@dataclass(frozen=True)
class WorldConfig:
    """The world, chosen as a whole with `world=NAME`."""

    name: str | None = setting(None, "name in reports; of your own maze: the file's name unless given")
    path: str | None = setting(None, "MJCF or URDF file of a robot of your own, with world=mjcf; path= for short")
    options: str | None = setting(
        None, "YAML file about a world of somebody else's: camera, actuators, goal; see envs/outside/options.py"
    )
    factory: str | None = setting(
        None, "function that returns a gymnasium.Env: my_module:make_env or FILE.py:make_env, with world=python"
    )
    success: str | None = setting(
        None, "function(info, info_at_the_goal) that says whether a goal is reached, with world=python"
    )
    layout: str | None = setting(None, "text file of your own maze ('#' wall, space or '.' free), with world=pointmaze")
    frame_size: int = setting(64, "side of the training camera's frame, pixels", 32, 128)
    action_repeat: int = setting(
        1, "control steps of the world for which an action is held, the camera looking once", 1, 20
    )

    def check(self) -> None:
        """Raises ValueError where these do not go together."""
        outside = self.path is not None or str(self.name).partition("/")[0] in OUTSIDE
        if (self.factory or self.success) and self.name in (set(group_choices("world")) - {"python"}):
            raise ValueError(f"world.factory and world.success are for world=python, and world is '{self.name}'")
        if self.factory is None and self.name == "python":
            raise ValueError(
                "world=python is an environment of your own: name the function that makes it with "
                "world.factory=my_module:make_env"
            )
        if self.path is None and self.name == "mjcf":
            raise ValueError("world=mjcf is a robot of your own: name its MJCF file with path=FILE")
        if self.path is not None and self.name != "mjcf" and self.name in group_choices("world"):
            raise ValueError(f"world.path is a robot, world '{self.name}' has none: write world=mjcf")
        if self.options is not None and not outside:
            raise ValueError(f"world.options describes a world of somebody else's, and world '{self.name}' is none")
        if self.layout is None and self.name is None:
            raise ValueError("world=pointmaze is your own maze: name its text file with world.layout=FILE")
        if self.layout is not None and self.name in group_choices("world"):
            raise ValueError(f"world.layout is a maze, world '{self.name}' has none: write world=pointmaze")


@dataclass(frozen=True)
class FactorsConfig:
    """Factors of variation; `housecat worlds` lists them with their bounds."""

    train: Any = setting(
        "none", "drawn anew for each recorded episode: none, all, kinds (colour,light), {light: [0.5, 1.0]}, ..."
    )
    test: Any = setting("none", "likewise for each start-goal pair of an evaluation")


@dataclass(frozen=True)
class CollectConfig:
    """Recording of play: random, or scripted where there is an object."""

    episodes: int = setting(1500, "episodes to record", 2, 1e6)
    steps: int = setting(60, "control steps in an episode", 8, 1e5)


@dataclass(frozen=True)
class MethodConfig:
    """The way to learn, chosen as a whole with `method=NAME`."""

    name: str = setting("default", "the method, or a class of your own that fits worldmodel/method.py")
    encoder: str | None = setting(
        None, "training run, or transformers/NAME, whose encoder is used, frozen, where one is needed; null: train it"
    )


_PLAYED = {  # planners that read a setting which not all of them do
    "planner.near": ("hierarchy", "sampled", *TWO_LEVELS, "configured"),
    "planner.reach": ("hierarchy", "sampled", "three_levels", "configured"),
    "planner.patience": ("hierarchy", "three_levels", "configured"),
    "planner.drawn": ("sampled",),
    **{
        f"planner.{name}": ("configured",)
        for name in ("alarm", "wary", "give_up", "far", "arrived", "standstill", "shortest", "late")
    },
}


@dataclass(frozen=True)
class EvaluateConfig:
    """Planners on the same frozen start-goal pairs."""

    episodes: int = setting(30, "start-goal pairs, each played by every planner", 1, 1e5)
    planners: tuple[str, ...] = setting(("random", "flat_distance", "hierarchy"), "who plays", choices=PLAYERS)
    horizons: tuple[int, ...] = setting(
        (8, 40), "horizons of flat_latent, of which the best on the calibration pairs is taken", 1, 200
    )
    calibration: int = setting(
        24, "pairs for that choice, and for which planner is recommended, on which nothing is judged", 0, 1e4
    )
    strata: int = setting(
        3, "equal parts of the range of distances from which pairs are drawn in turn (no offset)", 1, 20
    )
    min_distance: float | None = setting(
        None, "least true distance of a pair, m or rad; null: the world's; with offset any", 0, 1e6
    )
    min_steps: float | None = setting(None, "least true distance of a pair, control steps at top speed", 0, 1e6)
    offset: int | None = setting(None, "goals where random play was so many steps later; null: goals anywhere", 1, 1e4)
    ask: tuple[str, ...] | None = setting(
        None, "quantities of a goal that alone have to be reached, or words: a sentence true of it; null: all of it"
    )
    hold: int = setting(1, "control steps in a row for which a goal must be reached", 1, 1000)
    max_steps: int | None = setting(None, "control steps allowed; null: the world's own limit", 1, 1e5)
    batch: int = setting(4, "episodes side by side in a process", 1, 4096)
    timing_steps: int = setting(100, "control steps timed for each planner; 0: none", 0, 1e5)
    rate: float | None = setting(
        None, "Hz at which planners have to act, with the best plan found in time; null: they take their time", 0.1, 1e4
    )

    def check(self) -> None:
        """Raises ValueError where these do not go together."""
        if "flat_latent" in self.planners and len(self.horizons) > 1 and self.calibration == 0:
            raise ValueError("evaluate.calibration must be at least 1 to choose among several evaluate.horizons, got 0")


@dataclass(frozen=True)
class CompareConfig:
    """Methods side by side."""

    methods: tuple[str, ...] = setting(("default",), "methods to compare")
    seeds: tuple[int, ...] = setting((0, 1, 2), "each method is trained once with each", 0, 2147483647)
    seconds: float | None = setting(
        None, "wall time for the updates of each method, at its speed here; null: its own updates", 1, 1e8
    )
    lewm_times: float = setting(
        1.0, "as much of it for lewm: with 10, default is 10 times as fast if it does as well", 1, 1e6
    )


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of all commands."""

    seed: int = setting(
        0, "of everything random; choose settings on seeds from 100 up, report figures of 0, 1 and 2", 0, 2147483647
    )
    seeds: tuple[int, ...] | None = setting(
        None, "once with each of these seeds, in out/seed-K; with a table of all of them at the end", 0, 2147483647
    )
    config: str | None = setting(None, "YAML file of settings of your own; what is written beside it wins")
    preset: str | None = setting(None, "settings of ours that go together; fast: a first look in some three minutes")
    out: str | None = setting(None, "folder to write to")
    data: str | None = setting(None, "folder of recorded episodes; to merge: several, separated by commas")
    checkpoint: str | None = setting(
        None, "folder of a training run, or model/ in it, or zoo/NAME; physics takes several, separated by commas"
    )
    checkpoints: tuple[str, ...] | None = setting(
        None, "folders of training runs, of any worlds; null: of the smoke suite's own, trained now"
    )
    suite: str = setting(
        "smoke", "how much is played, where bench.* says nothing", choices=("smoke", "standard", "full")
    )
    code: str | None = setting(
        None, "your own encoder or method that the checkpoint was trained with, FILE.py:NAME; nothing else is imported"
    )
    against: str | None = setting(None, "other checkpoints of this world to probe beside it, separated by commas")
    source: str | None = setting(None, "data set of another format to import: a folder, or a file")
    format: str | None = setting(None, "of a data set to import or export", choices=("lerobot", "minari", "hdf5"))
    size: int | None = setting(None, "side of the new frames, pixels; null: as they were", 16, 512)
    camera: str = setting("train", "which camera draws the new frames", choices=("train", "people"))
    held_out: float = setting(0.1, "share of the episodes, the last ones, that a split puts aside", 0, 1)
    episodes: int | None = setting(None, "episodes to record or to show, or pairs to play (evaluate)", 1, 1e6)
    workers: int = setting(0, "processes for simulation; 0: one for each core", 0, 256)
    device: str = setting("auto", "where networks are computed", choices=("auto", "cpu", "cuda"))
    precision: str = setting("auto", "auto: bf16 where it is fast, else fp32", choices=("auto", "bf16", "fp32"))
    world: WorldConfig
    factors: FactorsConfig
    collect: CollectConfig
    method: MethodConfig
    of_method: dict[str, Any]  # sections that the chosen method declares, by name
    pretraining: PretrainingSettings
    train: TrainSettings
    finetuning: FinetuningSettings
    ensemble: EnsembleSettings
    critic: CriticSettings
    graph: GraphSettings
    planner: PlannerConfig
    evaluate: EvaluateConfig
    goal: GoalConfig
    trouble: Trouble
    compare: CompareConfig
    bench: BenchConfig
    physics: PhysicsConfig
    demo: DemoConfig


def shared_sections() -> dict[str, Section]:
    """The sections that every method has, and those that have nothing to do with methods."""
    return sections(__name__, "Config")


def method_sections(method: str, encoder: str | None = None) -> dict[str, Section]:
    """The sections that a method declares in its file, and those of the encoder that is trained for it first.

    `encoder`: `method.encoder`, which is trained already; None: there is none.
    """
    (kind, *_), told = _entry(method)
    found = sections(_module(method), kind)
    if "encoder" in told and encoder is None:
        found |= method_sections(literal_eval(told["encoder"]))
    return found


def settings_of(method: str, encoder: str | None = None) -> dict[str, Setting]:
    """All keys that are read with a method, by name."""
    told = _entry(method)[1]
    found = dict(Section("", __name__, "Config", "").settings)
    for name, part in shared_sections().items():
        if name in ("ensemble", "critic", "graph") and told.get("imagines") == "False":
            continue
        found |= part.settings
        if name == "method":
            for one in method_sections(method, encoder).values():
                found |= one.settings
    if told.get("imagines") == "False":  # how far imagination is measured is left
        found = {name: one for name, one in found.items() if name[:11] != "finetuning." or name == "finetuning.horizon"}
    return {name: _completed(one) for name, one in found.items()}


def settings() -> dict[str, Setting]:
    """All keys of all methods, by name."""
    found: dict[str, Setting] = {}
    for method in group_choices("method"):
        found = settings_of(method) | found
    return found


def _module(method: str) -> str:
    """Where a method declares its settings; one of the user's own that declares none has those of the default."""
    if not is_reference(method):
        return f"worldmodel.methods.{method}"
    kind = own_code(method)
    declared = getattr(sys.modules[kind.__module__], "ENTRY", None)
    return kind.__module__ if getattr(declared, "make", None) is kind else _module("default")


def _entry(method: str) -> tuple[list[str], dict[str, str]]:
    return call(_module(method), "ENTRY")


def _completed(one: Setting) -> Setting:
    """With what only the program knows: which methods there are, and which planners read a setting."""
    if one.name in ("method.name", "compare.methods"):
        return replace(one, choices=(*group_choices("method"), *((OWN,) if one.name == "method.name" else ())))
    if one.name.startswith("planner.upper_"):
        return replace(one, only=("evaluate.planners", *TWO_LEVELS))
    return replace(one, only=("evaluate.planners", *_PLAYED[one.name])) if one.name in _PLAYED else one
