"""A training killed in any stage, or whose disk is full, goes on to the very model it would have made."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from envs import WORLDS
from envs.data.collect import collect

ROOT = Path(__file__).parents[3]
TINY = """
    method=hjepa model.latent=16 model.width=8 model.keypoints=4 model.predictor_width=32 model.predictor_depth=1
    train.updates=60 train.batch=8 train.length=4 train.horizon=2 train.measure_every=60 train.save_every=5
    pretraining.updates=60 pretraining.batch=4 finetuning.updates=200 finetuning.horizon=3 finetuning.batch=8
    upper.stride=2 upper.horizon=2 upper.updates=200 upper.batch=4 upper.width=16
    critic.updates=400 critic.batch=32 critic.width=16 graph.landmarks=8 graph.candidates=50 precision=fp32
""".split()
STAGES = ("pretraining", "train", "finetuning", "second-level", "distance")


def begin(data: Path, out: Path, largest_file: int | None = None) -> subprocess.Popen[str]:
    """`housecat train` as a process of its own."""

    def limited() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.Popen(
        [sys.executable, "-m", "housecat", "train", f"data={data}", f"out={out}", *TINY],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited,
    )


def kill_in(stage: str, data: Path, out: Path) -> None:
    """Kills a training when it has left a checkpoint of this stage."""
    process = begin(data, out)
    try:
        deadline = time.monotonic() + 300
        while not list(out.glob(f"checkpoints/*-{stage}-*[0-9]/state.json")):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def finish(data: Path, out: Path) -> dict[str, torch.Tensor]:
    """Everything in the model that comes of it."""
    process = begin(data, out)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 0, said
    files = sorted((out / "model").glob("*.safetensors"))
    assert [file.stem for file in files] == ["critic", "landmarks", "model"]
    return {f"{file.stem}/{name}": value for file in files for name, value in load_file(file).items()}


def test_killed_in_every_stage_it_goes_on_to_the_same_model(tmp_path: Path) -> None:
    data = tmp_path / "data"
    collect(WORLDS["umaze"], data, episodes=20, steps=20, seed=0, progress=False)
    whole = finish(data, tmp_path / "whole")
    for stage in STAGES:
        kill_in(stage, data, tmp_path / "killed")
        assert not (tmp_path / "killed" / "model").exists(), stage
    resumed = finish(data, tmp_path / "killed")
    assert resumed.keys() == whole.keys()
    assert [name for name, value in whole.items() if not torch.equal(value, resumed[name])] == []


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="files cannot be limited here")
def test_a_disk_that_takes_no_checkpoint_is_told_in_one_line_and_leaves_no_rest(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    collect(WORLDS["umaze"], data, episodes=20, steps=20, seed=0, progress=False)
    process = begin(data, out, largest_file=40_000)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 2, said
    last = said.strip().splitlines()[-1]
    assert last.startswith("housecat: ") and "a fault in this program" not in said
    assert "free space" in last
    assert list((out / "checkpoints").iterdir()) == []
