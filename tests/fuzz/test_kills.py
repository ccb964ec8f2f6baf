"""Whatever stops a command, and whenever, the same command then leaves what an undisturbed one leaves, and no more."""

from pathlib import Path

import pytest

from tests.fuzz.judge import Warm
from tests.fuzz.kills import COMMANDS, SIGNALS, STAGES, Moment, stop, undisturbed
from tests.fuzz.materials import Materials

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.timeout(3600)]
FEW, MANY = 3, 20


@pytest.mark.parametrize("name", [name for name, one in COMMANDS.items() if not one.two])
def test_three_times_stopped_it_leaves_what_it_leaves_undisturbed(
    warm: Warm, materials: Materials, tmp_path: Path, name: str
) -> None:
    whole, seconds = undisturbed(warm, materials, COMMANDS[name], tmp_path / "place")
    found = stop(warm, materials, COMMANDS[name], Moment.drawn(FEW, 0), tmp_path / "place", whole, seconds)
    assert found.complaints == []
    assert found.stopped > 0


def test_a_training_stopped_in_every_stage_goes_on_to_the_same_model(
    warm: Warm, materials: Materials, tmp_path: Path
) -> None:
    moments = [Moment(SIGNALS[i % 3], 1.0, f"new/checkpoints/{stage}*") for i, stage in enumerate(STAGES)]
    whole, seconds = undisturbed(warm, materials, COMMANDS["train"], tmp_path / "place")
    found = stop(warm, materials, COMMANDS["train"], moments, tmp_path / "place", whole, seconds)
    assert found.complaints == []
    assert found.stopped == len(STAGES)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_twenty_kills_at_random_moments_leave_what_an_undisturbed_command_leaves(
    warm: Warm, materials: Materials, tmp_path: Path, name: str
) -> None:
    whole, seconds = undisturbed(warm, materials, COMMANDS[name], tmp_path / "place")
    found = [
        stop(warm, materials, COMMANDS[name], [moment], tmp_path / "place", whole, seconds)
        for moment in Moment.drawn(MANY, 1)
    ]
    assert [one.complaints for one in found if one.complaints] == []
    assert sum(one.stopped for one in found) >= MANY * 3 // 4
