"""The OpenGL context: chosen once, shared, closed quietly, and clear about what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import envs
from envs.registry import make_named
from envs.simulation.backend import RenderingError, renderer_name
from envs.simulation.rendering import _average_2x2

ROOT = Path(envs.__file__).parents[1]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh Python; a variable given as "" is unset."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    variables = {key: value for key, value in variables.items() if value}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=120)


def test_a_process_that_rendered_ends_without_noise() -> None:
    done = run(
        "import envs\n"
        "worlds = [envs.make_world(envs.WORLDS[name]) for name in ('umaze', 'reacher')]\n"
        "for world in worlds: world.reset(seed=0), world.render()\n"
        "del worlds[0]\n"
        "print(worlds[0].frame().mean() > 0)"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)


def test_the_backend_is_chosen_by_trying_and_handed_to_child_processes() -> None:
    code = (
        "import envs, os\n"
        "assert 'MUJOCO_GL' not in os.environ\n"
        "envs.make_world(envs.WORLDS['umaze']).reset(seed=0)\n"
        "print(os.environ['MUJOCO_GL'])"
    )
    done = run(code, MUJOCO_GL="")
    assert done.stdout.strip() == renderer_name(), done.stderr


def test_without_any_working_backend_the_error_names_the_packages(tmp_path: Path) -> None:
    for library in ("libEGL.so.1", "libOSMesa.so.8"):
        (tmp_path / library).write_text("not a library")
    code = (
        "import envs\n"
        "world = envs.make_world(envs.WORLDS['umaze'])\n"
        "world.scene.set_state([1.5, 1.5, 0, 0]); world.scene.step([1, 0])\n"  # simulating needs no graphics
        "try: world.frame()\n"
        "except envs.simulation.rendering.RenderingError as error: print(error)"
    )
    path = str(tmp_path)
    done = run(code, MUJOCO_GL="", DISPLAY="", WAYLAND_DISPLAY="", LD_LIBRARY_PATH=path)
    assert "apt-get install -y libegl1 libgl1 libgl1-mesa-dri" in done.stdout, done.stderr
    assert "apt-get install -y libosmesa6" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_backend_that_is_not_known_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "vulkan")
    with pytest.raises(RenderingError, match="MUJOCO_GL is 'vulkan', known are egl, osmesa, glfw"):
        renderer_name()


def test_rendering_after_a_fork_is_refused_where_it_would_crash() -> None:
    done = run(
        "import os, sys, envs\n"
        "world = envs.make_world(envs.WORLDS['umaze'])\n"
        "world.reset(seed=0)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try: world.frame()\n"
        "    except envs.simulation.rendering.RenderingError as error: print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(world.frame().mean() > 0)"
    )
    assert done.stderr == ""
    assert "does not survive a fork" in done.stdout
    assert done.stdout.endswith("True\n")


def test_worlds_that_take_turns_do_not_draw_into_each_other() -> None:
    maze, arm = make_named("umaze"), make_named("reacher")
    maze.reset(seed=0), arm.reset(seed=0)
    alone = [maze.frame(), arm.frame(), maze.render(), arm.render()]
    again = [arm.render(), maze.frame(), arm.frame(), maze.render()]
    for before, after in zip(alone, [again[1], again[2], again[3], again[0]], strict=True):
        np.testing.assert_array_equal(before, after)


def test_another_size_in_between_does_not_change_a_frame() -> None:
    world = make_named("umaze")
    world.reset(seed=0)
    before = world.frame()
    larger = world.frame(size=200)
    np.testing.assert_array_equal(world.frame(), before)
    # The larger picture shows the same thing: averaged down to the training size it is near it.
    small = larger[:192, :192].reshape(64, 3, 64, 3, 3).mean(axis=(1, 3))
    assert np.abs(small - before).mean() < 20


def test_frames_are_the_rounded_mean_of_four_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8)
    pixels[:2, :2] = 255
    out = np.empty((32, 16, 3), np.uint8)
    _average_2x2(pixels, out)
    exact = pixels.reshape(32, 2, 16, 2, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(out, np.floor(exact + 0.5))


def test_training_frames_have_no_shadows_and_peoples_pictures_do() -> None:
    world = make_named("umaze")
    state = np.array([3.5, 3.5, 0.0, 0.0])
    x, y = world.pixels(np.array([2.0, 1.9]), size=64)  # at the foot of a wall, away from the light
    lit_x, lit_y = world.pixels(np.array([2.0, 1.3]), size=64)
    for camera, shadow in (("train", False), ("people", True)):
        picture = world.frame(camera, state, size=64).astype(int)
        beside, lit = picture[int(y), int(x)].mean(), picture[int(lit_y), int(lit_x)].mean()
        assert (beside < lit - 30) == shadow


def test_importing_worlds_imports_no_torch_and_none_of_the_other_packages() -> None:
    done = run(
        "import sys, envs, envs.data.collect, envs.play.hindsight\n"
        "print(sorted({'torch', 'worldmodel', 'planners', 'housecat'} & set(sys.modules)))"
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_lost_context_is_told_and_never_gives_the_frame_before() -> None:
    """Drawing without a context raises nothing, and leaves the pixels that were read last as they were."""
    code = """
from envs import WORLDS, make_world
from envs.simulation import rendering
world = make_world(WORLDS["umaze"])
world.reset(seed=0)
world.frame()
rendering._context.free()
try:
    world.frame()
except rendering.RenderingError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("the OpenGL context is lost")


def test_importing_the_packages_starts_no_process_changes_no_variable_and_loads_nothing_heavy() -> None:
    code = (
        "import os, sys\n"
        "before = dict(os.environ)\n"
        "starting = ('subprocess.Popen', 'os.fork', 'os.posix_spawn')\n"
        "sys.addaudithook(lambda event, _: event in starting and print(event))\n"
        "import envs, housecat\n"
        "print(dict(os.environ) == before, sorted({'torch', 'mujoco', 'hydra'} & set(sys.modules)))"
    )
    done = run(code, MUJOCO_GL="")
    assert done.stdout == "True []\n", done.stderr
