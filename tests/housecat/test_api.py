"""Housecat from Python: an agent of frames, a recorder, energies that are functions, and what is told in one line."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import housecat
from envs.data.store import EpisodeStore
from housecat.cli import main as cli
from housecat.errors import UsageError
from housecat.frame_agent import FrameAgent
from planners.energies import LatentDistance
from planners.flat import Flat
from planners.interface import PlanError
from planners.optimizers.cem import CEM
from planners.subgoals.hierarchy import Hierarchy
from tests.examples.test_examples import FOLDER, PLAYED, TINY
from worldmodel.checkpoint import CheckpointError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A robot that nobody simulates, recorded in a loop of one's own and trained on."""
    folder = tmp_path_factory.mktemp("api")
    rng = np.random.default_rng(0)
    with housecat.Recorder(folder / "robot", dt=0.05) as recorder:
        for _ in range(45):
            place = rng.uniform(0, 40)
            recorder.begin(picture(place))
            for _ in range(12):
                action = rng.uniform([-3.0, 7.0], [3.0, 7.0])  # the second is never varied
                place = float(np.clip(place + action[0], 0, 40))
                recorder.step(action, picture(place))
    housecat.train(folder / "robot", folder / "run", updates=8, settings=TINY)
    return folder


def picture(place: float) -> np.ndarray:
    frame = np.zeros((48, 96, 3), np.uint8)
    frame[20:30, int(place) : int(place) + 20] = 200
    return frame


@pytest.fixture
def agent(folder: Path) -> FrameAgent:
    return housecat.load(folder / "run")


def test_a_recorder_keeps_frames_actions_and_their_ranges(folder: Path) -> None:
    store = EpisodeStore.open(folder / "robot")
    spec = store.world
    assert (len(store), spec["family"], spec["name"], spec["dt"]) == (45, "recorded", "robot", 0.05)
    assert spec["actions"]["low"][1] == spec["actions"]["high"][1] == 7.0
    assert spec["actions"]["low"][0] == pytest.approx(-3, abs=0.1) and spec["actions"]["high"][0] == pytest.approx(
        3, abs=0.1
    )
    assert any("48 x 96 pixels are scaled to 64 x 64, stretched to a square" in note for note in spec["notes"])
    actions = np.concatenate([store.load(index).actions for index in range(45)])
    assert actions[:, 0].min() == -1 and actions[:, 0].max() == 1 and (actions[:, 1] == 0).all()
    assert not store.manifest["states"] and np.isnan(store.load(0).states).all()


def test_the_agent_of_a_robot_acts_in_its_units_within_what_was_recorded(agent: FrameAgent) -> None:
    agent.reset(agent.fitted(picture(30)))
    action = agent.act(agent.fitted(picture(5)))
    assert action.dtype == np.float32 and abs(action[0]) <= 3.01 and action[1] == 7.0


def test_a_robot_without_states_is_probed_and_what_is_unknown_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["probe", f"checkpoint={folder / 'run'}", f"data={folder / 'robot'}", "precision=fp32"]) == 0
    said = capsys.readouterr().out
    assert "none: the recordings do not know states" in said and "open loop" in said
    assert (folder / "run" / "probe.png").is_file()


@pytest.mark.parametrize(
    ("kept", "kind"),
    [('{"planner": "flat_distance"}', Flat), ('{"planner": "hierarchy"}', Hierarchy), ('{"planner": "x"}', Hierarchy)],
)
def test_the_planner_that_a_checkpoint_recommends_is_taken_unless_another_is_named(
    folder: Path, tmp_path: Path, kept: str, kind: type
) -> None:
    model = Path(shutil.copytree(folder / "run" / "model", tmp_path / "model"))
    (model / "recommended.json").write_text(kept)
    assert isinstance(housecat.load(model).planner, kind)
    assert isinstance(housecat.load(model, planner="flat_distance").planner, Flat)
    (model / "recommended.json").write_text('{"planner": 3}')
    with pytest.raises(CheckpointError, match="is damaged"):
        housecat.load(model)


def test_what_needs_a_simulator_says_in_one_line_that_there_is_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", f"checkpoint={folder / 'run'}", f"out={folder / 'judged'}"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "'robot' was recorded without a simulator" in said


def test_planning_changes_nothing_of_what_is_done_afterwards(folder: Path) -> None:
    looking, acting = (housecat.load(folder / "run") for _ in range(2))
    for one in (looking, acting):
        one.reset(one.fitted(picture(30)))
    for place in (5, 7, 9):
        frame = looking.fitted(picture(place))
        plans = [looking.plan(frame) for _ in range(2)]
        assert torch.equal(plans[0].actions, plans[1].actions)
        action = looking.act(frame)
        np.testing.assert_array_equal(action, acting.act(frame))
        np.testing.assert_allclose(plans[0].actions[0, 0].numpy(), action, atol=1e-5)


def test_the_planners_settings_travel_in_the_checkpoint(folder: Path) -> None:
    out = folder / "other"
    housecat.train(folder / "robot", out, updates=8, settings={**TINY, "planner.horizon": 5, "planner.samples": 24})
    flat = housecat.load(out, planner="flat_distance").planner
    assert isinstance(flat, Flat) and isinstance(flat.optimizer, CEM)
    assert (flat.horizon, flat.optimizer.samples) == (5, 24)


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        (np.zeros((48, 48, 3), np.uint8), "the goal picture is 48 x 48 pixels, the model sees 64 x 64"),
        (np.zeros((64, 64, 3)), r"the goal picture must be uint8 \(height, width, 3\), got float64"),
    ],
)
def test_a_goal_that_is_no_picture_of_the_models_size_is_refused(agent: FrameAgent, goal: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        agent.reset(goal)


def test_an_energy_may_replace_the_planners_or_be_made_out_of_it(folder: Path) -> None:
    def last_action(latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        return (actions[..., 0] - 1.0).square().mean(dim=-1)

    agent = housecat.load(folder / "run", planner="flat_distance", energy=last_action)
    agent.reset(agent.fitted(picture(30)))
    assert agent.plan(agent.fitted(picture(5))).actions[..., 0].mean() > 2.0  # of 3
    weighed = housecat.load(folder / "run", planner="flat_distance", energy=lambda default: 100.0 * default)
    plain = housecat.load(folder / "run", planner="flat_distance")
    for one in (weighed, plain):
        one.reset(one.fitted(picture(30)))
    frame = plain.fitted(picture(5))
    assert weighed.plan(frame).energy == pytest.approx(100 * float(plain.plan(frame).energy), rel=1e-4)


def test_energies_and_functions_add_in_either_order() -> None:
    latents, actions, target = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 1), torch.randn(2, 5)

    def effort(latents: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        return actions.square().mean(dim=(2, 3))

    each = LatentDistance()(latents, actions, target) + effort(latents, actions, target)
    torch.testing.assert_close((LatentDistance() + effort)(latents, actions, target), each)
    torch.testing.assert_close((effort + LatentDistance())(latents, actions, target), each)


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (lambda score, start, low, high, g: start, "returned Tensor: return actions"),
        (
            lambda score, start, low, high, g: (start[:, 0], score(start[:, None])[:, 0]),
            r"returned \[\(1, 2\), \(1,\)\]: return actions \(1, 8, 2\)",
        ),
        (lambda score, start, low, high, g: (start + 9, score(start[:, None])[:, 0]), "out of bounds: clamp them"),
        (lambda score, start, low, high, g: (start * torch.nan, start[:, 0, 0]), "out of bounds: clamp them"),
    ],
)
def test_an_optimiser_that_breaks_its_protocol_is_told_in_one_line(folder: Path, optimizer: Any, said: str) -> None:
    agent = housecat.load(folder / "run", optimizer=optimizer)
    agent.reset(agent.fitted(picture(30)))
    with pytest.raises(PlanError, match=said) as told:
        agent.act(agent.fitted(picture(5)))
    assert "\n" not in str(told.value)


def test_an_encoder_of_another_shape_is_told_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "wrong.py").write_text(
        "from torch import nn\n"
        "class Wrong(nn.Module):\n"
        "    def __init__(self, size, context, latent): super().__init__()\n"
        "    def forward(self, frames): return frames.float().mean(dim=(2, 3))\n"
    )
    line = [f"data={folder / 'robot'}", f"out={folder / 'wrong'}", f"model.encoder={folder / 'wrong.py'}:Wrong"]
    line += ["finetuning.horizon=3"]
    assert cli.main(["train", *line]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "returned (1, 5, 3) for frames (1, 5, 64, 64, 3): return (1, 2, 112)" in said


FAILING = """
import gymnasium, numpy as np, sys
from torch import nn
sys.path.insert(0, r"{examples}")
from cart import Cart
class Late(Cart):
    def step(self, action):
        return super().step(action / self.wheels)
class Never(Cart):
    def __init__(self): self.wheels = {{}}["two"]
class Blind(nn.Module):
    def __init__(self, size, context, latent): super().__init__()
    def forward(self, frames): return frames.nonsense
"""


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        ("collect world={0}:Late episodes=2 workers=1", "line 8, in step", "AttributeError: 'Late' object has no"),
        ("collect world={0}:Late episodes=2 workers=2", "line 8, in step", "AttributeError: 'Late' object has no"),
        ("collect world={0}:Never", "line 10, in __init__", "cannot be made: KeyError: 'two'"),
        ("train data={1} model.encoder={0}:Blind finetuning.horizon=3", "line 13, in forward", "has no attribute 'non"),
    ],
)
def test_an_error_in_code_of_ones_own_is_told_with_its_place_and_is_not_called_a_fault_of_ours(
    line: str,
    place: str,
    said: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(FAILING.format(examples=FOLDER))
    assert cli.main([*line.format("mine.py", folder / "robot").split(), f"out={tmp_path / 'out'}"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]  # after the bar of progress
    assert f"mine.py, {place}" in error and said in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nowhere.py:Mine", "No such file or directory"),
        ("no_such_module:Mine", "No module named 'no_such_module'"),
        ("json:Mine", "there is no Mine in json"),
    ],
)
def test_code_that_is_not_there_is_told_in_one_line(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["collect", "world=python", f"world.factory={words}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error


@pytest.mark.parametrize("line", ["world: os:getcwd", "method: mine.py:Mine", "planner: {energy: 'mine.py:f'}"])
def test_a_file_of_settings_names_no_code(line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text(line)
    words = [f"config={tmp_path / 'mine.yaml'}", f"out={tmp_path / 'out'}"]
    assert cli.main(["quickstart", *words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "names code, which runs only if you write it on the command line" in error


def test_a_method_of_ones_own_trains_and_plays_from_the_command_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "from worldmodel.methods.default import Default\n"
        "class Doubled(Default):\n"
        "    def terms(self, *asked):\n"
        "        return {f'twice_{name}': 2 * term for name, term in super().terms(*asked).items()}\n"
    )
    tiny = [f"{name}={value}" for name, value in TINY.items()]
    line = [f"data={folder / 'robot'}", "out=run", "method=mine.py:Doubled", "train.updates=8", *tiny]
    assert cli.main(["train", *line]) == 0
    assert "loss/twice_prediction" in Path("run/metrics.jsonl").read_text()
    assert housecat.load("run", code="mine.py:Doubled").world["name"] == "robot"


def test_a_world_of_ones_own_goes_by_its_function_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cart = Path(__file__).parents[2] / "examples" / "cart.py"
    world = [f"world={cart}:Cart", "workers=2"]
    assert cli.main(["collect", *world, f"out={tmp_path / 'data'}", "episodes=30", "collect.steps=12"]) == 0
    assert "Cart: pictures of 96 x 96 pixels are scaled to 64 x 64" in capsys.readouterr().out
    housecat.train(tmp_path / "data", tmp_path / "run", updates=8, settings=TINY)
    played = [f"{name}={value}" for name, value in PLAYED.items() if name != "workers"]
    line = ["evaluate", f"checkpoint={tmp_path / 'run'}", "evaluate.planners=[random]", *played]
    assert cli.main([*line, *world]) == 0
