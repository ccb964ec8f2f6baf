"""What the first command of README promises, with default settings and from nothing. Takes as long as it says."""

import json
from pathlib import Path

import pytest

from tests.test_end_to_end import housecat


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_the_default_learns_to_reach_far_goals_in_the_medium_maze_where_random_play_does_not(tmp_path: Path) -> None:
    for command in (
        "collect world=medium out=data",
        "train data=data out=run",
        "evaluate checkpoint=run episodes=30 out=judged",
    ):
        done = housecat(tmp_path, *command.split(), timeout=4 * 3600)
        assert done.returncode == 0, done.stderr
    planners = json.loads((tmp_path / "judged" / "results.json").read_text(encoding="utf-8"))["planners"]
    solved = {name: round(found["success"] * found["episodes"]) for name, found in planners.items()}
    assert planners["hierarchy"]["episodes"] == 30
    assert solved["hierarchy"] >= 27, solved
    assert solved["random"] <= 2, solved
