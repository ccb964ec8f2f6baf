"""A checkpoint that knows nothing, in a tiny world: what the bench does with it is what it does with any."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from envs.data.collect import collect
from envs.data.store import EpisodeStore
from housecat.runs import wiring
from housecat.runs.training import make_method
from housecat.settings.config import load_config
from worldmodel import checkpoint
from worldmodel.distances.critic import ExpectileDistance

SMALL = """world.frame_size=32 model=cnn model.latent=8 model.width=8 model.predictor_width=16 train.length=4
    train.horizon=2 finetuning.horizon=3 precision=fp32 workers=1""".split()


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a run folder of an untrained model of a world, and returns it."""
    folder = tmp_path_factory.mktemp("untrained")

    def make(name: str, world: str = "umaze") -> Path:
        run = folder / name
        if not run.exists():
            config = load_config([f"world={world}", *SMALL])
            collect(wiring.world_spec(config), folder / f"data-{name}", 12, 8, 0, 1, progress=False)
            store = EpisodeStore.open(folder / f"data-{name}")
            plan = wiring.plan_for_store(config, store)
            method = make_method(plan)
            method.fit_pixels(torch.from_numpy(store.load(0).frames[None]))
            distance, about = ExpectileDistance(8, 8, 9.0), {"world": store.world}
            checkpoint.save(run / "model", "default", plan.settings, method.model.eval(), distance, {}, about)
        return run

    return make
