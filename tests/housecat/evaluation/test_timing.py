import numpy as np
import pytest

from housecat.evaluation.episodes import play
from housecat.evaluation.pairs import PairRequest, make_pairs
from housecat.evaluation.timing import Recording, record_frames, time_steps
from tests.housecat.pointmass import PointPlayer, PointSetup, point_world, read, written

PAIRS = make_pairs(point_world(), PairRequest(count=4, calibration=0, seed=0, strata=1))


class Ticking(PointPlayer):
    """By its own clock it thinks for 120 ms at first, then for 4 ms a step, and once for 9."""

    now = 0.0

    def act(self, frames: np.ndarray, active: np.ndarray | None = None) -> np.ndarray:
        done = super().act(frames, active)
        self.now += {1: 0.12, 7: 0.009}.get(self.acted, 0.004)
        return done


def test_a_step_takes_what_the_player_takes_and_the_first_ones_are_not_counted() -> None:
    player = Ticking("hierarchy", None, [None])  # type: ignore[list-item]
    shown = Recording(written(np.array([5.0, 5.0])), [written(np.array([0.0, 0.0]))] * 9)
    found = time_steps(player, [shown], lambda: player.now)
    assert found.steps == 6
    assert found.median == pytest.approx(4)
    assert 4 < found.p95 <= 9 + 1e-6


def test_frames_are_those_of_the_recorded_states_and_as_many_as_asked_for() -> None:
    bench = PointSetup()()
    results = play(bench, "hierarchy", None, list(enumerate(PAIRS.pairs)), seed=0)
    recordings = record_frames(bench, results, PAIRS.pairs, steps=len(results[0].targets))
    assert sum(len(recording.frames) for recording in recordings) == len(results[0].targets) + 3
    assert len(recordings) == 2
    assert np.array_equal(read(np.stack(recordings[0].frames)), results[0].path[:-1])
    assert np.array_equal(recordings[1].goal, written(PAIRS.pairs[1].goal))


def test_the_player_begins_each_recording_anew() -> None:
    player = PointPlayer("hierarchy", None, [None])  # type: ignore[list-item]
    far = [written(np.array([0.0, 0.0]))] * 5
    found = time_steps(
        player, [Recording(written(np.array([5.0, 5.0])), far), Recording(written(np.array([4.0, 4.0])), far)]
    )
    assert player.acted == 5 and found.steps == 7


def test_nothing_recorded_cannot_be_timed() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        time_steps(PointPlayer("hierarchy", None, []), [])
