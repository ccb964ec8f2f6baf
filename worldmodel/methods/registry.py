"""Every method by name: the files of this folder that declare an `ENTRY`. A new one is a file of its own."""

import pkgutil
from importlib import import_module

from worldmodel import methods
from worldmodel.method import Entry


def found() -> dict[str, Entry]:
    """The methods by the names of their files."""
    names = [one.name for one in pkgutil.iter_modules(methods.__path__)]
    entries = {name: getattr(import_module(f"{methods.__name__}.{name}"), "ENTRY", None) for name in names}
    return {name: entry for name, entry in entries.items() if entry is not None}


METHODS = found()
