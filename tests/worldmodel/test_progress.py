"""Stages one after another: killed in any, training goes on bit for bit; what it cannot go on from is told."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from worldmodel.files import NotOursError
from worldmodel.progress import TrainingError, TrainingFolder
from worldmodel.training import TrainingStage, learn, parameters, warmed

UPDATES = 9


class KilledError(Exception):
    """Stands for the power cut."""


class Method(nn.Module):
    """Two parts, trained one after the other."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.register_buffer("seen", torch.zeros(()))


def stage(name: str, learner: nn.Module, method: Method, killed_after: int | None) -> TrainingStage:
    """Draws from both generators; where it is `killed_after` so many updates, the next draw ends all."""
    drawn = [0]

    def loss(rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        if drawn[0] == killed_after:
            raise KilledError
        drawn[0] += 1
        x = torch.randn(8, 3, generator=generator) + float(rng.random())
        out = method.second(method.first(x)) if learner is not method.first else method.first(x)
        extra = learner(x) if learner not in (method.first, method.second) else 0.0
        return {"near": (out + extra - 1).square().mean(), "small": 0.1 * out.square().mean()}

    def follow(done: int) -> None:
        method.seen += done

    rate = lambda step: warmed(step, UPDATES, 1e-2)  # noqa: E731
    rng, generator = np.random.default_rng(5), torch.Generator().manual_seed(5)
    groups = [parameters(learner, decay=0.01)]
    return TrainingStage(name, learner, groups, loss, UPDATES, rate, "try this", rng, generator, after_update=follow)


def note(folder: TrainingFolder, done: int, terms: dict[str, float]) -> str:
    folder.write({"step": done, **terms})
    return ""


def trained(out: Path, killed: str = "", after: int = 0, settings: str = "") -> dict[str, Tensor]:
    """Three stages, of which the last trains a network beside the method; all of its weights."""
    method = Method()
    beside = nn.Linear(3, 3)
    folder = TrainingFolder(out, method, settings)
    for name, learner in {"one": method.first, "the second": method.second, "beside": beside}.items():
        work = stage(name, learner, method, after if name == killed else None)
        learn(replace(work, measure=partial(note, folder)), folder, save_every=4)
    folder.close()
    return {**method.state_dict(), **{f"beside.{key}": value for key, value in beside.state_dict().items()}}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(value, right[key]) for key, value in left.items())


def names(out: Path) -> list[str]:
    return sorted(one.name for one in (out / "checkpoints").iterdir())


@pytest.mark.parametrize("after", [0, 3, 4, 6, 8])
@pytest.mark.parametrize("name", ["one", "the second", "beside"])
def test_killed_in_any_stage_it_goes_on_bit_for_bit(name: str, after: int, tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    with pytest.raises(KilledError):
        trained(tmp_path / "killed", name, after)
    assert same(trained(tmp_path / "killed"), whole)
    logs = [(tmp_path / kind / "metrics.jsonl").read_text() for kind in ("whole", "killed")]
    assert logs[0] == logs[1]


def test_what_is_done_is_not_done_again_and_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    whole = trained(tmp_path)
    assert names(tmp_path) == ["3-beside-0000008", "3-beside-0000009"]
    assert same(trained(tmp_path, "beside", after=0), whole), "no batch is drawn"


def test_the_newest_checkpoint_is_the_one_of_the_largest_number(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        trained(tmp_path, "one", after=8)
    older, newer = (tmp_path / "checkpoints" / name for name in names(tmp_path))
    older.rename(older.with_name("1-one-9999999"))
    newer.rename(newer.with_name("1-one-10000000"))
    method = Method()
    assert TrainingFolder(tmp_path, method).begun
    assert method.seen == sum(range(1, 9)), "as it was after eight updates"


def cut(folder: Path) -> None:
    state = folder / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-10])


def flip(folder: Path) -> None:
    state = folder / "state.safetensors"
    content = bytearray(state.read_bytes())
    content[-30] ^= 1
    state.write_bytes(content)


def scribble(folder: Path) -> None:
    (folder / "state.json").write_bytes(b"\xff\x00 {")


def forget(folder: Path) -> None:
    (folder / "state.json").write_text("{}")


def empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


HARMS = [cut, flip, scribble, forget, empty]


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used(
    harm: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = trained(tmp_path / "whole")
    with pytest.raises(KilledError):
        trained(tmp_path / "killed", "the second", after=8)
    assert names(tmp_path / "killed") == ["2-the-second-0000004", "2-the-second-0000008"]
    harm(tmp_path / "killed" / "checkpoints" / "2-the-second-0000008")
    assert same(trained(tmp_path / "killed"), whole)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "2-the-second-0000008 is damaged" in said


@pytest.mark.parametrize("harm", HARMS)
def test_where_none_is_whole_that_is_said_once_and_the_next_try_begins_anew(
    harm: Callable[[Path], None], tmp_path: Path
) -> None:
    whole = trained(tmp_path)
    for name in names(tmp_path):
        harm(tmp_path / "checkpoints" / name)
    with pytest.raises(TrainingError, match="no checkpoint in .* is whole.*: the same command trains anew"):
        trained(tmp_path)
    assert same(trained(tmp_path), whole)


def test_what_is_no_checkpoint_is_left_alone(tmp_path: Path) -> None:
    for name in ("2026-01-05", "notes", "1-one-0000004.partial", "1-one-0000004.replaced"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / "checkpoints" / name / "thesis.tex").write_text("mine")
    whole = trained(tmp_path / "whole")
    with pytest.raises(NotOursError, match="1-one-0000004.replaced.* is in the way and not of this program: move it"):
        trained(tmp_path)
    (tmp_path / "checkpoints" / "1-one-0000004.replaced").rename(tmp_path / "moved")
    assert same(trained(tmp_path), whole)
    assert {"2026-01-05", "notes", "1-one-0000004.partial"} < set(names(tmp_path))
    assert len(list(tmp_path.rglob("thesis.tex"))) == 4


def foreign(folder: Path) -> None:
    (folder / "thesis.tex").write_text("mine")


@pytest.mark.parametrize("name", ["9-nights-9999999", "1-one-0000005"])
@pytest.mark.parametrize("harm", [foreign, empty])
def test_a_folder_of_somebody_elses_named_like_a_checkpoint_is_set_aside_and_kept(
    harm: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    whole = trained(tmp_path / "whole")
    with pytest.raises(KilledError):
        trained(tmp_path / "killed", "one", after=5)
    (tmp_path / "killed" / "checkpoints" / name).mkdir()
    harm(tmp_path / "killed" / "checkpoints" / name)
    assert same(trained(tmp_path / "killed"), whole)
    assert len(list(tmp_path.rglob("thesis.tex"))) == (harm is foreign)
    assert len([one for one in names(tmp_path / "killed") if one.startswith(name) and one.endswith(".damaged")]) == 1


def test_two_whole_checkpoints_are_kept_whatever_else_is_named_like_one(tmp_path: Path) -> None:
    method = Method()
    folder = TrainingFolder(tmp_path, method)
    for name in ("1-one-0000005", "9-nights-9999999"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        foreign(tmp_path / "checkpoints" / name)
    learn(stage("one", method.first, method, None), folder, save_every=2)
    whole = [one for one in names(tmp_path) if (tmp_path / "checkpoints" / one / "state.json").exists()]
    assert whole == ["1-one-0000008", "1-one-0000009"]
    assert len(list(tmp_path.rglob("thesis.tex"))) == 2


def test_what_is_set_aside_stays_however_often_that_comes(tmp_path: Path) -> None:
    for _ in range(2):
        trained(tmp_path)
        flip(tmp_path / "checkpoints" / "3-beside-0000009")
        trained(tmp_path)
    assert len([one for one in names(tmp_path) if one.startswith("3-beside-0000009.")]) == 2


def test_a_checkpoint_that_a_kill_left_unfinished_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "checkpoints" / ".1-one-0000003.0123456789abcdef.unfinished"
    left.mkdir(parents=True)
    (left / "state.safetensors").write_bytes(bytes(100))
    theirs = left.with_name(".1-one-0000008.0123456789abcdef.unfinished")
    theirs.mkdir()
    foreign(theirs)
    trained(tmp_path)
    assert names(tmp_path) == [theirs.name, "3-beside-0000008", "3-beside-0000009"]


def test_a_checkpoint_of_another_version_is_refused_in_words_and_kept(tmp_path: Path) -> None:
    trained(tmp_path)
    about = tmp_path / "checkpoints" / "3-beside-0000009" / "state.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "format": 0}))
    with pytest.raises(TrainingError, match="of another version of this program .format 0, not 2.: give another out"):
        trained(tmp_path)
    assert about.exists()


def test_a_checkpoint_from_before_there_were_stages_is_refused_in_words(tmp_path: Path) -> None:
    old = tmp_path / "checkpoints" / "0000050"
    old.mkdir(parents=True)
    (old / "training.json").write_text('{"step": 50}')
    (old / "training.safetensors").write_bytes(b"")
    with pytest.raises(TrainingError, match="0000050 is of another version of this program"):
        trained(tmp_path)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    trained(tmp_path, settings="updates=9")
    with pytest.raises(TrainingError, match="is of a training with other settings: give another out=DIR"):
        trained(tmp_path, settings="updates=10")


@pytest.mark.parametrize("log", [b"", b"\xff\xfe\n" * 5, b'{"step": 9', None])
def test_a_log_that_is_damaged_or_gone_is_as_it_was_at_the_checkpoint(log: bytes | None, tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    with pytest.raises(KilledError):
        trained(tmp_path / "killed", "the second", after=8)
    file = tmp_path / "killed" / "metrics.jsonl"
    file.unlink()
    if log is not None:
        file.write_bytes(log)
    assert same(trained(tmp_path / "killed"), whole)
    assert file.read_bytes() == (tmp_path / "whole" / "metrics.jsonl").read_bytes()


def test_a_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").symlink_to(tmp_path / "theirs")
    trained(tmp_path / "run")
    assert (tmp_path / "theirs").read_text() == "mine"


def test_a_loss_that_is_not_finite_names_stage_update_and_term_and_saves_nothing(tmp_path: Path) -> None:
    method = Method()
    calls = [0]

    def loss(rng: np.random.Generator, generator: torch.Generator) -> dict[str, Tensor]:
        calls[0] += 1
        well = method.first(torch.ones(1, 3)).sum()
        return {"well": well, "ill": well * (float("nan") if calls[0] > 5 else 1.0)}

    work = stage("one", method.first, method, None)
    ill = TrainingStage(
        "one", method.first, work.groups, loss, UPDATES, work.rate, "try this", work.rng, work.generator
    )
    with pytest.raises(TrainingError, match=r"^the loss is not finite at update 5 \(ill\): try this$"):
        learn(ill, TrainingFolder(tmp_path, method), save_every=4)
    assert names(tmp_path) == ["1-one-0000004"]


def sealed(change: Callable[[dict[str, Tensor]], object]) -> Callable[[Path], None]:
    """Changes tensors, and makes the digest that of the changed ones."""

    def harm(folder: Path) -> None:
        tensors = load_file(folder / "state.safetensors")
        change(tensors)
        save_file(tensors, folder / "state.safetensors")
        about = json.loads((folder / "state.json").read_text())
        about["digest"] = hashlib.sha256((folder / "state.safetensors").read_bytes()).hexdigest()
        (folder / "state.json").write_text(json.dumps(about))

    return harm


def told(**entries: object) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        about = json.loads((folder / "state.json").read_text())
        (folder / "state.json").write_text(json.dumps({**about, **entries}))

    return harm


@pytest.mark.parametrize(
    "harm",
    [
        sealed(lambda tensors: tensors.pop("generator")),
        sealed(lambda tensors: tensors.update(generator=torch.zeros(3))),
        sealed(lambda tensors: tensors.pop("learner.weight")),
        sealed(lambda tensors: tensors.update({"learner.weight": torch.zeros(5, 5)})),
        sealed(lambda tensors: tensors.update({"method.first.weight": torch.zeros(5, 5)})),
        sealed(lambda tensors: tensors.update({"optimizer.0.exp_avg": torch.zeros(5)})),
        sealed(lambda tensors: tensors.update({"optimizer.x": torch.zeros(5)})),
        told(rng={}),
        told(rng=[]),
        told(rng={"bit_generator": "PCG64", "state": {"state": [], "inc": 1}, "has_uint32": 0, "uinteger": 0}),
    ],
)
def test_a_checkpoint_of_a_stranger_that_is_whole_and_of_another_training_is_told_in_one_line(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    with pytest.raises(KilledError):
        trained(tmp_path, "beside", 6)
    harm(max((tmp_path / "checkpoints").iterdir()))
    with pytest.raises(TrainingError, match="is not of this training .*: delete it") as caught:
        trained(tmp_path)
    assert "\n" not in str(caught.value)
