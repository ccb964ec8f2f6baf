"""An optimiser that follows gradients: the model, the temporal distance and the energies can all be differentiated."""

import sys

import torch
from acting import act

import housecat


def descend(score, start, low, high, generators, candidates=8, iterations=10, rate=0.2):
    """Adam on several candidates at once, from noise around `start`; the best of what they come to."""
    noise = torch.stack([torch.randn(candidates, *start.shape[1:], generator=one) for one in generators]).to(start)
    noise[:, 0] = 0  # one begins where the last plan ended
    actions = (start[:, None] + 0.5 * noise).clamp(low, high).requires_grad_()
    adam = torch.optim.Adam([actions], lr=rate)
    for _ in range(iterations):
        adam.zero_grad()
        score(actions).sum().backward()
        adam.step()
        with torch.no_grad():
            actions.clamp_(low, high)
    cost = score(actions.detach())
    best = cost.argmin(1)
    rows = torch.arange(len(best))
    return actions.detach()[rows, best], cost[rows, best]


def main(run="runs/medium", steps=100):
    return act(housecat.load(run, optimizer=descend), int(steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
