"""Every method, distance, planner and diagnosis on a device that is not the CPU: its tensors never meet the CPU's.

`tests.pretended` says what raises. Members of a family come from their registry, so that a new one has its case.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.calibration import judge_distance
from envs import make_world
from envs.data.collect import collect
from envs.data.store import EpisodeStore
from housecat.diagnosis import measurements
from housecat.diagnosis.measurements import Diagnosis
from housecat.diagnosis.probe import untrained
from housecat.evaluation.evaluate import evaluate
from housecat.evaluation.pairs import make_pairs
from housecat.evaluation.results import About
from housecat.runs import estimate, steering, trained, wiring
from housecat.runs.fitted import fit, needed
from housecat.runs.training import TrainingPlan, make_landmarks, make_method, train_from_store
from housecat.settings.config import load_config
from housecat.settings.groups import PLANNERS
from housecat.settings.schema import Config
from planners.agent import Agent
from planners.subgoals.landmarks import Landmarks
from tests.pretended import ELSEWHERE, NAME, pretended
from worldmodel import checkpoint
from worldmodel.diagnosis.probes import explained, fit_attentive, fit_linear, r2
from worldmodel.distances.critics import KINDS, train_distance
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.files import tensor_bytes
from worldmodel.methods.default import OBJECTIVES, PREDICTORS
from worldmodel.methods.registry import METHODS
from worldmodel.model import LatentWorldModel
from worldmodel.networks.components import principal
from worldmodel.share import export
from worldmodel.stages.end_to_end import end_to_end
from worldmodel.training import learn

CPU = torch.device("cpu")
SMALL = """world=umaze world.frame_size=32 precision=fp32 workers=1 model.width=24 model.depth=1 model.heads=2
    model.patch=8 model.predictor_width=24 model.predictor_depth=1 dynamics.depth=1 dynamics.width=16
    dynamics.channels=4 train.batch=4 train.length=4 train.horizon=2 train.updates=2 train.measure_every=2
    train.save_every=2 pretraining.updates=1 pretraining.batch=4 finetuning.updates=2 finetuning.batch=4
    finetuning.horizon=3 upper.updates=2 upper.batch=4 upper.horizon=2 upper.stride=2 critic.updates=50
    critic.batch=16 critic.width=16
    graph.landmarks=9 graph.candidates=60 planner.samples=8 planner.elites=2 planner.iterations=2 planner.horizon=3
    planner.effort=0.1 planner.upper_samples=8 planner.upper_elites=2 planner.upper_iterations=2 evaluate.horizons=[3]
    evaluate.timing_steps=2 evaluate.max_steps=3""".split()
pytestmark = pytest.mark.xdist_group("devices")


def config_of(method: str = "hjepa", *more: str) -> Config:
    return load_config([f"method={method}", *SMALL, *more], shared=True)


def plan_of(method: str, device: torch.device = ELSEWHERE, *more: str) -> TrainingPlan:
    plan = wiring.training_plan(config_of(method, *more), frame_size=32, action_dim=2)
    first = replace(plan.first, device=device) if isinstance(plan.first, TrainingPlan) else plan.first
    return replace(plan, device=device, first=first)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(wiring, "device", lambda config: ELSEWHERE)
    monkeypatch.setattr(trained, "device", lambda config: ELSEWHERE)
    with pretended() as mode:
        yield mode


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("devices") / "data"
    collect(wiring.world_spec(config_of()), folder, 30, 20, 0, 1)
    return folder


@pytest.fixture(scope="module")
def made(data: Path) -> dict[str, Path]:
    """Checkpoints by method, trained on the device when they are first asked for."""

    class Made(dict[str, Path]):
        def __missing__(self, method: str) -> Path:
            self[method] = train_from_store(data, data.parent / method, plan_of(method))
            return self[method]

    return Made()


@pytest.mark.parametrize("method", METHODS)
def test_a_method_learns_from_recordings_and_goes_on_where_it_was_left(method, device, data, made):
    folder = made[method]
    assert train_from_store(data, folder.parent, plan_of(method)) == folder  # read back from its last checkpoint
    loaded = checkpoint.load(folder, ELSEWHERE)
    assert loaded.model.device.type == NAME
    assert bool(loaded.landmarks) == METHODS[method].imagines
    assert {each.device.type for each in loaded.landmarks.values()} <= {NAME}


def test_what_is_learnt_is_what_is_learnt_on_the_cpu(device, data, made, tmp_path):
    """The same numbers, since one processor computes both: all that is random is drawn on the CPU."""
    here = checkpoint.load(train_from_store(data, tmp_path, plan_of("hjepa", CPU)), CPU)
    there = checkpoint.load(made["hjepa"], CPU)
    for name, value in here.model.state_dict().items():
        assert torch.allclose(value, there.model.state_dict()[name], atol=1e-4), name


@pytest.mark.parametrize("method", METHODS)
def test_a_method_s_programs_run_there_and_what_it_sees_can_be_diagnosed(method, device, data, made, monkeypatch):
    few = {"FIT": 40, "JUDGED": 20, "LINEAR": 20, "FEW": 10, "DRAWS": 1, "UPDATES": 2, "CLIPS": 24}
    for name, count in few.items():
        monkeypatch.setattr(measurements, name, count)
    loaded, store = checkpoint.load(made[method], ELSEWHERE), EpisodeStore.open(data)
    model = loaded.model
    for part in export._parts(model, 32, 2):
        given = part.draw(2, torch.Generator().manual_seed(0))
        assert part.program(*(each.to(ELSEWHERE) for each in given)).device.type == NAME
    recorded, unseen = store.split(0.2)
    look = Diagnosis(recorded, unseen, 0)
    first = untrained(loaded, torch.from_numpy(recorded.clips(np.random.default_rng(0), 8, 2).frames), ELSEWHERE, 0)
    look.probes({"trained": model, "untrained": first})
    look.geometry(model)
    look.surprise(model)
    if isinstance(model, LatentWorldModel):
        look.imagination(model, 2)
        look.landscape(model, 2, 3)


def walks() -> LatentEpisodes:
    """Five recordings of forty latents, on the CPU."""
    drawn = torch.Generator().manual_seed(0)
    latents = torch.randn(5, 40, 6, generator=drawn).cumsum(dim=1).flatten(0, 1)
    last = (torch.arange(5)[:, None] * 40 + 39).expand(-1, 40).flatten()
    return LatentEpisodes(latents, latents + 0.1, last, torch.rand(200, 2, generator=drawn))


@pytest.mark.parametrize("kind", KINDS)
def test_a_distance_learns_there_what_it_learns_on_the_cpu_and_joins_landmarks(kind, device):
    plan, walked = plan_of("default"), walks()
    settings = replace(plan.critic, kind=kind)
    here, there = (train_distance(walked, settings, where) for where in (CPU, ELSEWHERE))
    z = walked.moving[:9]
    told = there.steps(z.to(ELSEWHERE), z[:1].to(ELSEWHERE))
    assert torch.allclose(told.cpu(), here.steps(z, z[:1]), rtol=1e-2, atol=1e-2)
    still = walked.still.to(ELSEWHERE)
    graph = make_landmarks(still, walked.still.double().numpy(), there, plan.graph)
    assert (graph["latents"].cpu() == graph["states"].float()).all(), "a landmark's state is that of its latent"


@pytest.mark.parametrize("planner", [name for name in PLANNERS if name != "random"])
def test_a_planner_acts_there_as_on_the_cpu_and_waits_no_more_for_many_environments(planner, device, made):
    rng = np.random.default_rng(0)
    config, goals = config_of("hjepa", "planner.near=1", "planner.execute=1"), rng.integers(0, 256, (6, 32, 32, 3))
    seen = rng.integers(0, 256, (4, 6, 32, 32, 3)).astype(np.uint8)

    def acted(where: torch.device, count: int) -> tuple[np.ndarray, int]:
        loaded = checkpoint.load(made["hjepa"], where)
        graph = Landmarks(**loaded.landmarks)
        way = steering.build_planner(config, planner, None, loaded.model, loaded.distance, graph)
        agent = Agent(way, loaded.model, [torch.Generator().manual_seed(row) for row in range(count)])
        before = device.waits
        agent.reset(goals[:count].astype(np.uint8))
        actions = [
            agent.act(frames[:count], np.arange(count) != 1 if step else None) for step, frames in enumerate(seen)
        ]
        return np.stack(actions), device.waits - before

    (here, _), (few, waits), (many, more) = acted(CPU, 6), acted(ELSEWHERE, 3), acted(ELSEWHERE, 6)
    assert waits == more, "waited for each environment"
    np.testing.assert_allclose(many, here, atol=2e-2)
    np.testing.assert_allclose(few, here[:, :3], atol=2e-2)


def test_pairs_are_played_timed_and_written_down(device, data, made, tmp_path):
    players = (*PLANNERS, "cloning", "true_distance", "true_dynamics", "true_subgoals")
    config, fitted = config_of("hjepa", f"evaluate.planners=[{','.join(players)}]"), tmp_path / "fitted.safetensors"
    spec = wiring.world_spec(config)
    world, setup = make_world(spec), trained.BenchSetup(spec, made["hjepa"], config, fitted)
    pairs = make_pairs(world, replace(wiring.pair_request(config), count=2, calibration=0, strata=1))
    trained.check_planners(setup)
    ready = trained.load_checkpoint(made["hjepa"], config, spec)
    fitted.write_bytes(tensor_bytes(fit(needed(players), ready.model, spec, data, updates=3).state_dict()))
    found = evaluate(setup, pairs, wiring.evaluate_settings(config), About("", "", {}, {}), tmp_path, progress=False)
    assert set(found["planners"]) == set(players)
    judge_distance(
        ready.model, ready.distance, EpisodeStore.open(data), make_world(spec), np.random.default_rng(0), 2, 3
    )


def test_the_time_of_a_quickstart_is_estimated(device):
    config = config_of("default", "evaluate.planners=[flat_latent,flat_distance]")
    assert min(estimate.estimate(config, wiring.world_spec(config)).values()) > 0


def test_probes_read_there_what_they_read_on_the_cpu(device):
    drawn = torch.Generator().manual_seed(0)
    rows, test = torch.randn(80, 5, generator=drawn), torch.randn(40, 5, generator=drawn)
    mixing = torch.randn(5, 2, generator=drawn)
    recording = torch.arange(40) // 4

    def read(where: torch.device) -> list[Tensor]:
        known, asked, mix = rows.to(where), test.to(where), mixing.to(where)
        targets, wanted = known @ mix, asked @ mix
        generator = torch.Generator().manual_seed(1)
        told = fit_linear(known, targets)(asked)
        looked = fit_attentive(known[:, None], targets, generator, 3)(asked[:, None])
        judged = r2(looked, wanted, recording.to(where), generator)
        directions, variances = principal(known, 3)
        interval = torch.tensor([judged.low, judged.high])
        found = [explained(told, wanted), told, looked, interval, directions.abs().float(), variances.float()]
        return [each.cpu() for each in found]

    for here, there in zip(read(CPU), read(ELSEWHERE), strict=True):
        assert torch.allclose(here, there, atol=1e-3)


def random_clips(rng: np.random.Generator, batch: int, length: int) -> estimate.RandomClips:
    frames = rng.integers(0, 256, (batch, length, 32, 32, 3), dtype=np.uint8)
    return estimate.RandomClips(frames, rng.uniform(-1, 1, (batch, length - 1, 2)).astype(np.float32))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    ("encoder", "predictor"), [("vit", "residual"), ("cnn", "residual"), *(("keypoints", each) for each in PREDICTORS)]
)
def test_every_part_of_the_default_learns(encoder, predictor, objective, device):
    parts = f"model={encoder} model.width=24 model.predictor={predictor} objective.name={objective}".split()
    parts += ["model.fixed=components"] * (encoder == "keypoints")  # what is fixed is fitted at the end
    plan = plan_of("default", ELSEWHERE, *parts)
    method = make_method(plan)
    learn(end_to_end(method, random_clips, plan.train))
    method.finalise(torch.from_numpy(random_clips(np.random.default_rng(0), 32, 4).frames).to(ELSEWHERE))
    assert method.model.device.type == NAME


def test_the_host_waits_for_losses_once_in_ten_updates(device):
    plan = plan_of("default")
    method = make_method(plan)
    waits = []
    for updates in (10, 40):
        before = device.waits
        learn(end_to_end(method, random_clips, replace(plan.train, updates=updates)))
        waits.append(device.waits - before)
    assert waits[1] - waits[0] == 3
