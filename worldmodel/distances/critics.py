"""Every temporal distance by name: the network that is kept, and how it is learned. A new one is a file and a line."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from worldmodel.distances import contrastive, critic, quasimetric
from worldmodel.distances.critic import CriticSettings
from worldmodel.distances.distance import LatentEpisodes, LearnedDistance, Learner
from worldmodel.progress import TrainingFolder
from worldmodel.streams import drawn_weights, stream
from worldmodel.training import TrainingStage, learn, parameters, warmed


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


def distance_stage(
    data: LatentEpisodes, settings: CriticSettings, device: torch.device
) -> tuple[Learner, TrainingStage]:
    """What learns the temporal distance on frozen latents; the result depends on the data and the settings only."""
    with drawn_weights(settings.seed, "temporal distances"):
        learner = KINDS[settings.kind].learner(data.moving.shape[1], settings)
    data = data.to(device)
    learner.to(device)
    learner.begin(data)
    return learner, TrainingStage(
        "distance",
        learner,
        [parameters([one for one in learner.parameters() if one.requires_grad], decay=1e-4)],
        lambda rng, generator: {"distance": learner.loss(data, rng)},
        settings.updates,
        lambda step: warmed(step, settings.updates, settings.learning_rate),
        f"lower critic.learning_rate (now {settings.learning_rate:g})",
        stream(settings.seed, "pairs of the temporal distance"),
        torch.Generator(),
        betas=(0.9, 0.999),
        after_update=lambda done: learner.after_update(),
    )


def train_distance(
    data: LatentEpisodes,
    settings: CriticSettings,
    device: torch.device,
    folder: TrainingFolder | None = None,
    progress: bool = False,
    save_every: int = 1000,
) -> LearnedDistance:
    """Learns the temporal distance, going on where `folder` was left."""
    learner, stage = distance_stage(data, settings, device)
    learn(stage, folder, progress, save_every)
    learner.finish(data.to(device), stage.rng)
    return learner.distance.eval().requires_grad_(False)
