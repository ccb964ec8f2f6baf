"""Optimisers of other packages on our models, as optimisers of one's own:

    pip install stable-worldmodel pytorch-mppi          # in an environment of their own, with Housecat
    housecat bench checkpoints=[runs/medium] \\
        bench.optimizers=[cem,mppi,benchmarks/peers.py:StableWorldmodelCEM,benchmarks/peers.py:PytorchMPPI]

Each sees one environment at a time, for their own random generators know none of several; so the others' rows of a
question are computed in vain, which costs time with many environments side by side but no model calls.
"""

import contextlib
import io
from dataclasses import dataclass
from types import SimpleNamespace

import gymnasium
import torch
from torch import Tensor

from planners.interface import Generators, Score


def _of_row(score: Score, start: Tensor, low: Tensor, high: Tensor, row: int, actions: Tensor) -> Tensor:
    """What one environment's actions (N, H, A), which others may leave unbounded, score: (N,)."""
    asked = start[:, None].repeat(1, len(actions), 1, 1)
    asked[row] = actions.clamp(low, high)
    return score(asked)[row].detach()


def _seed(generator: torch.Generator) -> int:
    return int(torch.randint(2**31, (1,), generator=generator))


@dataclass(frozen=True)
class StableWorldmodelCEM:
    """CEM of stable-worldmodel (PyPI, MIT): Gaussian, refitted to the elites without momentum or bounds."""

    samples: int = 64
    iterations: int = 3
    elites: int = 8
    noise: float = 0.7

    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """See `planners.interface.Optimizer`."""
        from stable_worldmodel.solver.cem import CEMSolver

        space = gymnasium.spaces.Box(-1.0, 1.0, (1, len(low)))
        found = []
        for row, generator in enumerate(generators):

            class Costs:
                """What their solver asks."""

                def get_cost(self, info: dict, candidates: Tensor, row: int = row) -> Tensor:
                    return _of_row(score, start, low, high, row, candidates[0])[None]

            solver = CEMSolver(
                Costs(),
                num_samples=self.samples,
                n_steps=self.iterations,
                topk=self.elites,
                var_scale=self.noise * float(high[0] - low[0]) / 2,
                seed=_seed(generator),
            )
            solver.configure(
                action_space=space, n_envs=1, config=SimpleNamespace(horizon=start.shape[1], action_block=1)
            )
            with contextlib.redirect_stdout(io.StringIO()):  # it prints how long it took
                found.append(solver.solve({"row": torch.zeros(1, 1)}, start[row, None].clone())["actions"][0])
        actions = torch.stack(found).to(start).clone().clamp(low, high)
        return actions, score(actions[:, None])[:, 0]


@dataclass(frozen=True)
class PytorchMPPI:
    """MPPI of pytorch-mppi (PyPI, MIT), refined `iterations` times; `temperature` in spreads of the first scores."""

    samples: int = 64
    iterations: int = 3
    temperature: float = 0.3
    noise: float = 0.5

    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """See `planners.interface.Optimizer`."""
        from pytorch_mppi import MPPI

        found = []
        for row, generator in enumerate(generators):

            def cost(states: Tensor, actions: Tensor, row: int = row) -> Tensor:
                scores = _of_row(score, start, low, high, row, actions[0])
                return scores / scores.std().clamp(min=1e-6)

            with torch.random.fork_rng(devices=[]):  # it draws from torch's own generator
                torch.manual_seed(_seed(generator))
                # A plan is judged as a whole, by what it does: the state along it tells nothing, and costs nothing.
                search = MPPI(
                    lambda state, action: state,
                    lambda state, action: state.new_zeros(len(state)),
                    nx=1,
                    noise_sigma=torch.diag((self.noise * (high - low) / 2).square()),
                    num_samples=self.samples,
                    horizon=start.shape[1],
                    terminal_state_cost=cost,
                    lambda_=self.temperature,
                    u_min=low,
                    u_max=high,
                    U_init=start[row].clone(),
                )
                for _ in range(self.iterations):
                    search.command(torch.zeros(1), shift_nominal_trajectory=False)
            found.append(search.get_action_sequence())
        actions = torch.stack(found).to(start).clamp(low, high)
        return actions, score(actions[:, None])[:, 0]
