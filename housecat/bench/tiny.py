"""A world and a model that are small enough to be made on the way, for whoever wants to see the bench run first."""

from collections.abc import Callable
from pathlib import Path

from housecat.runs import stages, wiring
from housecat.settings.schema import Config

_TINY = """world=umaze world.frame_size=32 model=cnn model.latent=32 model.width=16 collect.episodes=60 collect.steps=40
train.updates=200 train.batch=16 train.length=6 train.horizon=3 finetuning.updates=100 finetuning.horizon=6
critic.updates=400 critic.batch=128 graph.landmarks=60""".split()


def trained_now(compose: Callable[..., Config], out: Path, command: str) -> Path:
    """The folder of a tiny model, trained in `out` unless it is there."""
    config = compose(*_TINY)
    spec, data = wiring.world_spec(config), out / "data"
    recorded = stages.recording(spec, config.seed, config.collect.steps, config.collect.episodes)
    jobs = [stages.collecting(config, spec, data, out), stages.training(config, recorded, data, out)]
    stages.do_all(jobs, out, "", command)
    return out
