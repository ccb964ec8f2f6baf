"""A command writes into new folders, empty ones and its own; what is somebody else's is left as it is."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
import torch

from envs.data.collect import collect
from envs.data.store import EpisodeStore, StoreError
from housecat.runs import wiring
from housecat.runs.training import encode_recordings, make_method
from housecat.settings.config import load_config
from worldmodel import checkpoint
from worldmodel.distances.critic import ExpectileDistance

SMALL = """world=umaze world.frame_size=32 model=cnn model.latent=8 model.width=8 model.predictor_width=16
    train.length=4 train.horizon=2 finetuning.horizon=3 precision=fp32 workers=1""".split()
PLAYED = """episodes=2 evaluate.planners=[random,flat_distance] evaluate.calibration=1 evaluate.max_steps=4 workers=1
    evaluate.timing_steps=0 planner.samples=8 planner.elites=2 planner.iterations=1 planner.horizon=2 precision=fp32"""
SHORT = "train.length=4 train.horizon=2 finetuning.horizon=3"
pytestmark = pytest.mark.xdist_group("only its own")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "data"
    collect(wiring.world_spec(load_config(SMALL)), folder, 16, 12, 0, 1, progress=False)
    return folder


def save(folder: Path, data: Path, shift: float = 0.0) -> Path:
    """An untrained model, its weights changed a little."""
    store = EpisodeStore.open(data)
    plan = wiring.plan_for_store(load_config(SMALL), store)
    method = make_method(plan)
    method.fit_pixels(torch.from_numpy(store.load(0).frames[None]))
    with torch.no_grad():
        next(method.model.parameters()).add_(shift)
    distance = ExpectileDistance(8, 8, 9.0)
    checkpoint.save(folder, "default", plan.settings, method.model.eval(), distance, {}, {"world": store.world})
    return folder


@pytest.fixture
def run(data: Path, tmp_path: Path, command) -> Path:
    """A run folder that this program made, with a checkpoint in it, already evaluated elsewhere."""
    save(tmp_path / "run" / "model", data)
    return tmp_path / "run"


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("line", "theirs"),
    [
        (f"train data=DATA out=proj {SHORT}", "model/thesis.tex"),
        (f"train data=DATA out=proj {SHORT}", "config.yaml"),
        ("collect world=umaze out=proj collect.steps=8 episodes=2", "episodes/000000.h5"),
        ("collect world=umaze out=proj collect.steps=8 episodes=2", "seconds.json"),
        (f"evaluate checkpoint=RUN out=proj {PLAYED}", "results.json"),
        (f"evaluate checkpoint=RUN out=proj {PLAYED}", "episodes.json"),
        ("probe checkpoint=RUN data=DATA out=proj", "probe.json"),
        ("compare data=DATA out=proj compare.methods=[default]", "compare.json"),
        ("compare data=DATA out=proj compare.methods=[default]", "runs/default-0/model/thesis.tex"),
        ("quickstart world=umaze out=proj", "report.html"),
        ("export checkpoint=RUN out=proj planner.horizon=2", "export.json"),
        ("export checkpoint=RUN out=proj planner.horizon=2", "encoder.pt2"),
        ("worlds world=umaze out=proj", "worlds.png"),
        ("data preview data=DATA out=proj/episodes.png", "episodes.png"),
        ("data split data=DATA out=proj held_out=0.5", "notes.txt"),
        ("data merge data=DATA,DATA out=proj", "episodes/notes.txt"),
        ("data export data=DATA out=proj format=minari", "notes.txt"),
        ("rerender data=DATA out=proj size=16 workers=1", "episodes/000003.h5"),
    ],
)
def test_a_folder_with_something_of_somebody_elses_is_refused_and_left_as_it_is(
    command, data, run, tmp_path, line, theirs
) -> None:
    file = tmp_path / "proj" / theirs
    file.parent.mkdir(parents=True)
    file.write_text("mine: 1\n")
    outcome = command(*shlex.split(line.replace("DATA", str(data)).replace("RUN", str(run))))
    outcome.is_one_line_saying("proj" if "merge" not in line else "merge different")
    assert content(tmp_path / "proj") == {theirs: b"mine: 1\n"}


@pytest.mark.parametrize("name", ["results.json", "report.html"])
def test_in_a_run_folder_too_only_what_its_manifest_names_is_written_over(command, run, tmp_path, name) -> None:
    line = f"evaluate checkpoint={run} out=judged {PLAYED}"
    assert command("worlds", "world=umaze").code == 0  # whatever fails below does not fail for the program's sake
    (tmp_path / "judged").mkdir()
    assert command(*shlex.split(line)).code == 0
    manifest = tmp_path / "judged" / "manifest.json"
    about = json.loads(manifest.read_text())
    about["files"].remove(name)
    about["stages"]["evaluate"]["done"] = False
    manifest.write_text(json.dumps(about))
    (tmp_path / "judged" / name).write_text("mine")
    before = content(tmp_path / "judged")
    command(*shlex.split(line)).is_one_line_saying(f"judged/{name} is not of this run", "give another out=DIR")
    assert content(tmp_path / "judged") == before


@pytest.mark.parametrize(
    ("line", "link"),
    [
        (f"evaluate checkpoint=RUN out=judged {PLAYED}", "judged/report.html"),
        ("data preview data=DATA out=seen.png", "seen.png"),
        ("data preview data=DATA out=seen.webp", "seen.webp"),
        ("export checkpoint=RUN out=seen planner.horizon=2", "seen"),
        ("worlds world=umaze out=seen", "seen"),
        ("data export data=DATA out=seen format=minari", "seen"),
    ],
)
def test_nothing_is_written_through_a_link(command, data, run, tmp_path, line, link) -> None:
    words = shlex.split(line.replace("DATA", str(data)).replace("RUN", str(run)))
    if line.startswith("evaluate"):
        assert command(*words).code == 0
        (tmp_path / link).unlink()
    (tmp_path / "theirs").write_text("mine")
    (tmp_path / link).symlink_to(tmp_path / "theirs")
    command(*words).is_one_line_saying(link.partition("/")[0])
    assert (tmp_path / "theirs").read_text() == "mine"
    assert (tmp_path / link).is_symlink()


def test_a_recording_is_not_written_through_a_linked_folder(command, tmp_path) -> None:
    line = "collect world=umaze world.frame_size=32 out=data collect.steps=8 workers=1"
    assert command(*line.split(), "episodes=2").code == 0
    (tmp_path / "data" / "episodes").rename(tmp_path / "theirs")
    (tmp_path / "data" / "episodes").symlink_to(tmp_path / "theirs")
    before = content(tmp_path / "theirs")
    command(*line.split(), "episodes=3").is_one_line_saying("data", "link")
    assert content(tmp_path / "theirs") == before


def test_a_place_that_is_a_file_is_told_before_a_checkpoint_is_probed(command, data, run, tmp_path) -> None:
    (tmp_path / "file").write_text("mine")
    outcome = command("probe", f"checkpoint={run}", f"data={data}", "out=file")
    outcome.is_one_line_saying("cannot make the folder file")
    assert "probe" not in outcome.err.replace("housecat:", "").replace("probe.", ""), "no progress bar: nothing begun"


def evaluated(command, run: Path, *more: str) -> tuple[str, dict]:
    outcome = command("evaluate", f"checkpoint={run}", "out=judged", *PLAYED.split(), *more)
    assert outcome.code == 0, outcome.err
    return outcome.out, json.loads(Path("judged/results.json").read_text())


def test_other_weights_in_the_same_place_are_evaluated_again(command, data, run, tmp_path) -> None:
    said, first = evaluated(command, run)
    assert "done before" not in said
    said, again = evaluated(command, run)
    assert said.count("done before") == 2 and again == first
    page = (tmp_path / "judged" / "report.html").read_bytes()
    results = tmp_path / "judged" / "results.json"
    results.write_text(json.dumps({**first, "note": "stale"}))
    save(run / "model", data, shift=0.5)
    said, other = evaluated(command, run)
    assert "done before" not in said
    assert other["planners"].keys() == first["planners"].keys() and "note" not in other
    assert (tmp_path / "judged" / "report.html").read_bytes() != page
    assert evaluated(command, run)[0].count("done before") == 2


def test_other_pairs_in_the_same_place_are_evaluated_again(command, run, tmp_path) -> None:
    evaluated(command, run)
    file = tmp_path / "judged" / "pairs.json"
    stored = json.loads(file.read_text())
    stored["pairs"].reverse()
    file.write_text(json.dumps(stored))
    assert "done before" not in evaluated(command, run)[0]


def test_a_report_is_made_again_where_results_are_others(command, run, tmp_path) -> None:
    evaluated(command, run)
    file = tmp_path / "judged" / "results.json"
    results = json.loads(file.read_text())
    results["planners"]["random"]["success"] = 0.123
    file.write_text(json.dumps(results))
    assert evaluated(command, run)[0].count("done before") == 1


def test_another_encoder_in_the_same_place_is_another_training(data, tmp_path) -> None:
    from housecat.runs import stages

    asked = "method=vjepa2_ac model.width=16 model.depth=1 model.heads=2 model.patch=4 dynamics.grid=4".split()
    small = "model.predictor_width=16 model.predictor_depth=1 dynamics.width=16 dynamics.depth=1 dynamics.channels=6"
    first = wiring.training_plan(load_config([*asked[:1], *asked[1:-1], *small.split()], shared=True), 32, 2).first
    method = make_method(first)

    def encoder(shift: float) -> None:
        with torch.no_grad():
            next(method.model.parameters()).add_(shift)
        checkpoint.save(tmp_path / "enc" / "model", first.method, first.settings, method.model, None, {}, {})

    encoder(0.0)
    config = load_config([*asked[:-1], *small.split(), f"method.encoder={tmp_path / 'enc'}"], shared=True)
    stage = stages.training(config, stages.recording_of(EpisodeStore.open(data)), data, tmp_path / "run").stage
    before = stage.inputs()
    assert stage.inputs() == before
    encoder(0.5)
    assert {name for name, value in stage.inputs().items() if value != before[name]} == {"encoder"}


def test_what_looks_like_an_interpolation_is_taken_as_it_is(command, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SECRET", "expanded")
    line = "collect world=umaze world.frame_size=32 episodes=2 collect.steps=8 workers=1".split()
    assert command(*line, r"out=a\${b}c").code == 0
    assert command(*line, "out=${oc.env:SECRET}").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["${oc.env:SECRET}", r"a\${b}c"]
    for factors in ('["${oc.env:SECRET}"]', "{light: ${oc.env:SECRET}}", "${oc.env:SECRET}"):
        outcome = command(*line, "out=never", f"factors.train={factors}")
        outcome.is_one_line_saying("factors.train")
        assert "expanded" not in outcome.err


def test_what_goes_wrong_in_training_does_not_stand_on_the_line_of_a_progress_bar(command, data) -> None:
    small = [one for one in SMALL if not one.startswith("world")]
    wrong = "train.updates=40 train.batch=8 train.measure_every=40 train.learning_rate=1 train.gradient_norm=1e6"
    outcome = command("train", f"data={data}", "out=run", *small, *wrong.split())
    assert outcome.code == 2
    last, *before = outcome.err.rstrip("\n").split("\n")[::-1]
    assert last.startswith("housecat: ") and "update/s" in before[0]


def test_what_goes_wrong_while_recordings_are_encoded_does_not_stand_on_that_line_either(data, capsys) -> None:
    class Damaged(EpisodeStore):
        def episode(self, index: int):
            if index:
                raise StoreError("the second is damaged")
            return super().episode(index)

    plan = wiring.plan_for_store(load_config(SMALL), EpisodeStore.open(data))
    with pytest.raises(StoreError) as error:
        encode_recordings(make_method(plan).model, Damaged.open(data))
    assert error.traceback and capsys.readouterr().err.endswith("\n")


@pytest.mark.parametrize("name", ["../../esc", "/esc", "a/../../esc", "..", ".", "a\nb"])
def test_a_name_of_a_world_that_is_a_path_is_refused_and_leaves_nothing_behind(command, tmp_path, name) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    maze = inside / "maze.txt"
    maze.write_text("#####\n#...#\n###.#\n#####\n")
    line = ["collect", "world=pointmaze", f"world.layout={maze}", "episodes=2", "collect.steps=8", "workers=1"]
    before = set(tmp_path.rglob("*"))
    command(*line, f"world.name={name}").is_one_line_saying("name")
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "line", ["train data=evil", "data export data=evil format=minari out=there", "data info data=evil"]
)
def test_the_name_of_a_recordings_world_never_decides_where_something_is_written(
    command, data, tmp_path, line, monkeypatch
) -> None:
    inside = tmp_path / "a" / "b" / "c"
    shutil.copytree(data, inside / "evil")
    manifest = inside / "evil" / "manifest.json"
    about = json.loads(manifest.read_text())
    about["world"]["name"] = "../../../../trav"
    manifest.write_text(json.dumps(about))
    monkeypatch.chdir(inside)
    before = set(tmp_path.rglob("*"))
    command(*line.split()).is_one_line_saying("name")
    assert set(tmp_path.rglob("*")) == before


def test_the_name_of_a_checkpoints_world_is_refused_likewise(command, data, run, tmp_path) -> None:
    config = run / "model" / "config.json"
    about = json.loads(config.read_text())
    about["about"]["world"]["name"] = "../../trav"
    config.write_text(json.dumps(about))
    command("evaluate", f"checkpoint={run}", "out=judged", *PLAYED.split()).is_one_line_saying("name")
    assert not (tmp_path / "judged").exists()
