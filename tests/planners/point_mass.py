"""A ball with momentum in a maze, all of it known: what planners are tested on instead of a learned model.

A latent is position (m) and velocity (m/s), D = 4; an action is a force on each axis. Everything is computed element by
element, so that the rows of a batch cannot influence each other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from planners.interface import Context

MEDIUM = """
########
#  ##  #
#  #   #
##   ###
#  #   #
# #  # #
#   #  #
########
"""
WALL = """
#########
#       #
#  ###  #
#  ###  #
#  ###  #
#       #
#########
"""
FINE = 0.05  # m, resolution at which walls are known
COARSE = 0.2  # m, resolution of the geodesic distance
RADIUS = 0.3  # m, of the ball
STEP = 0.1  # s, a control step
TOP = 2.0  # m/s
TAU = 0.4  # s, time constant of the velocity
PER_STEP = TOP * STEP  # m at top speed


class Maze:
    """Where the ball's centre may be, and how long the ways are."""

    def __init__(self, layout: str) -> None:
        rows = layout.strip("\n").split("\n")
        self.walls = np.array([[cell == "#" for cell in row] for row in rows]).T  # [x, y]
        scale = round(1 / FINE)
        blocked = np.kron(self.walls, np.ones((scale, scale), bool))
        self.free = torch.from_numpy(distance_transform_edt(~blocked) * FINE > RADIUS)
        centers = np.stack(np.meshgrid(*(np.arange(0.1, size, COARSE) for size in self.walls.shape), indexing="ij"), -1)
        self.nodes = torch.from_numpy(centers[self.is_free(torch.from_numpy(centers)).numpy()]).float()  # (n, 2)
        self.ways = self._ways()  # (n, n) m
        node_at = np.full(blocked.shape, -1)
        node_at[tuple((self.nodes.numpy() / FINE).astype(int).T)] = np.arange(len(self.nodes))
        nearest = distance_transform_edt(node_at < 0, return_distances=False, return_indices=True)
        self.node = torch.from_numpy(node_at[tuple(nearest)])  # nearest node of every place

    def _ways(self) -> Tensor:
        offset = (self.nodes[:, None] - self.nodes[None]).norm(dim=-1)
        middle = (self.nodes[:, None] + self.nodes[None]) / 2
        joined = (offset > 0) & (offset < 2.3 * COARSE) & self.is_free(middle)
        return torch.from_numpy(dijkstra(csr_array(np.where(joined, offset, 0.0)))).float()

    def index(self, position: Tensor) -> tuple[Tensor, Tensor]:
        where = (position / FINE).long()
        return where[..., 0].clamp(0, len(self.free) - 1), where[..., 1].clamp(0, self.free.shape[1] - 1)

    def is_free(self, position: Tensor) -> Tensor:
        return self.free[self.index(position)]

    def way(self, start: Tensor, end: Tensor) -> Tensor:
        """Length in m of the shortest way from start (..., 2) to end (..., 2); straight where nothing is between."""
        straight = (end - start).square().sum(dim=-1).sqrt()
        around = self.ways[self.node[self.index(start)], self.node[self.index(end)]]
        between = torch.linspace(0, 1, 12)[:, None]
        in_sight = self.is_free(start[..., None, :] + between * (end - start)[..., None, :]).all(dim=-1)
        return torch.where(in_sight, straight, torch.maximum(around, straight))

    def cells(self) -> Tensor:
        """Centres of the free cells (n, 2) in m."""
        return torch.from_numpy(np.argwhere(~self.walls) + 0.5).float()

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Latents (count, 4) at rest anywhere in free space."""
        size = torch.tensor(self.free.shape) * FINE
        places = torch.rand(20 * count, 2, generator=generator) * size
        places = places[self.is_free(places)][:count]
        return at_rest(places)


def at_rest(position: Tensor) -> Tensor:
    return torch.cat([position, torch.zeros_like(position)], dim=-1)


class PointMass:
    """World model of the ball. A frame is two numbers of 16 bits, its position in units of 1/4096 m."""

    context = 2
    action_low = -torch.ones(2)
    action_high = torch.ones(2)

    def __init__(self, maze: Maze) -> None:
        self.maze = maze

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """z (..., 4), action (..., 2) -> next z; a wall stops the motion towards it and nothing else."""
        position, velocity = z[..., :2], z[..., 2:]
        substeps = 3
        keep = float(np.exp(-STEP / substeps / TAU))
        for _ in range(substeps):
            velocity = keep * velocity + (1 - keep) * TOP * action
            for axis in (0, 1):
                along = torch.zeros(2)
                along[axis] = 1
                ahead = position + along * velocity * (STEP / substeps)
                open_ = self.maze.is_free(ahead)[..., None]
                position = torch.where(open_, ahead, position)
                velocity = torch.where(open_, velocity, velocity * (1 - along))
        return torch.cat([position, velocity], dim=-1)

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        z = z[:, None].expand(-1, actions.shape[1], -1)
        imagined = []
        for action in actions.unbind(dim=2):
            z = self.step(z, action)
            imagined.append(z)
        return torch.stack(imagined, dim=2)

    def encode(self, context: Context) -> Tensor:
        position = positions(context.frames)
        return torch.cat([position[:, -1], (position[:, -1] - position[:, -2]) / STEP], dim=-1)


def frames_of(z: Tensor) -> np.ndarray:
    """What the camera shows of latents (B, 4): uint8 (B, 1, 2, 3), one axis a pixel."""
    units = (z[:, :2] * 4096).round().long()
    pixels = torch.stack([units // 256, units % 256, torch.zeros_like(units)], dim=-1)
    return pixels[:, None].to(torch.uint8).numpy()


def positions(frames: Tensor) -> Tensor:
    """The inverse: (..., 1, 2, 3) -> positions (..., 2)."""
    pixels = frames[..., 0, :, :].float()
    return (256 * pixels[..., 0] + pixels[..., 1]) / 4096


Error = Callable[[Tensor, Tensor, Tensor], Tensor]  # (true steps, start, end) -> steps as believed


@dataclass(frozen=True)
class Steps:
    """Control steps along the shortest way at top speed; with the errors that a learned distance may have."""

    maze: Maze
    error: Error = lambda steps, start, end: steps

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        z, target = torch.broadcast_tensors(z, target)
        start, end = z[..., :2], target[..., :2]
        return self.error(self.maze.way(start, end) / PER_STEP, start, end)


def hashed(start: Tensor, end: Tensor, salt: float = 0.0) -> Tensor:
    """A number in [0, 1) that looks random, and is the same for the same pair."""
    mixed = torch.cat([start, end], dim=-1).double() @ torch.tensor([127.1, 311.7, 74.7, 269.5]).double() + salt
    return (mixed.sin() * 43758.5453).remainder(1.0).float()


def noisy(share: float) -> Error:
    """Every pair is off by a factor of its own, 1 +- `share` in the mean; the two directions differ."""
    return lambda steps, start, end: steps * (1 + share * 2 * 3**0.5 * (hashed(start, end) - 0.5))


def shortcuts(share: float, steps: float = 3.0) -> Error:
    """For this share of all pairs, in both directions, the distance says that they are close together."""

    def error(true: Tensor, start: Tensor, end: Tensor) -> Tensor:
        pair = torch.minimum(hashed(start, end), hashed(end, start))
        return torch.where(pair < share / 2, true.clamp(max=steps), true)

    return error


def leak(place: tuple[float, float], radius: float) -> Error:
    """Within `radius` m of a place, the distance does not see walls, and finds everything a bit too close."""

    def error(true: Tensor, start: Tensor, end: Tensor) -> Tensor:
        center = torch.tensor(place)
        inside = ((start - center).norm(dim=-1) < radius) & ((end - center).norm(dim=-1) < radius)
        return torch.where(inside, torch.minimum(true, 0.7 * (end - start).norm(dim=-1) / PER_STEP), true)

    return error


def both(first: Error, second: Error) -> Error:
    return lambda steps, start, end: second(first(steps, start, end), start, end)
