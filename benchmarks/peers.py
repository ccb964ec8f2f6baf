"""Optimisers of other packages on our models, as optimisers of one's own:

    pip install stable-worldmodel pytorch-mppi          # in an environment of their own, with Housecat
    python benchmarks/optimizers.py runs/medium peers=yes

Their random generators know none of several environments, so each searches for one. The searches take turns: when all
have asked, their questions are one of all environments, and cost what those of our optimisers cost.
"""

import contextlib
import io
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import gymnasium
import torch
from torch import Tensor

from housecat.bench.tuning import trials_of
from planners.interface import Generators, Score

Ask = Callable[[Tensor], Tensor]
"""Actions (N, H, A) of one environment, which may be out of bounds -> what they score (N,)."""
_TRIALS = 6  # settings to choose among, as of ours


def in_turns(
    score: Score, start: Tensor, low: Tensor, high: Tensor, searches: Sequence[Callable[[Ask], Tensor]]
) -> Any:
    """What each search finds, (H, A) for its row of `start` (B, H, A); and the energies (B,) of these.

    Of their threads one runs at a time, with a state of torch's own generator that is its own.
    """
    turns = [_Turn(one) for one in searches]
    asked: list[Tensor | None] = [None] * len(turns)  # answers to the rows that are still searching
    with contextlib.redirect_stdout(io.StringIO()), torch.random.fork_rng(devices=[]):  # they print, and draw from it
        try:
            while any(turn.found is None for turn in turns):
                questions = [turn.go_on(answer) for turn, answer in zip(turns, asked, strict=True)]
                most = max((len(one) for one in questions if one is not None), default=0)
                if most:
                    rows = [
                        start[row].expand(most, -1, -1) if one is None else one[torch.arange(most) % len(one)]
                        for row, one in enumerate(questions)
                    ]
                    told = score(torch.stack(rows).clamp(low, high)).detach()
                    asked = [
                        None if one is None else each[: len(one)] for one, each in zip(questions, told, strict=True)
                    ]
        finally:
            for turn in turns:
                turn.end()
    actions = torch.stack([turn.found for turn in turns if turn.found is not None]).to(start).clamp(low, high)
    return actions, score(actions[:, None])[:, 0]


class _Turn:
    """A search in a thread that stands still unless it is its turn."""

    def __init__(self, search: Callable[[Ask], Tensor]) -> None:
        self.found: Tensor | None = None
        self._questions, self._answers = queue.SimpleQueue[Any](), queue.SimpleQueue[Any]()
        self._state, self._search = torch.random.get_rng_state(), search
        self._thread = threading.Thread(target=self._run, daemon=True)

    def go_on(self, answer: Tensor | None) -> Tensor | None:
        """Hands over what was asked for; the next question, None where the search is done. Raises what it raises."""
        if self.found is not None:
            return None
        torch.random.set_rng_state(self._state)
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._answers.put(answer)
        said = self._questions.get()
        self._state = torch.random.get_rng_state()
        if isinstance(said, Exception):
            raise said
        question, self.found = said
        return question

    def end(self) -> None:
        """Lets the thread end, wherever it is."""
        if self._thread.is_alive():
            self._answers.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._questions.put((None, self._search(self._ask)))
        except Exception as error:  # for whoever waits
            self._questions.put(error)

    def _ask(self, actions: Tensor) -> Tensor:
        self._questions.put((actions, None))
        answer = self._answers.get()
        if answer is None:
            raise RuntimeError("the search is over")
        return answer


def _seed(generator: torch.Generator) -> int:
    return int(torch.randint(2**31, (1,), generator=generator))


@dataclass(frozen=True)
class StableWorldmodelCEM:
    """CEM of stable-worldmodel (PyPI, MIT): Gaussian, refitted to the elites without momentum or bounds."""

    samples: int = 64
    iterations: int = 3
    elites: int = 8
    noise: float = 0.7

    @staticmethod
    def trials(candidates: int) -> list[dict[str, Any]]:
        """What it is to be tried with: what our own CEM is."""
        return trials_of("cem", candidates, _TRIALS)

    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """See `planners.interface.Optimizer`."""
        from stable_worldmodel.solver.cem import CEMSolver

        def search(row: int, seed: int, ask: Ask) -> Tensor:
            solver = CEMSolver(
                SimpleNamespace(get_cost=lambda info, candidates: ask(candidates[0])[None]),
                num_samples=self.samples,
                n_steps=self.iterations,
                topk=self.elites,
                var_scale=self.noise * float(high[0] - low[0]) / 2,
                seed=seed,
            )
            space = gymnasium.spaces.Box(-1.0, 1.0, (1, len(low)))
            solver.configure(
                action_space=space, n_envs=1, config=SimpleNamespace(horizon=start.shape[1], action_block=1)
            )
            return solver.solve({"row": torch.zeros(1, 1)}, start[row, None].clone())["actions"][0].clone()

        return in_turns(score, start, low, high, _each(search, generators))


@dataclass(frozen=True)
class PytorchMPPI:
    """MPPI of pytorch-mppi (PyPI, MIT), refined `iterations` times; `temperature` in spreads of the first scores."""

    samples: int = 64
    iterations: int = 3
    temperature: float = 0.3
    noise: float = 0.5

    @staticmethod
    def trials(candidates: int) -> list[dict[str, Any]]:
        """What it is to be tried with: what our own MPPI is."""
        return trials_of("mppi", candidates, _TRIALS)

    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """See `planners.interface.Optimizer`."""
        from pytorch_mppi import MPPI

        def search(row: int, seed: int, ask: Ask) -> Tensor:
            def cost(states: Tensor, actions: Tensor) -> Tensor:
                scores = ask(actions[0])
                return scores / scores.std().clamp(min=1e-6)

            torch.manual_seed(seed)  # it draws from torch's own generator
            # A plan is judged as a whole, by what it does: the state along it tells nothing, and costs nothing.
            found = MPPI(
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
                found.command(torch.zeros(1), shift_nominal_trajectory=False)
            return found.get_action_sequence()

        return in_turns(score, start, low, high, _each(search, generators))


def _each(search: Callable[[int, int, Ask], Tensor], generators: Generators) -> list[Callable[[Ask], Tensor]]:
    """A search for each row, with a seed of its generator."""
    return [partial(search, row, _seed(generator)) for row, generator in enumerate(generators)]
