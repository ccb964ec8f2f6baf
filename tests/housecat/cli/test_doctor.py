"""The doctor finds what is missing and says what to type."""

import json
import os
import shutil
import subprocess
import sys

from housecat.cli import doctor
from tests.housecat.conftest import ROOT, Outcome


def test_the_doctor_renders_a_frame_and_finds_this_machine_healthy(housecat):
    outcome = housecat("doctor", "--json")
    found = json.loads(outcome.out)
    assert found["ok"], found
    assert outcome.code == 0
    checks = {check["name"]: check for check in found["checks"]}
    assert "training frames/s" in checks["rendering"]["found"]
    assert {"python", "torch", "mujoco", "own packages", "processor", "disk", "memory"} <= set(checks)


def test_without_a_way_to_render_the_doctor_names_the_packages_to_install(housecat, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    outcome = housecat("doctor")
    assert outcome.code == 1
    assert "-> apt-get install -y libegl1 libgl1 libgl1-mesa-dri" in outcome.out


def test_a_version_that_does_not_fit_is_found():
    numpy, nothing, scipy = doctor.fitting(["numpy>=999", "nothing-of-this-name>=1", "scipy"])
    assert not numpy.ok
    assert numpy.do.endswith("-m pip install 'numpy>=999'")
    assert nothing.found.startswith("missing")
    assert scipy.ok


def test_a_package_of_the_same_name_from_elsewhere_is_found_before_a_command_starts(tmp_path):
    for package in ("housecat", "configs"):
        shutil.copytree(ROOT / package, tmp_path / "ours" / package)
    for package in ("ours/worldmodel", "ours/planners", "foreign/envs"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "foreign"), str(tmp_path / "ours")])}
    command = [sys.executable, "-m", "housecat", "collect"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    outcome = Outcome(done.returncode, done.stdout, done.stderr)
    outcome.is_one_line_saying(f"the package 'envs' is imported from {tmp_path / 'foreign'}", "./install.sh")


def test_the_doctor_blames_a_folder_of_the_users_that_is_imported_in_place_of_ours_and_no_package(tmp_path):
    (tmp_path / "planners").mkdir()
    (tmp_path / "planners" / "__init__.py").touch()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "housecat", "doctor"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("TO DO") or "->" in line]
    assert f"the package 'planners' is imported from {tmp_path}" in wrong[0]
    assert "-> run from another folder, or the command `housecat`" in wrong[1]
    assert "before `own packages` is mended" in wrong[2] and len(wrong) == 3
