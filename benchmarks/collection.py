"""How much faster random play is recorded than by the naive route, and what a second process brings.

    python benchmarks/collection.py [world ...] [rounds=3] [episodes=80] [steps=60] [naive=20]

The naive route is ``gymnasium.make(..., render_mode="rgb_array")`` with MuJoCo's default visuals in one process: reset,
then step with random actions and render 64x64 frames. Ours is `envs.data.collect.collect`: frames are
written to disk too. Both have the same physics and the same view, turn by turn in one run, of so many episodes of so
many steps a round, and `naive` frames of the other. To be run with nothing else running.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import envs  # noqa: I001  (chooses the OpenGL backend, hence before mujoco)

import gymnasium
import mujoco
import numpy as np

from envs.simulation.backend import renderer_name
from envs.data.collect import collect
from benchmarks.record import RESULTS, sizes, write
from benchmarks.rendering import with_default_visuals

WORLDS = ("medium", "reacher", "puck")  # of different families
SIZE = 64  # pixels


class Naive(gymnasium.Env):
    """A world of ours as it comes from ``gymnasium.make`` when nobody thinks of speed."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, name: str, render_mode: str) -> None:
        self.render_mode = render_mode
        self._world = envs.make_world(envs.WORLDS[name])
        scene = self._world.scene
        self._substeps = scene.substeps
        self._model = with_default_visuals(scene.models["people"])
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, SIZE, SIZE)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (self._model.nu,), np.float32)
        bound = np.inf * np.ones(self._model.nq + self._model.nv)
        self.observation_space = gymnasium.spaces.Box(-bound, bound, dtype=np.float64)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin where our recordings begin."""
        super().reset(seed=seed)
        mujoco.mj_resetData(self._model, self._data)
        state = self._world.sample_state(self.np_random, moving=True)
        self._data.qpos[:], self._data.qvel[:] = state[: self._model.nq], state[self._model.nq :][: self._model.nv]
        return self._seen(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One control step."""
        self._data.ctrl[:] = action
        mujoco.mj_step(self._model, self._data, self._substeps)
        return self._seen(), 0.0, False, False, {}

    def render(self) -> np.ndarray:
        """The frame, by MuJoCo's own renderer."""
        self._renderer.update_scene(self._data, camera="view")
        return self._renderer.render()

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()

    def _seen(self) -> np.ndarray:
        return np.concatenate([self._data.qpos, self._data.qvel])


def main(arguments: list[str], results: Path = RESULTS) -> None:
    """Measure, print and write down."""
    size, names = sizes(arguments, rounds=3, episodes=80, steps=60, naive=20)
    worlds = {name: measured(name, size) for name in names or WORLDS}
    found = {
        "worlds": worlds,
        "least_ratio": min(one["ratio"] for one in worlds.values()),
        "least_speedup": min(one["speedup"] for one in worlds.values()),
        "renderer": renderer_name(),
    }
    write("collection", found, results)


def measured(name: str, size: dict[str, int]) -> dict[str, Any]:
    """Frames a second of the three ways, medians of the rounds; ratios are taken within a round."""
    identifier = f"naive/{name}-v0"
    gymnasium.register(identifier, entry_point=lambda **given: Naive(**given), kwargs={"name": name})
    one, two, slow = [], [], []
    for _ in range(size["rounds"]):
        one.append(collected(name, 1, size["episodes"], size["steps"]))
        two.append(collected(name, 2, size["episodes"], size["steps"]))
        slow.append(naive(identifier, size["naive"]))
        print(f"{name}: {one[-1]:.0f} frames/s, by two processes {two[-1]:.0f}, naive {slow[-1]:.1f}")
    return {
        "ratio": round(float(np.median(np.array(one) / slow)), 1),
        "speedup": round(float(np.median(np.array(two) / one)), 2),
        "frames_per_second": round(float(np.median(one))),
        "frames_per_second_of_two": round(float(np.median(two))),
        "naive_frames_per_second": round(float(np.median(slow)), 1),
    }


def collected(name: str, processes: int, episodes: int, steps: int) -> float:
    """Frames a second of our recording, from the first episode on disk to the last: starting is left out."""
    moments = []
    with tempfile.TemporaryDirectory() as folder:
        store = collect(
            envs.WORLDS[name],
            Path(folder) / "data",
            episodes,
            steps,
            seed=0,
            workers=processes,
            progress=False,
            on_progress=lambda done, wanted: moments.append(time.perf_counter()),
        )
        require_different(store.load(episodes - 1).frames)
    return (episodes - 1) * (steps + 1) / (moments[-1] - moments[0])


def naive(identifier: str, count: int) -> float:
    """Frames a second of the naive route."""
    world = gymnasium.make(identifier, render_mode="rgb_array")
    world.action_space.seed(0)
    world.reset(seed=0)
    world.render()  # compiles shaders
    frames = []
    began = time.perf_counter()
    for _ in range(count):
        world.step(world.action_space.sample())
        frames.append(world.render())
    seconds = time.perf_counter() - began
    world.close()
    require_different(np.stack(frames))  # type: ignore[arg-type]
    return count / seconds


def require_different(frames: np.ndarray) -> None:
    """Refuse to time a renderer that draws nothing."""
    seen = len({frame.tobytes() for frame in frames})
    if seen < 0.5 * len(frames):  # a body may rest for a while
        raise SystemExit(f"only {seen} of {len(frames)} frames differ: nothing was rendered, the times mean nothing")


if __name__ == "__main__":
    main(sys.argv[1:])
