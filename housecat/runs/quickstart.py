"""The whole loop in one go: record, train, evaluate, report; goes on where it was stopped."""

from pathlib import Path
from typing import Any

from envs.registry import make_world
from envs.simulation.backend import renderer_name
from housecat.errors import UsageError
from housecat.report.summary import summary
from housecat.runs import stages, wiring
from housecat.runs.estimate import estimate
from housecat.runs.goals import check_goals
from housecat.runs.training import HELD_OUT
from housecat.runs.words import asks_in_words
from housecat.settings.schema import Config


def quickstart(config: Config, spec: dict[str, Any], out: Path, settings: str, command: str) -> None:
    """Does what is not done yet of a run that records in the world `spec`, in the folder `out`.

    Raises UsageError: the settings do not fit the world or what is in the folder.
    """
    evaluated = wiring.evaluated_spec(config, spec)
    check(config, evaluated)
    data = Path(config.data) if config.data else out / "data"
    recorded = stages.recording(spec, config.seed, config.collect.steps, config.collect.episodes)
    jobs = [
        stages.collecting(config, spec, data, out),
        stages.training(config, recorded, data, out),
        stages.evaluating(config, evaluated, out / "model", out, command, data if asks_in_words(config) else None),
        stages.reporting(out),
    ]
    stages.do_all(jobs, out, settings, command, lambda: estimate(config, spec), anew=True)
    print(summary(out))


def check(config: Config, spec: dict[str, Any]) -> None:
    """Whether every stage can be done with these settings, before the first of them takes its time."""
    renderer_name()
    wiring.device(config)
    world = make_world(spec)
    check_goals(config, world)
    if round(HELD_OUT * config.collect.episodes) < 1:
        raise UsageError(
            f"collect.episodes must be at least {round(0.5 / HELD_OUT) + 1} to hold some out from training, "
            f"got {config.collect.episodes}"
        )
    plan = wiring.training_plan(config, world.scene.frame_size, world.scene.action_dim)
    if config.collect.steps + 1 < plan.frames:
        raise UsageError(
            f"collect.steps must be at least {plan.frames - 1} for {wiring.clip_settings(config)}, got "
            f"{config.collect.steps}"
        )
