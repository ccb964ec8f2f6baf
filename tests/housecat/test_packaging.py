"""What pip installs is complete, and the installation script says what is wrong."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.housecat.conftest import ROOT

pytestmark = pytest.mark.xdist_group("packaging")  # the wheel is built once
PACKAGES = ("envs", "worldmodel", "planners", "housecat")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from a copy of the sources, because building leaves files behind."""
    copy = tmp_path_factory.mktemp("sources")
    for folder in (*PACKAGES, "configs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, copy)
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-w", "."]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(copy.glob("*.whl"))


def test_the_wheel_holds_every_source_file_and_every_configuration_file(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    for folder in PACKAGES:
        kept = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert {str(path.relative_to(ROOT)) for path in kept} <= packed
    configs = {f"housecat/configs/{path.relative_to(ROOT / 'configs')}" for path in (ROOT / "configs").rglob("*.yaml")}
    assert len(configs) > 5
    assert configs <= packed


def test_an_installed_housecat_finds_its_configuration_files(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "from housecat.settings.config import load_config; from housecat.settings.groups import config_folder; "
        "print(config_folder(), load_config(['world=umaze']).world.name)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "housecat" / "configs"), "umaze"]


def test_the_installation_script_refuses_a_word_that_it_does_not_know(tmp_path):
    done = subprocess.run(["sh", str(ROOT / "install.sh"), "everything"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "install.sh: expected nothing, dev, locked or oldest, got 'everything'\n"


def test_the_scripts_are_executable_and_without_syntax_errors():
    for name in ("install.sh", ".ci/run"):
        assert (ROOT / name).stat().st_mode & 0o100
        subprocess.run(["sh", "-n", str(ROOT / name)], check=True)
