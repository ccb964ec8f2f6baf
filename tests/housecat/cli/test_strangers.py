"""Files of strangers as a user meets them: what a command reads and cannot use is said in one line, exit code 2."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from envs import make_world
from envs.data.collect import collect
from envs.data.store import EpisodeStore
from envs.worlds.mazes import maze_spec
from housecat.evaluation.episodes import EpisodeResult
from housecat.evaluation.pairs import PairRequest, frozen_pairs
from housecat.evaluation.results import About, Judged, results_json
from housecat.files import write_json
from housecat.report.inputs import ReportError, read_run
from housecat.runs import wiring
from housecat.runs.training import make_method
from housecat.settings.config import load_config
from planners.subgoals.landmarks import Landmarks
from worldmodel import checkpoint
from worldmodel.distances.critic import ExpectileDistance

SMALL = """world=umaze world.frame_size=32 model=cnn model.latent=8 model.width=8 model.predictor_width=16
    train.length=4 train.horizon=2 finetuning.horizon=3 precision=fp32 workers=1""".split()
SPEC = maze_spec("umaze", frame_size=32)
EVALUATE = ["evaluate.episodes=1", "evaluate.calibration=0", "evaluate.max_steps=2", "evaluate.timing_steps=0"]
EVALUATE += ["workers=1", "evaluate.planners=[hierarchy]"]
HUGE = "x" * 100_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording, `data`, and a run with an untrained model, `run`; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    store = collect(SPEC, folder / "data", 4, 12, 0, workers=1, progress=False)
    plan = wiring.plan_for_store(load_config(SMALL), store)
    method = make_method(plan)
    method.fit_pixels(torch.from_numpy(store.load(0).frames[None]))
    states = torch.from_numpy(store.load(0).states[:3])
    graph = Landmarks(torch.eye(3, 8), torch.ones(3, 3), torch.tensor([[0, 1], [1, 2]]), states)
    about = {"world": SPEC, "shortest": 7}
    checkpoint.save(
        folder / "run/model", "default", plan.settings, method.model.eval(), ExpectileDistance(8, 8, 9.0),
        dict(graph.__dict__), about,
    )  # fmt: skip
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """The same, to be changed, in the folder where commands run."""
    for name in ("data", "run"):
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def edit(file: Path, place: str, value: Any) -> None:
    content = json.loads(file.read_text())
    *outer, name = place.split(".")
    inner = content
    for key in outer:
        inner = inner[int(key) if isinstance(inner, list) else key]
    if value is None:
        del inner[name]
    else:
        inner[name] = value
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("world.family", "spy", "unknown family of worlds"),
        ("world.layout", "#" * 500, "maze"),
        ("world.layout", None, "lacks layout"),
        ("world.factors", {"light": [0, 10**9]}, "factor 'light' is a number from"),
        ("world.frame_size", HUGE, "frame_size is 'xxx"),
        ("throughput", {}, "throughput lacks frames"),
        ("versions", {"python": 3}, "expected a text"),
        ("origin.command", 5, "origin.command is 5"),
    ],
)
@pytest.mark.parametrize("line", ["train data=data", "data info data=data", "rerender data=data out=new"])
def test_a_false_manifest_is_answered_in_one_line_whatever_reads_it(
    command: Any, copy: Path, line: str, place: str, value: Any, expected: str
) -> None:
    edit(copy / "data/manifest.json", place, value)
    outcome = command(*line.split())
    if outcome.code == 0:  # what says how a world looks needs no world
        assert line.startswith("data info")
        assert place in ("world.family", "world.layout", "world.factors")
    else:
        outcome.is_one_line_saying(expected)
    assert len(outcome.err) < 2000


def test_states_of_another_world_are_refused_before_training(command: Any, copy: Path) -> None:
    store = EpisodeStore.open(copy / "data")
    for name in store.manifest["files"]:
        with h5py.File(copy / "data" / name, "a") as file:
            states = file["states"][:]
            del file["states"]
            file["states"] = np.concatenate([states, states], axis=1)
        edit(copy / "data/manifest.json", "files", {})
    digests = {name: digest(copy / "data" / name) for name in store.manifest["files"]}
    edit(copy / "data/manifest.json", "files", digests)
    for line in ("train data=data", "rerender data=data out=new"):
        command(*line.split(), *(SMALL[2:] if line.startswith("train") else [])).is_one_line_saying(
            "actions and states of (2, 8) numbers, its world has (2, 4)"
        )


def test_an_episode_that_cannot_be_read_is_no_whole_one_even_where_its_digest_is_right(
    command: Any, copy: Path
) -> None:
    name = "episodes/000001.h5"
    with h5py.File(copy / "data" / name, "a") as file:
        del file["actions"]
    digests = json.loads((copy / "data/manifest.json").read_text())["files"]
    digests[name] = digest(copy / "data" / name)
    edit(copy / "data/manifest.json", "files", digests)
    command("data", "check", "data=data").is_one_line_saying("1 of 4 episodes", "actions is not there")


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("about.world", None, "the description of a world does not fit"),
        ("about.world", "umaze", "it is 'umaze', expected a list of `key: value`"),
        ("about.world.family", "spy", "unknown family of worlds"),
        ("about.world.frame_size", "32", "frame_size is '32', expected a whole number"),
        ("about.world.name", "../../out", "name is '../../out'"),
        ("about", None, "required field `about`"),
    ],
)
@pytest.mark.parametrize("line", [["evaluate", *EVALUATE], ["probe", "data=data", "out=new"]])
def test_a_checkpoint_that_names_no_world_is_answered_in_one_line(
    command: Any, copy: Path, line: list[str], place: str, value: Any, expected: str
) -> None:
    edit(copy / "run/model/config.json", place, value)
    outcome = command(*line, "checkpoint=run")
    if place == "about.world.family" and line[0] == "probe":
        outcome.is_one_line_saying("data is of world")
    else:
        outcome.is_one_line_saying(expected)


def test_a_checkpoint_does_not_have_a_module_imported(command: Any, copy: Path, monkeypatch: Any) -> None:
    monkeypatch.syspath_prepend(copy)
    (copy / "spying.py").write_text("raise SystemExit('ran')")
    world = {"family": "gymnasium", "name": "gymnasium/spying:Env-v0", "frame_size": 32, "options": {}}
    world |= {"fingerprint": "0", "measure": {"kind": "site", "name": "x"}}
    world |= {"calibration": {"tolerance": 1, "nearest": 1, "speed": 1}}
    edit(copy / "run/model/config.json", "about.world", world)
    command("evaluate", "checkpoint=run", *EVALUATE).is_one_line_saying(
        "write world=gymnasium/spying:Env-v0, or HOUSECAT_TRUSTED=spying before the command"
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"latents": torch.eye(3, 5)}, "latents of (3, 5), the model's have 8"),
        ({"latents": torch.full((3, 8), torch.nan)}, "needs finite latents"),
        ({"edges": torch.tensor([[0, 7]])}, "edges between its landmarks"),
        ({"steps": torch.ones(2, 2)}, "a graph needs latents"),
        ({"steps": -torch.ones(3, 3)}, "steps from 0 up"),
        ({"states": torch.ones(2, 4)}, "as many states"),
        ({"more": torch.ones(1)}, "unexpected keyword argument 'more'"),
    ],
)
def test_landmarks_that_do_not_fit_are_refused_in_one_line(
    command: Any, copy: Path, change: dict[str, torch.Tensor], expected: str
) -> None:
    from safetensors.torch import load_file, save_file

    file = copy / "run/model/landmarks.safetensors"
    save_file({**load_file(file), **change}, file)
    command("evaluate", "checkpoint=run", *EVALUATE).is_one_line_saying("landmarks of checkpoint", expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["world=umaze", "factors.train={a: &a [x, x], b: [*a, *a]}"], "*a stands for what is written elsewhere"),
        (["world=umaze", f"factors.train={'[' * 100_000}"], "cannot be read"),
        (["world=umaze", f"factors.train={{light: 1{'0' * 5000}}}"], "factors.train"),
        (["world=umaze", f"factors.train={HUGE}"], "there is no kind of factors 'xxx"),
        (["world=pointmaze", "world.layout=/dev/zero"], "no regular file"),
        (["world=mjcf", "path=/dev/zero"], "no regular file"),
        (["world=mjcf", "path=arm.xml", "world.options=/dev/zero"], "no regular file"),
        (["world=mjcf", "path=arm.xml"], "its timestep is 0 s"),
    ],
)
def test_texts_and_models_without_bounds_are_answered_in_one_line(
    command: Any, tmp_path: Path, words: list[str], expected: str
) -> None:
    (tmp_path / "arm.xml").write_text('<mujoco><option timestep="0"/><worldbody/></mujoco>')
    outcome = command("collect", *words, "out=new", "episodes=2")
    outcome.is_one_line_saying(expected)
    assert len(outcome.err) < 2000
    assert sorted(one.name for one in tmp_path.iterdir()) == ["arm.xml"]


@pytest.fixture
def evaluated(tmp_path: Path) -> Path:
    """A run folder that the report is made of: one planner, two pairs."""
    run, world = tmp_path / "run", make_world(SPEC)
    pairs = frozen_pairs(world, PairRequest(2, 0, 0, 2), run / "pairs.json")
    played = [
        EpisodeResult("hierarchy", i, True, 1, 1.0, 1.0, 2.0, np.stack([pair.start, pair.goal]), [0])
        for i, pair in enumerate(pairs.pairs)
    ]
    about = About("housecat evaluate", "", {}, {})
    found = results_json(world, pairs, 9, {"hierarchy": Judged(played, None, None)}, [], about)
    write_json(run / "results.json", found)
    graph = {"states": [pairs.pairs[0].start.tolist()], "edges": [[0, 0]]}
    write_json(run / "episodes.json", {"schema": 1, "episodes": [one.to_json() for one in played], "landmarks": graph})
    (run / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    return run


def test_what_an_evaluation_wrote_is_read(evaluated: Path) -> None:
    assert list(read_run(evaluated).episodes) == ["hierarchy"]


@pytest.mark.parametrize(
    ("file", "place", "value", "expected"),
    [
        ("results", "schema", 99, "results.json: schema: invalid enum value 99"),
        ("results", "planners", {}, "is of no planner"),
        ("results", "planners.hierarchy", [], "planners[...] is a list, expected"),
        ("results", "planners.hierarchy.success", 3, "expected a number <= 1"),
        ("results", "planners.hierarchy.interval", [0.1], "expected a list of length >= 2"),
        ("results", "pairs.unit", 7, "pairs.unit is 7, expected a text"),
        ("results", "comparisons", {"random": {}}, "lacks only_hierarchy"),
        ("pairs", "schema", 99, "pairs.json: schema: invalid enum value 99"),
        ("pairs", "pairs", [], "pairs are missing"),
        ("pairs", "pairs.0.start", "here", "pairs[0].start is 'here', expected a list"),
        ("pairs", "pairs.0.start", [1.0], "a state of this world is 4 finite numbers"),
        ("pairs", "pairs.0.factors", {"spy": 1}, "no factor 'spy'"),
        ("pairs", "edges", [], "edges is [], expected a list of length >= 2"),
        ("pairs", "asked.world", {}, "world does not fit: it lacks family"),
        ("episodes", "schema", 99, "episodes.json: schema: invalid enum value 99"),
        ("episodes", "episodes", [], "episodes of 'hierarchy' are missing"),
        ("episodes", "episodes.0.pair", 9, "episodes of 'hierarchy' are missing"),
        ("episodes", "episodes.0.path", [[1.0]], "is not of this world"),
        ("episodes", "episodes.0.targets", [99], "is not of this world and its landmarks"),
        ("episodes", "episodes.0.path", [[1.0], ["x"]], "path[1][0] is 'x', expected a number"),
        ("episodes", "landmarks.edges", [[0, 9]], "edges lead to landmarks that are not there"),
        ("episodes", "landmarks.states", [[1.0]], "cannot reshape"),
    ],
)
def test_the_files_of_an_evaluation_that_do_not_fit_are_refused_in_one_line(
    evaluated: Path, file: str, place: str, value: Any, expected: str
) -> None:
    from housecat.cli.main import explain

    edit(evaluated / f"{file}.json", place, value)
    with pytest.raises(Exception) as caught:
        read_run(evaluated)
    message, code = explain(caught.value)
    assert code == 2
    assert "\n" not in message
    assert expected in message


@pytest.mark.parametrize("machine", [7, {}, {"processor": "x", "cores": 1, "accelerators": 10**30}])
def test_a_machine_that_does_not_fit_is_refused_in_one_line(evaluated: Path, machine: Any) -> None:
    (evaluated / "manifest.json").write_text(json.dumps({"machine": machine}))
    with pytest.raises(ReportError, match=r"manifest\.json: .*machine"):
        read_run(evaluated)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"step": "one"}', '{"step": 1, "loss": Infinity}', "\x00\xff"])
def test_a_log_that_does_not_fit_is_refused_in_one_line(evaluated: Path, content: str) -> None:
    from housecat.cli.main import explain

    (evaluated / "metrics.jsonl").write_bytes(content.encode("latin-1"))
    with pytest.raises(Exception, match=r"metrics\.jsonl is damaged") as caught:
        read_run(evaluated)
    assert explain(caught.value)[1] == 2
