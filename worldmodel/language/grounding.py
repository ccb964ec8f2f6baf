"""What a sentence is true of: learnt on recorded latents of which it is known which sentences are true.

A sentence says of which thing it speaks and where that shall be; learnt are both, the things as projections of the
latent, the places as bounds on them. Each word has bounds of its own, most none, and true is what all of them allow: so
a thing may be asked for where it never was while learning. The loss asks of each sentence and each latent whether they
belong together, as that of SigLIP (Zhai et al. 2023, arXiv 2303.15343). Sentences in disorder are true of nothing.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from worldmodel.streams import drawn_weights, stream, torch_stream
from worldmodel.training import TrainingStage, learn, parameters, warmed

UPDATES, SENTENCES, LATENTS, RATE = 600, 32, 256, 3e-3  # of a batch
_DISORDER = 6  # sentences of a batch whose words are shuffled
_WIDTH, _THINGS, _AXES, _BOUNDS = 64, 4, 6, 4
_OPEN = 4.0  # margin of a word that says nothing: most do not
_LEAST = -1e-4  # log probability: nothing is entirely sure


class Codes(NamedTuple):
    """Sentences, as far as latents are concerned."""

    which: Tensor  # (S, things) shares
    normals: Tensor  # (S, L * bounds, axes)
    offsets: Tensor  # (S, L * bounds)
    sense: Tensor  # (S,) logit of meaning anything


class Grounding(nn.Module):
    """How likely it is that sentences are true of latents.

    `latent`: D; `vector`: size of the words' vectors.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, latent: int, vector: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))
        self.words = nn.Conv1d(vector, _WIDTH, 3, padding=1)  # of their order it knows what stands side by side
        self.which = nn.Linear(2 * _WIDTH, _THINGS)
        # Each word has bounds of its own, whatever stands before it: "top left" is what is both at the top and left.
        self.where = nn.Sequential(nn.Linear(2 * vector, _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, _BOUNDS * (_AXES + 1)))
        self.sense = nn.Linear(2 * _WIDTH, 1)
        self.look = nn.Sequential(nn.Linear(latent, 2 * _WIDTH), nn.SiLU(), nn.Linear(2 * _WIDTH, _THINGS * _AXES))

    def read(self, vectors: Tensor) -> Codes:
        """Vectors of words (S, L, vector), zeros behind their ends, -> codes."""
        there = vectors.abs().sum(dim=-1, keepdim=True) > 0
        seen = nn.functional.silu(self.words(vectors.transpose(1, 2)).transpose(1, 2))
        mean = (seen * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        most = seen.masked_fill(~there, -1.0).amax(dim=1)
        sentence = torch.cat([mean, most], dim=-1)
        behind = nn.functional.pad(vectors[:, 1:], (0, 0, 0, 1))
        where = self.where(torch.cat([vectors, behind], dim=-1)).unflatten(-1, (_BOUNDS, _AXES + 1))
        normals, offsets = where[..., :-1] * there[..., None], (where[..., -1] + _OPEN).where(there, torch.inf)
        codes = normals.flatten(1, 2), offsets.flatten(1, 2)
        return Codes(self.which(sentence).softmax(-1), *codes, self.sense(sentence)[..., 0])

    def forward(self, codes: Codes, latents: Tensor) -> Tensor:
        """Log probabilities (S, F) that sentences are true of latents (F, D)."""
        things = self.look((latents - self.center) / self.scale).unflatten(-1, (_THINGS, _AXES))
        thing = torch.einsum("st,fta->sfa", codes.which, things)
        margins = torch.einsum("sfa,sba->sfb", thing, codes.normals) + codes.offsets[:, None]
        within = nn.functional.logsigmoid(margins).sum(dim=-1)
        return (within + nn.functional.logsigmoid(codes.sense)[:, None]).clamp(max=_LEAST)


def fit_grounding(
    latents: Tensor, vectors: Tensor, concepts: Tensor, truth: Tensor, seed: int, updates: int = UPDATES
) -> Grounding:
    """Learns what sentences are true of; each concept is asked for as often as any other.

    Args:
        latents: (F, D) of still pictures.
        vectors: (S, L, vector) of sentences, of which `concepts` (S,) int64 says what each means.
        truth: (C, F) bool, which of the concepts are true of which latents.
    """
    with drawn_weights(seed, "words"):
        network = Grounding(latents.shape[1], vectors.shape[2])
    spread = latents.std(dim=0)
    network.center.copy_(latents.mean(dim=0))
    network.scale.copy_(spread.clamp(min=max(1e-4 * float(spread.max()), 1e-12)))
    size = float(vectors[vectors.abs().sum(dim=-1) > 0].std())
    for name, one in network.named_parameters():
        if name in ("words.weight", "where.0.weight"):
            one.data.div_(size)
    said = [np.flatnonzero(concepts.numpy() == one) for one in np.unique(concepts.numpy())]

    def loss(rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        rows = np.array([rng.choice(said[one]) for one in rng.integers(len(said), size=SENTENCES)])
        frames = torch.from_numpy(rng.integers(len(latents), size=LATENTS))
        words, held = vectors[rows], truth[concepts[rows]][:, frames].float()
        mixed = torch.stack([disordered(one, rng) for one in words[:_DISORDER]])
        held = torch.cat([held, torch.zeros_like(held[:_DISORDER])])
        more = torch.stack([with_another(one, size, rng) for one in words])
        log_true = network(network.read(torch.cat([more, mixed])), latents[frames])
        parts = (log_true, held), (torch.log(-torch.expm1(log_true)), 1 - held)
        true, false = (-(log * part).sum(dim=1) / part.sum(dim=1).clamp(min=1) for log, part in parts)
        return {"true": true.sum() / held.any(dim=1).sum(), "false": false.mean()}

    rate, advice = partial(warmed, updates=updates, peak=RATE), "record states that are finite"
    drawn = stream(seed, "sentences and latents"), torch_stream(seed, "sentences and latents of torch")
    learn(TrainingStage("words", network, [parameters(network, decay=1e-2)], loss, updates, rate, advice, *drawn))
    return network.requires_grad_(False)


def with_another(vectors: Tensor, size: float, rng: np.random.Generator) -> Tensor:
    """A sentence (L, vector) in half of all cases with a word somewhere that nobody knows, and that says nothing."""
    place = int(rng.integers(int((vectors.abs().sum(dim=-1) > 0).sum()) + 1))
    unknown = torch.from_numpy(rng.normal(0.0, size, (1, vectors.shape[1]))).to(vectors)
    return torch.cat([vectors[:place], unknown, vectors[place:-1]]) if rng.random() < 0.5 else vectors


def disordered(vectors: Tensor, rng: np.random.Generator) -> Tensor:
    """The vectors of a sentence (L, vector) with its words in another order, as far as it has several."""
    length = int((vectors.abs().sum(dim=-1) > 0).sum())
    order = np.arange(len(vectors))
    while length > 2 and (order[:length] == np.arange(length)).all():
        order[:length] = rng.permutation(length)
    return vectors[torch.from_numpy(order)]


@dataclass(frozen=True)
class Words:
    """What a checkpoint has learnt of sentences, and the recorded latents among which it looks for what they mean."""

    grounding: Grounding
    latents: Tensor  # (M, D) of still pictures that nothing was learnt on

    def tensors(self) -> dict[str, Tensor]:
        """By name, for the disk."""
        return {"latents": self.latents, **self.grounding.state_dict()}

    @torch.no_grad()
    def likely(self, vectors: Tensor) -> Tensor:
        """How likely sentences (S, L, vector) are true of each of the latents: (S, M)."""
        each = (self.grounding(self.grounding.read(some), self.latents) for some in vectors.split(8))
        return torch.exp(torch.cat(list(each)))

    def meant(self, vectors: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The latents (S, count, D) of which sentences are most likely true, and how likely that is (S, count)."""
        found = self.likely(vectors).topk(min(count, len(self.latents)), dim=1)
        rows = torch.arange(count, device=found.indices.device) % found.indices.shape[1]
        return self.latents[found.indices[:, rows]], found.values[:, rows]


def words_from(tensors: dict[str, Tensor], vector: int, latent: int) -> Words:
    """From what `Words.tensors` holds, for latents of `latent` numbers. Raises ValueError: they are of others."""
    weights = dict(tensors)
    latents = weights.pop("latents")
    if latents.shape[1:] != (latent,):
        raise ValueError(f"latents of {tuple(latents.shape)}, the model's have {latent}")
    grounding = Grounding(latents.shape[1], vector).to(latents.device)
    try:
        grounding.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError("words of other shapes than the latents") from error
    if not all(one.isfinite().all() for one in tensors.values()):
        raise ValueError("words that hold what is no finite number")
    return Words(grounding.requires_grad_(False).eval(), latents)
