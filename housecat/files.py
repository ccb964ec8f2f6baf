"""Text and JSON files that are never seen half-written."""

import json
import os
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Writes `text` under a temporary name beside `path` and renames it; makes the folder if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, data: Any, indent: int | None = 2) -> None:
    """Writes `data` as JSON that every reader accepts. ValueError for NaN and infinities, which JSON does not have."""
    write_text(path, json.dumps(data, indent=indent, allow_nan=False) + "\n")
