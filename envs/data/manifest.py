"""The manifest of a folder of episodes: what was recorded, how, with which versions, and a checksum of every file."""

import hashlib
import json
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from envs.data.episodes import StoreError, write_whole

SCHEMA = 2
KIND = "housecat episodes"
MANIFEST = "manifest.json"

_PACKAGES = ("housecat", "mujoco", "numpy", "gymnasium", "h5py")
PLAYS = {
    "random": "random",
    "scripted": "scripted: it reads from the simulator where an object is",
    None: "unknown",
}
_ENTRIES = {
    "complete",  # whether all of the episodes are there
    "world",  # description for `envs.make_world`
    "dt",  # seconds in a control step
    "camera",  # whose frames these are: "train" or "people"
    "renderer",  # OpenGL backend that drew them; null where that is unknown
    "states",  # whether the simulator's states are known; if not they are NaN
    "seed",  # of the recording; null where there is none or more than one
    "steps",  # control steps in every episode; null where they differ
    "origin",  # the command that made them and what it made them of
    "episodes",  # how many there are to be
    "lengths",  # control steps in each, in order
    "files",  # SHA-256 of each, in order
}


def identity(
    world: dict[str, Any],
    dt: float,
    renderer: str | None,
    origin: dict[str, Any],
    seed: int | None = None,
    steps: int | None = None,
    camera: str = "train",
    states: bool = True,
    play: str | None = None,
) -> dict[str, Any]:
    """The entries that tell one set of episodes from another; see `_ENTRIES`, and `PLAYS` for how bodies were moved."""
    told = {"world": world, "dt": dt, "camera": camera, "renderer": renderer, "states": states}
    return {**told, "seed": seed, "steps": steps, "origin": origin, "play": play}


Files = dict[str, tuple[str, int]]  # SHA-256 and control steps of episodes, by file name


def write_manifest(
    folder: Path, about: dict[str, Any], episodes: int, files: Files, throughput: dict[str, float] | None
) -> None:
    """Write the manifest of so many episodes, of which ``files`` are there; StoreError where that cannot be done."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):  # Housecat itself may be used from a checkout
            versions[package] = version(package)
    ordered = sorted(files.items())
    lengths = [steps for _, (_, steps) in ordered]
    manifest = {
        "schema": SCHEMA,
        "kind": KIND,
        "complete": len(files) == episodes,
        **about,
        "episodes": episodes,
        "frames": sum(lengths) + len(lengths),
        "throughput": throughput,
        "versions": versions,
        "lengths": lengths,
        "files": {name: digest for name, (digest, _) in ordered},
    }
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1).encode())


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder of episodes, None where there is none.

    Raises StoreError: what is there is damaged, of another schema, or describes something else.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"the manifest {path} is damaged ({error}): collect into another folder") from error
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise StoreError(f"{path} does not describe recorded episodes: name a folder that 'housecat collect' wrote")
    if manifest.get("schema") != SCHEMA:
        raise StoreError(
            f"{path} has schema {manifest.get('schema')}, this version reads {SCHEMA}: collect into another folder"
        )
    lacking = _ENTRIES - set(manifest)
    if lacking:
        raise StoreError(f"the manifest {path} lacks {', '.join(sorted(lacking))}: collect again into another folder")
    if manifest["complete"] and not len(manifest["files"]) == len(manifest["lengths"]) == manifest["episodes"]:
        raise StoreError(f"the manifest {path} contradicts itself about its episodes: collect into another folder")
    return manifest


def fingerprint(manifest: dict[str, Any]) -> str:
    """Sixteen hexadecimal digits that change with any byte of any episode and with their order."""
    return hashlib.sha256("".join(manifest["files"].values()).encode()).hexdigest()[:16]
