"""Checkpoints that others can load: folders, and repositories on the Hugging Face Hub.

A repository holds what a checkpoint folder holds and nothing else: `config.json` (format, method, settings, notes),
`model.safetensors`, where they were learned `critic.safetensors` and `landmarks.safetensors`, the model card
`README.md`, and `robot.zip` of a robot that its user has brought along. Its name says method and world, such as
`someone/housecat-default-puck`. The weights load with `load` of `worldmodel.checkpoint` once they are on disk; nothing
is pickled and no code is downloaded.

The Hub needs the package `huggingface_hub` (`pip install 'housecat[hub]'`); folders need nothing.
"""

import re
from pathlib import Path

import torch

from worldmodel.checkpoint import FILES, CheckpointError, Loaded, folder_of, load, save

_ID = re.compile(r"[\w.-]+/[\w.-]+")


def save_pretrained(loaded: Loaded, folder: Path | str) -> Path:
    """Writes a loaded checkpoint, with its card, to `folder`, replacing what was there; returns the folder."""
    folder = Path(folder)
    learned = loaded.model, loaded.distance, loaded.landmarks
    beside = {name: getattr(loaded, name) for name in ("robot", "ensemble", "probes", "words", "memory")}
    save(folder, loaded.method, loaded.settings, *learned, loaded.about, **beside)
    return folder


def from_pretrained(
    name: Path | str,
    revision: str | None = None,
    device: torch.device | str = "cpu",
    precision: torch.dtype = torch.float32,
) -> Loaded:
    """The checkpoint in a folder (a run, or `model/` in it), or in the repository OWNER/NAME on the Hub.

    `revision`: branch, tag or commit of the repository; None: its main branch.

    Raises CheckpointError: there is neither, or it cannot be read or fetched.
    """
    place = Path(name)
    if not place.exists() and isinstance(name, str) and _ID.fullmatch(name):
        place = _fetched(name, revision)
    return load(folder_of(place), torch.device(device), precision)


def push(folder: Path | str, repository: str, private: bool = True) -> str:
    """Uploads a checkpoint folder to the repository OWNER/NAME, made if it is not there; returns the commit's address.

    The card in the folder becomes the repository's page. Log in first, with `hf auth login`.

    Raises CheckpointError: there is no checkpoint, or it cannot be uploaded.
    """
    folder = folder_of(Path(folder))
    if not _ID.fullmatch(repository):
        raise CheckpointError(f"'{repository}' is no repository: write OWNER/NAME, e.g. someone/housecat-default-puck")
    hub = _hub()
    try:
        api = hub.HfApi()
        api.create_repo(repository, private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=repository, folder_path=folder, allow_patterns=list(FILES)))
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as error:
        raise CheckpointError(f"cannot upload to {repository} ({_first_line(error)}): see `hf auth login`") from error


def _fetched(repository: str, revision: str | None) -> Path:
    hub = _hub()
    try:
        return Path(hub.snapshot_download(repository, revision=revision, allow_patterns=list(FILES)))
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as error:
        raise CheckpointError(
            f"there is no folder {repository}, and the Hub does not give a repository of that name "
            f"({_first_line(error)}): check the name and the connection"
        ) from error


def _hub():  # type: ignore[no-untyped-def]  # a module that need not be there
    try:
        import huggingface_hub.errors
    except ImportError as error:
        raise CheckpointError(
            "the Hub needs a package that is not installed: pip install 'housecat[hub]', or give a folder"
        ) from error
    return huggingface_hub


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0] or type(error).__name__
