"""A planner for the bench, in one file: copy it, put your own search in its place, and hand in the file.

housecat bench checkpoints=[runs/medium] bench.optimizers=[cem,examples/submission.py:Mine] out=runs/mine
"""

import torch


class Mine:
    """Noise around the best plan so far, less of it in every round. It knows a score to be minimised, nothing else."""

    def __init__(self, samples=32, rounds=2, spread=0.7):
        self.samples, self.rounds, self.spread = samples, rounds, spread

    @staticmethod
    def trials(candidates):
        """What to be tuned with: arguments of the class. A plan may ask about `candidates` action sequences in all."""
        return [{"samples": candidates // rounds, "rounds": rounds} for rounds in (2, 3, 5, 8) if candidates >= rounds]

    def __call__(self, score, start, low, high, generators):
        """The plan (B, H, A), within `low` and `high` (A,), and its score (B,).

        `score`: actions (B, N, H, A) -> (B, N), lower is better, each costs H model calls. `start`: (B, H, A), the last
        plan, shifted; it is left as it is. `generators`: one of each environment, which draws from its own alone.
        """
        best, rows = start.clamp(low, high), torch.arange(len(start))
        for turn in range(self.rounds):
            shape = (self.samples, *start.shape[1:])
            noise = torch.stack([torch.randn(shape, generator=one, device=one.device) for one in generators])
            noise[:, 0] = 0  # the best so far is among them
            actions = (best[:, None] + self.spread * 0.6**turn * (high - low) / 2 * noise.to(start)).clamp(low, high)
            costs = score(actions)
            index = costs.argmin(dim=1)
            best, cost = actions[rows, index], costs[rows, index]
        return best, cost
