"""Goals that ask for quantities, without a simulator's pictures: recorded latents of which probes say that they fit."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.goals.record import Goal
from envs.world import World
from housecat.errors import UsageError
from worldmodel.readings import Readings


@dataclass(frozen=True)
class Probes:
    """What a checkpoint reads off its latents."""

    readings: Readings
    numbers: dict[str, int]  # how many each quantity is, in their order


class Probed:
    """Finds latents that stand for a goal.

    Args:
        world: whose quantities are asked for.
        samples: K latents for each goal.

    Raises UsageError: there are no probes, or they are of other quantities.
    """

    def __init__(self, probes: Probes | None, world: World, samples: int) -> None:
        if probes is None:
            raise UsageError(
                "goal.targets=probes needs probes, which the checkpoint does not have: train again on recordings that "
                "know the simulator's states, or write goal.targets=pictures"
            )
        self.known = {one.name: one for one in world.task.quantities}
        if list(probes.numbers) != list(self.known):
            raise UsageError(
                f"the probes of the checkpoint read {', '.join(probes.numbers)}, world '{world.name}' has "
                f"{', '.join(self.known)}: train again, or write goal.targets=pictures"
            )
        self.readings, self.samples = probes.readings, samples
        ends = np.cumsum([0, *probes.numbers.values()])
        self._parts = {name: slice(*ends[i : i + 2]) for i, name in enumerate(probes.numbers)}
        self._read = self.readings.read(self.readings.latents).double().cpu().numpy()  # (M, n)

    def __call__(self, goal: Goal) -> Tensor:
        """Latents (K, D) that read as the goal asks: recorded ones that nearly do, shifted to where they do."""
        away, wanted = np.zeros(len(self._read)), self._read.copy()
        for name, region in goal.regions.items():
            quantity, part = self.known[name], self._parts[name]
            values: NDArray[np.float64] = quantity.values(self._read[:, part])
            scale = region.radius or quantity.tolerance or 1.0
            away = np.maximum(away, quantity.distance(values, region) / scale)
            wanted[:, part] = quantity.smooth(values - quantity.errors(values, region))
        rows = np.argsort(away, kind="stable")[: self.samples]
        chosen = self.readings.latents[torch.from_numpy(rows).to(self.readings.latents.device)]
        found = self.readings.shifted(chosen, torch.from_numpy(wanted[rows]).to(chosen))
        return found[torch.arange(self.samples, device=found.device) % len(found)]
