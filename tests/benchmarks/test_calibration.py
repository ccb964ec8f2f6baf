"""A distance is judged on recordings by the true way: what knows the way must come out true, what guesses must not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.calibration import calibrate, judge_distance
from envs import WORLDS, make_world
from envs.data.collect import collect
from envs.data.store import EpisodeStore
from envs.world import World
from worldmodel.distances.distance import LearnedDistance
from worldmodel.model import Encoder


class Seeing(Encoder):
    """The latent is the newest picture itself."""

    def __init__(self) -> None:
        super().__init__(2, 64 * 64 * 3, torch.float32)
        self.anchor = torch.nn.Parameter(torch.zeros(()))

    def latents(self, frames: Tensor) -> Tensor:
        return frames[:, 1:].float().flatten(2)

    def fit_pixels(self, frames: Tensor) -> None:
        pass


class Knowing(LearnedDistance):
    """Looks the state up by its picture and asks the world."""

    def __init__(self, world: World, store: EpisodeStore) -> None:
        super().__init__(64 * 64 * 3, 1, 100.0, torch.float32)
        self.world = world
        episodes = [store.episode(index) for index in range(len(store))]
        self.pictures = torch.cat([torch.from_numpy(np.array(one.frames)).float().flatten(1) for one in episodes])
        self.states = np.concatenate([one.states for one in episodes])

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        here, goal = (self.states[torch.cdist(each, self.pictures).argmin(dim=1).numpy()] for each in (z, target[None]))
        return torch.from_numpy(self.world.task.distances(here, goal[0]) / self.world.task.speed)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, EpisodeStore]:
    folder: Path = tmp_path_factory.mktemp("recorded")
    return make_world(WORLDS["umaze"]), collect(WORLDS["umaze"], folder, 4, 12, 0, 1)


def test_a_distance_that_knows_the_way_is_unbiased_and_one_off_by_half_is_found_off_by_half(recorded) -> None:
    world, store = recorded
    knowing = Knowing(world, store)
    right = judge_distance(Seeing(), knowing, store, world, np.random.default_rng(0), goals=6, starts=10)
    assert right.rank > 0.99
    assert max(abs(one.bias) for one in right.bins) < 0.5
    exact = knowing.steps
    knowing.steps = lambda z, target: 1.5 * exact(z, target)  # type: ignore[method-assign]
    long = judge_distance(Seeing(), knowing, store, world, np.random.default_rng(0), goals=6, starts=10)
    assert long.rank == pytest.approx(right.rank)
    for before, after in zip(right.bins, long.bins, strict=True):
        assert after.predicted == pytest.approx(1.5 * before.predicted)


def test_the_truth_is_unbiased_and_in_order() -> None:
    true = np.linspace(0, 40, 200)
    found = calibrate(true, true, (0, 10, 20, 40.1))
    assert found.rank == pytest.approx(1)
    assert [one.count for one in found.bins] == [50, 50, 100]
    assert max(abs(one.bias) + one.spread for one in found.bins) == 0


def test_a_distance_that_is_short_far_away_is_found_in_the_far_bin_only() -> None:
    true = np.linspace(0, 40, 400)
    near, far = calibrate(np.minimum(true, 20), true, (0, 20, 40.1)).bins
    assert near.bias == 0
    assert far.bias == pytest.approx(-10, abs=0.2)


def test_the_rank_asks_for_order_only_and_turns_with_it() -> None:
    true = np.arange(50.0)
    assert calibrate(true**3, true, (0, 50)).rank == pytest.approx(1)
    assert calibrate(-true, true, (0, 50)).rank == pytest.approx(-1)
    assert np.isnan(calibrate(np.ones(50), true, (0, 50)).rank)


def test_steps_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="must be"):
        calibrate(np.ones(3), np.ones(4), (0, 1))
