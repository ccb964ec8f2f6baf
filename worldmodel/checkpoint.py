"""A trained model on disk: safetensors, a config and a model card, written to a temporary name and renamed."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from worldmodel.distances.critics import KINDS, kind_of
from worldmodel.distances.distance import LearnedDistance
from worldmodel.files import replace_folder, restore_folder, tensor_bytes
from worldmodel.methods.registry import METHODS
from worldmodel.model import Encoder
from worldmodel.settings import from_json
from worldmodel.share.card import model_card

FORMAT = 10  # raised when a saved model can no longer be read as before


class CheckpointError(Exception):
    """A checkpoint is missing, damaged or of another format; the message is one line that says what to do."""


@dataclass(frozen=True)
class Loaded:
    """What a checkpoint folder holds."""

    method: str  # name of the method that trained it
    settings: Any  # of that method
    model: Encoder  # in evaluation mode; a WorldModel where the method makes one
    distance: LearnedDistance | None  # None: the model imagines nothing
    landmarks: dict[str, Tensor]  # tensors of the landmark graph by name; empty where none was saved
    about: dict  # what the trainer noted: world, data, versions


def folder_of(path: Path) -> Path:
    """The folder with the weights: `path` itself or the run's `model/`. Raises CheckpointError where there is none."""
    for folder in (path, path / "model"):
        restore_folder(folder)
        if (folder / "config.json").is_file():
            return folder
    raise CheckpointError(f"there is no checkpoint in {path}: give the folder that `housecat train` wrote")


def description(name: str, settings: Any) -> dict[str, Any]:
    """What a model was trained by, as JSON: `{"method": name, "settings": ...}`."""
    return {"method": name, "settings": asdict(settings)}


def described(folder: Path) -> dict[str, Any]:
    """The same of a checkpoint, without loading its weights. Raises CheckpointError where it cannot be read."""
    try:
        config = json.loads((folder / "config.json").read_text())
        return {"method": config["method"], "settings": config["settings"]}
    except (OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"checkpoint {folder} is damaged ({error}): train again or copy it anew") from error


def save(
    folder: Path,
    name: str,
    settings: Any,
    model: Encoder,
    distance: LearnedDistance | None,
    landmarks: dict[str, Tensor],
    about: dict,
) -> None:
    """Writes model, temporal distance, landmark graph, notes and model card to `folder`, replacing what was there.

    `name` is that of a method in `METHODS`. A model that imagines nothing has no distance (None) and no landmarks.
    """
    files, critic = {"model.safetensors": tensor_bytes(model.state_dict())}, None
    if distance is not None:
        critic = {"kind": kind_of(distance), "width": distance.width, "longest": distance.longest}
        files["critic.safetensors"] = tensor_bytes(distance.state_dict())
    if landmarks:
        files["landmarks.safetensors"] = tensor_bytes(landmarks)
    config = {"format": FORMAT, **description(name, settings), "critic": critic, "about": about}
    files["config.json"] = json.dumps(config, indent=2).encode()
    files["README.md"] = model_card(config).encode()
    replace_folder(folder, files)


def load(folder: Path, device: torch.device, precision: torch.dtype = torch.float32) -> Loaded:
    """Reads a checkpoint. Raises CheckpointError with one line where that cannot be done."""
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"no checkpoint in {folder}: give the folder that `housecat train` wrote")
    try:
        config = json.loads((folder / "config.json").read_text())
        if config["format"] != FORMAT:
            raise CheckpointError(f"checkpoint {folder} has format {config['format']}, not {FORMAT}: train again")
        entry = METHODS[config["method"]]
        settings = from_json(entry.settings, config["settings"])
        model = entry.make(settings, precision).model
        model.load_state_dict(load_file(folder / "model.safetensors"))
        distance = None
        if config["critic"] is not None:
            about = config["critic"]
            distance = KINDS[about["kind"]].network(model.latent, about["width"], about["longest"], precision)
            distance.load_state_dict(load_file(folder / "critic.safetensors"))
        graph = folder / "landmarks.safetensors"
        landmarks = {name: each.to(device) for name, each in load_file(graph).items()} if graph.is_file() else {}
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"checkpoint {folder} is damaged ({reason}): train again or copy it anew") from error
    for part in (model, distance):
        if part is not None:
            part.to(device).eval().requires_grad_(False)
    return Loaded(config["method"], settings, model, distance, landmarks, config["about"])
