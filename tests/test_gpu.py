"""On a real graphics card: the same numbers as on the CPU in fp32, and a short run of the default as a user has it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from envs import make_world
from envs.data.collect import collect
from envs.data.store import EpisodeStore
from housecat.evaluation.evaluate import evaluate
from housecat.evaluation.pairs import make_pairs
from housecat.evaluation.results import About
from housecat.runs import estimate, steering, trained, wiring
from housecat.runs.training import train_from_store
from housecat.settings.config import load_config
from housecat.settings.schema import Config
from planners.agent import Agent
from worldmodel import checkpoint

CPU, CARD = torch.device("cpu"), torch.device("cuda")
SHORT = """world=umaze world.frame_size=32 train.updates=20 train.measure_every=20 train.save_every=10 train.batch=16
    pretraining.updates=20 finetuning.updates=20 upper.updates=20 critic.updates=50 graph.landmarks=20
    graph.candidates=100 evaluate.episodes=2 evaluate.calibration=0 evaluate.strata=1 evaluate.max_steps=10
    evaluate.timing_steps=5 evaluate.horizons=[8]""".split()
PLANNERS = ("flat_latent", "flat_distance", "hierarchy", "hjepa")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card"),
    pytest.mark.xdist_group("gpu"),
]


def config_of(*more: str) -> Config:
    return load_config(["method=hjepa", *SHORT, f"evaluate.planners=[random,{','.join(PLANNERS)}]", *more])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu") / "data"
    collect(wiring.world_spec(config_of()), folder, 30, 60, 0, 1)
    return folder


@pytest.fixture(scope="module")
def model(data: Path) -> Path:
    """Trained with what `device=auto precision=auto` choose."""
    config = config_of()
    plan = wiring.plan_for_store(config, EpisodeStore.open(data))
    assert (plan.device.type, plan.precision) == ("cuda", torch.bfloat16)
    folder = train_from_store(data, data.parent / "run", plan)
    assert train_from_store(data, data.parent / "run", plan) == folder  # goes on from its last checkpoint
    return folder


def test_latents_imagination_and_distances_are_those_of_the_cpu_in_fp32(data, model):
    clips = EpisodeStore.open(data).clips(np.random.default_rng(0), 8, 12)
    frames, actions = torch.from_numpy(clips.frames), torch.from_numpy(clips.actions)

    def computed(device: torch.device) -> list[torch.Tensor]:
        loaded = checkpoint.load(model, device)
        z = loaded.model.latents(frames.to(device))
        ahead = loaded.model.imagine(z[:, 0], actions[:, -6:].to(device))
        return [z.cpu(), ahead.cpu(), loaded.distance.steps(z[:, 0], z[:, -1]).cpu()]

    for here, there in zip(computed(CPU), computed(CARD), strict=True):
        assert torch.allclose(here, there, rtol=1e-3, atol=1e-3 * float(here.abs().max()))


@pytest.mark.parametrize("planner", PLANNERS)
def test_the_first_plan_is_that_of_the_cpu_in_fp32(planner, data, model):
    clips = EpisodeStore.open(data).clips(np.random.default_rng(1), 4, 2)
    config = config_of("precision=fp32")

    def acted(device: str) -> np.ndarray:
        ready = trained.load_checkpoint(
            model, config_of("precision=fp32", f"device={device}"), wiring.trained_world(model)
        )
        way = steering.build_planner(config, planner, None, ready.model, ready.distance, ready.landmarks)
        agent = Agent(way, ready.model, [torch.Generator().manual_seed(row) for row in range(4)])
        agent.reset(clips.frames[:, 1])
        return agent.act(clips.frames[:, 0])

    here, there = acted("cpu"), acted("cuda")
    # A candidate that just is or is not among the elites moves the mean a little, in few environments.
    assert np.median(np.abs(here - there)) < 1e-2
    assert np.abs(here - there).max() < 0.5


def test_two_pairs_are_played_in_one_process_and_the_time_is_estimated(model, tmp_path):
    config = config_of()
    settings = wiring.evaluate_settings(config)
    assert (settings.workers, settings.batch) == (1, 64)
    spec = wiring.world_spec(config)
    pairs = make_pairs(make_world(spec), wiring.pair_request(config))
    found = evaluate(
        trained.BenchSetup(spec, model, config), pairs, settings, About("", "", {}, {}), tmp_path, progress=False
    )
    assert set(found["planners"]) == {"random", *PLANNERS}
    assert min(estimate.estimate(config, spec).values()) > 0
