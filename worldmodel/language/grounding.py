"""What a sentence is true of: learnt on recorded latents of which it is known which sentences are true.

A sentence says of which thing it speaks and where that shall be; learnt are both, the things as projections of the
latent, the places as bounds on them, so that a thing may be asked for where it never was while learning. True is what
all bounds allow. The loss asks of each sentence and each latent whether they belong together, as that of SigLIP (Zhai
et al. 2023, arXiv 2303.15343) does, except that several do. Sentences in disorder are true of nothing.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from worldmodel.streams import drawn_weights, stream, torch_stream
from worldmodel.training import TrainingStage, learn, parameters, warmed

UPDATES, SENTENCES, LATENTS, RATE = 800, 32, 256, 3e-3  # of a batch
_DISORDER = 6  # sentences of a batch whose words are shuffled
_WIDTH, _THINGS, _AXES, _BOUNDS = 64, 4, 6, 4
_LEAST = -1e-4  # log probability: nothing is entirely sure


class Codes(NamedTuple):
    """Sentences, as far as latents are concerned."""

    which: Tensor  # (S, things) shares
    normals: Tensor  # (S, bounds, axes)
    offsets: Tensor  # (S, bounds)
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
        # Each word adds its part to the bounds, so that "top left" is understood from "top right" and "bottom left".
        self.where = nn.Sequential(nn.Linear(vector, _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, _BOUNDS * (_AXES + 1)))
        self.sense = nn.Linear(2 * _WIDTH, 1)
        self.look = nn.Sequential(nn.Linear(latent, 2 * _WIDTH), nn.SiLU(), nn.Linear(2 * _WIDTH, _THINGS * _AXES))

    def read(self, vectors: Tensor) -> Codes:
        """Vectors of words (S, L, vector), zeros behind their ends, -> codes."""
        there = vectors.abs().sum(dim=-1, keepdim=True) > 0
        seen = nn.functional.silu(self.words(vectors.transpose(1, 2)).transpose(1, 2))
        mean = (seen * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        most = seen.masked_fill(~there, -1.0).amax(dim=1)
        sentence = torch.cat([mean, most], dim=-1)
        where = (self.where(vectors) * there).sum(dim=1).unflatten(-1, (_BOUNDS, _AXES + 1))
        return Codes(self.which(sentence).softmax(-1), where[..., :-1], where[..., -1], self.sense(sentence)[..., 0])

    def forward(self, codes: Codes, latents: Tensor) -> Tensor:
        """Log probabilities (S, F) that sentences are true of latents (F, D)."""
        things = self.look((latents - self.center) / self.scale).unflatten(-1, (_THINGS, _AXES))
        thing = torch.einsum("st,fta->sfa", codes.which, things)
        margins = torch.einsum("sfa,sba->sfb", thing, codes.normals) + codes.offsets[:, None]
        within = nn.functional.logsigmoid(margins).sum(dim=-1)
        return (within + nn.functional.logsigmoid(codes.sense)[:, None]).clamp(max=_LEAST)


@dataclass(frozen=True)
class Captioned:
    """Recorded latents and what is true of them."""

    latents: Tensor  # (F, D) of still pictures
    vectors: Tensor  # (S, L, vector) of sentences
    concepts: Tensor  # (S,) int64, what each of these says
    truth: Tensor  # (C, F) bool


def fit_grounding(data: Captioned, seed: int, updates: int = UPDATES) -> Grounding:
    """Learns what sentences are true of. Each concept is asked for as often as any other."""
    vectors, count = data.vectors, len(data.latents)
    with drawn_weights(seed, "words"):
        network = Grounding(data.latents.shape[1], vectors.shape[2])
    spread = data.latents.std(dim=0)
    network.center.copy_(data.latents.mean(dim=0))
    network.scale.copy_(spread.clamp(min=max(1e-4 * float(spread.max()), 1e-12)))
    size = float(vectors[vectors.abs().sum(dim=-1) > 0].std())
    for name, one in network.named_parameters():
        if name in ("words.weight", "where.0.weight"):
            one.data.div_(size)
    said = [np.flatnonzero(data.concepts.numpy() == one) for one in np.unique(data.concepts.numpy())]

    def loss(rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        rows = np.array([rng.choice(said[one]) for one in rng.integers(len(said), size=SENTENCES)])
        frames = torch.from_numpy(rng.integers(count, size=LATENTS))
        words, truth = vectors[rows], data.truth[data.concepts[rows]][:, frames]
        mixed = torch.stack([disordered(one, rng) for one in words[:_DISORDER]])
        truth = torch.cat([truth, torch.zeros_like(truth[:_DISORDER])])
        log_true = network(network.read(torch.cat([words, mixed])), data.latents[frames])
        log_false = torch.log(-torch.expm1(log_true))
        held, counted = truth.float(), truth.sum(dim=1)
        wrong = [
            -(log * part).sum(dim=1) / part.sum(dim=1).clamp(min=1)
            for log, part in ((log_true, held), (log_false, 1 - held))
        ]
        return {"true": wrong[0].sum() / (counted > 0).sum(), "false": wrong[1].mean()}

    rate, advice = partial(warmed, updates=updates, peak=RATE), "record states that are finite"
    drawn = stream(seed, "sentences and latents"), torch_stream(seed, "sentences and latents of torch")
    learn(TrainingStage("words", network, [parameters(network, decay=1e-2)], loss, updates, rate, advice, *drawn))
    return network.requires_grad_(False)


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
        return torch.exp(self.grounding(self.grounding.read(vectors), self.latents))

    def meant(self, vectors: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The latents (S, count, D) of which sentences are most likely true, and how likely that is (S, count)."""
        found = self.likely(vectors).topk(min(count, len(self.latents)), dim=1)
        rows = torch.arange(count, device=found.indices.device) % found.indices.shape[1]
        return self.latents[found.indices[:, rows]], found.values[:, rows]


def typical(latents: Tensor) -> Tensor:
    """Of several latents (K, D) the one that the others are nearest to, (D,)."""
    return latents[torch.cdist(latents, latents).sum(dim=1).argmin()]


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
