import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from housecat.evaluation.episodes import AT_THE_GOAL, EpisodeResult, conduct, generator_of, play
from housecat.evaluation.evaluate import EvaluateSettings, evaluate
from housecat.evaluation.pairs import PairRequest, PairSet, make_pairs
from housecat.evaluation.recommending import CANDIDATES, recommendation
from housecat.evaluation.results import About
from housecat.evaluation.statistics import Rate
from tests.housecat.pointmass import PlannedSetup, PointSetup, point_world

PLANNERS = ("random", "flat_latent", "flat_distance", "hierarchy")
SETTINGS = EvaluateSettings(PLANNERS, horizons=(20, 90), max_steps=None, workers=1, batch=5, timing_steps=4)
ABOUT = About("housecat evaluate checkpoint=here", "abc", {"collect": 1.0, "train": 2.0}, {"python": "3.11"})


@pytest.fixture(scope="module")
def pairs() -> PairSet:
    return make_pairs(point_world(), PairRequest(count=12, calibration=8, seed=5, strata=3))


def numbered(pairs: PairSet) -> list:
    return list(enumerate(pairs.pairs))


def outcome(result: EpisodeResult) -> tuple:
    return result.pair, result.success, result.steps, result.path.tobytes(), tuple(result.targets), result.calls


def test_who_knows_the_way_solves_every_pair_and_who_stands_still_none(pairs: PairSet) -> None:
    right = play(PointSetup()(), "hierarchy", None, numbered(pairs), seed=0)
    stuck = play(PointSetup()(), "stuck", None, numbered(pairs), seed=0)
    assert all(result.success and result.spl > 0.7 for result in right)
    assert not any(result.success or result.spl for result in stuck)
    assert all(result.steps is None and result.travelled == 0 for result in stuck)


def test_an_episode_ends_at_the_first_state_that_the_world_calls_success(pairs: PairSet) -> None:
    world = point_world()
    for result in play(PointSetup()(), "flat_distance", None, numbered(pairs), seed=0):
        reached = [world.success(state, pairs.pairs[result.pair].goal) for state in result.path]
        assert reached[:-1] == [False] * (len(result.path) - 1)
        assert reached[-1] == result.success
        assert len(result.path) == len(result.targets) + 1
        assert result.steps == (len(result.targets) if result.success else None)


def test_success_at_the_last_allowed_step_counts_and_one_step_later_does_not(pairs: PairSet) -> None:
    needed = [result.steps for result in play(PointSetup()(), "hierarchy", None, numbered(pairs), seed=0)]
    limit = sorted(step for step in needed if step is not None)[5]
    limited = play(PointSetup()(), "hierarchy", None, numbered(pairs), seed=0, max_steps=limit)
    assert [result.success for result in limited] == [step is not None and step <= limit for step in needed]
    assert all(len(result.targets) <= limit for result in limited)


def test_the_path_length_is_what_was_travelled_and_detours_cost_spl(pairs: PairSet) -> None:
    direct = play(PointSetup()(), "hierarchy", None, numbered(pairs), seed=0)
    wandering = play(PointSetup()(), "flat_distance", None, numbered(pairs), seed=0, max_steps=400)
    for other in wandering:
        steps = np.linalg.norm(np.diff(other.path, axis=0), axis=1)
        assert other.travelled == pytest.approx(steps.sum())
        assert other.success
        assert other.spl == pytest.approx(min(1, pairs.pairs[other.pair].distance / other.travelled))
    assert np.mean([result.spl for result in wandering]) < np.mean([result.spl for result in direct]) - 0.2


def test_no_outcome_depends_on_who_else_is_in_the_batch(pairs: PairSet) -> None:
    together = play(PointSetup()(), "flat_distance", None, numbered(pairs), seed=3)
    alone = [play(PointSetup()(), "flat_distance", None, [one], seed=3)[0] for one in numbered(pairs)]
    backwards = play(PointSetup()(), "flat_distance", None, numbered(pairs)[::-1], seed=3)[::-1]
    assert list(map(outcome, together)) == list(map(outcome, alone)) == list(map(outcome, backwards))


def test_another_seed_gives_other_episodes_and_every_pair_has_its_own_generator(pairs: PairSet) -> None:
    first = play(PointSetup()(), "flat_distance", None, numbered(pairs), seed=3)
    other = play(PointSetup()(), "flat_distance", None, numbered(pairs), seed=4)
    assert all(outcome(a) != outcome(b) for a, b in zip(first, other, strict=True))
    states = {bytes(generator_of(seed, pair).get_state().numpy()) for seed in range(4) for pair in range(25)}
    assert len(states) == 100


def test_model_calls_are_the_mean_over_control_steps_and_targets_those_of_each_step(pairs: PairSet) -> None:
    for result in play(PointSetup()(), "hierarchy", None, numbered(pairs), seed=0):
        steps = len(result.targets)
        assert result.calls == pytest.approx((100 + 200 * (steps - 1)) / steps)
        assert result.targets == [7] + [AT_THE_GOAL] * (steps - 1)
    for result in play(PointSetup()(), "random", None, numbered(pairs), seed=0):
        assert result.calls == 0 and set(result.targets) == {AT_THE_GOAL}


def test_a_plan_that_is_followed_for_four_steps_counts_its_model_calls_once(pairs: PairSet) -> None:
    every = {execute: PlannedSetup(execute)() for execute in (1, 4)}
    for name in ("flat_distance", "hierarchy"):
        for result in play(every[4], name, None, numbered(pairs), seed=0):
            steps = len(result.targets)
            plans = -(-steps // 4)
            least = plans * 24 * 4 * 2  # samples, horizon, iterations
            assert least <= steps * result.calls <= least + plans * 2 * 4
            assert all(len(set(result.targets[k : k + 4])) == 1 for k in range(0, steps, 4))
    one, four = (play(every[execute], "flat_distance", None, numbered(pairs)[:1], seed=0)[0] for execute in (1, 4))
    assert four.calls < 0.5 * one.calls


def test_a_violated_limit_is_told_by_the_simulator_where_start_and_goal_keep_to_it(
    pairs: PairSet, tmp_path: Path
) -> None:
    border = float(np.median([pair.goal[0] for pair in pairs.pairs]))
    setup = lambda: replace(PointSetup()(), violated=lambda states: states[..., 0] > border)  # noqa: E731
    settings = replace(SETTINGS, planners=("flat_distance",), horizons=(20,), timing_steps=0)
    found = evaluate(setup, pairs, settings, ABOUT, tmp_path, progress=False)["planners"]["flat_distance"]
    played = json.loads((tmp_path / "episodes.json").read_text())["episodes"]
    known = []
    for one in played:
        pair, path = pairs.pairs[one["pair"]], np.array(one["path"])
        free = pair.start[0] <= border and pair.goal[0] <= border
        assert one.get("violated") == (int((path[:, 0] > border).sum()) if free else None)
        known += [one["violated"] > 0] if free else []
    assert 0 < len(known) < len(played)
    assert (found["violated"]["n"], found["violated"]["value"]) == (len(known), pytest.approx(np.mean(known)))


def test_what_actions_are_like_is_told_in_shares_of_their_range() -> None:
    low, high = np.array([-1.0, 0.0]), np.array([1.0, 4.0])
    still = conduct(np.array([[0.0, 1.0]] * 3), low, high)
    assert still == {"roughness": 0.0, "clamped": 0.0, "beyond": 0.0}
    jumping = conduct(np.array([[-1.0, 0.0], [1.0, 4.0], [-1.0, 2.0]]), low, high)
    assert jumping == {"roughness": pytest.approx((2 + 2 + 2 + 1) / 4), "clamped": pytest.approx(5 / 6), "beyond": 0.0}
    wild = conduct(np.array([[1.1, 2.0], [0.0, np.nan], [0.0, 1.0], [0.5, 3.0]]), low, high)
    assert wild["beyond"] == 0.5
    assert conduct(np.zeros((1, 2)), -high, high)["roughness"] == 0.0


def test_calibration_plays_with_noise_of_its_own(pairs: PairSet) -> None:
    judged = {generator_of(5, index).initial_seed() for index in range(100)}
    assert not judged & {generator_of(5, -1 - index).initial_seed() for index in range(100)}


def test_an_episode_survives_its_file_format(pairs: PairSet) -> None:
    result = play(PointSetup()(), "hierarchy", None, numbered(pairs)[:1], seed=0)[0]
    again = EpisodeResult.from_json(json.loads(json.dumps(result.to_json())))
    assert np.allclose(again.path, result.path, atol=1e-4)
    assert replace(again, path=result.path) == result or outcome(replace(again, path=result.path)) == outcome(result)


def evaluated(pairs: PairSet, out: Path, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    results = evaluate(PointSetup(), pairs, replace(SETTINGS, **changes), ABOUT, out, progress=False)
    assert results == json.loads((out / "results.json").read_text())
    return results, json.loads((out / "episodes.json").read_text())


def timeless(results: dict[str, Any]) -> dict[str, Any]:
    """Results without what a clock has measured."""
    planners = {name: {**found, "plan_ms": None} for name, found in results["planners"].items()}
    return {**results, "seconds": None, "planners": planners}


def test_any_batch_finds_the_same(pairs: PairSet, tmp_path: Path) -> None:
    one, episodes = evaluated(pairs, tmp_path / "five")
    for name, changes in {"three": {"batch": 3}, "single": {"batch": 1}}.items():
        other, again = evaluated(pairs, tmp_path / name, **changes)
        assert again == episodes
        assert timeless(other) == timeless(one)


def test_results_hold_what_the_schema_documents(pairs: PairSet, tmp_path: Path) -> None:
    results, _ = evaluated(pairs, tmp_path)
    assert results["schema"] == 1 and results["world"] == "point" and results["seed"] == 5
    assert results["commit"] == "abc" and results["command"] == ABOUT.command and results["versions"] == ABOUT.versions
    assert results["seconds"]["collect"] == 1.0 and results["seconds"]["evaluate"] > 0
    assert list(results["planners"]) == list(PLANNERS)
    for name, found in results["planners"].items():
        assert set(found) == {
            "success", "interval", "episodes", "steps", "spl", "plan_ms", "model_calls", "horizon", "strata",
        }  # fmt: skip
        assert found["episodes"] == 12
        assert found["interval"][0] <= found["success"] <= found["interval"][1]
        assert 0 < found["plan_ms"]["median"] <= found["plan_ms"]["p95"]
        assert (found["model_calls"] == 0) == (name == "random")
    assert results["pairs"] == {
        "unit": "m", "nearest": pairs.edges[0], "farthest": pairs.edges[-1], "tolerance": 0.25, "max_steps": 40,
        "calibration": 8, "factors": {}, "criterion": "at most 0.25 m from the goal",
    }  # fmt: skip


def test_rates_in_the_results_are_those_of_the_episodes(pairs: PairSet, tmp_path: Path) -> None:
    results, stored = evaluated(pairs, tmp_path, max_steps=20)
    for name, found in results["planners"].items():
        episodes = [one for one in stored["episodes"] if one["planner"] == name]
        assert [one["pair"] for one in episodes] == list(range(12))
        rate = Rate.of([one["success"] for one in episodes])
        assert found["success"] == rate.value and found["interval"] == [rate.low, rate.high]
        won = [one["steps"] for one in episodes if one["success"]]
        assert found["steps"] == (pytest.approx(np.mean(won)) if won else None)
        assert found["spl"] == pytest.approx(np.mean([one["spl"] for one in episodes]))
        assert [one["episodes"] for one in found["strata"]] == [4, 4, 4]
        share = np.mean([one["success"] for one in episodes if pairs.stratum(one["pair"]) == 2])
        assert found["strata"][2]["success"] == pytest.approx(share)


def test_the_hierarchy_is_compared_pair_by_pair_with_every_other_planner(pairs: PairSet, tmp_path: Path) -> None:
    results, stored = evaluated(pairs, tmp_path, horizons=(20,))
    lost = sum(not one["success"] for one in stored["episodes"] if one["planner"] == "flat_latent")
    assert lost > 0
    assert list(results["comparisons"]) == ["random", "flat_latent", "flat_distance"]
    assert results["comparisons"]["flat_latent"] == {
        "only_hierarchy": lost, "only_other": 0, "p": pytest.approx(2 / 2**lost),
    }  # fmt: skip


def test_the_best_horizon_is_chosen_on_calibration_pairs_and_reported_with_the_others(
    pairs: PairSet, tmp_path: Path
) -> None:
    results, _ = evaluated(pairs, tmp_path, horizons=(90, 5, 20, 95))
    tried = {one["horizon"]: one for one in results["calibration"]}
    assert list(tried) == [90, 5, 20, 95]
    assert all(one["episodes"] == 8 for one in tried.values())
    assert tried[5]["success"] == 0 and tried[5]["steps"] is None
    assert tried[90]["success"] == tried[95]["success"] == 1
    assert results["planners"]["flat_latent"]["horizon"] == 90  # of equals the shorter, which is cheaper
    assert results["planners"]["flat_latent"]["success"] == 1
    assert results["planners"]["hierarchy"]["horizon"] is None


def test_a_choice_on_calibration_pairs_never_looks_at_the_judged_ones(pairs: PairSet, tmp_path: Path) -> None:
    near = [pair for pair in make_pairs(point_world(), PairRequest(1, 30, 0, 3, 0.5)).calibration if pair.distance < 2]
    results, _ = evaluated(replace(pairs, calibration=near), tmp_path, horizons=(20, 90))
    assert near and results["planners"]["flat_latent"]["horizon"] == 20
    assert results["planners"]["flat_latent"]["success"] < 1


def test_a_planner_is_recommended_by_calibration_pairs_whatever_the_judged_ones_say(
    pairs: PairSet, tmp_path: Path
) -> None:
    """In this world `hierarchy` goes straight and `flat_distance` wanders."""
    settings = replace(SETTINGS, planners=("flat_distance", "hierarchy"), timing_steps=0)
    found = evaluate(PointSetup(), pairs, settings, ABOUT, tmp_path, progress=False)["recommended"]
    assert found["planner"] == "hierarchy" and list(found["tried"]) == ["hierarchy", "flat_distance"]
    assert [one["n"] for one in found["tried"].values()] == [8, 8], "of 12 pairs that are judged none is played"
    swapped = replace(pairs, pairs=pairs.pairs[:1])
    assert evaluate(PointSetup(), swapped, settings, ABOUT, tmp_path, progress=False)["recommended"] == found
    for other in (replace(settings, planners=("random", "hierarchy")), settings):
        some = pairs if other is not settings else replace(pairs, calibration=[])
        assert "recommended" not in evaluate(PointSetup(), some, other, ABOUT, tmp_path, progress=False)


def test_of_planners_that_reach_as_much_the_straighter_one_is_recommended_and_of_equals_the_first() -> None:
    def episode(success: bool, spl: float) -> EpisodeResult:
        return EpisodeResult("any", 0, success, None, spl, 1.0, 1.0, np.zeros((2, 2)), [0], final=0.0)

    far, straight, lost = [episode(True, 0.4)], [episode(True, 0.9)], [episode(False, 0.0)]
    for hierarchy, flat, best in ((far, straight, 1), (far, lost, 0), (far, far, 0), (lost, far, 1)):
        tried = dict(zip(CANDIDATES, (hierarchy, flat), strict=True))
        assert recommendation(tried)["planner"] == CANDIDATES[best]


def test_one_horizon_is_taken_without_calibration(pairs: PairSet, tmp_path: Path) -> None:
    results, _ = evaluated(replace(pairs, calibration=[]), tmp_path, horizons=(90,))
    assert results["calibration"] == [] and results["planners"]["flat_latent"]["horizon"] == 90


def test_the_landmarks_are_written_for_the_report(pairs: PairSet, tmp_path: Path) -> None:
    settings = replace(SETTINGS, planners=("hierarchy",), timing_steps=0)
    results = evaluate(PointSetup(landmarks=True), pairs, settings, ABOUT, tmp_path, progress=False)
    stored = json.loads((tmp_path / "episodes.json").read_text())["landmarks"]
    assert np.shape(stored["states"]) == (9, 2) and stored["edges"][3] == [7, 8]
    assert results["planners"]["hierarchy"]["plan_ms"] is None


def test_an_error_in_a_worker_reaches_the_caller(pairs: PairSet, tmp_path: Path) -> None:
    broken = replace(pairs, pairs=[replace(pairs.pairs[0], start=np.zeros(3))])
    with pytest.raises(ValueError):
        evaluate(PointSetup(), broken, replace(SETTINGS, workers=2, horizons=(9,)), ABOUT, tmp_path, progress=False)


def test_the_real_planners_solve_a_world_whose_model_is_exact_the_same_in_any_process(
    pairs: PairSet, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, horizons=(4,), timing_steps=5)
    found = evaluate(PlannedSetup(), pairs, settings, ABOUT, tmp_path / "one", progress=False)
    two = replace(settings, workers=2, batch=4)
    again = evaluate(PlannedSetup(), pairs, two, ABOUT, tmp_path / "two", progress=False)
    assert timeless(again) == timeless(found)
    assert (tmp_path / "one" / "episodes.json").read_bytes() == (tmp_path / "two" / "episodes.json").read_bytes()
    planners = found["planners"]
    for name in ("flat_latent", "flat_distance", "hierarchy"):
        assert planners[name]["success"] == 1 and planners[name]["spl"] > 0.8
        assert 24 * 4 * 2 <= planners[name]["model_calls"] <= 24 * 4 * 2 + 2 * 4  # samples, horizon, iterations
    assert planners["random"]["success"] < 0.5 and planners["random"]["model_calls"] == 0
    targets = [one["targets"] for one in json.loads((tmp_path / "one" / "episodes.json").read_text())["episodes"]]
    assert any(target >= 0 for target in targets[-1])
