"""Whether this machine can hold what is asked for: what settings take together at the very least, told before any work.

More may be needed: what fails later is told then, with the remedy of `housecat/cli/faults.py`.
"""

import math
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from envs.data.machine import free_memory
from housecat.errors import UsageError
from housecat.settings.config import names_of, value_of
from housecat.settings.schema import Config

_PIXEL = ("world.frame_size", "world.frame_size")
_WEIGHT = 16  # bytes: itself, its gradient, two moments of the optimiser
_MEMORY: tuple[tuple[float, tuple[str, ...]], ...] = (  # bytes of each, of as many as these settings multiplied
    (3, ("collect.steps", *_PIXEL)),  # frames of an episode
    (3 * (1 + 4), ("train.batch", "train.length", *_PIXEL)),  # as recorded, and in fp32
    (3 * (1 + 4), ("pretraining.batch", *_PIXEL)),
    (4, ("finetuning.batch", "finetuning.horizon", "model.latent")),
    (4, ("critic.batch", "critic.width")),
    (4, ("upper.batch", "upper.horizon", "upper.width")),
    (_WEIGHT, ("critic.width", "critic.width")),
    (_WEIGHT, ("upper.width", "upper.width", "upper.depth")),
    (_WEIGHT, ("model.predictor_width", "model.predictor_width", "model.predictor_depth")),
    (4 + 8, ("planner.samples", "planner.horizon", "evaluate.batch")),  # an action and a latent, of the smallest
    (4 + 8, ("planner.upper_samples", "planner.upper_horizon", "evaluate.batch")),
    (8 * 3, ("graph.landmarks", "graph.landmarks")),
)
_DISK = 3 / 100  # bytes of a pixel of recorded frames, if they compress better than any that were seen
_RECORDED = ("collect.episodes", "collect.steps", *_PIXEL)


def check_sizes(config: Config, reads: Callable[[str], bool]) -> None:
    """Raises UsageError where settings that a command reads, as `reads` says by name, take more than there is."""
    known, free = set(names_of(config)), free_memory()
    for each, names in _MEMORY:
        if reads(names[0]) and names[0] in known:
            _require(config, each, [name for name in names if name in known], free, "memory")
    if reads(_RECORDED[0]) and config.data is None:
        folder = Path(config.out or ".").absolute()
        there = next(one for one in (folder, *folder.parents) if one.is_dir())
        free = shutil.disk_usage(there).free
        if there == folder:  # what is recorded already takes no more
            free += sum(file.stat().st_size for file in folder.rglob("*.h5"))
        _require(config, _DISK, list(_RECORDED), free, "disk")


def _require(config: Config, each: float, names: list[str], free: int, what: str) -> None:
    needed = each * math.prod(value_of(config, name) for name in names)
    if needed > free:
        said = ", ".join(f"{name}={value_of(config, name)}" for name in Counter(names))
        raise UsageError(
            f"{said} take at least {needed / 2**30:.3g} GiB of {what}, of which {free / 2**30:.3g} are free: "
            "lower them, or free more"
        )
