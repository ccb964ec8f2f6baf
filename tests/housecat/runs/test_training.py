"""From recordings to a checkpoint, as far as no method alone can tell."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from envs import WORLDS
from envs.data.collect import collect
from envs.data.episodes import Episode, episode_file, write_episode
from envs.data.manifest import identity, write_manifest
from envs.data.store import EpisodeStore
from envs.worlds.mazes import maze_spec
from housecat.runs import wiring
from housecat.runs.training import (
    HELD_OUT,
    GraphSettings,
    encode_recordings,
    labelled,
    make_landmarks,
    make_method,
    train_from_store,
)
from housecat.settings.config import load_config
from worldmodel import checkpoint
from worldmodel.model import Encoder

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


def written(folder: Path, like: dict, episodes: Iterable[Episode]) -> EpisodeStore:
    """A data set of these episodes; `like` says of which world they are."""
    files = {}
    for index, episode in enumerate(episodes):
        files[episode_file(index)] = write_episode(folder / episode_file(index), episode), len(episode)
    about = {key: like[key] for key in ("world", "dt", "renderer", "origin")}
    write_manifest(folder, identity(**about), len(files), files, None)
    return EpisodeStore.open(folder)


CONTEXT = 3


class Reader(Encoder):
    """Its latent is the brightness of the frames that it sees, oldest first."""

    def __init__(self) -> None:
        super().__init__(context=CONTEXT, latent=CONTEXT, precision=torch.float32)
        self.weight = torch.nn.Parameter(torch.ones(()))

    def latents(self, frames: Tensor) -> Tensor:
        return frames[..., 0, 0, 0].float().unfold(1, CONTEXT, 1)

    def fit_pixels(self, frames: Tensor) -> None:
        """Nothing to take."""


def numbered(lengths: tuple[int, ...]) -> list[Episode]:
    """Recordings whose frames are numbered on through all of them; actions and states say the number of their frame."""
    first, made = 10, []
    for steps in lengths:
        number = np.arange(first, first + steps + 1)
        frames = np.broadcast_to(number[:, None, None, None], (steps + 1, 16, 16, 3)).astype(np.uint8)
        made.append(Episode(frames, action_at(number[:-1]), state_at(number)))
        first += steps + 1
    return made


def action_at(number: np.ndarray) -> np.ndarray:
    return np.stack([number / 256, -number / 256], axis=-1).astype(np.float32)


def state_at(number: np.ndarray) -> np.ndarray:
    return number[..., None] / 256 + np.array([0.0, 1.0, 2.0, 3.0])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> EpisodeStore:
    like = {"world": maze_spec("umaze", frame_size=16), "dt": 0.1, "renderer": "none", "origin": {"command": "collect"}}
    return written(tmp_path_factory.mktemp("told"), like, numbered((12, 5, 9)))


def test_a_row_of_encoded_recordings_has_the_latents_the_state_and_the_action_of_one_frame(told: EpisodeStore) -> None:
    latents, states = encode_recordings(Reader(), told)
    ends = np.cumsum([13, 6, 10]) + 10 - 1
    numbers = [n for end, frames in zip(ends, (13, 6, 10), strict=True) for n in range(end - frames + CONTEXT, end + 1)]
    assert latents.moving.tolist() == [[n - 2, n - 1, n] for n in numbers], "ends with the frame, begins before it"
    assert latents.still.tolist() == [[n, n, n] for n in numbers]
    assert [numbers[last] for last in latents.last] == [min(end for end in ends if end >= n) for n in numbers]
    np.testing.assert_array_equal(states, state_at(np.array(numbers)))
    at_the_end = np.isin(numbers, ends)
    expected = np.where(at_the_end[:, None], 0, action_at(np.array(numbers)))
    np.testing.assert_array_equal(latents.actions.numpy(), expected)


def test_what_is_measured_is_measured_in_the_frame_that_it_stands_beside(told: EpisodeStore) -> None:
    plan = wiring.plan_for_store(load_config([*TINY, "model=cnn"], shared=True), told)
    clips = labelled(told, 50, CONTEXT, plan)
    numbers = clips.frames[..., 0, 0, 0].numpy().astype(int)
    assert numbers.shape == (50, CONTEXT + plan.horizon)
    np.testing.assert_array_equal(clips.measured["position"].numpy(), state_at(numbers)[..., :2])
    np.testing.assert_array_equal(clips.measured["velocity"].numpy(), state_at(numbers)[..., 2:])
    np.testing.assert_array_equal(clips.actions.numpy(), action_at(numbers[:, :-1]))


class Straight(torch.nn.Module):
    """A control step for each unit of distance."""

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        return (z - target).norm(dim=-1)


def test_landmarks_keep_the_states_that_their_latents_are_of() -> None:
    still = torch.randn(300, 2, generator=torch.Generator().manual_seed(0)) * 5
    states = np.asarray(still, np.float64) * [10, -1]
    graph = make_landmarks(still, states, Straight(), GraphSettings(landmarks=20, candidates=200, max_edge=4.0, seed=0))
    assert len(graph["latents"]) == 20
    np.testing.assert_array_equal(graph["states"].numpy(), graph["latents"].double().numpy() * [10, -1])


@pytest.fixture(scope="module")
def twins(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs whose recordings differ in those held out alone: the second one's are others, with states of nowhere."""
    folder = tmp_path_factory.mktemp("twins")
    collect(WORLDS["umaze"], folder / "foreign", episodes=1, steps=20, seed=1, progress=False)
    store, foreign = EpisodeStore.open(data), EpisodeStore.open(folder / "foreign").load(0)
    nowhere = np.random.default_rng(0).permutation(foreign.states)
    changed = Episode(foreign.frames, foreign.actions, nowhere)
    kept = [store.load(index) for index in range(len(store) - 1)]
    assert round(len(store) * HELD_OUT) == 1
    other = written(folder / "data", store.manifest, [*kept, changed])
    for name, recordings in (("one", store), ("other", other)):
        train_from_store(recordings.path, folder / name, wiring.plan_for_store(load_config(TINY), recordings))
    return folder / "one", folder / "other"


def held_out(run: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name.startswith("held_out/")} for line in lines]


def test_nothing_that_is_kept_of_a_training_depends_on_the_recordings_held_out(twins: tuple[Path, Path]) -> None:
    kept = [{path.name: load_file(path) for path in (run / "model").glob("*.safetensors")} for run in twins]
    assert sum(map(len, kept[0].values())) > 20
    for name, tensors in kept[0].items():
        assert all(torch.equal(value, kept[1][name][key]) for key, value in tensors.items()), name


def test_all_that_is_measured_is_measured_on_them_and_no_probe_is_fitted_there(twins: tuple[Path, Path]) -> None:
    for one, other in zip(*map(held_out, twins), strict=True):
        assert all(one[name] != other[name] for name in one), "what does not change was measured elsewhere"
        assert other["held_out/probe_position"] < 0.2, "where the states are of nowhere, nothing can be read"


def test_a_landmark_is_a_recorded_frame_that_stands_still_with_its_own_state(
    twins: tuple[Path, Path], data: Path
) -> None:
    loaded = checkpoint.load(twins[0] / "model", torch.device("cpu"), torch.float32)
    latents, states = encode_recordings(loaded.model, EpisodeStore.open(data).split(HELD_OUT)[0])
    apart = torch.cdist(loaded.landmarks["latents"], latents.still, compute_mode="donot_use_mm_for_euclid_dist")
    assert float(apart.min(dim=1).values.max()) < 1e-5
    np.testing.assert_array_equal(loaded.landmarks["states"].numpy(), states[apart.argmin(dim=1).numpy()])
