"""Record random play: many simulators in several processes, straight to disk, in any order, with the same result.

Episode i depends on the seed and on i alone, so it does not matter who records it, or when: a recording that was
stopped goes on where it was, and one made by four processes is the same as one made by one.
"""

import fcntl
import multiprocessing
import os
import platform
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from envs.backend import RenderingError, renderer_name
from envs.episodes import (
    FOLDER,
    KIND,
    SCHEMA,
    Episode,
    StoreError,
    checksum,
    episode_file,
    read_episode,
    read_manifest,
    write_episode,
    write_manifest,
)
from envs.registry import make_world
from envs.store import EpisodeStore
from envs.world import World

_FACTORS = 1  # a random stream of their own: what happens in an episode is not drawn anew when factors are added
_PACKAGES = ("housecat", "mujoco", "numpy", "gymnasium", "h5py")


def collect(
    spec: dict[str, Any],
    out: Path | str,
    episodes: int,
    steps: int,
    seed: int,
    workers: int = 0,
    progress: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> EpisodeStore:
    """Record ``episodes`` episodes of ``steps`` control steps of random play into the folder ``out``.

    What is there already, from the same world, seed and steps, is kept: an interrupted recording goes on, a
    finished one is enlarged or, where it holds enough episodes, returned as it is.

    Args:
        spec: the world, as for `envs.make_world`.
        seed: not negative.
        workers: processes; 0 takes one for each processor, 1 records in this process. With more than one, a script
            that calls this needs the usual ``if __name__ == "__main__":``.
        progress: show a progress bar.
        on_progress: called with the episodes that are there and all that are wanted.

    Raises:
        ValueError: the world or one of the numbers is impossible.
        StoreError: the folder holds something else, is in use, or cannot be written; nothing in it is changed.
        RenderingError: no frame can be made on this machine.
    """
    _check_numbers(episodes=(episodes, 1), steps=(steps, 1), seed=(seed, 0), workers=(workers, 0))
    out = Path(out)
    world = make_world(spec)
    with _sole_writer(out):
        manifest = _matching_manifest(out, world.spec_dict, seed, steps)
        finished = manifest is not None and manifest["complete"]
        known: dict[str, str] = {}
        if manifest is not None and finished:
            known, episodes = manifest["files"], max(episodes, manifest["episodes"])
        files = _recorded(out, episodes, steps, known)
        if not finished:
            write_manifest(out, _manifest(world, seed, steps, episodes, {}))
        missing = [index for index in range(episodes) if episode_file(index) not in files]
        processes = min(workers or _processors(), len(missing))
        with tqdm(total=episodes, initial=len(files), unit="episode", disable=not progress, desc="collect") as bar:
            for index, digest in _record_all(world, out, seed, steps, missing, processes):
                files[episode_file(index)] = digest
                bar.update()
                if on_progress is not None:
                    on_progress(len(files), episodes)
        if not finished or missing:
            write_manifest(out, _manifest(world, seed, steps, episodes, dict(sorted(files.items()))))
    return EpisodeStore.open(out)


def record_episode(world: World, seed: int, index: int, steps: int) -> Episode:
    """Episode ``index`` of random play, from anywhere in free space at a random velocity; no goal, no end."""
    rng = np.random.default_rng([seed, index])
    scene = world.scene
    world.set_factors(world.sample_factors(np.random.default_rng([seed, index, _FACTORS])))
    scene.set_state(world.sample_state(rng, moving=True))
    play = world.play(rng)
    frames = np.empty((steps + 1, scene.frame_size, scene.frame_size, 3), np.uint8)
    actions = np.empty((steps, scene.action_dim), np.float32)
    states = np.empty((steps + 1, scene.state_dim), np.float64)
    scene.frame(out=frames[0])
    states[0] = scene.state()
    for step in range(steps):
        actions[step] = play.act(states[step])
        scene.step(actions[step])
        scene.frame(out=frames[step + 1])
        states[step + 1] = scene.state()
    return Episode(frames, actions, states)


def _record_all(
    world: World, out: Path, seed: int, steps: int, missing: list[int], workers: int
) -> Iterator[tuple[int, str]]:
    """Record the ``missing`` episodes; yields index and checksum of each as it is on disk."""
    if workers > 1:
        yield from _record_in_processes(world.spec_dict, out, seed, steps, missing, workers)
        return
    for index in missing:
        yield index, write_episode(out / episode_file(index), record_episode(world, seed, index, steps))


def _record_in_processes(
    spec: dict[str, Any], out: Path, seed: int, steps: int, missing: list[int], workers: int
) -> Iterator[tuple[int, str]]:
    spawn = multiprocessing.get_context("spawn")  # a forked OpenGL context crashes or renders black
    resource_tracker.ensure_running()  # started with the first process, it would let interrupts through again
    processes: dict[Connection, SpawnProcess] = {}
    try:
        # Ctrl-C reaches the whole process group: the workers inherit the mask and leave it to this process.
        with _without_interrupts():
            for worker in range(workers):
                ours, theirs = spawn.Pipe(duplex=False)
                task = (spec, str(out), seed, steps, missing[worker::workers], theirs)
                processes[ours] = spawn.Process(target=_work, args=task, daemon=True)
                processes[ours].start()
                theirs.close()
        listening = list(processes)
        while listening:
            for pipe in (pipe for pipe in wait(listening) if isinstance(pipe, Connection)):
                try:
                    message = pipe.recv()
                except EOFError:
                    listening.remove(pipe)
                    _require_clean_end(processes[pipe], out)
                    continue
                if isinstance(message, Exception):
                    raise message
                yield message
    finally:
        for pipe, process in processes.items():
            process.terminate()
            process.join()
            pipe.close()


def _require_clean_end(process: SpawnProcess, out: Path) -> None:
    process.join()
    if process.exitcode != 0:
        raise StoreError(
            f"a recording process ended early (exit code {process.exitcode}): "
            f"what is in {out} is kept, run the same command again to go on"
        )


def _work(spec: dict[str, Any], out: str, seed: int, steps: int, indices: list[int], pipe: Any) -> None:
    """A worker process: record, report, and end when nobody listens any more."""
    try:
        world = make_world(spec)
        for index in indices:
            digest = write_episode(Path(out) / episode_file(index), record_episode(world, seed, index, steps))
            pipe.send((index, digest))
    except BrokenPipeError:
        pass  # the collecting process is gone; whoever runs it again finds this episode on disk
    except (StoreError, RenderingError) as error:
        pipe.send(error)
    finally:
        pipe.close()


def _matching_manifest(out: Path, spec: dict[str, Any], seed: int, steps: int) -> dict[str, Any] | None:
    """The manifest in ``out``, None for a new recording; StoreError where it is of another one."""
    manifest = read_manifest(out)
    if manifest is None:
        if (out / FOLDER).exists():
            raise StoreError(f"{out / FOLDER} is there already, but no manifest says what it is: name another folder")
        return None
    asked = {"world": spec, "seed": seed, "steps": steps, "renderer": renderer_name()}
    for key, value in asked.items():
        if manifest[key] != value:
            found = manifest[key]
            if key == "world":
                found, value = _described(found), _described(spec)
                value = f"another layout of {value}" if value == found else value
            raise StoreError(f"{out} was recorded with {key} {found}, asked for is {value}: name another folder")
    return manifest


def _described(spec: dict[str, Any]) -> str:
    return f"{spec.get('name')} at {spec.get('frame_size')} pixels"


def _recorded(out: Path, episodes: int, steps: int, known: dict[str, str]) -> dict[str, str]:
    """Checksums of the whole episodes that are there, ``known`` or worked out.

    What processes that were killed left half written is removed.
    """
    for leftover in (out / FOLDER).glob(".*.tmp"):
        leftover.unlink(missing_ok=True)
    files = {}
    for index in range(episodes):
        name = episode_file(index)
        if not (out / name).exists():
            continue
        if name in known:
            files[name] = known[name]
            continue
        try:
            if len(read_episode(out / name).actions) == steps:
                files[name] = checksum(out / name)
        except StoreError:
            pass  # it is recorded again, the same
    return files


def _manifest(world: World, seed: int, steps: int, episodes: int, files: dict[str, str]) -> dict[str, Any]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):  # Housecat itself may be used from a checkout
            versions[package] = version(package)
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "complete": len(files) == episodes,
        "world": world.spec_dict,
        "seed": seed,
        "steps": steps,
        "episodes": episodes,
        "frames": episodes * (steps + 1),
        "dt": world.dt,
        "renderer": renderer_name(),
        "versions": versions,
        "files": files,
    }


@contextmanager
def _sole_writer(out: Path) -> Iterator[None]:
    """Hold the folder, made where it is missing, against other recordings; the system lets go of it at any end."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise StoreError(f"cannot write to {out} ({error.strerror}): name another folder") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreError(f"another process is recording into {out}: wait for it or name another folder") from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _check_numbers(**numbers: tuple[Any, int]) -> None:
    for name, (value, least) in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
