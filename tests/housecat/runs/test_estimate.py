"""How long work will take is said before it starts; for as much wall time, every method gets the updates that fit."""

from pathlib import Path

import pytest

from housecat.runs.estimate import Speed, seconds_per_update, speed_of, speeds_of, stages_of, updates_within
from housecat.runs.stages import in_words
from housecat.runs.training import TrainingPlan, make_method
from housecat.runs.wiring import training_plan
from housecat.settings.config import load_config

TINY = """model.latent=10 model.width=8 model.keypoints=4 model.predictor_width=16 model.heads=2 train.batch=2
    finetuning.batch=2 upper.batch=2 critic.batch=2 pretraining.batch=2 dynamics.channels=4 precision=fp32""".split()


def plan(*more: str) -> TrainingPlan:
    return training_plan(load_config([*TINY, *more], shared=True), 32, 2)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (12.4, "12 s"), (44, "40 s"), (91, "2 min"), (725, "12 min")]
)
def test_times_are_told_as_roughly_as_they_are_known(seconds, words):
    assert in_words(seconds) == words


def test_updates_and_finetuning_together_take_the_time_given() -> None:
    speed = Speed(frames=1000.0, update=0.5, finetuning=0.1, apart=0.0)
    given = updates_within(60.0, speed, finetuning=200)
    assert given == {"train.updates": 80, "finetuning.updates": 200}
    assert given["train.updates"] * speed.update + given["finetuning.updates"] * speed.finetuning == pytest.approx(60.0)


def test_finetuning_takes_half_of_the_time_at_most() -> None:
    assert updates_within(60.0, Speed(1000.0, 0.5, 0.1, 0.0), finetuning=10_000) == {
        "train.updates": 60,
        "finetuning.updates": 300,
    }


def test_the_time_of_what_is_trained_apart_is_taken_from_the_updates() -> None:
    assert updates_within(60.0, Speed(1000.0, 0.5, 0.1, 10.0), finetuning=200)["train.updates"] == 60


def test_what_finetunes_nothing_has_all_the_time_and_the_slowest_makes_one_update() -> None:
    assert updates_within(60.0, Speed(1000.0, 0.5, 0.0, 0.0), finetuning=500)["train.updates"] == 120
    assert updates_within(60.0, Speed(1.0, 90.0, 0.0, 0.0), finetuning=500)["train.updates"] == 1


def test_the_stages_that_are_timed_are_those_that_a_method_has() -> None:
    names = {
        "default": ["pretraining", "train", "finetuning", "distance"],
        "hjepa": ["pretraining", "train", "finetuning", "second level", "distance"],
        "vjepa": ["train"],
        "vjepa2_ac": ["finetuning", "distance"],
    }
    for method, expected in names.items():
        asked = plan(f"method={method}")
        assert [stage.name for stage in stages_of(asked, make_method(asked))] == expected


def test_an_update_of_a_larger_batch_takes_longer() -> None:
    each = []
    for batch in (2, 64):
        asked = plan(f"train.batch={batch}")
        stage = next(one for one in stages_of(asked, make_method(asked)) if one.name == "train")
        each.append(seconds_per_update(stage, 0.1))
    assert 0 < 2 * each[0] < each[1]


def test_a_frozen_encoder_is_trained_at_the_speed_of_its_own_method() -> None:
    asked = plan("method=vjepa2_ac")
    found = speed_of(asked, 0.1)
    assert found.finetuning > 0 == found.apart
    assert isinstance(asked.first, TrainingPlan)
    frames = asked.first.train.length + make_method(asked.first).model.context - 1
    assert found.frames * found.update == pytest.approx(asked.first.train.batch * frames)


def test_speeds_are_measured_once(tmp_path: Path) -> None:
    kept = tmp_path / "speeds.json"
    kept.write_text('{"lewm": {"frames": 7.0, "update": 1.0, "finetuning": 0.0, "apart": 0.0}}')
    assert speeds_of({"lewm": plan("method=lewm")}, kept) == {"lewm": Speed(7.0, 1.0, 0.0, 0.0)}
