"""The documentation builds without a warning, and what it shows runs: commands and Python, but for bare forms."""

import ast
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from housecat.cli.help import COMMANDS, named
from housecat.cli.main import main

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"(?ms)^```(\w+)\n(.*?)^```")
# What makes everything small; a command is given those that it reads.
TINY = {
    "model": "cnn",
    "model.latent": 16,
    "model.width": 8,
    "model.predictor_width": 32,
    "model.predictor_depth": 1,
    "collect.steps": 30,
    "train.updates": 8,
    "train.batch": 8,
    "train.length": 4,
    "train.horizon": 2,
    "train.measure_every": 8,
    "finetuning.updates": 4,
    "finetuning.horizon": 3,
    "critic.updates": 50,
    "critic.batch": 32,
    "critic.width": 16,
    "graph.landmarks": 8,
    "graph.candidates": 50,
    "planner.samples": 8,
    "planner.elites": 2,
    "planner.iterations": 1,
    "planner.horizon": 3,
    "evaluate.max_steps": 3,
    "evaluate.timing_steps": 1,
    "compare.seeds": "[0]",
    "bench.pairs": 2,
    "bench.calibration": 1,
    "physics.pairs": 4,
    "demo.steps": 3,
    "workers": 1,
}
FEW = {"episodes": 30, "updates": 8}  # in place of what a page says


def blocks(page: Path, *languages: str) -> list[str]:
    return [text for language, text in FENCE.findall(page.read_text(encoding="utf-8")) if language in languages]


def small(line: str) -> list[str]:
    """The words of a command, with few episodes, and the small settings that it reads and that the line leaves out."""
    program, *words = shlex.split(line)
    assert program == "housecat", line
    name = named(words)[0]
    few = 2 if name in ("evaluate", "compare") else FEW["episodes"]
    words = [re.sub(r"^episodes=\d+$", f"episodes={few}", word) for word in words]
    asked = {word.partition("=")[0] for word in words}
    given = dict(TINY) | ({"evaluate.episodes": 2} if "episodes" not in asked else {})
    given |= {"collect.episodes": FEW["episodes"]} if name == "quickstart" else {}
    return words + [f"{key}={value}" for key, value in given.items() if COMMANDS[name].reads(key) and key not in asked]


class Small(ast.NodeTransformer):
    """Gives the calls of housecat.collect, train and evaluate few episodes and updates, and small settings."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        called = ast.unparse(node.func)
        name = called.removeprefix("housecat.")
        if called != f"housecat.{name}" or name not in ("collect", "train", "evaluate"):
            return node
        given = {key: value for key, value in TINY.items() if COMMANDS[name].reads(key) and key != "train.updates"}
        given |= {"evaluate.episodes": 2} if name == "evaluate" else {}
        if any(keyword.arg == "encoder" for keyword in node.keywords):
            del given["model"]
        if any(keyword.arg == "optimizer" for keyword in node.keywords):  # one of one's own reads no settings of ours
            for key in ("planner.samples", "planner.elites", "planner.iterations"):
                del given[key]
        for keyword in node.keywords:
            if keyword.arg in FEW:
                keyword.value = ast.Constant(FEW[keyword.arg])
        node.keywords.append(ast.keyword("settings", ast.parse(repr(given), mode="eval").body))
        return node


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/medium and runs/medium, as after the first command of the documentation."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(small("housecat quickstart world=medium")) == 0
        assert main(small("housecat collect world=medium out=data/medium episodes=1500")) == 0
    return folder


@pytest.fixture
def folder(first_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(first_run, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    commands = (tmp_path / "site" / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    assert all(f">{name}<" in commands for name in COMMANDS)
    fetched = re.findall(r'(?:src|href)="(https?://[^"]+)"', (tmp_path / "site" / "index.html").read_text("utf-8"))
    assert not [address for address in fetched if "squidfunk" not in address], "a page fetches something from elsewhere"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh")], ids=lambda page: page.stem)
def test_its_commands_run(page, folder, capsys):
    for line in "".join(blocks(page, "sh")).splitlines():
        assert main(small(line)) == 0, f"{line}\n{capsys.readouterr().err}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_its_python_runs(page, folder):
    script = folder / "page.py"
    script.write_text(ast.unparse(Small().visit(ast.parse("\n".join(blocks(page, "python"))))), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(f"page_{page.stem}", script)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def test_the_lines_that_readme_shows_run_in_a_new_process(folder):
    shown = next(one for one in blocks(ROOT / "README.md", "python") if "make_env" in one)
    begin = f"import sys\nsys.path.insert(0, {str(ROOT / 'examples')!r})\nfrom cart import Cart as make_env\n"
    end = "\nassert action.shape == (2,) and plan.imagined.shape[1] == plan.actions.shape[1] == 3\n"
    end += "assert set(result['planners']) == {'random', 'flat_distance'}\n"
    (folder / "lines.py").write_text(begin + ast.unparse(Small().visit(ast.parse(shown))) + end, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "lines.py"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_that_only_show_a_form_are_commands_all_the_same(page):
    for line in "".join(blocks(page, "text")).splitlines():
        program, *words = shlex.split(line)
        assert program in ("housecat", "./install.sh", ".venv/bin/housecat"), line
        if words:
            assert named(words)[0] in COMMANDS, line


@pytest.mark.parametrize("notebook", sorted((ROOT / "examples").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebooks_cells_run_in_their_order(notebook, folder, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    exec(compile(code, notebook.name, "exec"), {"__name__": "__main__"})
