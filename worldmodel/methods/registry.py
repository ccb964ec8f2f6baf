"""Every method by name: the files of this folder that declare an `ENTRY`. A new one is a file of its own.

Those of users, which are named by their files, are beside them: see `worldmodel/own_code.py`.
"""

import pkgutil
from importlib import import_module

from worldmodel import methods
from worldmodel.method import Entry
from worldmodel.own_code import handed_over, is_own


def found() -> dict[str, Entry]:
    """The methods by the names of their files."""
    names = [one.name for one in pkgutil.iter_modules(methods.__path__)]
    entries = {name: getattr(import_module(f"{methods.__name__}.{name}"), "ENTRY", None) for name in names}
    return {name: entry for name, entry in entries.items() if entry is not None}


class _Methods(dict[str, Entry]):
    def __missing__(self, name: str) -> Entry:
        """A method of the user's own. Raises OwnCodeError, or KeyError where the name is none of such a one."""
        if not is_own(name):
            raise KeyError(name)
        return handed_over(name)


METHODS = _Methods(found())
