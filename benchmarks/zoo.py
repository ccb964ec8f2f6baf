"""Puts trained models into the package, as `housecat.zoo` has them: what planning needs, and no more.

python benchmarks/zoo.py runs=runs/medium,runs/puck
"""

import sys
from pathlib import Path

import torch

from envs.registry import WORLDS
from housecat import zoo
from housecat.runs.wiring import without_factors
from worldmodel.checkpoint import folder_of, load
from worldmodel.share.hub import save_pretrained

LARGEST = 8_000_000  # bytes of a model: everybody who installs Housecat fetches all of them


def keep(run: Path, zoo_folder: Path = zoo.FOLDER) -> Path:
    """Writes the model of a run to the zoo, under its world's name; returns the folder."""
    loaded = load(folder_of(run), torch.device("cpu"))
    world = loaded.about["world"]
    if WORLDS.get(world["name"]) != without_factors(world):
        raise SystemExit(f"{run} is of a world that does not come with Housecat: nobody else could play in it")
    folder = save_pretrained(loaded, zoo_folder / world["name"])
    size = sum(file.stat().st_size for file in folder.iterdir())
    if size > LARGEST:
        raise SystemExit(f"{folder} has {size:,} bytes, of at most {LARGEST:,}: train a smaller model")
    print(f"{folder}: {size:,} bytes")
    return folder


if __name__ == "__main__":
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    for one in given["runs"].split(","):
        keep(Path(one))
