"""Landmarks: latents of recorded states that cover what was seen, and the graph of short ways between them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path
from torch import Tensor

from planners.interface import Distance
from planners.settings import setting
from planners.subgoals.triangle_check import WITNESSES, believable

_SHORTEST = 1e-3  # control steps; an edge of length 0 would be no edge to scipy
_BETWEEN = 5  # places on an edge that are looked at
_BRIDGE = 2.0  # times max_edge: how long an edge may be that joins parts which are not joined otherwise


@dataclass(frozen=True)
class GraphSettings:
    """The graph of landmarks that the hierarchy searches."""

    landmarks: int = setting(300, "landmarks at most", 1, 1e4)
    candidates: int = setting(4000, "recorded frames that they are chosen from", 1, 1e6)
    max_edge: float = setting(12.0, "longest edge, control steps; a longer way is not trusted in one piece", 1, 1e4)
    seed: int = 0


@dataclass(frozen=True)
class Landmarks:
    """A graph of M landmarks with the shortest ways through it.

    Raises ValueError: the shapes do not belong together, or there is no landmark.
    """

    latents: Tensor  # (M, D)
    steps: Tensor  # (M, M) float32, control steps of the shortest way from each to each; inf where there is none
    edges: Tensor  # (E, 2) int64, from and to; steps[from, to] is the edge's length
    states: Tensor  # (M, S) recorded simulator states, for people who look; no planner reads them

    def __post_init__(self) -> None:
        count = len(self.latents)
        if count == 0 or self.steps.shape != (count, count) or self.edges.shape[1:] != (2,):
            raise ValueError(
                "a graph needs latents (M, D), steps (M, M) and edges (E, 2) with M > 0; got "
                f"{tuple(self.latents.shape)}, {tuple(self.steps.shape)} and {tuple(self.edges.shape)}"
            )
        known = self.edges.dtype == torch.int64 and bool(((self.edges >= 0) & (self.edges < count)).all())
        if not known or not self.latents.isfinite().all() or not (self.steps >= 0).all():
            raise ValueError("a graph needs finite latents, steps from 0 up, and edges between its landmarks")
        if self.states.ndim != 2 or len(self.states) != count:
            raise ValueError(f"a graph of {count} landmarks needs as many states, got {tuple(self.states.shape)}")


@torch.no_grad()
def choose_landmarks(
    latents: Tensor, distance: Distance, count: int, generator: torch.Generator, spacing: float = 1.0
) -> Tensor:
    """Chooses landmarks that lie far from each other: always the latent that is farthest from all chosen before.

    Two latents are as far apart as the longer of the two directions says. This takes 2 K M distances: of a large data
    set, hand in a few thousand latents drawn at random.

    Args:
        latents: (K, D), of recorded states.
        count: landmarks at most.
        generator: draws the first landmark.
        spacing: control steps; a latent nearer than that to a landmark would be redundant.

    Returns:
        Indices into `latents`, (M,) int64 with M <= count, on their device.
    """
    farthest = int(torch.randint(len(latents), (1,), generator=generator, device=generator.device))
    gap = torch.full((len(latents),), torch.inf, device=latents.device)
    chosen: list[int] = []
    while len(chosen) < count and (not chosen or gap[farthest] >= spacing):
        chosen.append(farthest)
        landmark = latents[farthest]
        apart = torch.maximum(distance.steps(latents, landmark), distance.steps(landmark, latents))
        gap = torch.minimum(gap, apart)
        gap[farthest] = -1.0  # never again
        farthest = int(gap.argmax())
    return torch.tensor(chosen, device=latents.device)


@torch.no_grad()
def build_landmarks(
    latents: Tensor,
    states: Tensor,
    distance: Distance,
    max_edge: float,
    witnesses: int = WITNESSES,
    reversible: bool = True,
) -> Landmarks:
    """Joins landmarks that are a short way apart, and finds the shortest ways through the graph.

    A learned distance is wrong for some pairs, and one false shortcut through a wall ruins every way that uses it.
    Three things guard against that: only short distances are taken (`max_edge`), both directions must agree
    (`reversible`), and the neighbours of both ends must not contradict them (`witnesses`).

    Args:
        latents: (M, D).
        states: (M, S), kept for people who look.
        max_edge: control steps; a longer way is not trusted in one piece.
        witnesses: landmarks nearby that are asked; 0: every distance is taken at its word.
        reversible: every way can be gone back in about the same time, so the longer of both directions counts. False
            for worlds with one-way streets.
    """
    raw = torch.stack([distance.steps(one, latents) for one in latents]).double().cpu().numpy()
    lengths = np.maximum(raw, raw.T) if reversible else raw
    lengths = np.maximum(believable(lengths, witnesses), _SHORTEST)
    np.fill_diagonal(lengths, np.inf)
    joined = lengths <= max_edge
    joined |= _bridges(lengths, _BRIDGE * max_edge)
    edges = np.argwhere(joined)
    steps = shortest_ways(len(lengths), edges, lengths[joined])
    # What another way undercuts lies on no shortest way: leaving it out changes none.
    edges = edges[lengths[joined] <= steps[joined] + 1e-6]
    return Landmarks(latents, torch.from_numpy(steps).float(), torch.from_numpy(edges), states)


@torch.no_grad()
def allowed(landmarks: Landmarks, forbids: Callable[[Tensor], Tensor]) -> Landmarks:
    """The landmarks that are not forbidden, with the ways between them that lead straight through nothing forbidden.

    `forbids`: latents (..., D) -> (...) bool; between two latents it judges those on the line. Raises ValueError: all
    landmarks are forbidden.
    """
    latents, (start, end) = landmarks.latents, landmarks.edges.T
    kept = ~forbids(latents)
    between = torch.linspace(0, 1, _BETWEEN + 2, device=latents.device)[1:-1, None, None]
    crossed = forbids(latents[start] + between * (latents[end] - latents[start])).any(dim=0)
    edges = landmarks.edges[kept[start] & kept[end] & ~crossed]
    lengths = landmarks.steps[edges[:, 0], edges[:, 1]].double().cpu().numpy()
    renamed = (kept.cumsum(dim=0) - 1)[edges]
    steps = torch.from_numpy(shortest_ways(int(kept.sum()), renamed.cpu().numpy(), lengths)).float()
    return Landmarks(
        latents[kept], steps.to(landmarks.steps.device), renamed, landmarks.states[kept.to(landmarks.states.device)]
    )


def shortest_ways(count: int, edges: NDArray, lengths: NDArray) -> NDArray:
    """Control steps (M, M) of the shortest way from each of `count` landmarks to each; inf where there is none.

    Args:
        edges: (E, 2), from and to.
        lengths: (E,), control steps, above 0.
    """
    graph = csr_array((lengths, (edges[:, 0], edges[:, 1])), shape=(count, count))
    return shortest_path(graph, method="D")


def _bridges(lengths: NDArray, longest: float) -> NDArray:
    """Where parts of the graph would be apart: the shortest edges (M, M) bool, in both directions, that join them.

    They are among the edges of a minimum spanning tree, which takes a longer edge only where no shorter ones do.
    """
    tree = minimum_spanning_tree(csr_array(np.where(lengths <= longest, lengths, 0.0))).toarray() > 0
    return (tree | tree.T) & (lengths <= longest)
