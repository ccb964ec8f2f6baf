"""Episodes made and written by one process or by several."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from envs.data.episodes import Episode, episode_file, write_episode
from envs.workers import workers

Seconds = dict[str, float]  # what each kind of work took
Make = Callable[[int], tuple[Episode, Seconds]]  # episode i, which depends on i alone


class EpisodeSource(Protocol):
    """Where episodes come from; travels to worker processes."""

    def begin(self) -> Make:
        """Get ready in this process."""
        ...


@dataclass(frozen=True)
class Made:
    """An episode that is on disk now."""

    index: int
    digest: str  # SHA-256 of its file
    steps: int
    seconds: Seconds


def make_all(source: EpisodeSource, out: Path, indices: list[int], count: int) -> Iterator[Made]:
    """Make and write the episodes of these ``indices``, by so many processes; 1: by this one."""
    with workers(partial(_begin, source, out), count) as spread:
        for _, made in spread(indices):
            yield made


def _begin(source: EpisodeSource, out: Path) -> Callable[[int], Made]:
    make = source.begin()

    def written(index: int) -> Made:
        episode, seconds = make(index)
        began = time.perf_counter()
        digest = write_episode(out / episode_file(index), episode)
        return Made(index, digest, len(episode), {**seconds, "writing": time.perf_counter() - began})

    return written
