"""Manifests: the start-goal pairs of one world and seed, frozen in a file that says by its hash whether they still are.

A manifest is a `pairs.json` (`housecat/evaluation/pairs.py`: unsolved at the start, stratified by true distance, and
calibration pairs of another stream) with two entries more:

    version     of the way in which pairs are drawn
    sha256      of everything else in it, as canonical JSON: keys sorted, no spaces

Which camera a model sees the world with is none of its business: models of 64 and of 32 pixels play the same pairs.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envs.files import read_json
from envs.world import World
from housecat.evaluation import pairs as pairs_file
from housecat.evaluation.pairs import PairRequest, PairsError, PairSet, make_pairs
from housecat.files import write_json

VERSION = 1
_OF_CAMERAS = ("frame_size", "path")
_ADVICE = "take it anew from where it came, or delete it to have pairs drawn"


@dataclass(frozen=True)
class Manifest:
    """Frozen pairs."""

    pairs: PairSet
    sha256: str  # of the whole file's content


Manifests = dict[tuple[str, int], Manifest]  # by world and seed


def file_of(folder: Path, world: str, seed: int) -> Path:
    """Where a folder has the manifest of a world's name and a seed."""
    return folder / f"{world.replace('/', '-')}-seed{seed}.json"


def frozen(world: World, request: PairRequest, folder: Path, draw: bool = True) -> Manifest:
    """The pairs that are asked for, the first ones where the manifest has more; drawn and written if there is none.

    Args:
        draw: False: there must be one.

    Raises PairsError: it is not there, was changed after it was frozen, is of another world or of other pairs.
    """
    file, spec = file_of(folder, world.name, request.seed), _without_cameras(world.spec_dict)
    asked = json.loads(json.dumps({"world": spec, **request.entries()}))
    if not file.exists():
        if not draw:
            raise PairsError(f"there is no {file}: leave out bench.manifests to have pairs drawn, or copy it there")
        content = {"version": VERSION, **pairs_file.to_json(make_pairs(world, request), asked)}
        write_json(file, {"sha256": digest(content), **content})
    stored = read_json(file, pairs_file.STORED, PairsError, _ADVICE)
    if stored.get("version") != VERSION:
        raise PairsError(f"{file} has version {stored.get('version')} of the pairs, this program {VERSION}: {_ADVICE}")
    if stored.get("sha256") != digest(stored):
        raise PairsError(f"{file} was changed after it was frozen, its hash does not fit: {_ADVICE}")
    _require(file, stored["asked"], asked)
    try:
        found = pairs_file.from_json(stored)
        pairs_file.require_states_of(world, found)
    except ValueError as error:
        raise PairsError(f"{file} is damaged ({error}): {_ADVICE}") from error
    calibration = found.calibration[: request.calibration]
    return Manifest(replace(found, pairs=found.pairs[: request.count], calibration=calibration), stored["sha256"])


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of a manifest's content without its own hash."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    canonical = json.dumps(json.loads(json.dumps(rest)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _require(file: Path, found: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raises PairsError where a manifest of pairs `found` is not one for what is `asked`; more pairs will do."""
    for name, wanted in asked.items():
        there = _without_cameras(found["world"]) if name == "world" else found.get(name)
        if there == wanted or (name in ("count", "calibration") and found[name] >= wanted):
            continue
        what = f"{name} {there}, asked for {wanted}"
        if name == "world":
            other = found["world"].get("name")
            what = f"of world '{other}'" if other != wanted["name"] else f"of another making of world '{other}'"
        raise PairsError(f"{file} holds other pairs ({what}): name other bench.manifests, or another out=DIR")


def _without_cameras(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in _OF_CAMERAS}
