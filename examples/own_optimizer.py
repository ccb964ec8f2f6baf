"""An optimiser of your own: model predictive path integral control (MPPI) in place of the cross-entropy method.

On the command line: housecat evaluate checkpoint=runs/medium planner.optimizer=examples/own_optimizer.py:mppi
"""

import sys

import torch
from acting import act

import housecat


def mppi(score, start, low, high, generators, samples=64, iterations=3, temperature=0.5):
    """Candidates around a mean, which moves to their average, weighted by how good they are.

    `score` (B, N, H, A) -> (B, N) is minimised from `start` (B, H, A), within `low` and `high` (A,).
    """
    mean = start.clamp(low, high)
    for _ in range(iterations):
        noise = torch.stack([torch.randn(samples, *mean.shape[1:], generator=one) for one in generators])
        actions = (mean[:, None] + 0.5 * (high - low) / 2 * noise.to(mean)).clamp(low, high)
        cost = score(actions)
        weights = torch.softmax(-cost / (temperature * cost.std(1, keepdim=True) + 1e-6), dim=1)
        mean = (weights[..., None, None] * actions).sum(1)
    return mean, score(mean[:, None])[:, 0]


def main(run="runs/medium", steps=100):
    return act(housecat.load(run, optimizer=mppi), int(steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
