"""What `housecat physics ...` does."""

from collections.abc import Callable
from pathlib import Path

from envs.physics.clips import export_clips
from envs.physics.record import record
from housecat import zoo
from housecat.cli.datasets import World
from housecat.errors import UsageError
from housecat.physics.run import FILES, Exam, examined, jobs_of
from housecat.physics.tiny import trained_now
from housecat.runs import stages, wiring
from housecat.runs.folder import open_run
from housecat.settings.physics import extent_of
from housecat.settings.schema import Config
from worldmodel.checkpoint import folder_of

_SCENES, _SIZE = 3000, 64


def record_scenes(config: Config, _: World) -> None:
    """Records possible scenes for training."""
    out = Path(config.out or "data/physics")
    scenes, size = config.episodes or _SCENES, config.size or _SIZE
    store = record(out, scenes, size, config.seed, config.physics.pushes, config.workers)
    print(f"{len(store)} scenes, frames of {size} pixels: {out}")
    print(f"next: housecat train data={out}")


def export(config: Config, _: World) -> None:
    """Writes the clips for models of others."""
    if config.out is None:
        raise UsageError("which folder to write the clips to? name a new one: out=DIR")
    extent = extent_of(config.physics)
    drawn = config.seed, config.size or _SIZE, config.physics.format
    count = export_clips(Path(config.out), extent.properties, extent.groups, *drawn)
    print(f"{count} clips, possible and impossible: {config.out}")


def judge(config: Config, compose: Callable[..., Config], line: str) -> None:
    """Judges the runs that are named, or a tiny model of its own."""
    out, clips = Path(config.out or "runs/physics"), Path(config.data) if config.data else None
    if config.checkpoint is None and config.physics.suite != "smoke":
        raise UsageError("physics.suite=standard needs models: name the folders of their runs, checkpoint=RUN,RUN")
    named = list(filter(None, map(str.strip, (config.checkpoint or "").split(","))))
    where = wiring.device(config), wiring.precision(config)
    exam = Exam(extent_of(config.physics), config.physics.suite, clips, config.seed, *where)
    exam.names()  # clips of others are there
    folders = [folder_of(Path(zoo.meant(one))) for one in named]
    with open_run(out, "", line) as run:
        run.claim(*FILES)
    if not folders:
        folders = [folder_of(trained_now(compose, out / "tiny", line))]
    stages.do_all(jobs_of(exam, examined(folders), out, line), out, "", line)
    print(f"written to {out / 'physics.json'} and {out / 'physics.html'}")


WORK: dict[str, Callable[[Config, World], None]] = {"physics record": record_scenes, "physics export": export}
