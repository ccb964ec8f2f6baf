"""What a latent says of the world in the world's own units: linear probes that are kept with a checkpoint.

They read quantities off latents, and turn the question round: which latents read as a goal asks. These are recorded
latents that read nearly so, shifted by how latents were seen to change with what was read (not by the probe's weights,
which say how to read and not how a latent changes: Haufe et al. 2014, doi 10.1016/j.neuroimage.2013.10.067).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from worldmodel.diagnosis.probes import Linear, fit_linear

KEPT = 2048  # recorded latents
_FITTED = 6000  # that probes are fitted on
_RIDGE = 1e-4  # of standardised quantities, for how latents change with them


@dataclass(frozen=True)
class Readings:
    """Recorded latents and what probes read off them.

    Raises ValueError: the shapes do not belong together.
    """

    latents: Tensor  # (M, D) of still pictures
    center: Tensor  # (D,) of the probe, as its weights (D, n) and offset (n,)
    weights: Tensor
    offset: Tensor
    change: Tensor  # (n, D): how latents change with what is read

    def __post_init__(self) -> None:
        (dimensions,), (numbers,) = self.center.shape, self.offset.shape
        shapes = [(len(self.latents), dimensions), (dimensions, numbers), (numbers, dimensions)]
        if [tuple(one.shape) for one in (self.latents, self.weights, self.change)] != shapes or not len(self.latents):
            raise ValueError("probes of other shapes than the latents")
        if not all(one.isfinite().all() for one in self.tensors().values()):
            raise ValueError("probes that hold what is no finite number")

    def tensors(self) -> dict[str, Tensor]:
        """By name, for the disk."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def read(self, latents: Tensor) -> Tensor:
        """Latents (..., D) -> what the probes read (..., n)."""
        return Linear(self.center, self.weights, self.offset)(latents)

    def shifted(self, latents: Tensor, wanted: Tensor) -> Tensor:
        """Latents (K, D) moved to where the probes read what is wanted (K, n)."""
        return latents + (wanted - self.read(latents)) @ self.change


def fit_readings(latents: Tensor, quantities: Mapping[str, Tensor], generator: torch.Generator) -> Readings | None:
    """Fits probes of quantities (K, n) each to latents (K, D); None: nothing is known of them, or nothing varies."""
    values = torch.cat([torch.empty(len(latents), 0), *(one.float().cpu() for one in quantities.values())], dim=1)
    known = values.isfinite().all(dim=1).nonzero()[:, 0] if values.shape[1] else torch.empty(0, dtype=torch.int64)
    if len(known) < 2 or not (values[known].std(dim=0) > 0).any():
        return None
    rows = known[torch.randperm(len(known), generator=generator)[:_FITTED]]
    z, q = latents[rows.to(latents.device)].float().cpu(), values[rows]
    probe = fit_linear(z, q)
    apart, spread = q - q.mean(dim=0), q.std(dim=0).clamp(min=1e-6)
    x = (apart / spread).double()
    square = x.T @ x + _RIDGE * len(x) * torch.eye(x.shape[1], dtype=torch.float64)
    change = torch.linalg.solve(square, x.T @ (z - z.mean(dim=0)).double()).float() / spread[:, None]
    return Readings(z[:KEPT].contiguous(), probe.center, probe.weights, probe.offset.contiguous(), change)


def errors(readings: Readings, latents: Tensor, quantities: Mapping[str, Tensor]) -> dict[str, dict[str, float]]:
    """How many numbers each quantity (K, n) is, and the root mean square error of the probes on latents (K, D)."""
    found, begin = {}, 0
    read = readings.read(latents.cpu())
    for name, values in quantities.items():
        size = values.shape[1]
        off = (read[:, begin : begin + size] - values.float().cpu()).pow(2).sum(dim=1)
        found[name] = {"size": size, "error": float(off[off.isfinite()].mean().sqrt())}
        begin += size
    return found
