"""What settings a dataclass declares, read from the source of its file: a command line is checked, and help is shown,
before anything heavy such as torch is loaded.

A field is a setting where its default is a call of `setting`, and a section of settings where its type is a dataclass.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from worldmodel.settings import setting


@dataclass(frozen=True)
class Setting:
    """One key as a user writes it."""

    name: str  # "train.updates"
    type: Any  # int, float, str, tuple[int, ...], ...; the type without None
    optional: bool  # null is allowed
    default: Any
    meaning: str
    low: float | None
    high: float | None  # as `low`: of numbers alone, and all of them
    choices: tuple[str, ...]
    only: tuple[str, ...]  # another key and the values of it with which this one is read


@dataclass(frozen=True)
class Section:
    """A group of settings: those of one dataclass."""

    name: str  # "train"
    module: str
    kind: str  # name of the dataclass
    meaning: str

    @property
    def settings(self) -> dict[str, Setting]:
        """By full name, in the order of the class."""
        return _settings(self)


@cache
def _settings(section: Section) -> dict[str, Setting]:
    nodes = ((node, module) for node, module in _fields(section.module, section.kind) if _is_setting(node))
    found = (_setting(section.name, node, module) for node, module in nodes)
    return {one.name: one for one in found}


def _setting(section: str, node: ast.AnnAssign, module: str) -> Setting:
    told, before = _value(node.value, module), f"{section}." * bool(section)
    kind = eval(ast.unparse(node.annotation), {"Any": Any})
    optional = isinstance(kind, UnionType)
    if optional:
        kind = next(part for part in get_args(kind) if part is not type(None))
    only = told.metadata["only"]
    if only and "." not in only[0]:
        only = (before + only[0], *only[1:])
    return Setting(before + ast.unparse(node.target), kind, optional, told.default, **{**told.metadata, "only": only})


def sections(module: str, kind: str) -> dict[str, Section]:
    """The sections of a dataclass, by name: its fields whose types are dataclasses with settings."""
    found = {}
    for node, where in _fields(module, kind):
        if isinstance(node.annotation, ast.Name) and not _is_setting(node):
            place, definition = _definition(where, node.annotation.id)
            if isinstance(definition, ast.ClassDef):
                name, meaning = ast.unparse(node.target), (ast.get_docstring(definition) or "").partition("\n")[0]
                found[name] = Section(name, place, definition.name, meaning)
    return found


def call(module: str, name: str) -> tuple[list[str], dict[str, str]]:
    """The call that a module gives a name to, `NAME = f(a, b=c)`: its arguments and keywords as they are written."""
    _, definition = _definition(module, name)
    if not isinstance(definition, ast.Call):
        raise LookupError(f"{module} declares no {name}")
    return [ast.unparse(one) for one in definition.args], {
        str(one.arg): ast.unparse(one.value) for one in definition.keywords
    }


class _Names(dict):
    """What the names in a default stand for: constants of the file or of those that it imports them from."""

    def __init__(self, module: str) -> None:
        super().__init__(setting=setting)
        self.module = module

    def __missing__(self, name: str) -> Any:
        module, definition = _definition(self.module, name)
        if not isinstance(definition, ast.expr):
            raise KeyError(name)
        return _value(definition, module)


def _value(node: ast.expr | None, module: str) -> Any:
    return eval(compile(ast.Expression(node), module, "eval"), {}, _Names(module))  # type: ignore[arg-type]


def _is_setting(node: ast.AnnAssign) -> bool:
    return isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "setting"


def _fields(module: str, kind: str) -> Iterator[tuple[ast.AnnAssign, str]]:
    """The fields of a class, those of its bases first, each with the module that declares it."""
    module, definition = _definition(module, kind)
    if not isinstance(definition, ast.ClassDef):
        raise LookupError(f"{module} has no class {kind}")
    for base in definition.bases:
        yield from _fields(module, ast.unparse(base))
    yield from ((node, module) for node in definition.body if isinstance(node, ast.AnnAssign))


def _definition(module: str, name: str) -> tuple[str, ast.ClassDef | ast.expr | None]:
    """A class or the value of a constant, and the module where it stands; None: it is neither."""
    names = _names(module)
    found = names.get(name)
    if isinstance(found, str):
        return _definition(found, name)
    return module, found


@cache
def _names(module: str) -> dict[str, ast.ClassDef | ast.expr | str]:
    """What the names of a module stand for: a class, the value of a constant, or the module that it comes from."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(f"there is no module {module}")
    found: dict[str, ast.ClassDef | ast.expr | str] = {}
    body = ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body
    for node in (*body, *(one for block in body if isinstance(block, ast.If) for one in block.body)):  # TYPE_CHECKING
        if isinstance(node, ast.ImportFrom):
            if str(node.module).partition(".")[0] in ("envs", "worldmodel", "planners", "housecat"):
                found |= {alias.name: str(node.module) for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
    return found
