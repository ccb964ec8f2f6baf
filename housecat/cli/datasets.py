"""What `housecat data ...` and `housecat rerender` do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from envs.data.exchange.formats import export
from envs.data.exchange.importing import import_data
from envs.data.manifest import PLAYS
from envs.data.rearrange import merge, rerender, split
from envs.data.store import EpisodeStore
from housecat.cli.preview import write_preview
from housecat.errors import UsageError
from housecat.settings.schema import Config

World = dict[str, Any] | None  # description of the world that the user named


def draw_again(config: Config, world: World) -> None:
    """Renders recorded episodes at another size or from another camera."""
    data, out = _folder(config.data, "data"), _folder(config.out, "out")
    store = rerender(data, out, config.size, config.camera, config.workers)
    print(f"{len(store)} episodes, frames of {store.world['frame_size']} pixels, {config.camera} camera: {out}")
    if store.manifest["throughput"] is not None:
        print(speed(store.manifest["throughput"]))


def info(config: Config, world: World) -> None:
    """Prints what a folder of episodes holds."""
    store = EpisodeStore.open(_folder(config.data, "data"))
    about, lengths = store.manifest, store.lengths
    origin = ", ".join(value if key == "command" else f"{key} {value}" for key, value in about["origin"].items())
    low, high = int(lengths.min()), int(lengths.max())
    steps = f"{low}" if low == high else f"{low} to {high} (median {np.median(lengths):g})"
    size = sum((store.path / name).stat().st_size for name in about["files"])
    rows = {
        "world": f"{store.world['name']} ({store.world['family']})",
        "made by": origin if about["seed"] is None else f"{origin}, seed {about['seed']}",
        "episodes": f"{len(store)} of {steps} control steps",
        "frames": f"{about['frames']:,} of {store.world['frame_size']} pixels, {about['camera']} camera",
        "time": f"{lengths.sum() * about['dt'] / 60:.1f} min at {about['dt']:g} s a control step",
        "play": PLAYS.get(about.get("play"), "unknown"),
        "states": "known" if about["states"] else "unknown",
        "on disk": f"{size / 1e6:.1f} MB",
        "renderer": about["renderer"] or "unknown",
        "versions": ", ".join(f"{name} {number}" for name, number in about["versions"].items()),
    }
    for name, text in rows.items():
        print(f"{name:10}{text}")
    if about["throughput"] is not None:
        print(f"{'speed':10}{speed(about['throughput'])}")


def check(config: Config, world: World) -> None:
    """Compares all files with the manifest; the faults are printed. UsageError where there is one."""
    store = EpisodeStore.open(_folder(config.data, "data"))
    faults = store.check()
    for fault in faults[1:]:
        print(fault)
    if faults:
        raise UsageError(f"{len(faults)} of {len(store)} episodes are not what was recorded: {faults[0]}")
    print(f"{len(store)} episodes, {store.manifest['frames']:,} frames, all whole: {store.path}")


def put_together(config: Config, world: World) -> None:
    """Merges several folders of episodes."""
    folders = [Path(part.strip()) for part in str(_folder(config.data, "data")).split(",") if part.strip()]
    if len(folders) < 2:
        raise UsageError("a merge needs at least two recordings: data=DIR,DIR")
    store = merge(folders, _folder(config.out, "out"))
    print(f"{len(store)} episodes of {len(folders)} recordings: {store.path}")


def take_apart(config: Config, world: World) -> None:
    """Splits a folder of episodes in two."""
    data, out = _folder(config.data, "data"), _folder(config.out, "out")
    try:
        parts = split(data, out, config.held_out)
    except ValueError as error:
        raise UsageError(f"{data}: {error}, or choose another held_out") from error
    for part in parts:
        print(f"{len(part)} episodes: {part.path}")


def preview(config: Config, world: World) -> None:
    """Makes a picture of some episodes."""
    data = _folder(config.data, "data")
    out = Path(config.out) if config.out else data / "preview.webp"
    print(f"preview: {write_preview(EpisodeStore.open(data), out, config.episodes)}")


def bring_out(config: Config, world: World) -> None:
    """Exports a folder of episodes."""
    store, out = EpisodeStore.open(_folder(config.data, "data")), _folder(config.out, "out")
    try:
        export(_format(config), store, out)
    except ValueError as error:
        raise UsageError(str(error)) from error
    print(f"{len(store)} episodes as {config.format}: {out}")


def bring_in(config: Config, world: World) -> None:
    """Imports a data set of another format."""
    source, out = _folder(config.source, "source"), _folder(config.out, "out")
    store = import_data(_format(config), source, out, world, frame_size=config.size)
    print(f"{len(store)} episodes of world '{store.world['name']}': {out}")
    for note in store.world.get("notes", ()):
        print(f"note: {note}")
    if store.world["family"] == "recorded":
        print("it is a robot without a simulator: it trains, is probed and plans, and acts where you step it")
    if not store.manifest["states"]:
        print(
            "its states are unknown, or not those of this world's simulator: stored as unknown. Training and planning "
            "do without; what a latent tells of position or velocity will be called unknown"
        )
    print(f"next: housecat train data={out}")


WORK: dict[str, Callable[[Config, World], None]] = {
    "rerender": draw_again,
    "data info": info,
    "data check": check,
    "data merge": put_together,
    "data split": take_apart,
    "data preview": preview,
    "data export": bring_out,
    "data import": bring_in,
}


def speed(throughput: dict[str, float]) -> str:
    """One line on how fast episodes were made."""
    facts = dict(throughput)
    total, processes = facts.pop("total"), facts.pop("processes")
    made = f"{facts.pop('frames'):,} frames in {facts.pop('seconds'):.1f} s"
    parts = ", ".join(f"{work} {rate:,}" for work, rate in facts.items() if isinstance(rate, int | float))
    several = f"{processes} processes" if processes > 1 else "1 process"
    return f"{total:,} frames/s ({made} by {several}; each kind of work alone in one process: {parts} frames/s)"


def _folder(value: str | None, name: str) -> Path:
    if value is None:
        raise UsageError(f"{name} is missing: write {name}=DIR")
    return Path(value)


def _format(config: Config) -> str:
    if config.format is None:
        raise UsageError("which format? write format=lerobot, format=minari or, to import, format=hdf5")
    return config.format
