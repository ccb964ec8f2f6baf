import base64
import io
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from envs import WORLDS, make_world
from housecat.errors import UsageError
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.pairs import PairRequest, PairSet, frozen_pairs
from housecat.evaluation.results import About, Judged, Tried, results_json
from housecat.evaluation.timing import StepTime
from housecat.files import write_json
from housecat.report import write_report
from housecat.report.inputs import ReportError, read_run
from housecat.report.page import chosen_pairs
from housecat.report.videos import Clock, picture, record

PLANNERS = ("random", "flat_latent", "flat_distance", "hierarchy")
LANDMARKS = 6
WORLD = make_world(WORLDS["umaze"])
ABOUT = About("housecat quickstart world=umaze", "0123abc", {"collect": 61.0, "train": 300.0}, {"renderer": "<egl>"})
METRICS = [
    {"step": step, "loss/prediction": 1 / step, "loss/variance": 0.2, "held_out/probe_position": 0.9,
     "held_out/probe_velocity": float("nan"), "held_out/std_mean": 1.0, "held_out/std_min": 0.8, "held_out/rank": 50.0,
     "held_out/open_loop_ratio": 0.4}
    for step in (100, 200)
]  # fmt: skip


def episode(planner: str, index: int, pairs: PairSet, success: bool) -> EpisodeResult:
    """A straight line to the goal, or half of it; as if filmed."""
    pair, steps = pairs.pairs[index], 2 if success else 4
    share = np.linspace(0, 1 if success else 0.5, steps + 1)[:, None]
    path = pair.start + share * (pair.goal - pair.start)
    targets = [index % LANDMARKS] * (steps - 1) + [-1] if planner == "hierarchy" else [-1] * steps
    return EpisodeResult(planner, index, success, steps if success else None, float(success), 3.0, 64.0, path, targets)


def make_run(run: Path, planners: tuple[str, ...] = PLANNERS, landmarks: bool = True, metrics: bool = True) -> Path:
    """A run folder with 6 pairs: random solves none, the hierarchy all but pair 1, the others every second one."""
    pairs = frozen_pairs(WORLD, PairRequest(6, 3, 0, 2), run / "pairs.json")
    rules = {"random": lambda i: False, "hierarchy": lambda i: i != 1}
    played = {
        name: [episode(name, i, pairs, rules.get(name, lambda i: i % 2 == 0)(i)) for i in range(6)] for name in planners
    }
    judged = {
        name: Judged(results, 8 if name == "flat_latent" else None, StepTime(9.5, 12.25, 40))
        for name, results in played.items()
    }
    tried = [Tried(horizon, [episode("flat_latent", i, pairs, horizon == 8) for i in range(3)]) for horizon in (4, 8)]
    tried = tried if "flat_latent" in planners else []
    write_json(run / "results.json", results_json(WORLD, pairs, 100, judged, tried, ABOUT))
    states = np.stack([WORLD.sample_state(np.random.default_rng(i)) for i in range(LANDMARKS)]).tolist()
    graph = {"states": states, "edges": [[0, 1], [1, 0], [2, 3]]} if landmarks else None
    episodes = [result.to_json() for results in played.values() for result in results]
    write_json(run / "episodes.json", {"schema": 1, "episodes": episodes, "landmarks": graph})
    if metrics:
        lines = [json.dumps(line) for line in METRICS]
        (run / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 300, "loss/pre')
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


def video(uri: str) -> tuple[int, int]:
    """Frames and total milliseconds of an animated WebP."""
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    total = 0
    for index in range(image.n_frames):  # type: ignore[attr-defined]
        image.seek(index)
        image.load()
        total += image.info["duration"]
    return image.n_frames, total  # type: ignore[attr-defined]


def test_the_page_needs_no_other_file_and_no_script(page: str) -> None:
    references = re.findall(r'(?:src|srcset|href)="([^"]*)"', page)
    assert references
    assert all(reference.startswith(("data:image/webp;base64,", "#")) for reference in references)
    assert "<script" not in page and "@import" not in page and "url(http" not in page
    assert len(page) < 10e6


def test_the_verdict_counts_the_goals_and_names_the_best_rival(page: str) -> None:
    heading = re.search(r"<h1>(.*?)</h1>", page).group(1)  # type: ignore[union-attr]
    assert "The hierarchy reached 5 of 6 goals" in heading
    assert "reached 3." in heading


def test_the_table_gives_every_rate_with_its_interval(page: str) -> None:
    table = re.search(r"<table>.*?</table>", page, re.DOTALL).group(0)  # type: ignore[union-attr]
    assert table.count("<tr") == 1 + len(PLANNERS)
    for rate, interval in (("83 %", "44–97 %"), ("50 %", "19–81 %"), ("0 %", "0–39 %")):
        assert f"<b>{rate}</b> <small>{interval}</small>" in table
    assert "9.5 ms" in table and "12 ms" in table


def test_every_planner_is_shown_on_the_same_pairs_among_them_a_failure_of_the_hierarchy(run: Path, page: str) -> None:
    shown = chosen_pairs(read_run(run))
    assert shown[0] == 1 and len(shown) == len(set(shown)) == 4
    assert [int(index) for index in re.findall(r"<h3>Pair (\d+)", page)] == shown
    assert page.count('class="won"') + page.count('class="lost"') == 4 * len(PLANNERS)
    assert page.count("the goal as the camera sees it") == 4


def test_videos_of_a_pair_show_the_same_time_and_end_together(page: str) -> None:
    for article in re.findall(r"<article>.*?</article>", page, re.DOTALL):
        films = [video(uri) for uri in re.findall(r'<img src="([^"]*)"[^>]*, pair', article)]
        assert len(films) == len(PLANNERS)
        assert len({total for _, total in films}) == 1
        assert {frames for frames, _ in films} <= {3, 5}  # one frame a state: 2 steps, or 4 of those that failed


def test_long_episodes_skip_control_steps_but_not_time() -> None:
    path = np.repeat(np.stack([WORLD.sample_state(np.random.default_rng(i)) for i in range(2)]), 46, axis=0)[:91]
    long = EpisodeResult("random", 0, False, None, 0.0, 0.0, 0.0, path, [-1] * 90)
    frames, total = video(record(WORLD, long, path[0], None, Clock(speed=3, steps=120, dt=0.1)).moving)
    assert frames <= 31
    assert total == pytest.approx(1000 * 120 * 0.1 / 3 + 1500, abs=30)


def test_goal_subgoal_and_path_are_drawn_where_they_are() -> None:
    states = [np.array([x, 3.5, 0, 0]) for x in (1.5, 1.8, 2.1)]
    goal, subgoal = np.array([1.5, 1.5, 0, 0]), np.array([3.5, 3.5, 0, 0])
    bare = np.asarray(Image.fromarray(WORLD.frame("people", state=states[-1])), int)
    drawn = np.asarray(picture(WORLD, np.stack(states), goal, subgoal), int)
    changed = np.abs(drawn - bare).sum(axis=-1) > 60
    for state in (subgoal, states[0]):
        x, y = WORLD.pixels(WORLD.located(state)).astype(int)
        assert changed[y, x]
    x, y = WORLD.pixels(WORLD.located(goal)).astype(int)
    assert (
        changed[y - 12 : y + 12, x - 12 : x + 12].any() and not changed[y, x]
    )  # a ring: the goal itself stays visible
    free = WORLD.pixels(np.array([2.5, 1.5])).astype(int)
    assert not changed[free[1] - 5 : free[1] + 5, free[0] - 5 : free[0] + 5].any()


def test_the_map_shows_each_landmark_once_and_each_edge_once(page: str) -> None:
    drawing = re.search(r'<svg class="map".*?</svg>', page, re.DOTALL).group(0)  # type: ignore[union-attr]
    assert drawing.count('r="2.6"') == LANDMARKS
    assert re.search(r'<path d="([^"]*)"', drawing).group(1).count("M") == 2  # type: ignore[union-attr]
    assert drawing.count("<polyline") == 3


def test_training_curves_are_there_for_what_was_logged(page: str) -> None:
    for title in ("Losses", "What the latent knows", "Imagination", "Spread", "Rank"):
        assert f"<b>{title}</b>" in page


def test_no_two_elements_share_an_id_and_charts_take_the_colours_of_the_page(page: str) -> None:
    assert max(Counter(re.findall(r' id="([^"]*)"', page)).values()) == 1
    targets = set(re.findall(r'(?:href="#|url\(#)([^")]*)', page))
    assert targets <= set(re.findall(r' id="([^"]*)"', page))
    for chart in re.findall(r'<svg role="img".*?</svg>', page, re.DOTALL):
        assert "var(--ink)" in chart
        assert not re.search(r"#0[1-4]0\d0\d", chart)


def test_names_from_files_are_text_and_not_markup(page: str) -> None:
    assert "&lt;egl&gt;" in page and "<egl>" not in page


def test_what_is_missing_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    run = make_run(tmp_path, planners=("random", "flat_distance"), landmarks=False, metrics=False)
    text = write_report(run).read_text(encoding="utf-8")
    assert "no landmark graph" in text and 'class="map"' not in text
    assert "no training log" in text
    assert "Flat planning with temporal distance reached 3 of 6 goals" in text


def test_a_folder_without_an_evaluation_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"results.json is missing: run `housecat evaluate`"):
        write_report(tmp_path)
    for damaged in ('{"schema": 1', '{"schema": 7}', "[]"):
        (tmp_path / "results.json").write_text(damaged)
        with pytest.raises(UsageError) as caught:
            write_report(tmp_path)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.html").exists()


def test_a_report_is_replaced_as_a_whole(run: Path, page: str) -> None:
    assert sorted(file.name for file in run.iterdir()) == [
        "episodes.json", "metrics.jsonl", "pairs.json", "report.html", "results.json",
    ]  # fmt: skip
    assert page.rstrip().endswith("</html>")
