"""`housecat probe` and `housecat export` on a checkpoint of a small world, and what they refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from envs.data.collect import collect
from envs.data.store import EpisodeStore
from housecat.diagnosis import measurements as diagnosis
from housecat.diagnosis.alarms import alarms
from housecat.runs import wiring
from housecat.runs.folder import open_run
from housecat.runs.training import make_method
from housecat.settings.config import load_config
from worldmodel import checkpoint
from worldmodel.distances.critic import ExpectileDistance
from worldmodel.model import Encoder, LatentWorldModel
from worldmodel.share.export import TOLERANCE

SMALL = """world=umaze world.frame_size=32 model=cnn model.latent=8 model.width=8 model.predictor_width=16
    train.length=4 train.horizon=2 finetuning.horizon=3 precision=fp32 workers=1""".split()
pytestmark = pytest.mark.xdist_group("probe")


def recorded(folder: Path, world: str, episodes: int) -> Path:
    config = load_config([f"world={world}", "world.frame_size=32"])
    collect(wiring.world_spec(config), folder, episodes, 12, 0, 1)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("probe") / "data", "umaze", 48)


@pytest.fixture(scope="module")
def unfit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Recordings of another world, and too few of the right one."""
    folder = tmp_path_factory.mktemp("unfit")
    return recorded(folder / "other", "medium", 2), recorded(folder / "little", "umaze", 4)


@pytest.fixture(scope="module")
def run(data: Path) -> Path:
    """A run folder whose model has the statistics of the pixels and is otherwise untrained."""
    run, config, store = data.parent / "run", load_config(SMALL), EpisodeStore.open(data)
    plan = wiring.plan_for_store(config, store)
    method = make_method(plan)
    method.fit_pixels(torch.from_numpy(store.load(0).frames[None]))
    model = method.model.eval()
    with open_run(run, f"data: {data}\n", "housecat train") as opened:
        opened.claim("model")
    checkpoint.save(run / "model", "default", plan.settings, model, ExpectileDistance(8, 8, 9.0), {}, about(store))
    return run


def about(store: EpisodeStore) -> dict[str, Any]:
    return {"world": store.world, "shortest": 7}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in {"FIT": 80, "JUDGED": 40, "FEW": 30, "DRAWS": 2, "UPDATES": 8, "CLIPS": 12}.items():
        monkeypatch.setattr(diagnosis, name, count)


def test_a_checkpoint_is_probed_on_what_it_was_trained_on_and_beside_others(command, run, data, few) -> None:
    outcome = command("probe", f"checkpoint={run}", f"against={run}", "out=here", "precision=fp32")
    assert outcome.code == 0, outcome.err
    found = json.loads(Path("here/probe.json").read_text())
    assert found["recordings"] == {"data": str(data), "fitted": 45, "judged": 3}
    assert list(found["probes"]) == ["trained", "untrained", "run", "pixels"]
    assert list(found["probes"]["trained"]) == [*(f"convolution {n}" for n in (1, 2, 3, 4)), "latent"]
    for layers in found["probes"].values():
        for quantities in layers.values():
            assert list(quantities) == ["position", "velocity"]
            for one in quantities.values():
                assert one["linear"]["low"] <= one["linear"]["value"] <= one["linear"]["high"] <= 1
    assert found["probes"]["run"] == found["probes"]["trained"]
    # What is never trained is no better than untrained, and says so.
    assert found["probes"]["trained"]["latent"] != found["probes"]["untrained"]["latent"]
    assert found["alarms"] == alarms(found) != []
    assert len(found["open_loop"]["latent"]["shuffled"]) == found["open_loop"]["horizon"] == 7
    assert [(one["steps"], len(one["grid"])) for one in found["landscape"]] == [(1, 5), (4, 5), (1, 11), (4, 11)]
    assert all(one["cells"] == len(one["examples"][0]["energy"]) for one in found["landscape"])
    assert found["landscape"][0]["chance"] > 3 * found["landscape"][2]["chance"]
    assert list(found["surprise"]) == ["trained", "untrained", "run"]
    assert found["surprise"]["trained"]["frames"] == 8 and found["surprise"]["trained"]["raised"]["n"] == 12
    assert "alarm: " in outcome.out and "trained, linear, 100 labels" in outcome.out
    assert "raised by frames in another order: trained " in outcome.out
    with Image.open("here/probe.png") as picture:
        assert min(picture.size) > 900


def test_probing_again_gives_the_same_numbers(run, data, few) -> None:
    store = EpisodeStore.open(data)
    look = diagnosis.Diagnosis(*store.split(0.07), seed=3)
    model = checkpoint.load(run / "model", torch.device("cpu")).model
    torch.manual_seed(1)
    first = look.probes({"trained": model})
    torch.manual_seed(2)
    assert look.probes({"trained": model}) == first


def test_frames_come_in_any_order_but_the_recorded_one_and_its_reverse() -> None:
    orders = diagnosis.disordered(200, 3, torch.Generator().manual_seed(0))
    assert {tuple(order) for order in orders.tolist()} == {(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1)}


def test_surprise_is_the_squared_error_of_the_next_latent() -> None:
    class Drifts(LatentWorldModel):
        """Expects that the picture brightens by as much as the action says."""

        device = torch.device("cpu")

        def latents(self, frames: torch.Tensor) -> torch.Tensor:
            return frames.float().mean(dim=(2, 3, 4))[..., None]

        def fit_pixels(self, frames: torch.Tensor) -> None: ...

        def imagine(self, z: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
            return z[..., None, :] + actions.cumsum(dim=-2)

    model, actions = Drifts(1, 1, 1, torch.float32), torch.tensor([[[10.0], [20.0]], [[10.0], [30.0]]])
    frames = torch.tensor([[5, 15, 35], [5, 15, 35]], dtype=torch.uint8)[..., None, None, None].expand(-1, -1, 4, 4, 3)
    found = diagnosis.surprise_of(model, frames, actions, chunk=1)
    assert found is not None and found.tolist() == [0.0, 50.0]
    shuffled = diagnosis.surprise_of(model, frames[:, [1, 0, 2]], actions)
    assert shuffled is not None and shuffled.tolist() == [250.0, 200.0]


def test_what_expects_pictures_to_change_little_is_surprised_by_another_order(data: Path) -> None:
    class Still(Encoder):
        """Expects that nothing moves."""

        device = torch.device("cpu")

        def latents(self, frames: torch.Tensor) -> torch.Tensor:
            return frames.float().flatten(2)

        def fit_pixels(self, frames: torch.Tensor) -> None: ...

        def surprise(self, frames: torch.Tensor, actions: torch.Tensor, ahead: int = 1) -> torch.Tensor:
            return self.latents(frames).diff(dim=1).pow(2).mean(dim=2)

    look = diagnosis.Diagnosis(*EpisodeStore.open(data).split(0.07), seed=0)
    found = look.surprise(Still(2, 32 * 32 * 3, torch.float32))
    assert found is not None and found["frames"] == 8
    assert found["recorded"] < found["shuffled"] and found["raised"]["value"] > 0.9


def test_what_cannot_be_probed_is_refused_in_one_line(unfit, command, run, tmp_path) -> None:
    command("probe").is_one_line_saying("which checkpoint", "checkpoint=DIR")
    command("probe", "checkpoint=nowhere").is_one_line_saying("there is no checkpoint in nowhere")
    command("probe", f"checkpoint={run}", "against=nowhere").is_one_line_saying("there is no checkpoint in nowhere")
    command("probe", f"checkpoint={run}", "data=nowhere").is_one_line_saying("no recorded episodes in nowhere")
    other, little = unfit
    command("probe", f"checkpoint={run}", f"data={other}").is_one_line_saying("world 'medium'", "checkpoint of 'umaze'")
    command("probe", f"checkpoint={run}", f"data={little}").is_one_line_saying("4 episodes", "at least 43")
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    (lonely / "model").symlink_to(run / "model")
    command("probe", f"checkpoint={lonely}").is_one_line_saying("not to be found", "data=DIR")


def test_an_export_is_checked_and_described(command, run) -> None:
    outcome = command("export", f"checkpoint={run}", "out=programs", "planner.horizon=3")
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("the same as the model, largest difference") == 2
    programs = json.loads(Path("programs/export.json").read_text())["programs"]
    assert programs["encoder.pt2"]["inputs"] == {"frames": ["batch", 3, 32, 32, 3]}
    assert programs["predictor.pt2"]["inputs"] == {"z": ["batch", 8], "actions": ["batch", 3, 2]}
    assert all(one["difference"] <= one["tolerance"] * one["largest"] for one in programs.values())


def test_an_export_that_differs_ends_with_exit_code_one(command, run, monkeypatch) -> None:
    monkeypatch.setitem(TOLERANCE, "pt2", -1.0)
    outcome = command("export", f"checkpoint={run}", "out=programs")
    assert outcome.code == 1 and "DIFFERENT FROM THE MODEL" in outcome.out


def test_an_export_without_a_place_is_refused_in_one_line(command, run) -> None:
    command("export", f"checkpoint={run}").is_one_line_saying("which folder to write", "out=DIR")


def r2(value: float) -> dict[str, Any]:
    one = {"value": value, "low": value, "high": value}
    return {"linear": one, "attentive": one, "few": {"mean": value, "low": value, "high": value}}


def healthy() -> dict[str, Any]:
    """A diagnosis that there is nothing to say about."""
    return {
        "numbers": 4,
        "latent": {"dimensions": 8, "rank": 7.0, "std": [1.0] * 8, "variation": 0.9, "straightness": 0.5},
        "probes": {
            "trained": {"block 1": {"position": r2(0.8)}, "latent": {"position": r2(0.95)}},
            "untrained": {"block 1": {"position": r2(0.4)}, "latent": {"position": r2(0.3)}},
        },
        "open_loop": {
            "horizon": 8,
            "over_copying": {"imagined": r2(0.2)["linear"], "shuffled": r2(0.7)["linear"]},
            "physical": {"position": {"share": {"imagined": 0.2, "copied": 1.0}}},
        },
        "landscape": [
            {"steps": 1, "cells": cells, "within_one_cell": {"value": low, "low": low, "n": 40}, "chance": chance}
            for cells, low, chance in ((5, 0.7, 0.2), (11, 0.0, 0.04))  # the finer one alone is no fault
        ],
    }


def test_a_healthy_model_raises_no_alarm() -> None:
    assert alarms(healthy()) == []
    assert alarms({**healthy(), "open_loop": None, "landscape": None}) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("latent", "variation"), 0.001, "collapse: the latents are nearly constant"),
        (("latent", "rank"), 2.0, "dimensional collapse"),
        (("latent", "std"), [1.0] * 5 + [0.0] * 3, "38% of the latent's dimensions hardly vary"),
        (("probes", "untrained", "latent", "position"), r2(0.95), "no more than from the untrained network"),
        (("probes", "trained", "latent", "position"), r2(0.5), "block 1 knows it"),
        (("open_loop", "over_copying", "imagined"), r2(1.3)["linear"], "worse than copying"),
        (("open_loop", "over_copying", "shuffled"), r2(0.2)["linear"], "hardly depends on actions"),
        (("open_loop", "physical", "position", "share", "imagined"), 1.2, "position: imagination over 8 steps misses"),
        (("landscape", 0, "within_one_cell", "low"), 0.19, "cannot be told from chance"),
    ],
)
def test_each_fault_has_its_alarm(path: tuple, value: Any, said: str) -> None:
    found = healthy()
    inside: Any = found
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    assert any(said in one for one in alarms(found)), alarms(found)
