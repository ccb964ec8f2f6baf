"""The manifest of a folder of episodes: what was recorded, how, with which versions, and a checksum of every file."""

import hashlib
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from envs.data.episodes import StoreError, episode_file, json_text, write_whole
from envs.files import Count, Least0, Maybe, by_name, check, many, read_json, record, shortened
from envs.specs import check_spec

SCHEMA = 2
KIND = "housecat episodes"
MANIFEST = "manifest.json"

_PACKAGES = ("housecat", "mujoco", "numpy", "gymnasium", "h5py")
PLAYS = {
    "random": "random",
    "scripted": "scripted: it reads from the simulator where an object is",
    "person": "a person's",
    None: "unknown",
}


_OF_EPISODES: dict[str, Any] = {  # what is said of episodes in any format
    "world": dict,  # description for `envs.make_world`, which checks it
    "dt": Annotated[float, Meta(gt=0, le=1000)],  # seconds in a control step
    "camera": Literal["train", "people"],  # whose frames these are
    "renderer": str | None,  # OpenGL backend that drew them; null where that is unknown
    "states": bool,  # whether the simulator's states are known; if not they are NaN
    "seed": Annotated[int, Meta(ge=0)] | None,  # of the recording; null where there is none or more than one
    "steps": Count | None,  # control steps in every episode; null where they differ
    "play": str | None | Maybe,  # see `PLAYS`; recordings of earlier versions do not name it
}
DESCRIBED = record(**_OF_EPISODES)
_FILE, _DIGEST = (Annotated[str, Meta(pattern=text)] for text in (r"^episodes/\d{6,}\.h5$", "^[0-9a-f]{64}$"))
_MANIFEST = record(
    **_OF_EPISODES,
    complete=bool,  # whether all of the episodes are there
    origin=record(command=str),  # the command that made them and what it made them of
    episodes=Count,  # how many there are to be
    frames=Count,
    throughput=record(frames=Least0, seconds=Least0, processes=Count, total=Least0) | None,
    versions=by_name(str),
    lengths=many(Annotated[int, Meta(ge=1, le=10**7)]),  # control steps in each, in order
    files=by_name(_DIGEST, _FILE),  # SHA-256 of each, in order
)


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
    """The entries that tell one set of episodes from another; see `_OF_EPISODES` and, for `play`, `PLAYS`."""
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
    write_whole(folder / MANIFEST, json_text(manifest, indent=1).encode())


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder of episodes, None where there is none.

    Raises StoreError: what is there is damaged, of another schema, or describes something else.
    """
    path, advice = folder / MANIFEST, "collect into another folder"
    try:
        manifest = read_json(path, dict[str, Any], StoreError, advice)
    except FileNotFoundError:
        return None
    if manifest.get("kind") != KIND:
        raise StoreError(f"{path} does not describe recorded episodes: name a folder that 'housecat collect' wrote")
    if manifest.get("schema") != SCHEMA:
        version = shortened(manifest.get("schema"))
        raise StoreError(f"{path} has schema {version}, this version reads {SCHEMA}: {advice}")
    try:
        check(manifest, _MANIFEST)
        check_spec(manifest["world"])
    except ValueError as error:
        raise StoreError(f"the manifest {path}: {error}: {advice}") from error
    names = [episode_file(index) for index in range(manifest["episodes"])]
    if manifest["complete"] and not (list(manifest["files"]) == names and len(manifest["lengths"]) == len(names)):
        raise StoreError(f"the manifest {path} contradicts itself about its episodes: {advice}")
    return manifest


def fingerprint(manifest: dict[str, Any]) -> str:
    """Sixteen hexadecimal digits that change with any byte of any episode and with their order."""
    return hashlib.sha256("".join(manifest["files"].values()).encode()).hexdigest()[:16]
