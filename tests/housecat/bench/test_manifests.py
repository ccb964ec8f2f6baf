"""Manifests are frozen: what was changed, is of another world or of other pairs is refused in one line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from envs import WORLDS, make_world
from housecat.bench.manifests import digest, file_of, frozen
from housecat.evaluation.pairs import PairRequest, PairsError, make_pairs

REQUEST = PairRequest(count=4, calibration=2, seed=3, strata=2)
UMAZE = make_world(WORLDS["umaze"])


def test_a_manifest_holds_the_pairs_of_an_evaluation_with_a_hash_that_any_reader_can_compute(tmp_path: Path) -> None:
    found = frozen(UMAZE, REQUEST, tmp_path)
    content = json.loads(file_of(tmp_path, "umaze", 3).read_text())
    assert content["sha256"] == found.sha256 == digest(dict(reversed(content.items())))
    drawn = make_pairs(UMAZE, REQUEST)
    assert [pair.start.tolist() for pair in found.pairs.pairs] == [pair.start.tolist() for pair in drawn.pairs]
    assert not any(UMAZE.success(pair.start, pair.goal) for pair in found.pairs.pairs)
    assert frozen(UMAZE, REQUEST, tmp_path, draw=False).sha256 == found.sha256


def test_fewer_pairs_are_the_first_ones_and_the_size_of_frames_makes_no_other_world(tmp_path: Path) -> None:
    found = frozen(UMAZE, REQUEST, tmp_path)
    small = make_world({**WORLDS["umaze"], "frame_size": 32})
    fewer = frozen(small, replace(REQUEST, count=3, calibration=0), tmp_path, draw=False)
    assert [pair.goal.tolist() for pair in fewer.pairs.pairs] == [p.goal.tolist() for p in found.pairs.pairs[:3]]
    assert fewer.pairs.calibration == [] and fewer.sha256 == found.sha256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one["pairs"][1]["goal"].__setitem__(0, 0.123), "its hash does not fit"),
        (lambda one: one["pairs"].reverse(), "its hash does not fit"),
        (lambda one: one.pop("sha256"), "its hash does not fit"),
        (lambda one: one.update(version=0), "has version 0"),
        (lambda one: one.update(pairs="none"), "pairs is 'none', expected a list"),
    ],
)
def test_a_manifest_that_was_changed_is_refused(change, said: str, tmp_path: Path) -> None:
    frozen(UMAZE, REQUEST, tmp_path)
    file = file_of(tmp_path, "umaze", 3)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(PairsError, match=said):
        frozen(UMAZE, REQUEST, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one["asked"]["world"].update(name="puck"), "other pairs .of world 'puck'"),
        (lambda one: one["asked"]["world"].update(factors={"light": [0.5, 1.0]}), "another making of world 'umaze'"),
        (lambda one: one["asked"].update(seed=4), "seed 4, asked for 3"),
        (lambda one: one["asked"].update(count=3), "count 3, asked for 4"),
        (lambda one: one["asked"].update(strata=1), "strata 1, asked for 2"),
        (lambda one: one["pairs"][0].update(start=one["pairs"][0]["goal"]), "a pair is solved at its start"),
        (lambda one: one["pairs"].pop(), "pairs are missing"),
    ],
)
def test_a_manifest_whose_hash_fits_is_refused_where_it_is_of_something_else(change, said: str, tmp_path: Path) -> None:
    frozen(UMAZE, REQUEST, tmp_path)
    file = file_of(tmp_path, "umaze", 3)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps({**content, "sha256": digest(content)}))
    with pytest.raises(PairsError, match=said):
        frozen(UMAZE, REQUEST, tmp_path)


def test_a_manifest_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="there is no .*umaze-seed3.json: leave out bench.manifests"):
        frozen(UMAZE, REQUEST, tmp_path, draw=False)
