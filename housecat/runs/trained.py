"""A checkpoint that is played with: its world model, what was learned on top of it, and the planners that use both."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from envs import make_world
from envs.goals.record import Goal
from envs.outside.carried import admit
from housecat.errors import UsageError
from housecat.evaluation.episodes import Bench
from housecat.evaluation.player import PLANNING, Player
from housecat.evaluation.recommending import CANDIDATES
from housecat.players.limits import intrinsic_of, judge_of
from housecat.players.probed import Probed, Probes
from housecat.players.spoken import Spoken
from housecat.runs.fitted import NEED, load_fitted
from housecat.runs.players import Ingredients, make_player, require_simulator
from housecat.runs.wiring import check_world, device, precision, world_spec
from housecat.settings.config import hand_over_named
from housecat.settings.schema import Config
from planners.intrinsic import Intrinsic
from planners.subgoals.landmarks import Landmarks, allowed
from worldmodel import checkpoint
from worldmodel.distances.distance import LearnedDistance
from worldmodel.language.grounding import Words, words_from
from worldmodel.language.vectors import SIZE
from worldmodel.model import LatentWorldModel
from worldmodel.networks.memory import memory_from
from worldmodel.readings import Readings
from worldmodel.stages.ensemble import Ensemble
from worldmodel.stages.memory import Remembering


@dataclass(frozen=True)
class BenchSetup:
    """Makes what a process needs in order to play; travels to worker processes."""

    spec: dict[str, Any]  # of the world
    checkpoint: Path
    config: Config
    fitted: Path | None = None  # what some players need, see `housecat/runs/fitted.py`

    def __call__(self) -> Bench:
        """Loads the checkpoint in this process."""
        return self.with_loaded(self.load())

    def load(self) -> "Trained":
        """The checkpoint; what of the user's own code it needs is imported first."""
        hand_over_named(self.config)
        if self.config.world.factory is not None:
            world_spec(self.config)  # makes known how the user's environment is made
        return load_checkpoint(self.checkpoint, self.config, self.spec)

    def with_loaded(self, loaded: "Trained", given: dict[str, Any] | None = None) -> Bench:
        """The same with a checkpoint that is loaded already; `given`: arguments of an optimiser of the user's own."""
        config, trouble, rate = in_time(self.config), self.config.trouble, self.config.evaluate.rate
        if trouble.pushes and self.spec["family"] == "python":
            raise UsageError(f"trouble.pushes: nothing is known of the bodies of world '{self.spec['name']}'")
        fitted = cache(lambda: load_fitted(self.fitted, loaded.model, self.spec))
        intrinsic = intrinsic_of(config.planner, self.spec, loaded.probes)
        landmarks = allowed_by(intrinsic, loaded.landmarks)
        learnt = loaded.model, loaded.distance, landmarks
        parts = Ingredients(
            config,
            self.spec,
            *learnt,
            fitted,
            given,
            loaded.ensemble,
            intrinsic,
            loaded.surprising,
            loaded.memory,
            at_hand=self.fitted is not None,
        )

        def make_agent(name: str, horizon: int | None, generators: list[torch.Generator]) -> Player:
            return make_player(parts, name, horizon, generators)

        spoken, probed = Spoken(loaded.words, config.goal.samples), None
        if config.goal.targets == "probes":
            probed = Probed(loaded.probes, make_world(self.spec), config.goal.samples)

        def targets(goal: Goal) -> Tensor | None:
            if goal.said:
                return spoken(goal)
            return probed(goal) if goal.regions and probed is not None else None

        hold, judge = config.evaluate.hold, judge_of(config.planner, self.spec)
        return Bench(lambda: make_world(self.spec), make_agent, landmarks, trouble, rate, hold, targets, judge)


def allowed_by(intrinsic: Intrinsic, landmarks: Landmarks | None) -> Landmarks | None:
    """The landmarks that limits leave, with the ways between them. Raises UsageError: they leave none."""
    if landmarks is None or not intrinsic.limits:
        return landmarks
    try:
        return allowed(landmarks, intrinsic.forbids)
    except ValueError:
        raise UsageError(
            "the limits on places and joints forbid every landmark of the checkpoint: widen them"
        ) from None


def in_time(config: Config) -> Config:
    """The settings with a search that ends in time for `evaluate.rate`, where that is asked for."""
    rate, asked = config.evaluate.rate, config.planner
    if rate is None:
        return config
    most = PLANNING * 1000 / rate
    left = most if asked.milliseconds is None else min(most, asked.milliseconds)
    return replace(config, planner=replace(asked, milliseconds=left))


def check_planners(setup: BenchSetup) -> None:
    """Makes each planner that is to be judged, once, before any work.

    Raises CheckpointError: there is no checkpoint, or it is damaged; UsageError: it is of another world, imagines
    nothing, or lacks what one of the planners needs.
    """
    bench = setup()
    for name in setup.config.evaluate.planners:
        require_simulator(setup.spec, name)
        if name not in NEED:  # what these need is fitted before they play
            bench.make_agent(name, None, [torch.Generator()])


@dataclass(frozen=True)
class Trained:
    """A trained world model and what was learned on top of it."""

    model: LatentWorldModel
    distance: LearnedDistance
    landmarks: Landmarks | None
    ensemble: Ensemble | None
    probes: Probes | None = None
    words: Words | None = None
    surprising: float | None = None  # see `worldmodel.surprise`
    found_best: str | None = None  # on calibration pairs, see `housecat/evaluation/recommending.py`
    memory: Remembering | None = None

    @property
    def recommended(self) -> str:
        """The planner that it is best played with; where that was not found out, the hierarchy if it has landmarks."""
        able = CANDIDATES if self.landmarks is not None else ("flat_distance",)
        return next((one for one in able if one == self.found_best), able[0])


def load_checkpoint(folder: Path, config: Config, spec: dict[str, Any]) -> Trained:
    """The trained world model, put where it is to be computed.

    Raises CheckpointError: there is none, or it is damaged; UsageError: it was trained in another world than
    `spec`, or is an encoder that imagines nothing.
    """
    loaded = checkpoint.load(folder, device(config), precision(config))
    check_world(f"checkpoint {folder}", loaded.about["world"], spec)
    return complete(loaded, str(folder))


def complete(loaded: checkpoint.Loaded, name: str) -> Trained:
    """A loaded checkpoint, called `name`, as what planners need. Raises UsageError: it is an encoder."""
    if not isinstance(loaded.model, LatentWorldModel) or loaded.distance is None:
        raise UsageError(
            f"checkpoint {name} is an encoder ({loaded.method}), which imagines nothing: train "
            f"method=vjepa2_ac method.encoder={name} on it"
        )
    admit(loaded.robot, loaded.about["world"], f"checkpoint {name}")
    found: dict[str, Any] = {}
    for what, make in (("landmarks", _landmarks), ("probes", _probes), ("words", _words), ("memory", _memory)):
        try:
            found[what] = make(loaded)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise UsageError(f"the {what} of checkpoint {name} are damaged ({error}): train again") from error
    return Trained(
        loaded.model,
        loaded.distance,
        ensemble=loaded.ensemble,
        surprising=loaded.about.get("surprise"),
        found_best=loaded.about.get("recommended"),
        **found,
    )


def _landmarks(loaded: checkpoint.Loaded) -> Landmarks | None:
    if not loaded.landmarks:
        return None
    landmarks = Landmarks(**loaded.landmarks)
    if landmarks.latents.shape[1:] != (loaded.model.latent,):
        raise ValueError(f"latents of {tuple(landmarks.latents.shape)}, the model's have {loaded.model.latent}")
    return landmarks


def _words(loaded: checkpoint.Loaded) -> Words | None:
    return words_from(loaded.words, SIZE, loaded.model.latent) if loaded.words else None


def _memory(loaded: checkpoint.Loaded) -> Remembering | None:
    if not loaded.memory or not isinstance(loaded.model, LatentWorldModel):
        return None
    return Remembering(loaded.model, memory_from(loaded.memory, loaded.model.latent))


def _probes(loaded: checkpoint.Loaded) -> Probes | None:
    if not loaded.probes:
        return None
    readings = Readings(**loaded.probes)
    numbers = {name: int(one["size"]) for name, one in loaded.about["probes"].items()}
    if readings.latents.shape[1:] != (loaded.model.latent,) or sum(numbers.values()) != len(readings.offset):
        raise ValueError(f"probes of latents of {readings.latents.shape[1]}, the model's have {loaded.model.latent}")
    return Probes(readings, numbers)
