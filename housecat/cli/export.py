"""`housecat export`: encoder and predictor as programs, checked, with a description for whoever runs them.

`export.json`, schema 1:

    schema      1
    method, world   that trained the model; name of the world
    programs    {file: {"inputs": {name: shape}, "difference", "largest", "tolerance", "equal"}}
    frames      as the training camera saw them: uint8 RGB, oldest first, nothing normalised
    actions     in [-1, 1]
"""

from pathlib import Path

import torch

from envs.data.folder import new_folder
from housecat.files import write_json
from housecat.runs.wiring import trained_world
from worldmodel import checkpoint
from worldmodel.share.export import Exported, export

SCHEMA = 1


def export_programs(folder: Path, out: Path, horizon: int, onnx: bool) -> int:
    """Writes the programs of the checkpoint in `folder` to the new `out`; 0, or 1 where one differs from the model.

    Raises CheckpointError: there is no checkpoint, or it cannot be exported; UsageError: it names no world; StoreError:
    `out` is there already.
    """
    world = trained_world(folder)
    loaded = checkpoint.load(folder, torch.device("cpu"))
    with new_folder(out) as new:
        made = export(loaded.model, world["frame_size"], horizon, new, onnx)
        kept = ("inputs", "difference", "largest", "tolerance", "equal")
        written = {
            "schema": SCHEMA,
            "method": loaded.method,
            "world": world["name"],
            "programs": {one.file.name: {name: getattr(one, name) for name in kept} for one in made},
            "frames": "uint8 RGB of the training camera, oldest first, not normalised",
            "actions": "in [-1, 1]",
        }
        write_json(new / "export.json", written)
    for one in made:
        print(f"{out / one.file.name}: {verdict(one)}")
    return 0 if all(one.equal for one in made) else 1


def verdict(one: Exported) -> str:
    """How one program compares with the model, in words."""
    same = "the same as the model" if one.equal else "DIFFERENT FROM THE MODEL"
    return (
        f"{same}, largest difference {one.difference:.2g} on values up to {one.largest:.3g} (tolerance "
        f"{one.tolerance:g} of that)"
    )
