"""What the commands do, as functions; and a trained model as an agent that takes frames.

`collect`, `train` and `evaluate` are the commands of the same name, print what those print and go on where they were
stopped. Any further setting of a command may be given by its name, `settings={"train.batch": 32}`. What a user can put
right comes as one of the exceptions that the command line prints as one line, such as `housecat.errors.UsageError`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import gymnasium

from envs.data.store import EpisodeStore
from envs.registry import WORLDS
from housecat import zoo
from housecat.cli.main import work
from housecat.errors import UsageError
from housecat.evaluation.results import read_results
from housecat.frame_agent import FrameAgent
from housecat.players.limits import intrinsic_of
from housecat.recorder import Recorder
from housecat.runs import steering, trained, wiring
from housecat.settings.config import load_config, text_of
from housecat.settings.groups import PLANNERS
from housecat.settings.own_code import reference
from housecat.settings.planning import PlannerConfig
from planners.interface import Planner
from worldmodel.checkpoint import folder_of
from worldmodel.share.hub import from_pretrained

__all__ = ["FrameAgent", "Recorder", "collect", "evaluate", "load", "train"]

World = str | Path | Callable[[], gymnasium.Env]  # its name, the MJCF file of a robot, or what makes an environment
Settings = Mapping[str, Any] | None


def load(
    run: str | Path,
    planner: str | Planner | None = None,
    optimizer: Any = None,
    energy: Any = None,
    code: Any = None,
    device: str = "auto",
    seed: int = 0,
) -> FrameAgent:
    """A trained model, ready to act; it plans with the settings that are kept in its checkpoint.

    Args:
        run: folder that `housecat train` wrote, zoo/NAME of a model that comes along, or OWNER/NAME on the Hugging Face
            Hub.
        planner: its name, or any `planners.interface.Planner`; None: the one that its own evaluation recommends, else
            the hierarchy, without landmarks flat_distance.
        optimizer: any `planners.interface.Optimizer` in place of CEM.
        energy: any `planners.interface.Energy`, or a function that makes one out of the planner's: `lambda default:
            default + mine`.
        code: class of your own encoder or method that it was trained with, or FILE.py:NAME of it. Nothing that a
            checkpoint names is ever imported.

    Raises CheckpointError: there is no such checkpoint, or it is damaged; UsageError: it does not have what the
    planner needs.
    """
    own = {"code": code, "planner.optimizer": optimizer, "planner.energy": energy}
    given = [f"device={device}", *(f"{key}={reference(one)}" for key, one in own.items() if one is not None)]
    config = load_config(given)
    loaded = from_pretrained(zoo.meant(run), None, wiring.device(config), wiring.precision(config))
    parts, world = trained.complete(loaded, str(run)), loaded.about["world"]
    kept = loaded.about.get("planner")
    kept = kept if isinstance(kept, dict) else {}
    if not kept and WORLDS.get(world["name"]) == world:  # of before they were kept
        given.append(f"world={world['name']}")
    # Code of the user's own is not kept with a checkpoint: whoever plans with it names it anew.
    names = {one.name for one in fields(PlannerConfig)} - {"optimizer", "energy"}
    given += [f"planner.{name}={text_of(kept[name])}" for name in kept if name in names]
    config = load_config(given, shared=True)
    planner = planner or parts.recommended
    if isinstance(planner, str):
        if planner not in PLANNERS[1:]:
            raise UsageError(f"planner must be one of {', '.join(PLANNERS[1:])}, got '{planner}'")
        intrinsic = intrinsic_of(config.planner, world, parts.probes)
        learnt = parts.model, parts.distance, trained.allowed_by(intrinsic, parts.landmarks)
        planner = steering.build_planner(
            config,
            planner,
            None,
            *learnt,
            ensemble=parts.ensemble,
            intrinsic=intrinsic,
            surprising=parts.surprising,
        )
    beside = parts.distance, parts.probes, parts.words, parts.memory
    return FrameAgent(world, parts.model, planner, config.planner.execute, seed, *beside)


def collect(world: World, out: str | Path, episodes: int | None = None, settings: Settings = None) -> EpisodeStore:
    """Records random play in a world into the folder `out`.

    `world`: its name, as after `world=` on the command line; the MJCF file of a robot; or a function that returns any
    `gymnasium.Env` with pictures ("rgb_array"), whatever simulates it.
    """
    _command("collect", {**_world(world), "out": out, "episodes": episodes}, settings)
    return EpisodeStore.open(out)


def train(
    data: str | Path,
    out: str | Path,
    method: Any = None,
    updates: int | None = None,
    encoder: Any = None,
    settings: Settings = None,
) -> Path:
    """Trains a world model on recorded episodes and returns the run's folder, `out`.

    Args:
        method: a method's name, or a class of your own that fits `worldmodel.method.Method`.
        encoder: "keypoints", "vit", "cnn", or a class of your own: any module `Mine(size=, context=, latent=)` that
            turns frames uint8 (B, T, size, size, 3) into latents (B, T - context + 1, latent).
    """
    asked = {"data": data, "out": out, "method": method, "model.encoder": encoder, "train.updates": updates}
    _command("train", asked, settings)
    return Path(out)


def evaluate(
    run: str | Path,
    world: World | None = None,
    planners: Sequence[str] | None = None,
    out: str | Path | None = None,
    episodes: int | None = None,
    success: Callable[[dict, dict], bool] | None = None,
    goal: str | Path | Mapping[str, Any] | None = None,
    optimizer: Any = None,
    energy: Any = None,
    code: Any = None,
    settings: Settings = None,
) -> dict[str, Any]:
    """Lets planners play the same start-goal pairs, and returns what `results.json` in `out` says.

    Args:
        world: as in `collect`; None: what the checkpoint says.
        out: the run's folder unless given, of zoo/NAME runs/zoo-NAME.
        success: of an environment in Python, `success(info, info_at_the_goal)` says whether a goal is reached; None:
            its own method of that name, or its `info["success"]`.
        goal: a picture file, or values by quantity, `{"puck": (0.2, -0.1)}`; None: each pair has its own. Words go by
            `settings={"goal.words": "push the puck to the left"}`.
        optimizer, energy, code: as in `load`; the first two for all planners.
    """
    asked = {} if world is None else _world(world)
    asked |= {"checkpoint": run, "out": out, "episodes": episodes, "evaluate.planners": planners, "code": code}
    asked |= {"world.success": success, "planner.optimizer": optimizer, "planner.energy": energy}
    asked |= {"goal.region": json.dumps(dict(goal))} if isinstance(goal, Mapping) else {"goal": goal}
    _command("evaluate", asked, settings)
    return read_results(Path(out or zoo.beside(folder_of(Path(zoo.meant(run))))) / "results.json")


def _command(name: str, values: dict[str, Any], settings: Settings) -> None:
    """Does what the command of this name does with these settings, those that are None left out."""
    asked = {key: value for key, value in values.items() if value is not None} | dict(settings or {})
    words = {key: reference(one) if callable(one) else _text(one) for key, one in asked.items()}
    if name != "train" and any(map(callable, asked.values())):  # an object of this process is not known to another
        words.setdefault("workers", "1")
    work(name, [f"{key}={value}" for key, value in words.items()], frozenset())


def _text(value: Any) -> str:
    return text_of(tuple(value) if isinstance(value, list) else value)


def _world(world: World) -> dict[str, Any]:
    if callable(world):
        return {"world": "python", "world.factory": world}
    return {"world": "mjcf", "path": world} if str(world).endswith((".xml", ".mjcf", ".urdf")) else {"world": world}
