"""What a policy learns from recordings whose answer is known."""

from dataclasses import replace

import pytest
import torch

from tests.worldmodel.distances.test_critic import ring_walks
from worldmodel.distances.distance import LatentEpisodes
from worldmodel.policies.goal_policy import GoalPolicy, fit_policy


def line_walks(actions: torch.Tensor) -> LatentEpisodes:
    """Recordings on a line that an action (E, T, A) moves along by its first number; latents say place and twice it."""
    places = torch.cat([torch.zeros(len(actions), 1), actions[..., 0].cumsum(dim=1)], dim=1)
    latents = torch.stack([places, 2 * places], dim=-1).flatten(0, 1)
    count = places.shape[1]
    last = torch.arange(len(actions)).repeat_interleave(count) * count + count - 1
    return LatentEpisodes(latents, latents, last, torch.nn.functional.pad(actions, (0, 0, 0, 1)).flatten(0, 1))


def test_a_policy_that_is_always_the_same_is_repeated_whatever_the_goal() -> None:
    data, drawn = line_walks(torch.tensor([0.3, -0.6]).expand(10, 12, 2)), torch.Generator().manual_seed(0)
    anywhere = torch.randn(2, len(data.last), 2, generator=drawn)
    data = replace(data, moving=anywhere[0], still=anywhere[1])
    policy = fit_policy(data, "cloning", None, 0, updates=120)
    z, goal = data.moving[::7], data.still[torch.arange(len(data.still) - 1, -1, -7)]
    assert (policy(z, goal) - torch.tensor([0.3, -0.6])).abs().mean() < 0.03


def test_inverse_dynamics_of_one_step_is_the_action_that_was_taken_between() -> None:
    drawn = torch.rand(60, 12, 1, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    policy = fit_policy(line_walks(drawn), "inverse", 1, 0, updates=300)
    place, wanted = torch.linspace(-1, 1, 9), torch.linspace(-0.7, 0.7, 9)
    z, goal = (torch.stack([one, 2 * one], dim=-1) for one in (place, place + wanted))
    assert (policy(z, goal)[:, 0] - wanted).abs().mean() < 0.15


def test_cloning_goes_towards_goals_that_lie_farther_away_than_a_step() -> None:
    data, _ = ring_walks()
    policy = fit_policy(data, "cloning", None, 0, updates=150)
    angle = torch.linspace(0, 6, 12)
    z, left, right = (torch.stack([(angle + by).cos(), (angle + by).sin()], dim=-1) for by in (0.0, 0.6, -0.6))
    assert (policy(z, left) > policy(z, right)).all()


def test_one_seed_gives_one_policy_and_goals_never_lie_in_another_recording() -> None:
    data = line_walks(torch.rand(5, 6, 1, generator=torch.Generator().manual_seed(0)))
    first, second, other = (fit_policy(data, "cloning", None, seed, updates=3) for seed in (1, 1, 2))
    z, goal = data.moving[:4], data.still[4:8]
    assert torch.equal(first(z, goal), second(z, goal)) and not torch.equal(first(z, goal), other(z, goal))
    torn = LatentEpisodes(data.moving, data.still.clone(), data.last, data.actions)
    torn.still[7:] = torch.nan  # goals of the first recording alone can be learnt from
    with pytest.raises(Exception, match="not finite"):
        fit_policy(torn, "cloning", None, 0, updates=3)
    alone = LatentEpisodes(data.moving[:7], data.still[:7], data.last[:7], data.actions[:7])
    assert fit_policy(alone, "cloning", None, 0, updates=3)(z, goal).isfinite().all()


def test_recordings_in_which_nothing_was_done_are_refused() -> None:
    nothing = LatentEpisodes(torch.zeros(3, 2), torch.zeros(3, 2), torch.arange(3), torch.zeros(3, 1))
    with pytest.raises(ValueError, match="no action"):
        fit_policy(nothing, "cloning", None, 0)


def test_actions_stay_within_their_bounds() -> None:
    policy = GoalPolicy(2, 3)
    assert policy(1e6 * torch.ones(4, 2), -1e6 * torch.ones(4, 2)).abs().max() <= 1
