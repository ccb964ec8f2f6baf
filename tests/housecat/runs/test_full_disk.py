"""A disk that is full at any moment of a command: one line, and with room again the same command ends as if nothing
had been."""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envs import WORLDS
from envs.data.collect import collect

ROOT = Path(__file__).parents[3]
SMALL = """
    model.latent=16 model.width=8 model.keypoints=4 model.predictor_width=32 model.predictor_depth=1 train.updates=12
    train.batch=8 train.length=4 train.horizon=2 train.measure_every=6 train.save_every=4 pretraining.updates=4
    pretraining.batch=4 finetuning.updates=8 finetuning.horizon=3 finetuning.batch=8 critic.updates=50 critic.batch=32
    critic.width=16 graph.landmarks=8 graph.candidates=50 precision=fp32
"""
EVALUATED = """
    episodes=2 evaluate.planners=[random,flat_distance,hierarchy] evaluate.calibration=1 evaluate.max_steps=4
    evaluate.timing_steps=2 planner.samples=8 planner.elites=2 planner.iterations=1 planner.horizon=2 workers=1
"""
COMMANDS = {
    "collect": "collect world=umaze episodes=20 collect.steps=20 workers=1 out=out",
    "train": f"train data=DATA out=out {SMALL}",
    "evaluate": f"evaluate checkpoint=RUN out=out {EVALUATED}",
    "probe": "probe checkpoint=RUN data=MORE out=out",
    "export": "export checkpoint=RUN out=out planner.horizon=2",
    "export --onnx": "export checkpoint=RUN out=out planner.horizon=2 --onnx",
    "compare": f"compare data=DATA out=out compare.methods=[default,ijepa] compare.seeds=[0] {SMALL}{EVALUATED}"
    " model.width=8 model.heads=2 model.depth=1 model.patch=16",
    "quickstart": f"quickstart world=umaze out=out collect.steps=20 {SMALL}{EVALUATED} episodes=20",
    "rerender": "rerender data=DATA out=out size=96 workers=1",
    "data merge": "data merge data=DATA,MORE out=out",
    "data split": "data split data=DATA out=out held_out=0.4",
    "data preview": "data preview data=DATA out=out/picture.webp",
    "data export lerobot": "data export data=DATA out=out format=lerobot",
    "data export minari": "data export data=DATA out=out format=minari",
    "data import lerobot": "data import source=LEROBOT out=out format=lerobot",
    "worlds": "worlds world=umaze out=out",
}
TIMES = {"seconds", "plan_ms", "throughput", "date", "frames_per_second", "train_seconds", "speedup_over_lewm"}
TIMED = ("speeds.json", "seconds.json")
UNLIKE = (".html", ".0", ".png")  # they show or hold times; TensorBoard's files end in a number


def housecat(folder: Path, line: str, inputs: dict[str, Path]) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line)
    for name, path in inputs.items():
        words = [word.replace(name, str(path)) for word in words]
    return subprocess.run(
        [sys.executable, "-m", "housecat", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def timeless(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: timeless(value) for key, value in data.items() if key not in TIMES}
    return [timeless(one) for one in data] if isinstance(data, list) else data


def outcome(out: Path) -> dict[str, Any]:
    """What a command has made, but for times."""
    found: dict[str, Any] = {}
    for file in sorted(out.rglob("*")):
        name = str(file.relative_to(out))
        if file.is_dir() or "checkpoints/" in name or file.suffix in UNLIKE or "tfevents" in name:
            continue
        if file.suffix == ".json" and file.name not in TIMED:
            found[name] = timeless(json.loads(file.read_text()))
        elif file.suffix not in (".json", ".jsonl"):
            found[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def is_told_in_one_line(done: subprocess.CompletedProcess[str]) -> bool:
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and "fault in this program" not in done.stderr, done.stderr
    assert last.startswith("housecat: ") and ("the disk is full: free space" in last or "GiB of disk" in last), last
    return True


class Disk:
    """A small one, in memory, at a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", folder], check=True, capture_output=True)

    def resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={max(4096, size)}", self.folder], check=True)

    def close(self) -> None:
        subprocess.run(["umount", "-l", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    try:
        small = Disk(tmp_path / "disk")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can make a small disk here")
    yield small
    small.close()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    found = {"DATA": folder / "data", "MORE": folder / "more", "RUN": folder / "run", "LEROBOT": folder / "lerobot"}
    collect(WORLDS["umaze"], found["DATA"], episodes=20, steps=20, seed=0, progress=False)
    collect(WORLDS["umaze"], found["MORE"], episodes=100, steps=20, seed=1, progress=False)
    for line in (f"train data=DATA out=RUN {SMALL}", "data export data=DATA out=LEROBOT format=lerobot"):
        done = housecat(folder, line, found)
        assert done.returncode == 0, done.stderr
    return found


def fills_up(name: str, share: float, inputs: dict[str, Path], disk: Disk, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    done = housecat(whole, COMMANDS[name], inputs)
    assert done.returncode == 0, done.stderr
    taken = int(subprocess.run(["du", "-sb", whole], capture_output=True, text=True, check=True).stdout.split()[0])
    disk.resize(int(share * taken))
    assert is_told_in_one_line(housecat(disk.folder, COMMANDS[name], inputs))
    disk.resize(2**30)
    again = housecat(disk.folder, COMMANDS[name], inputs)
    assert again.returncode == 0, again.stderr
    assert outcome(disk.folder / "out") == outcome(whole / "out")
    left = [str(one) for one in disk.folder.rglob("*") if ".tmp" in one.name or ".partial" in one.name]
    assert not left


@pytest.mark.parametrize(("name", "share"), [("train", 0.5), ("export", 0.6), ("data export lerobot", 0.7)])
def test_a_full_disk_is_told_in_one_line_and_the_command_goes_on(
    name: str, share: float, inputs: dict[str, Path], disk: Disk, tmp_path: Path
) -> None:
    fills_up(name, share, inputs, disk, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.2, 0.4, 0.6, 0.8, 0.95])
@pytest.mark.parametrize("name", COMMANDS)
def test_so_is_one_that_is_full_at_any_moment_of_any_command(
    name: str, share: float, inputs: dict[str, Path], disk: Disk, tmp_path: Path
) -> None:
    fills_up(name, share, inputs, disk, tmp_path)
