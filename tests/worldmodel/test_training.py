"""The loop learns, resumes bit for bit, and stops with a reason when it can't go on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.worldmodel.conftest import OBJECTIVE, SquareClips, small_settings, square_clips
from worldmodel.diagnosis.measures import Labelled
from worldmodel.methods.default import OBJECTIVES, Default, ObjectiveSettings
from worldmodel.progress import TrainingError, TrainingFolder
from worldmodel.stages.end_to_end import TrainSettings, check_alive, rate, train
from worldmodel.stages.keypoint_pretraining import PretrainingSettings, pretraining
from worldmodel.streams import stream
from worldmodel.training import learn

SETTINGS = TrainSettings(
    updates=8, batch=8, length=6, horizon=3, learning_rate=2e-3, weight_decay=1e-4, gradient_norm=1.0,
    measure_every=4, save_every=4, seed=0,
)  # fmt: skip
PRETRAINING = PretrainingSettings(updates=4, batch=8, learning_rate=2e-3, seed=0)


class KilledError(Exception):
    """Stands for the power cut."""


def labelled(seed: int) -> Labelled:
    clips = square_clips(np.random.default_rng(seed), 48, 9)
    positions = {"position": torch.from_numpy(clips.states)}
    return Labelled(torch.from_numpy(clips.frames), torch.from_numpy(clips.actions), positions)


def run(
    out: Path,
    objective: ObjectiveSettings = OBJECTIVE,
    settings: TrainSettings = SETTINGS,
    looking: PretrainingSettings = PRETRAINING,
    encoder: str = "vit",
    kill_at: int | None = None,
) -> Default:
    """A method trained in the folder `out`; of clips of training's length, only so many batches can be drawn."""
    torch.manual_seed(0)
    method = Default(small_settings(encoder, objective=objective, horizon=settings.horizon))
    left = [10**9 if kill_at is None else kill_at]

    def sample(rng: np.random.Generator, batch: int, length: int) -> SquareClips:
        left[0] -= (batch, length) == (settings.batch, settings.length + method.model.context - 1)
        if left[0] < 0:
            raise KilledError
        return square_clips(rng, batch, length)

    train(method, sample, labelled(98), labelled(99), settings, looking, TrainingFolder(out, method), progress=False)
    return method


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def unclocked(out: Path) -> list[dict[str, float]]:
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines(out)]


@pytest.mark.parametrize(("name", "encoder"), [*((name, "vit") for name in OBJECTIVES), ("ema", "keypoints")])
def test_a_killed_run_resumes_bit_for_bit(name: str, encoder: str, tmp_path: Path) -> None:
    objective = replace(OBJECTIVE, name=name)
    whole = run(tmp_path / "whole", objective, encoder=encoder)
    with pytest.raises(KilledError):
        run(tmp_path / "killed", objective, encoder=encoder, kill_at=6)
    resumed = run(tmp_path / "killed", objective, encoder=encoder)
    for (key, left), right in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(left, right), key
    assert unclocked(tmp_path / "whole") == unclocked(tmp_path / "killed")


def test_what_is_measured_before_the_first_update_has_not_looked(tmp_path: Path) -> None:
    for updates in (0, 20):
        run(tmp_path / str(updates), looking=replace(PRETRAINING, updates=updates), encoder="keypoints")
    first, second = (lines(tmp_path / str(updates)) for updates in (0, 20))
    assert first[0]["held_out/probe_position"] == second[0]["held_out/probe_position"]
    assert first[-1]["held_out/probe_position"] != second[-1]["held_out/probe_position"]


def test_the_teacher_begins_where_the_keypoints_look(tmp_path: Path) -> None:
    still = replace(OBJECTIVE, name="ema", momentum=1.0)
    teacher = run(tmp_path, still, replace(SETTINGS, updates=1), encoder="keypoints").teacher
    torch.manual_seed(0)
    looked = Default(small_settings("keypoints", objective=still))
    looked.fit_pixels(torch.from_numpy(square_clips(stream(SETTINGS.seed, "pixel statistics"), 128, 2).frames))
    assert teacher is not None
    assert not torch.equal(teacher.maps.weight, looked.model.encoder.maps.weight)
    learn(pretraining(looked.model, square_clips, PRETRAINING))
    assert torch.equal(teacher.maps.weight, looked.model.encoder.maps.weight)


def test_looking_that_runs_away_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not finite at update .*: lower pretraining.learning_rate .now inf"):
        run(tmp_path, looking=replace(PRETRAINING, learning_rate=float("inf")), encoder="keypoints")


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        run(tmp_path, kill_at=2)
    run(tmp_path)
    assert [line["step"] for line in lines(tmp_path)] == [0, 4, 8]


def test_a_tiny_model_learns_to_see_and_to_imagine(tmp_path: Path) -> None:
    settings = replace(SETTINGS, updates=250, batch=24, measure_every=250, save_every=250)
    run(tmp_path, settings=settings)
    last = lines(tmp_path)[-1]
    assert last["held_out/probe_position"] > 0.9
    assert last["held_out/open_loop_ratio"] < 0.35
    assert last["held_out/std_min"] > 0.2


def test_prediction_alone_collapses_and_the_alarm_says_so(tmp_path: Path) -> None:
    alone = ObjectiveSettings("variance_covariance", 100.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    settings = replace(SETTINGS, updates=400, measure_every=20, learning_rate=5e-3, horizon=1)
    with pytest.raises(TrainingError, match="collapsed at update"):
        run(tmp_path, alone, settings)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    run(tmp_path)
    endless = replace(OBJECTIVE, inverse=float("inf"))
    with pytest.raises(TrainingError, match="not finite at update 8 .inverse.: lower train.learning_rate"):
        run(tmp_path, endless, replace(SETTINGS, updates=12))
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"1-train-0000004", "1-train-0000008"}


def test_the_alarm_is_silent_for_healthy_latents_and_for_small_ones_that_grow() -> None:
    check_alive({"std_mean": 0.5, "rank": 4.0}, 1.0, 1, "")
    check_alive({"std_mean": 0.03, "rank": 4.0}, 0.01, 1, "")
    with pytest.raises(TrainingError, match="update 1 .*mean std 0.030.*: try this"):
        check_alive({"std_mean": 0.03, "rank": 4.0}, 1.0, 1, "try this")
    with pytest.raises(TrainingError, match="update 1 .*rank 1.1.*: try this"):
        check_alive({"std_mean": 0.5, "rank": 1.1}, 0.4, 1, "try this")


def test_tensorboard_and_the_metrics_file_are_written(tmp_path: Path) -> None:
    run(tmp_path)
    assert [line["step"] for line in lines(tmp_path)] == [0, 4, 8], "the untrained model comes first"
    expected = {"loss/prediction", "held_out/rank", "held_out/open_loop_ratio", "held_out/probe_position"}
    assert expected <= set(lines(tmp_path)[1])
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_the_learning_rate_follows_its_formula() -> None:
    settings = replace(SETTINGS, updates=200, learning_rate=1.0)  # 10 updates of warm-up
    rates = {name: [rate(k, replace(settings, schedule=name)) for k in range(200)] for name in ("cosine", "wsd")}
    for found in rates.values():
        assert found[:10] == pytest.approx([(k + 1) / 10 for k in range(10)])
        assert found[-1] < 0.12
    assert rates["cosine"][105] == pytest.approx(0.01 + 0.99 / 2, abs=1e-6)
    assert rates["wsd"][10:191] == pytest.approx([1.0] * 181)
    assert rates["wsd"][191:] == pytest.approx([0.01 + 0.99 * (9 - k) / 10 for k in range(9)])
