"""Settings of methods, read back from the JSON that a checkpoint keeps."""

from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


def from_json(kind: type, values: dict[str, Any]) -> Any:
    """The dataclass `kind` with its nested dataclasses, from what `dataclasses.asdict` made of one.

    Raises:
        KeyError: a value is missing.
    """
    types = get_type_hints(kind)
    return kind(
        **{
            one.name: from_json(types[one.name], values[one.name])
            if is_dataclass(types[one.name])
            else values[one.name]
            for one in fields(kind)
        }
    )
