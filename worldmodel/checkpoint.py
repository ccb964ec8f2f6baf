"""A trained model on disk: safetensors, a config and a model card, written to a temporary name and renamed."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import torch
from msgspec import Meta, defstruct
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from worldmodel.distances.critics import KINDS, kind_of
from worldmodel.distances.distance import LearnedDistance
from worldmodel.files import json_text, read_json, replace_folder, require_plain, restore_folder, tensor_bytes
from worldmodel.methods.registry import METHODS
from worldmodel.model import Encoder
from worldmodel.own_code import OwnCodeError, is_own
from worldmodel.settings import from_json
from worldmodel.share.card import model_card
from worldmodel.stages.ensemble import Ensemble

T = TypeVar("T", bound=nn.Module)

_COUNT, _LENGTH = Annotated[int, Meta(ge=0, le=10**6)], Annotated[float, Meta(gt=0, le=1e6)]
_CRITIC = defstruct("critic", [("kind", str), ("width", _COUNT), ("longest", _LENGTH)])
# Of the notes, what is read: control steps that a recording needed, and figures.
_ABOUT = defstruct(
    "about", [("shortest", _COUNT, 0), ("measured", dict[str, float | None], {}), ("surprise", float | None, None)]
)
_ENSEMBLE = defstruct("ensemble", [("action", _COUNT), ("members", _COUNT), ("width", _COUNT)])
_PARTS: list[Any] = [("method", str), ("settings", dict), ("critic", _CRITIC | None), ("about", _ABOUT)]
_PARTS.append(("ensemble", _ENSEMBLE | None, None))
_RECOMMENDED = defstruct("recommended", [("planner", str)])
_CONFIG = defstruct("config", [("format", int), *_PARTS])
FORMAT = 10  # raised when a saved model can no longer be read as before
WEIGHTS = tuple(f"{part}.safetensors" for part in ("model", "critic", "landmarks", "ensemble", "probes"))
WORDS, MEMORY = "words.safetensors", "memory.safetensors"  # learnt later, if at all: not part of what the model is
RECOMMENDED = "recommended.json"  # likewise: which planner did best with it on pairs for that choice
ROBOT = "robot.zip"  # of a robot that its user has brought along: the model's files
FILES = ("config.json", *WEIGHTS, WORDS, MEMORY, RECOMMENDED, "README.md", ROBOT)  # all that a checkpoint is made of
_LARGEST_ROBOT = 100_000_000  # bytes


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
    robot: bytes | None = None  # see `robot_of`
    ensemble: Ensemble | None = None  # None: none was trained
    probes: dict[str, Tensor] = field(default_factory=dict)  # tensors of `worldmodel.readings.Readings`; empty: none
    words: dict[str, Tensor] = field(default_factory=dict)  # of `worldmodel.language.grounding.Words`; empty: none
    memory: dict[str, Tensor] = field(default_factory=dict)  # weights of a `MemoryFilter`; empty: none


def folder_of(path: Path) -> Path:
    """The folder with the weights: `path` itself or the run's `model/`. Raises CheckpointError where there is none."""
    for folder in (path, path / "model"):
        restore_folder(folder, FILES)
        if (folder / "config.json").is_file():
            return folder
    raise CheckpointError(f"there is no checkpoint in {path}: give the folder that `housecat train` wrote")


def digest(folder: Path) -> str:
    """SHA-256 of a checkpoint's settings, notes and weights. Raises OSError where it cannot be read."""
    found = hashlib.sha256()
    for name in ("config.json", *(name for name in WEIGHTS if (folder / name).is_file())):
        with (folder / name).open("rb") as file:
            found.update(name.encode() + hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def description(name: str, settings: Any) -> dict[str, Any]:
    """What a model was trained by, as JSON: `{"method": name, "settings": ...}`."""
    return {"method": name, "settings": asdict(settings)}


def read_config(folder: Path) -> dict[str, Any]:
    """The description of a checkpoint, without its weights. Raises CheckpointError where it cannot be read."""
    try:
        config = read_json(folder / "config.json", _CONFIG)
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from error
    if config["format"] != FORMAT:
        raise CheckpointError(f"checkpoint {folder} has format {config['format']}, not {FORMAT}: train again")
    if config["method"] not in METHODS and not is_own(config["method"]):
        known = ", ".join(METHODS)
        raise CheckpointError(f"checkpoint {folder} is of the method {config['method'][:40]!r}, there are {known}")
    return config


def described(folder: Path) -> dict[str, Any]:
    """What a model was trained by, of the checkpoint in a folder. Raises CheckpointError where it cannot be read."""
    config = read_config(folder)
    return {"method": config["method"], "settings": config["settings"]}


def robot_of(folder: Path) -> bytes | None:
    """The archive of the robot that a checkpoint carries along, None where it carries none.

    Raises CheckpointError: it cannot be read.
    """
    file = folder / ROBOT
    try:
        if not file.exists():
            return None
        require_plain(file)
        if file.stat().st_size > _LARGEST_ROBOT:
            raise ValueError(f"{ROBOT} has more than {_LARGEST_ROBOT:,} bytes")
        return file.read_bytes()
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from error


def save(
    folder: Path,
    name: str,
    settings: Any,
    model: Encoder,
    distance: LearnedDistance | None,
    landmarks: dict[str, Tensor],
    about: dict,
    robot: bytes | None = None,
    ensemble: Ensemble | None = None,
    probes: dict[str, Tensor] | None = None,
    words: dict[str, Tensor] | None = None,
    memory: dict[str, Tensor] | None = None,
) -> None:
    """Writes what was learnt, with notes and a model card, to `folder`, replacing what was there.

    `name` is that of a method in `METHODS`. A model that imagines nothing has no distance (None) and no landmarks.
    Raises CheckpointError or NotOursError: the folder holds something else.
    """
    if folder.is_dir() and any(folder.iterdir()):
        read_config(folder)  # or it is not ours to replace
    files, critic = {"model.safetensors": tensor_bytes(model.state_dict())}, None
    if distance is not None:
        critic = {"kind": kind_of(distance), "width": distance.width, "longest": distance.longest}
        files["critic.safetensors"] = tensor_bytes(distance.state_dict())
    if ensemble is not None:
        files["ensemble.safetensors"] = tensor_bytes(ensemble.state_dict())
    for part, tensors in (("landmarks", landmarks), ("probes", probes), ("words", words), ("memory", memory)):
        if tensors:
            files[f"{part}.safetensors"] = tensor_bytes(tensors)
    if robot is not None:
        files[ROBOT] = robot
    config = {"format": FORMAT, **description(name, settings), "critic": critic, "about": about}
    config["ensemble"] = ensemble and ensemble.sizes
    files["config.json"] = json_text(config, indent=2).encode()
    files["README.md"] = model_card(config).encode()
    replace_folder(folder, files, FILES)


def load(folder: Path, device: torch.device, precision: torch.dtype = torch.float32) -> Loaded:
    """Reads a checkpoint. Raises CheckpointError with one line where that cannot be done."""
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"no checkpoint in {folder}: give the folder that `housecat train` wrote")
    config = read_config(folder)
    critic, distance, ensemble = config["critic"], None, None
    try:
        entry = METHODS[config["method"]]
        settings = from_json(entry.settings, config["settings"])
        model = _filled(lambda: entry.make(settings, precision).model, folder / "model.safetensors")
        if critic is not None:
            sizes = model.latent, critic["width"], critic["longest"], precision
            distance = _filled(partial(KINDS[critic["kind"]].network, *sizes), folder / "critic.safetensors")
        if config.get("ensemble") is not None:
            make = partial(Ensemble, model.latent, **config["ensemble"])
            ensemble = _filled(make, folder / "ensemble.safetensors")
        landmarks, probes = (_tensors(folder / f"{part}.safetensors", device) for part in ("landmarks", "probes"))
        words, memory = (_tensors(folder / name, device) for name in (WORDS, MEMORY))
        about = config["about"]
        if (folder / RECOMMENDED).exists():
            about = {**about, "recommended": read_json(folder / RECOMMENDED, _RECOMMENDED)["planner"]}
    except OwnCodeError as error:
        raise CheckpointError(f"checkpoint {folder}: {error}") from error
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise _damaged(folder, error) from error
    for part in (model, distance, ensemble):
        if part is not None:
            part.to(device).eval().requires_grad_(False)
    beside = about, robot_of(folder), ensemble, probes, words, memory
    return Loaded(config["method"], settings, model, distance, landmarks, *beside)


def _tensors(path: Path, device: torch.device) -> dict[str, Tensor]:
    """What a file holds by name; nothing where there is none."""
    if not path.exists():
        return {}
    require_plain(path)
    return {name: each.to(device) for name, each in load_file(path).items()}


def _filled(make: Callable[[], T], path: Path) -> T:
    """A network with the weights in a file, which must have their shapes before any of it is made."""
    with torch.device("meta"):
        expected = {name: tuple(one.shape) for name, one in make().state_dict().items()}
    require_plain(path)
    with safe_open(path, "pt") as file:
        found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    for name in expected | found:
        if found.get(name) != expected.get(name):
            raise ValueError(f"{path.name}: {name[:80]} is {found.get(name)}, expected {expected.get(name)}")
    network, weights = make(), load_file(path)
    for name, one in weights.items():
        if not one.isfinite().all():
            raise ValueError(f"{path.name}: {name[:80]} holds what is no finite number")
    network.load_state_dict(weights)
    return network


def _damaged(folder: Path, error: Exception) -> CheckpointError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
    return CheckpointError(f"checkpoint {folder} is damaged ({reason}): train again or copy it anew")
