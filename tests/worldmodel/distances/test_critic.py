"""Temporal distance: on a ring road walked at random it must come to know the short way round."""

from dataclasses import replace

import numpy as np
import torch

from worldmodel.distances.critic import CriticSettings, ExpectileDistance, ExpectileLearner, sample_pairs, targets
from worldmodel.distances.critics import train_distance
from worldmodel.distances.distance import LatentEpisodes

PLACES = 24
SETTINGS = CriticSettings(
    kind="expectile", updates=1500, batch=256, width=64, learning_rate=2e-3, expectile=0.9, longest=40, lookahead=2,
    momentum=0.98, near_goals=5, seed=0,
)  # fmt: skip


def ring_walks(episodes: int = 80, length: int = 40) -> tuple[LatentEpisodes, np.ndarray]:
    """Random walks on a ring of places; the latent is the place on a circle."""
    rng = np.random.default_rng(0)
    moves = rng.choice([-1, 1], (episodes, length - 1), p=[0.5, 0.5])
    places = np.cumsum(np.concatenate([rng.integers(0, PLACES, (episodes, 1)), moves], axis=1), axis=1) % PLACES
    angle = 2 * np.pi * places.reshape(-1) / PLACES
    latents = torch.from_numpy(np.stack([np.cos(angle), np.sin(angle)], axis=1)).float()
    last = torch.arange(episodes).repeat_interleave(length) * length + length - 1
    actions = torch.from_numpy(np.pad(moves, ((0, 0), (0, 1))).reshape(-1, 1)).float()
    return LatentEpisodes(latents, latents, last, actions), places.reshape(-1)


def test_goals_lie_ahead_in_the_same_recording_or_anywhere() -> None:
    data, _ = ring_walks()
    rows, goals = sample_pairs(data, 4000, near=5.0, rng=np.random.default_rng(0))
    last = data.last.numpy()
    same = last[rows] == last[goals]
    assert (rows < last[rows]).all(), "the last step of a recording has no next step"
    ahead = (goals >= rows)[same].mean()
    assert ahead > 0.98
    assert 0.2 < (~same).mean() < 0.3


def test_a_target_counts_recorded_steps_and_asks_beyond_them() -> None:
    data, _ = ring_walks()
    slow = ExpectileDistance(2, 16, 30.0)
    rows = torch.tensor([0, 0, 0, 5])
    goals = torch.tensor([0, 2, 9, 3])
    ahead = torch.tensor([3, 3, 3, 2])
    result = targets(slow, data, rows, goals, ahead)
    assert result[:2].tolist() == [0, 2]
    for index, row in ((2, 3), (3, 7)):
        asked = ahead[index] + slow.steps(data.moving[row], data.still[goals[index]])
        assert torch.isclose(result[index], asked), "not reached in time, or already passed"


def shifted_rows(episodes: int, length: int, apart: float) -> LatentEpisodes:
    """Recordings whose latent is its row, the same `apart` to the side where it stands still."""
    rows = torch.arange(episodes * length).float()
    moving = torch.stack([rows, torch.zeros_like(rows)], dim=1)
    last = torch.arange(episodes).repeat_interleave(length) * length + length - 1
    return LatentEpisodes(moving, moving + torch.tensor([0.0, apart]), last, torch.zeros(len(rows), 1))


def test_a_goal_of_the_same_recording_is_never_one_of_the_next() -> None:
    data, _ = ring_walks()
    rows, goals = sample_pairs(data, 20_000, near=5.0, rng=np.random.default_rng(0))
    near = (goals - rows > 0) & (goals - rows <= 5)
    crossed = (data.last[rows] != data.last[goals]) & near
    assert crossed.float().mean() < 0.003, "of a recording that begins just here, a goal is drawn by chance alone"
    late = data.last[rows] - rows < 3
    assert (data.last[rows] == data.last[goals])[late].float().mean() > 0.7


class Asked(ExpectileDistance):
    """Notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__(2, 8, 40.0)
        self.asked: list[tuple[torch.Tensor, torch.Tensor]] = []

    def logsteps(self, z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.asked.append((z, target))
        return super().logsteps(z, target)


def test_distances_are_learnt_from_latents_in_motion_to_pictures_at_rest_within_a_recording() -> None:
    data, learner = shifted_rows(episodes=30, length=4, apart=7.0), ExpectileLearner(2, replace(SETTINGS, lookahead=9))
    learner.distance, learner.slow = Asked(), Asked()
    learner.loss(data, np.random.default_rng(0))
    (z, goal), (onward, same) = *learner.distance.asked, *learner.slow.asked
    assert (z[:, 1] == 0).all() and (onward[:, 1] == 0).all(), "from where the recording is, in motion"
    assert (goal[:, 1] == 7).all() and torch.equal(goal, same), "to a picture"
    assert torch.equal(onward[:, 0] // 4, z[:, 0] // 4), "a target follows its own recording"
    assert (onward[:, 0] > z[:, 0]).all()


def test_a_random_walk_teaches_the_shortest_way_on_a_ring() -> None:
    data, places = ring_walks()
    distance = train_distance(data, SETTINGS, torch.device("cpu"))
    where = torch.tensor([int(np.argmax(places == place)) for place in range(PLACES)])
    latents = data.still[where]
    steps = distance.steps(latents[:, None], latents[None])
    gap = (torch.arange(PLACES)[:, None] - torch.arange(PLACES)[None]).abs()
    truth = torch.minimum(gap, PLACES - gap).float()
    near = (truth > 0) & (truth <= 6)
    assert ((steps - truth).abs() / truth.clamp(min=1))[near].median() < 0.3
    assert torch.corrcoef(torch.stack([steps.flatten(), truth.flatten()]))[0, 1] > 0.95
    assert steps.diagonal().max() < 1.0


def test_steps_broadcast_and_are_never_negative() -> None:
    distance = ExpectileDistance(4, 16, 30.0)
    steps = distance.steps(torch.randn(5, 1, 4), torch.randn(1, 7, 4))
    assert steps.shape == (5, 7)
    assert (steps >= 0).all()
    assert (distance.steps(1e4 * torch.randn(100, 4), torch.randn(100, 4)) <= 61).all()


def test_bf16_ranks_candidates_as_fp32_does() -> None:
    torch.manual_seed(0)
    exact = ExpectileDistance(8, 64, 30.0)
    fast = ExpectileDistance(8, 64, 30.0, torch.bfloat16)
    fast.load_state_dict(exact.state_dict())
    z, goal = torch.randn(256, 8), torch.randn(8)
    one, other = exact.steps(z, goal), fast.steps(z, goal)
    assert other.dtype == torch.float32
    assert 0 < (one - other).abs().max() < 0.02 * one.std()
    assert set(one.topk(32, largest=False).indices.tolist()) == set(other.topk(32, largest=False).indices.tolist())


def test_places_that_look_much_alike_are_kept_apart() -> None:
    data, places = ring_walks()
    angle = 2 * np.pi * torch.from_numpy(places).float() / PLACES
    alike = torch.stack([(2 * angle).cos(), (2 * angle).sin()], dim=1)  # the same on the other side of the ring
    told_apart = 0.1 * torch.stack([angle.cos(), angle.sin()], dim=1)
    mixing = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0))).Q
    latents = torch.cat([alike, told_apart], dim=1) @ mixing
    mixed = LatentEpisodes(latents, latents, data.last, data.actions)
    distance = train_distance(mixed, SETTINGS, torch.device("cpu"))
    where = torch.tensor([int(np.argmax(places == place)) for place in range(PLACES)])
    across = distance.steps(latents[where], latents[where.roll(PLACES // 2)])
    beside = distance.steps(latents[where], latents[where.roll(1)])
    assert beside.mean() < 3
    assert across.min() > 6, "half way round a ring of 24"


def test_whitened_latents_are_uncorrelated_and_what_hardly_varies_is_not_blown_up() -> None:
    generator = torch.Generator().manual_seed(0)
    spread = torch.tensor([10.0, 1.0, 1e-6])
    latents = torch.randn(4000, 3, generator=generator) * spread + 5
    distance = ExpectileDistance(3, 16, 30.0)
    distance.fit_whitening(latents)
    white = distance.whitened(latents)
    covariance = white.T @ white / len(white)
    assert white.mean(dim=0).abs().max() < 0.01
    assert torch.allclose(covariance[:2, :2], torch.diag(torch.tensor([0.967, 0.229])), atol=0.03)
    assert covariance[2].abs().max() < 1e-3
