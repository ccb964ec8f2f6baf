"""Rules that hold for the whole project: who may import whom, names, sizes, settings, and what the documents say."""

import ast
import graphlib
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from housecat.cli.help import COMMANDS, is_group, named
from housecat.settings.config import load_config
from housecat.settings.from_files import SOURCES
from housecat.settings.groups import GROUPS, config_folder, group_choices
from housecat.settings.schema import settings

ROOT = Path(__file__).parent.parent
PACKAGES = ("envs", "worldmodel", "planners", "housecat")
MAY_IMPORT = {  # of our packages, and of the large ones that decide what a package can be used without
    "envs": {"envs", "mujoco", "gymnasium", "h5py", "scipy"},
    "worldmodel": {"worldmodel", "torch", "safetensors", "scipy"},
    "planners": {"planners", "torch", "scipy", "cmaes"},
    "housecat": {*PACKAGES, "torch", "mujoco", "gymnasium", "h5py", "scipy", "safetensors"},
}
WIDEST = 16  # files in one folder
LINES = 33_800  # raised only when a capability is added that is worth them: otherwise something goes for what comes
WATCHED = set().union(*MAY_IMPORT.values())


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_the_architecture_allows(package):
    for path in sources(package):
        wrong = set(imported(path)) & WATCHED - MAY_IMPORT[package]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_no_files_import_each_other_in_a_circle():
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sources(*PACKAGES)}
    needs: dict[str, set[str]] = {}
    for name, path in files.items():
        froms = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)]
        named_in = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
        needs[name] = (named_in | {str(node.module) for node in froms}) & set(files)
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError, which names the circle


def wings_needed(package: str) -> dict[str, set[str]]:
    """Which wings (sub-folders) each wing of a package imports; files at its root, the shared types, are left out."""
    wings = {folder.name for folder in (ROOT / package).iterdir() if list(folder.glob("*.py"))}
    needs: dict[str, set[str]] = {name: set() for name in wings}
    for name in wings:
        for path in sources(f"{package}/{name}"):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    begin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                    parts = [f"{begin}{alias.name}".split(".") for alias in node.names]
                    needs[name] |= {part[1] for part in parts if part[0] == package and len(part) > 1} & wings - {name}
    return needs


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_between_the_wings_of_a_package_run_one_way(package):
    needs = wings_needed(package)
    assert any(needs.values()) or package == "planners", "an empty graph has no circle and says nothing"
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError, which names the circle, of however many wings


def test_no_folder_of_a_package_is_wider_than_one_looks_over():
    for folder in (path for package in PACKAGES for path in [ROOT / package, *(ROOT / package).rglob("*/")]):
        if folder.name != "__pycache__":
            files = sorted(path.name for path in folder.iterdir() if path.is_file())
            assert len(files) <= WIDEST, f"{folder.relative_to(ROOT)} holds {len(files)} files"


def test_no_class_name_stands_twice_in_the_packages():
    places: dict[str, list[str]] = {}
    for path in sources(*PACKAGES):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert len(places) > 100
    assert not {name: paths for name, paths in places.items() if len(paths) > 1}


def test_tests_stand_in_folders_named_as_those_of_what_they_test():
    folders = {path.parent.relative_to(ROOT / "tests") for path in sources("tests") if path.stem.startswith("test_")}
    assert {Path(package) for package in PACKAGES} <= {parent for folder in folders for parent in folder.parents}
    mirrored = [folder for folder in folders if folder.parts and folder.parts[0] in PACKAGES]
    assert not [str(folder) for folder in mirrored if not (ROOT / folder / "__init__.py").is_file()]


def test_recording_needs_no_torch():
    code = "import sys, envs, envs.data.collect, envs.data.store; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_no_file_is_called_after_nothing():
    for path in sources(*PACKAGES, "benchmarks", "tests"):
        assert path.stem not in {"utils", "util", "common", "base", "helpers", "misc"}, path


def test_files_and_functions_stay_small_enough_to_be_read_at_once():
    for path in sources(*PACKAGES, "benchmarks"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 300, path
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{path}: {node.name}"


def test_the_packages_hold_no_more_lines_than_was_decided():
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*PACKAGES)) <= LINES


def test_every_module_and_every_public_function_says_what_it_is_for():
    for path in sources(*PACKAGES):
        module = tree(path)
        assert ast.get_docstring(module), path
        for node in module.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_every_package_is_marked_as_typed():
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)


def test_every_setting_is_read_by_code_and_every_value_in_the_files_has_a_setting():
    read = {
        node.attr
        for path in sources(*PACKAGES)
        if path.name not in ("schema.py", "planning.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    for name in settings().keys() - set(SOURCES):  # these stand for what is in the files that they name
        assert name.rpartition(".")[2] in read, f"no code reads {name}"


@pytest.mark.parametrize(
    "choice",
    [f"world={world}" for world in group_choices("world")]
    + [f"model={m} objective={o}" for m, o in itertools.product(group_choices("model"), group_choices("objective"))],
)
def test_every_configuration_file_is_valid(choice, tmp_path):
    layout = tmp_path / "maze.txt"
    layout.write_text("#####\n#   #\n#####\n")
    own = {
        "world=pointmaze": f"world.layout={layout}",
        "world=mjcf": "path=robot.xml",
        "world=python": "world.factory=robot:make_env",
    }
    load_config([*choice.split(), *([own[choice]] if choice in own else [])])


def test_there_is_no_configuration_file_that_cannot_be_chosen():
    files = {path.relative_to(config_folder()) for path in config_folder().rglob("*.yaml")}
    groups = (*GROUPS, "preset")
    assert files == {Path("config.yaml")} | {Path(g) / f"{name}.yaml" for g in groups for name in group_choices(g)}


@pytest.mark.parametrize(
    ("document", "must_show"),
    [("README.md", {"quickstart", "collect", "train", "evaluate", "doctor"}), ("RESULTS.md", {"compare", "evaluate"})],
)
def test_every_command_and_setting_that_a_document_shows_exists(document, must_show):
    text = re.sub(r"(?s)<!-- figures: .*?<!-- end -->", "", (ROOT / document).read_text(encoding="utf-8"))  # of its day
    found = re.findall(
        r"housecat ((?:[a-z]+\b(?![.=]) ?){1,2})((?: ?[\w.]+=\S+)*)", "\n".join(re.findall(r"`+[^`]+`+", text))
    )
    lines = [(named(words.split())[0], arguments) for words, arguments in found]
    assert must_show <= {command for command, _ in lines}
    for command, arguments in lines:
        assert command in COMMANDS or is_group(command)
        for argument in arguments.split():
            name = argument.rstrip("`").partition("=")[0]
            assert name in settings() or name in GROUPS, argument
            assert COMMANDS[command].reads(name), f"{command} does not read {name}"


@pytest.mark.parametrize("document", ["README.md", "RESULTS.md"])
def test_files_and_sections_that_a_document_links_to_exist(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    headings = {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"(?m)^#+ (.+)$", text)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= headings
    for name in re.findall(r"\]\(([\w./]+)\)", text) + re.findall(r"`((?:benchmarks|planners)/\w+\.py)`", text):
        assert (ROOT / name).exists(), name
