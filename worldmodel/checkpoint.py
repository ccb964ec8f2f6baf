"""A trained world model on disk: safetensors and a config beside them, written to a temporary name and renamed."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from worldmodel.critic import TemporalDistance
from worldmodel.model import ModelSettings, WorldModel

FORMAT = 1  # raised when a saved model can no longer be read as before


class CheckpointError(Exception):
    """A checkpoint is missing, damaged or of another format; the message is one line that says what to do."""


@dataclass(frozen=True)
class Loaded:
    """What a checkpoint folder holds."""

    model: WorldModel  # in evaluation mode
    distance: TemporalDistance
    landmarks: dict[str, Tensor]  # tensors of the landmark graph by name; empty where none was saved
    about: dict  # what the trainer noted: world, data, versions


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Calls `write(temporary folder)` and moves the result to `folder`, so that no half-written folder is ever seen."""
    temporary = folder.with_name(folder.name + ".partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    write(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def save(
    folder: Path, model: WorldModel, distance: TemporalDistance, landmarks: dict[str, Tensor], about: dict
) -> None:
    """Writes model, temporal distance, landmark graph and notes to `folder`, replacing what was there."""
    config = {
        "format": FORMAT,
        "model": asdict(model.settings),
        "critic": {"width": distance.width, "longest": distance.longest},
        "about": about,
    }

    def write(target: Path) -> None:
        save_file(_plain(model.state_dict()), target / "model.safetensors")
        save_file(_plain(distance.state_dict()), target / "critic.safetensors")
        if landmarks:
            save_file(_plain(landmarks), target / "landmarks.safetensors")
        (target / "config.json").write_text(json.dumps(config, indent=2))

    replace_folder(folder, write)


def load(folder: Path, device: torch.device, precision: torch.dtype = torch.float32) -> Loaded:
    """Reads a checkpoint. Raises CheckpointError with one line where that cannot be done."""
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"no checkpoint in {folder}: give the folder that `housecat train` wrote")
    try:
        config = json.loads((folder / "config.json").read_text())
        if config["format"] != FORMAT:
            raise CheckpointError(f"checkpoint {folder} has format {config['format']}, not {FORMAT}: train again")
        model = WorldModel(ModelSettings(**config["model"]), precision)
        model.load_state_dict(load_file(folder / "model.safetensors"))
        distance = TemporalDistance(model.latent, **config["critic"], precision=precision)
        distance.load_state_dict(load_file(folder / "critic.safetensors"))
        graph = folder / "landmarks.safetensors"
        landmarks = load_file(graph) if graph.is_file() else {}
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"checkpoint {folder} is damaged ({reason}): train again or copy it anew") from error
    for part in (model, distance):
        part.to(device).eval().requires_grad_(False)
    return Loaded(model, distance, landmarks, config["about"])


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
