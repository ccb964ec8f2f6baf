"""Every temporal distance by name: the network that is kept, and how it is learned. A new one is a file and a line."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from worldmodel.distances import contrastive, critic, quasimetric
from worldmodel.distances.critic import CriticSettings, learn
from worldmodel.distances.distance import LatentEpisodes, LearnedDistance, Learner
from worldmodel.streams import drawn_weights


@dataclass(frozen=True)
class Kind:
    """A temporal distance that can be chosen."""

    network: Callable[[int, int, float, torch.dtype], LearnedDistance]  # latent, width, longest, precision
    learner: Callable[[int, CriticSettings], Learner]  # latent, settings


KINDS: dict[str, Kind] = {
    "expectile": Kind(critic.ExpectileDistance, critic.ExpectileLearner),
    "quasimetric": Kind(quasimetric.Quasimetric, quasimetric.QuasimetricLearner),
    "contrastive": Kind(contrastive.Contrastive, contrastive.ContrastiveLearner),
}


def kind_of(distance: LearnedDistance) -> str:
    """The name under which a distance is found in KINDS."""
    return next(name for name, kind in KINDS.items() if kind.network is type(distance))


def train_distance(
    data: LatentEpisodes, settings: CriticSettings, device: torch.device, progress: bool = False
) -> LearnedDistance:
    """Learns the temporal distance on frozen latents; the result depends on the data and the settings only."""
    with drawn_weights(settings.seed, "temporal distances"):
        learner = KINDS[settings.kind].learner(data.moving.shape[1], settings)
    return learn(learner, data, settings, device, progress)
