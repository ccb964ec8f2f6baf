"""Text and JSON files that are never seen half-written."""

import json
from pathlib import Path
from typing import Any

from envs.data.episodes import write_whole


def write_text(path: Path, text: str) -> None:
    """Writes `text`, whole or not at all; makes the folder if it is missing. StoreError where it cannot be written."""
    write_whole(path, text.encode())


def write_json(path: Path, data: Any, indent: int | None = 2) -> None:
    """Writes `data` as JSON that every reader accepts. ValueError for NaN and infinities, which JSON does not have."""
    write_text(path, json.dumps(data, indent=indent, allow_nan=False) + "\n")
