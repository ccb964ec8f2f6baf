"""How much faster training frames come than from `mujoco.Renderer` with MuJoCo's default visual settings.

    python benchmarks/rendering.py [world] [rounds=5] [frames=400] [slow=12]

Both draw the same scene from the same camera at 64x64 pixels, turn by turn in one process, and both pictures must
change as the body moves; so many frames in a round with the training camera, and `slow` with MuJoCo's defaults.
"""

import copy
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import envs  # noqa: I001  (chooses the OpenGL backend, hence before mujoco)

import mujoco
import numpy as np

from benchmarks.record import RESULTS, sizes, write
from envs.simulation.backend import renderer_name
from envs.world import World

SIZE = 64  # pixels


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Measure, print and write down."""
    size, names = sizes(arguments, rounds=5, frames=400, slow=12)
    name = names[0] if names else "medium"
    world = envs.make_world(envs.WORLDS[name])
    rng = np.random.default_rng(0)
    states = np.stack([world.sample_state(rng) for _ in range(size["frames"])])
    model = with_default_visuals(world.scene.models["people"])
    train, default = [], []
    with mujoco.Renderer(model, SIZE, SIZE) as renderer:
        data = mujoco.MjData(model)
        train_speed(world, states[:10]), default_speed(renderer, model, data, states[:2])  # compile shaders
        for _ in range(size["rounds"]):
            train.append(train_speed(world, states))
            default.append(default_speed(renderer, model, data, states[: size["slow"]]))
            print(f"training camera {train[-1]:.0f} frames/s, MuJoCo's defaults {default[-1]:.1f} frames/s")
    found = {
        "ratio": round(float(np.median(np.array(train) / np.array(default))), 1),
        "train_frames_per_second": round(float(np.median(train))),
        "default_frames_per_second": round(float(np.median(default)), 1),
        "renderer": renderer_name(),
        "world": name,
    }
    write("rendering", found, results)


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
    main(sys.argv[1:])
