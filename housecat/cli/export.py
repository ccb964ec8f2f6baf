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

from housecat.files import write_json
from worldmodel import checkpoint
from worldmodel.share.export import Exported, export

SCHEMA = 1


def export_programs(folder: Path, out: Path, horizon: int, onnx: bool) -> int:
    """Writes the programs of the checkpoint in `folder` to `out`; returns 0, or 1 where one differs from the model.

    Raises CheckpointError: there is no checkpoint, or it cannot be exported.
    """
    loaded = checkpoint.load(folder, torch.device("cpu"))
    world = loaded.about["world"]
    made = export(loaded.model, world["frame_size"], horizon, out, onnx)
    programs = {
        one.file.name: {name: getattr(one, name) for name in ("inputs", "difference", "largest", "tolerance", "equal")}
        for one in made
    }
    write_json(
        out / "export.json",
        {
            "schema": SCHEMA,
            "method": loaded.method,
            "world": world["name"],
            "programs": programs,
            "frames": "uint8 RGB of the training camera, oldest first, not normalised",
            "actions": "in [-1, 1]",
        },
    )
    for one in made:
        print(line(one))
    return 0 if all(one.equal for one in made) else 1


def line(one: Exported) -> str:
    """One program in words."""
    verdict = "the same as the model" if one.equal else "DIFFERENT FROM THE MODEL"
    return (
        f"{one.file}: {verdict}, largest difference {one.difference:.2g} on values up to {one.largest:.3g} "
        f"(tolerance {one.tolerance:g} of that)"
    )
