"""How much faster training frames come than from `mujoco.Renderer` with MuJoCo's default visual settings.

Both draw the same scene from the same camera at 64x64 pixels, turn by turn in one process, and both pictures must
change as the body moves. Run ``python benchmarks/rendering.py [world]``; the last line is JSON.
"""

import copy
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import envs  # noqa: I001  (chooses the OpenGL backend, hence before mujoco)

import mujoco
import numpy as np

from envs.simulation.backend import renderer_name
from envs.world import World

ROUNDS = 5
TRAIN_FRAMES, DEFAULT_FRAMES = 400, 12  # in a round
SIZE = 64  # pixels


def main() -> None:
    """Measure and print."""
    name = sys.argv[1] if len(sys.argv) > 1 else "medium"
    world = envs.make_world(envs.WORLDS[name])
    rng = np.random.default_rng(0)
    states = np.stack([world.sample_state(rng) for _ in range(TRAIN_FRAMES)])
    model = with_default_visuals(world.scene.models["people"])
    train, default = [], []
    with mujoco.Renderer(model, SIZE, SIZE) as renderer:
        data = mujoco.MjData(model)
        train_speed(world, states[:10]), default_speed(renderer, model, data, states[:2])  # compile shaders
        for _ in range(ROUNDS):
            train.append(train_speed(world, states))
            default.append(default_speed(renderer, model, data, states[:DEFAULT_FRAMES]))
            print(f"training camera {train[-1]:.0f} frames/s, MuJoCo's defaults {default[-1]:.1f} frames/s")
    report = {
        "ratio": round(float(np.median(np.array(train) / np.array(default))), 1),
        "train_frames_per_second": round(float(np.median(train))),
        "default_frames_per_second": round(float(np.median(default)), 1),
        "renderer": renderer_name(),
        "world": name,
    }
    print(json.dumps(report))


def with_default_visuals(model: mujoco.MjModel) -> mujoco.MjModel:
    """The model as MuJoCo draws it when it says nothing of quality."""
    model, default = copy.deepcopy(model), mujoco.MjModel.from_xml_string("<mujoco/>")
    for name in ("offsamples", "shadowsize", "numslices", "numstacks"):
        setattr(model.vis.quality, name, getattr(default.vis.quality, name))
    return model


def train_speed(world: World, states: np.ndarray) -> float:
    """Frames a second of the training camera, read back, scaled down and told apart."""
    frames = np.empty((len(states), SIZE, SIZE, 3), np.uint8)
    begin = time.perf_counter()
    for state, frame in zip(states, frames, strict=True):
        world.scene.frame(state=state, size=SIZE, out=frame)
    seconds = time.perf_counter() - begin
    require_different(frames)
    return len(states) / seconds


def default_speed(renderer: mujoco.Renderer, model: mujoco.MjModel, data: mujoco.MjData, states: np.ndarray) -> float:
    """Frames a second of MuJoCo's own renderer for the same states."""
    frames = np.empty((len(states), SIZE, SIZE, 3), np.uint8)
    begin = time.perf_counter()
    for state, frame in zip(states, frames, strict=True):
        data.qpos[:] = state[: model.nq]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        renderer.update_scene(data, camera="view")
        renderer.render(out=frame)
    seconds = time.perf_counter() - begin
    require_different(frames)
    return len(states) / seconds


def require_different(frames: np.ndarray) -> None:
    """Refuse to time a renderer that draws nothing."""
    seen = len({frame.tobytes() for frame in frames})
    if seen < 0.9 * len(frames):
        raise SystemExit(f"only {seen} of {len(frames)} frames differ: nothing was rendered, the times mean nothing")


if __name__ == "__main__":
    main()
