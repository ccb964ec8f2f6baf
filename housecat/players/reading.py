"""The simulator's state as a probe reads it off a latent: what perception has kept, in the simulator's own numbers."""

import mujoco
import torch
from torch import Tensor, nn

from envs.simulation.scene import Scene
from worldmodel.diagnosis.probes import Attentive, fit_attentive


class Coordinates:
    """States of a scene as numbers without jumps: an angle is a point on a circle, a turn in space has one sign."""

    def __init__(self, scene: Scene) -> None:
        model = scene.models["train"]
        places = zip(model.jnt_type.tolist(), model.jnt_qposadr.tolist(), strict=True)
        free, ball = int(mujoco.mjtJoint.mjJNT_FREE), int(mujoco.mjtJoint.mjJNT_BALL)
        hinge = int(mujoco.mjtJoint.mjJNT_HINGE)
        self.angles, self.turns = [], list[int]()
        for kind, at in places:
            self.angles += [at] if kind == hinge else []
            self.turns += [at + 3] if kind == free else [at] if kind == ball else []
        self.size = scene.state_dim + len(self.angles)

    def of(self, states: Tensor) -> Tensor:
        """States (..., S) -> (..., size): the states with cosines for angles, and the sines after them."""
        found = states.clone()
        for at in self.turns:
            found[..., at : at + 4] *= torch.where(states[..., at : at + 1] < 0, -1.0, 1.0)
        found[..., self.angles] = states[..., self.angles].cos()
        return torch.cat([found, states[..., self.angles].sin()], dim=-1)

    def states(self, numbers: Tensor) -> Tensor:
        """The inverse of `of`, of what is nearly on the circles; angles from -pi to pi."""
        count = numbers.shape[-1] - len(self.angles)
        found, sines = numbers[..., :count].clone(), numbers[..., count:]
        found[..., self.angles] = torch.atan2(sines, found[..., self.angles])
        for at in self.turns:
            found[..., at : at + 4] = nn.functional.normalize(found[..., at : at + 4], dim=-1)
        return found


class StateReader(nn.Module):
    """Latents (..., D) -> the states (..., S) float64 that a small perceptron reads off them."""

    def __init__(self, probe: Attentive, coordinates: Coordinates) -> None:
        super().__init__()
        self.probe, self.coordinates = probe, coordinates

    @classmethod
    def empty(cls, latent: int, scene: Scene) -> "StateReader":
        """One whose weights are still to be loaded; for latents of so many dimensions."""
        coordinates = Coordinates(scene)
        blank = torch.zeros(2, 1, latent), torch.zeros(2, coordinates.size)
        return cls(Attentive(*blank, torch.Generator()).requires_grad_(False), coordinates)

    def forward(self, latents: Tensor) -> Tensor:
        """See the class; computed where the latents are."""
        rows = latents.reshape(-1, 1, latents.shape[-1])
        return self.coordinates.states(self.probe(rows).double()).reshape(*latents.shape[:-1], -1)


def fit_reader(latents: Tensor, states: Tensor, scene: Scene, generator: torch.Generator, updates: int) -> StateReader:
    """Learns to read states (K, S) off latents (K, D)."""
    coordinates = Coordinates(scene)
    targets = coordinates.of(states.double()).float().to(latents.device)
    return StateReader(fit_attentive(latents[:, None], targets, generator, updates), coordinates)
