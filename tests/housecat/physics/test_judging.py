"""Shares of pairs, single clips and orders mean what they say."""

import numpy as np
import pytest

from envs.physics.properties import CHANGES
from housecat.physics.judging import FRAMES, auroc, controls, judge_cues, judge_order, judge_property, outcomes
from housecat.physics.watching import WATCHERS


def run(method: str, gains: dict[str, float], pairs: int = 20, seed: int = 0):
    """A run whose watchers see the impossible clips higher by so much; noise of one."""
    rng = np.random.default_rng(seed)
    sides = {
        side: {name: (rng.normal(size=(pairs, 8)) + by * gains.get(name, 0.0) + 9).tolist() for name in WATCHERS}
        for by, side in enumerate(("possible", "impossible"))
    }
    cues = {side: rng.normal(size=(pairs, 6)).tolist() for side in sides}
    seen = {**sides, "cues": cues, "group": [index // 2 for index in range(pairs)], "at": [3] * pairs}
    return {"run": f"{method}-{seed}", "method": method, "properties": {"gravity": seen}}


def test_the_clip_that_surprises_more_is_the_impossible_one_and_equals_are_split():
    assert outcomes(np.array([1.0, 2.0, 3.0, 3.0]), np.array([2.0, 1.0, 3.0, 3.0])) == [True, False, True, False]


def test_auroc_is_the_share_of_all_pairings_that_are_told():
    rng = np.random.default_rng(0)
    possible, impossible = rng.integers(0, 5, 30), rng.integers(1, 6, 20)
    each = np.sign(impossible[None] - possible[:, None]) / 2 + 0.5
    assert auroc(possible, impossible) == pytest.approx(each.mean())
    assert auroc(possible, possible) == pytest.approx(0.5)


def test_a_property_is_that_of_the_first_runs_method_held_against_the_best_control():
    runs = [run("vjepa", {"trained": 5.0, "copied": 0.7}, seed=seed) for seed in (0, 1)] + [
        run("pixel", {"trained": -5.0})
    ]
    found = judge_property(runs, "gravity")
    assert controls(runs) == ["vjepa untrained", "vjepa copied", FRAMES, "pixel"]
    assert (found["accuracy"], found["entrants"]["pixel"]["accuracy"], found["pairs"]) == (1.0, 0.0, 20)
    best = max(found["entrants"][name]["accuracy"] for name in controls(runs))
    assert found["best_control"] == best == found["entrants"][found["control"]]["accuracy"] > 0.7
    assert found["auroc"] == pytest.approx(1.0, abs=0.01) and 0.9 < found["accuracy_by_greatest"] <= 1.0
    assert found["known"] == (best <= 0.95)
    assert not judge_property([run("vjepa", {"trained": 5.0, "copied": 5.0})], "gravity")["known"]
    assert judge_property([run("vjepa", {"trained": 5.0}, pairs=60)], "gravity")["known"]
    assert "pixel" not in controls(runs[2:]), "what is judged is no control of itself"


def test_a_scene_is_told_where_its_impossible_clips_together_surprise_more():
    one = run("vjepa", {}, pairs=4)
    seen = one["properties"]["gravity"]
    seen["possible"]["trained"] = [[5.0], [1.0], [5.0], [1.0]]  # what moves surprises more, whether it can be or not
    seen["impossible"]["trained"] = [[2.0], [6.0], [1.0], [4.0]]
    found = judge_property([one], "gravity")
    assert (found["accuracy"], found["accuracy_of_scenes"]) == (0.5, 0.5)


def test_an_interval_over_trainings_is_wider_than_over_one():
    one = judge_property([run("vjepa", {"trained": 0.1})], "gravity")
    two = judge_property([run("vjepa", {"trained": gain}, seed=1) for gain in (5.0, -5.0)], "gravity")
    assert two["accuracy"] == 0.5 and two["high"] - two["low"] > one["high"] - one["low"]


def test_cues_without_a_difference_are_at_chance():
    found = judge_cues([run("vjepa", {}, pairs=400)], "gravity")
    assert 0.42 < found["accuracy"] < 0.58 and found["high"] - found["low"] < 0.12
    assert judge_cues([run("vjepa", {}, pairs=2)], "gravity")["accuracy"] == 0.5


def changed(levels: dict[str, float], count: int = 40):
    rng = np.random.default_rng(1)
    order = {
        name: {"trained": (rng.normal(size=(count, 8)) * 0.1 + 2 + levels.get(name, 0.0)).tolist()}
        for name in (*CHANGES, "was")
    }
    order["was"] = {**order["nothing"]}
    return {"method": "vjepa", "order": order}


def test_the_order_holds_where_each_grosser_change_surprises_more_and_not_where_two_are_equal():
    grosser = {"teleport": 3.0, "shape": 2.0, "colour": 1.0}
    found = judge_order([changed(grosser)])["vjepa"]
    assert found["holds"] and [one["value"] for one in found["steps"]] == [1.0, 1.0, 1.0]
    assert found["surprise"]["nothing"] == pytest.approx(1.0) and found["auroc"]["nothing"] == pytest.approx(0.5)
    assert found["auroc"]["teleport"] == 1.0
    equal = judge_order([changed(grosser), changed({**grosser, "shape": 1.0})])["vjepa"]
    assert not equal["holds"] and max(one["p"] for one in equal["steps"]) > 0.01
