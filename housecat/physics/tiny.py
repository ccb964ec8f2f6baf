"""Scenes and a model that are small enough to be made on the way, for whoever wants to see the judging first."""

from collections.abc import Callable
from pathlib import Path

from envs.physics.record import record, spec_of
from housecat.runs import stages
from housecat.runs.folder import Stage
from housecat.settings.schema import Config

SCENES, SIZE = 48, 32
_TINY = """method=vjepa model.width=32 model.depth=2 model.heads=2 model.predictor_width=32 model.predictor_depth=1
model.context=8 finetuning.horizon=2 train.updates=60 train.batch=8 train.measure_every=1000""".split()


def trained_now(compose: Callable[..., Config], out: Path, command: str) -> Path:
    """The folder of a tiny model of scenes, both made in `out` unless they are there."""
    config, data = compose(*_TINY), out / "data"
    what = stages.recording(spec_of(SIZE), config.seed, SCENES, SCENES)
    recording = Stage("record", what, data / "manifest.json")
    jobs = [stages.Job(recording, lambda run: record(data, SCENES, SIZE, config.seed))]
    stages.do_all([*jobs, stages.training(config, what, data, out)], out, "", command)
    return out
