"""A command line that has been checked, and the settings that it comes to once the world is known."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envs.registry import WORLDS
from housecat import zoo
from housecat.cli.help import COMMANDS
from housecat.errors import UsageError
from housecat.runs.wiring import without_factors
from housecat.settings.config import SHARED, check_combinations, for_command, load_config, to_yaml
from housecat.settings.overrides import names_world
from housecat.settings.schema import Config
from housecat.settings.sizes import check_sizes
from worldmodel.checkpoint import folder_of


@dataclass(frozen=True)
class Request:
    """A command line that has been checked."""

    command: str
    config: Config
    given: frozenset[str]  # keys that the user wrote
    line: str  # as typed
    flags: frozenset[str] = frozenset()  # --json and the like
    arguments: tuple[str, ...] = ()  # key=value as typed

    def settings(self, world: dict[str, Any]) -> str:
        """What the command reads, for `config.yaml`."""
        return to_yaml(self.config, COMMANDS[self.command].reads, world)

    def composed(self, *more: str) -> Config:
        """The settings with further `key=value` in front of what the user wrote, which wins."""
        found = for_command(load_config([*more, *self.arguments], shared=self.command in SHARED), self.command)
        check_sizes(found, COMMANDS[self.command].reads)
        return found

    def suited_to(self, world: dict[str, Any]) -> "Request":
        """The request with the settings that suit a world which the recording or the checkpoint named, not the user.

        Raises UsageError: they do not go together.
        """
        name, free = world["name"], {key: world[key] for key in ("frame_size", "action_repeat") if key in world}
        if names_world(self.given):
            return self
        if WORLDS.get(name, {}) | free != without_factors(world):  # no file of settings is that world's
            check_combinations(self.config)
            return self
        more = f"world={name}", *(f"world.{key}={value}" for key, value in free.items())
        return replace(self, config=self.composed(*more), arguments=(*more, *self.arguments))


def checkpoint_of(request: Request) -> Path:
    """The folder of the checkpoint that the user named. Raises UsageError or CheckpointError where there is none."""
    if request.config.checkpoint is None:
        raise UsageError(f"which checkpoint to {request.command}? give what `housecat train` wrote: checkpoint=DIR")
    return folder_of(Path(zoo.meant(request.config.checkpoint)))
