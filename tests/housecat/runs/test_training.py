"""From recordings to a checkpoint, as far as no method alone can tell."""

from pathlib import Path

import pytest
import torch

from envs import WORLDS
from envs.data.collect import collect
from envs.data.store import EpisodeStore
from housecat.runs import wiring
from housecat.runs.training import make_method, train_from_store
from housecat.settings.config import load_config
from worldmodel import checkpoint

TINY = """
    model.latent=16 model.width=8 model.keypoints=4 model.predictor_width=32 model.predictor_depth=1 train.updates=4
    train.batch=8 train.length=4 train.horizon=2 finetuning.updates=2 finetuning.horizon=3 critic.updates=50
    pretraining.updates=2 pretraining.batch=4
    critic.batch=32 critic.width=16 graph.landmarks=8 graph.candidates=50 precision=fp32
""".split()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    collect(WORLDS["umaze"], folder, episodes=20, steps=20, seed=0, progress=False)
    return folder


@pytest.mark.parametrize("given", ["places", "components"])
def test_what_is_given_is_settled_only_where_components_are_asked_for_and_kept(
    data: Path, tmp_path: Path, given: str
) -> None:
    plan = wiring.plan_for_store(load_config([*TINY, f"model.fixed={given}"]), EpisodeStore.open(data))
    untrained = make_method(plan).model.encoder.basis
    train_from_store(data, tmp_path, plan)
    kept = checkpoint.load(tmp_path / "model", torch.device("cpu")).model.encoder.basis
    assert torch.equal(kept, untrained) == (given == "places")


def test_a_second_level_is_trained_on_what_the_first_has_learnt(data: Path, tmp_path: Path) -> None:
    few = ["method=hjepa", "upper.stride=2", "upper.horizon=2", "upper.updates=3", "upper.batch=4"]
    plan = wiring.plan_for_store(load_config([*TINY, *few]), EpisodeStore.open(data))
    untrained = make_method(plan).model.upper
    train_from_store(data, tmp_path, plan)
    kept = checkpoint.load(tmp_path / "model", torch.device("cpu")).model.upper
    assert kept.noted > 0
    for part in ("predictor", "of_actions", "to_still"):
        weights = zip(getattr(kept, part).parameters(), getattr(untrained, part).parameters(), strict=True)
        assert any(not torch.equal(one, other) for one, other in weights), part
