"""What cases are made of: a tiny recording, a run, exports, a robot, a maze; made by the program itself, once."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

COLLECT = "collect.episodes=10 collect.steps=10 workers=1".split()
TRAIN = """
    model=cnn model.latent=8 model.width=8 model.predictor_width=16 model.predictor_depth=1
    train.updates=4 train.batch=4 train.length=4 train.horizon=2 train.measure_every=2 train.save_every=1
    finetuning.updates=4 finetuning.horizon=3 finetuning.batch=4 critic.updates=50 critic.batch=16 critic.width=8
    graph.landmarks=6 graph.candidates=20 precision=fp32 device=cpu
""".split()
EVALUATE = """
    planner.samples=8 planner.elites=2 planner.iterations=1 planner.horizon=4 evaluate.episodes=1 evaluate.horizons=[4]
    evaluate.planners=[random,hierarchy] evaluate.calibration=0 evaluate.max_steps=4 evaluate.timing_steps=2 workers=1
""".split()
ARM = """<mujoco model="arm">
  <option timestep="0.01" gravity="0 0 0"/>
  <worldbody>
    <light pos="0 0 3"/>
    <camera name="top" pos="0 0 2.5"/>
    <body name="upper">
      <joint name="shoulder" axis="0 0 1" damping="0.5"/>
      <geom type="capsule" size="0.05" fromto="0 0 0 0.5 0 0" rgba="1 0 0 1"/>
      <body name="lower" pos="0.5 0 0">
        <joint name="elbow" axis="0 0 1" limited="true" range="-120 120" damping="0.5"/>
        <geom type="capsule" size="0.05" fromto="0 0 0 0.5 0 0" mass="0.3"/>
        <site name="tip" pos="0.5 0 0"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="shoulder" joint="shoulder" ctrlrange="-1 1"/>
    <motor name="elbow" joint="elbow" ctrlrange="-1 1" gear="0.5"/>
  </actuator>
  <keyframe><key name="home" qpos="0.1 0.2"/></keyframe>
</mujoco>
"""
OPTIONS = """camera: {centre: [0, 0, 0], extent: 2.4, azimuth: 90, elevation: -80, perspective: 40}
control_step: 0.1
actuators: {elbow: [-0.5, 0.5]}
max_steps: 20
goal: {site: tip, tolerance: 0.07}
"""
MAZE = "#####\n#   #\n# # #\n#   #\n#####\n"

NAMES = ("data", "more", "run", "half", "lerobot", "minari", "columns.h5", "arm.xml", "arm.yaml", "maze.txt")
# Which of these a command may go on writing in.
OWN = {
    "collect": ("data", "more"),
    "train": ("run", "half"),
    "evaluate": ("run", "half"),
    "probe": ("run", "half"),
    "quickstart": ("run", "half", "data"),
    "data preview": ("preview.webp",),
}

Run = Callable[[list[str]], str]  # a command line that has to work, in the folder of the materials; what it said


class Materials:
    """The folder of the materials."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def named_in(self, text: str) -> list[str]:
        """The materials that a text names."""
        return [name for name in NAMES if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w-])", text)]

    def copy(self, name: str, to: Path) -> None:
        """Puts one of them to a place."""
        source = self.path / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, to)

    def json_of(self, file: str) -> Any:
        """The content of a JSON file, None where it is none."""
        return json.loads((self.path / file).read_text())

    def files(self, pattern: str) -> list[str]:
        """The files that a pattern finds."""
        return sorted(str(one.relative_to(self.path)) for one in self.path.glob(pattern) if one.is_file())


def make(path: Path, run: Run) -> Materials:
    """Makes the materials in the empty folder `path`."""
    world = ["world=umaze", "world.frame_size=32"]
    run(["collect", *world, "out=data", *COLLECT])
    run(["collect", *world, "out=more", "seed=5", *COLLECT, "collect.episodes=3"])
    run(["train", "data=data", "out=run", *TRAIN])
    _half(path)
    run(["evaluate", "checkpoint=run", *EVALUATE])
    run(["data", "export", "data=data", "out=lerobot", "format=lerobot"])
    run(["data", "export", "data=data", "out=minari", "format=minari"])
    _columns(path / "columns.h5")
    for name, text in (("arm.xml", ARM), ("arm.yaml", OPTIONS), ("maze.txt", MAZE)):
        (path / name).write_text(text)
    return Materials(path)


def _half(path: Path) -> None:
    """A run that was stopped at its last checkpoint."""
    half = path / "half"
    shutil.copytree(path / "run", half)
    shutil.rmtree(half / "model")
    manifest = json.loads((half / "manifest.json").read_text())
    manifest["stages"]["train"]["done"] = False
    (half / "manifest.json").write_text(json.dumps(manifest))


def _columns(file: Path) -> None:
    """What stable-worldmodel writes: columns of all episodes end to end."""
    rng = np.random.default_rng(0)
    with h5py.File(file, "w") as opened:
        opened["pixels"] = rng.integers(0, 255, (24, 16, 16, 3), np.uint8)
        opened["action"] = rng.uniform(-1, 1, (24, 2)).astype(np.float32)
        opened["state"] = rng.uniform(-1, 1, (24, 4))
        opened["ep_len"] = np.array([12, 12])
        opened["ep_offset"] = np.array([0, 12])
