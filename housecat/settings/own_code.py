"""Code of the user's own: what FILE.py:NAME or MODULE:NAME on a command line means, or an object handed over in Python.

Only what the user of this process has named is ever imported: nothing that a recording or a checkpoint names.
"""

import hashlib
import importlib
import importlib.util
import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

from housecat.errors import UsageError
from worldmodel.settings import OWN

_REFERENCE = re.compile(r"(?P<place>[^:]+\.py|[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)")
_named: dict[str, Any] = {}  # in this process, by reference


def is_reference(text: Any) -> bool:
    """Whether this is a way to name code, "FILE.py:NAME" or "MODULE:NAME"."""
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def reference(thing: Any) -> str:
    """The words for an object of the user's, which `own_code` gives back in this process; of a text, the text."""
    if isinstance(thing, str):
        return thing
    words = f"{type(thing).__module__}:{type(thing).__name__}_{id(thing)}"  # an object, or a function inside another
    name = getattr(thing, "__qualname__", "")
    if name.isidentifier() and (inspect.isclass(thing) or inspect.isfunction(thing)):
        file = inspect.getsourcefile(thing)
        words = f"{thing.__module__}:{name}" if file is None else f"{os.path.relpath(file)}:{name}"
    _named[words] = thing
    return words


def own_code(words: str) -> Any:
    """The object that the user named with these words. Raises UsageError: there is none."""
    if words in _named:
        return _named[words]
    found = _REFERENCE.fullmatch(words)
    if found is None:
        raise UsageError(f"'{words}' names no code of yours: write {OWN} or MODULE:NAME")
    place, name = found["place"], found["name"]
    try:
        _named[words] = getattr(_imported(place), name)
    except AttributeError:
        raise UsageError(f"{words}: there is no {name} in {place}") from None
    except Exception as error:  # the user's own code may fail in any way
        raise UsageError(f"{words} cannot be imported: {type(error).__name__}: {error}") from error
    return _named[words]


def made(words: str, given: dict[str, Any] | None = None) -> Any:
    """The same; where it is a class, an instance, made with what is `given` or without arguments. Raises UsageError."""
    found = own_code(words)
    try:
        return found(**given or {}) if inspect.isclass(found) else found
    except Exception as error:
        how = f"with {given}" if given else "without arguments"
        raise UsageError(f"{words} cannot be made {how}: {error}") from error


def code_digest(words: str) -> str:
    """SHA-256 of the file that the user's own code is in; of nothing where it is in none. Raises UsageError."""
    found = own_code(words)
    try:
        file = inspect.getsourcefile(found if inspect.isclass(found) or inspect.isroutine(found) else type(found))
    except TypeError:
        file = None
    return hashlib.sha256(Path(file).read_bytes() if file else b"").hexdigest()


def hand_over_named(config: Any) -> None:
    """Makes known to `worldmodel` the methods and encoders of the user's own that a `Config` names.

    Raises UsageError: they are not to be found.
    """
    encoder = getattr(config.of_method.get("model"), "encoder", "")
    for words in filter(is_reference, (*str(config.code or "").split(","), config.method.name, encoder)):
        kind = own_code(words)  # before torch is loaded, where there is none
        from worldmodel.method import Entry, Method
        from worldmodel.methods.default import DefaultSettings
        from worldmodel.own_code import hand_over

        if not inspect.isclass(kind) or not issubclass(kind, Method):
            if words == config.method.name:
                raise UsageError(
                    f"method={words} is no Method of worldmodel/method.py: for an encoder write model.encoder="
                )
            hand_over(words, kind)
            continue
        declared = getattr(sys.modules[kind.__module__], "ENTRY", None)
        hand_over(words, declared if getattr(declared, "make", None) is kind else Entry(DefaultSettings, kind))


def _imported(place: str) -> Any:
    """A module by its name or its file, which may import those beside it, or in the working directory."""
    file = Path(place).resolve()
    folder = str(file.parent) if place.endswith(".py") else os.getcwd()
    sys.path.insert(0, folder)
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        name = f"housecat_own_{file.stem}_{abs(hash(file)):x}"
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None  # the name ends in .py
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(folder)
