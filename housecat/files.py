"""Text and JSON files that are never seen half-written."""

from pathlib import Path
from typing import Any

from envs.data.episodes import json_text, write_whole
from envs.files import BY_PROGRAMS, from_json, read_plain
from housecat.errors import UsageError


def write_text(path: Path, text: str) -> None:
    """Writes `text`, whole or not at all; makes the folder if it is missing. StoreError where it cannot be written."""
    write_whole(path, text.encode())


def write_json(path: Path, data: Any, indent: int | None = 2) -> None:
    """Writes `data` as JSON; what is not a finite number is unknown, hence null."""
    write_text(path, json_text(data, indent) + "\n")


def read_metrics(path: Path) -> list[dict[str, float | None]]:
    """The lines of a `metrics.jsonl`; a killed training may leave half of one at the end.

    Raises FileNotFoundError; UsageError where the file is damaged or holds nothing.
    """
    try:
        text = read_plain(path, BY_PROGRAMS, path.parent).replace(b": NaN", b": null")  # earlier versions wrote that
        lines = text.splitlines()
        found = [from_json(line, dict[str, float | None]) for line in lines if line.endswith(b"}")]
        if not found or any(line.get("step") is None for line in found):
            raise ValueError("a line says no step" if found else "it holds nothing")
    except ValueError as error:
        raise UsageError(f"{path} is damaged ({error}): train again") from error
    return found
