"""Every optimiser is tried with as many settings as any other, and none of them spends more than the others."""

from dataclasses import replace

import pytest
import torch

from housecat.bench.suites import SUITES, suite_of
from housecat.bench.tuning import trials_of
from housecat.errors import UsageError
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.recommending import rank
from housecat.settings.benching import BenchConfig
from housecat.settings.config import load_config
from housecat.settings.own_code import reference
from planners.optimizers.registry import OPTIMIZERS, make_optimizer

PLANNER = load_config([]).planner


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("candidates", [8, 32, 128, 2048])
def test_no_setting_asks_about_more_candidates_than_are_paid_for_and_none_leaves_a_third_of_them(name, candidates):
    trials = trials_of(name, candidates, 6)
    assert trials and all(one not in trials[:index] for index, one in enumerate(trials))
    for trial in trials:
        asked = 0

        def score(actions: torch.Tensor) -> torch.Tensor:
            nonlocal asked
            asked += actions.shape[1]
            return actions.square().mean(dim=(2, 3))

        optimizer = make_optimizer(name, replace(PLANNER, optimizer=name, **trial))
        bound = torch.ones(2)
        optimizer(score, torch.zeros(1, 3, 2), -bound, bound, [torch.Generator().manual_seed(0)])
        assert asked <= candidates, trial
        assert asked > candidates * (2 / 3 if candidates > 8 else 1 / 2), trial


def test_all_optimisers_that_have_settings_have_as_many_trials_as_the_full_suite_asks_for():
    counts = {name: len(trials_of(name, 128, SUITES["standard"].trials)) for name in OPTIMIZERS}
    assert counts.pop("random_shooting") == 1  # it has none
    assert set(counts.values()) == {SUITES["standard"].trials}


class Tunable:
    """An optimiser that says what it is to be tried with."""

    @staticmethod
    def trials(candidates: int) -> list[dict]:
        return [{"samples": candidates}, {"samples": candidates // 2}, {"samples": 1}]


class Boasting:
    @staticmethod
    def trials(candidates: int) -> int:
        return candidates


class Untried:
    @staticmethod
    def trials(candidates: int) -> list:
        return []


def test_an_optimiser_of_ones_own_is_tried_with_what_it_says_and_no_more_often_than_others():
    assert trials_of(reference(Tunable), 64, 2) == [{"samples": 64}, {"samples": 32}]
    assert trials_of(reference(object()), 64, 2) == [{}]
    for kind, said in ((Boasting, "not iterable"), (Untried, "is empty")):
        with pytest.raises(UsageError, match=said):
            trials_of(reference(kind), 64, 2)


def episode(success: bool, spl: float, final: float) -> EpisodeResult:
    return EpisodeResult("flat_distance", 0, success, None, spl, 1.0, 1.0, None, [], final)  # type: ignore[arg-type]


def test_success_counts_before_the_way_and_the_way_before_what_is_left():
    order = [[(True, 0.1, 0.1)], [(False, 0.0, 0.2)], [(False, 0.0, 3.0)]]
    assert sorted(order, key=lambda some: rank([episode(*one) for one in some])) == order
    assert rank([episode(True, 0.9, 1.0)]) < rank([episode(True, 0.8, 0.0)])


def test_what_is_asked_for_stands_in_place_of_the_suites_own():
    assert suite_of("smoke", BenchConfig()) == SUITES["smoke"]
    assert suite_of("full", BenchConfig(pairs=7, calls=(64,))) == replace(SUITES["full"], pairs=7, calls=(64,))
