"""Model files and worlds of strangers: what would hang, fill the memory or run code is refused in one line."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import envs
from envs.outside.description import outside_spec
from envs.outside.sources import OutsideError
from envs.outside.suites import TRUSTED

ARM = """<mujoco>{option}{asset}
<worldbody>{body}<body><joint name="j" type="hinge" axis="0 1 0"/><geom size=".1" pos=".2 0 0"/></body></worldbody>
<actuator><motor joint="j" ctrlrange="-1 1"/></actuator>{key}</mujoco>"""


def written(folder: Path, **parts: str) -> Path:
    path = folder / "arm.xml"
    path.write_text(ARM.format(**{"option": "", "asset": "", "body": "", "key": "", **parts}))
    return path


FIELD = '<hfield name="h" nrow="{0}" ncol="{0}" size="1 1 1 1"/>'


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"option": '<option timestep="0"/>'}, "timestep is 0 s, expected 0.0005 to 0.1"),
        ({"option": '<option timestep="nan"/>'}, "timestep is nan s"),
        ({"option": '<option timestep="1e-9"/>'}, "timestep is 1e-09 s"),
        ({"key": '<keyframe><key qpos="nan"/></keyframe>'}, "key_qpos is not all of finite numbers"),
        ({"asset": f"<asset>{FIELD.format(50_000)}</asset>"}, "more than 3 s or 2 GiB|Could not allocate"),
        ({"asset": f"<asset>{FIELD.format(2_000)}</asset>"}, "nhfielddata 4000000, expected 1000000 at most"),
        (
            {"body": '<replicate count="200000" offset="1 0 0"><body><geom size=".1"/></body></replicate>'},
            "more than 3 s or 2 GiB",
        ),
        (
            {"body": '<replicate count="1500" offset="1 0 0"><body><geom size=".1"/></body></replicate>'},
            "nbody 150[0-9], expected 1000 at most",
        ),
        ({"option": '<size memory="100G"/>'}, "Could not allocate memory|more than"),
        ({"body": "<geom"}, "MuJoCo does not accept it"),
    ],
)
def test_a_model_without_bounds_is_refused_before_it_is_made_here(
    tmp_path: Path, parts: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OutsideError, match=expected) as caught:
        outside_spec("arm", written(tmp_path, **parts))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""  # MuJoCo's warnings do not come before that line
    assert os.listdir() == []  # nor does its log


def test_what_mujoco_warns_of_is_neither_printed_nor_logged_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    option = '<option timestep="0.1" gravity="0 0 -1e6"/><default><joint damping="-500"/></default>'
    with pytest.raises(OutsideError, match="unstable under random play"):
        outside_spec("arm", written(tmp_path, option=option))
    assert capfd.readouterr().err == ""
    assert os.listdir() == ["arm.xml"]


def test_what_is_no_regular_file_or_too_large_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.xml")
    (tmp_path / "large.xml").write_bytes(b" " * 2_000_000)
    for path in ("/dev/zero", tmp_path / "pipe.xml", tmp_path / "large.xml"):
        with pytest.raises(OutsideError, match=r"no regular file|more than the 1,000,000 bytes"):
            outside_spec("arm", path)


def described(tmp_path: Path) -> dict[str, Any]:
    return outside_spec("arm", written(tmp_path))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"measure": {"kind": "joints", "joints": [99], "spreads": [1.0]}}, "its measure is not one of its model"),
        ({"measure": {"kind": "joints", "joints": [0], "spreads": [1.0, 2.0]}}, "its measure is not one of its model"),
        ({"measure": {"kind": "site", "name": "nowhere"}}, "its measure is not one of its model"),
        ({"measure": {"kind": "spy"}}, "measure.kind: invalid enum value"),
        ({"calibration": {"tolerance": 0}}, "calibration.tolerance is 0, expected a number > 0"),
        ({"options": {"max_steps": 10**12}}, "options.max_steps is 1000000000000"),
        ({"options": {"control_step": 5}}, "of the simulation, 1000 at most"),
        ({"path": "/dev/zero", "digest": "0" * 64}, "no regular file"),
        ({"path": 5}, "path is 5, expected a text"),
        ({"fingerprint": None}, "fingerprint is None, expected"),
    ],
)
def test_a_false_description_of_a_model_is_refused_in_one_line(
    tmp_path: Path, changed: dict[str, Any], expected: str
) -> None:
    spec = described(tmp_path)
    with pytest.raises(ValueError, match=expected) as caught:
        envs.make_world({**spec, **changed})
    assert "\n" not in str(caught.value)


MODULE = """
import pathlib, gymnasium
pathlib.Path(__file__).with_suffix(".ran").touch()
gymnasium.register("{name}-v0", entry_point=lambda: None)
"""


def test_a_module_that_a_recording_or_checkpoint_names_is_imported_only_where_the_user_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRUSTED, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "stranger_world.py").write_text(MODULE.format(name="Stranger"))
    ran, name = tmp_path / "stranger_world.ran", "gymnasium/stranger_world:Stranger-v0"
    spec = {"family": "gymnasium", "name": name, "frame_size": 64, "options": {}, "fingerprint": "0"}
    spec |= {
        "measure": {"kind": "site", "name": "x"},
        "calibration": {"tolerance": 1.0, "nearest": 1.0, "speed": 1.0},
    }
    with pytest.raises(OutsideError, match=f"write world={name}, or {TRUSTED}=stranger_world"):
        envs.make_world(spec)
    assert not ran.exists()
    assert "stranger_world" not in sys.modules
    with pytest.raises(OutsideError, match="is not simulated by MuJoCo|cannot be made"):
        outside_spec(name)  # the user has written it
    assert ran.exists()
