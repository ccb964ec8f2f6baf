"""Archives of robots' models, which may be strangers'."""

import io
import zipfile
from pathlib import Path

import pytest

from envs.outside.carried import carried, pack
from envs.outside.description import outside_spec
from envs.outside.trial import refusal, unpacked
from tests.envs.outside.test_strangers import written


def archive(method: int = zipfile.ZIP_STORED, **files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as file:
        for name, text in files.items():
            file.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return content.getvalue()


def test_the_same_files_elsewhere_make_the_same_archive_and_others_another(tmp_path: Path) -> None:
    paths = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        paths.append(written(tmp_path / name, body="<!-- another -->" * (name == "three")))
    one, two, three = map(pack, paths)
    assert one == two != three


def test_a_model_whose_files_cannot_go_along_is_used_where_it_lies_and_that_is_said(tmp_path: Path) -> None:
    written(tmp_path).rename(tmp_path / "part.xml")
    text = (tmp_path / "part.xml").read_text()
    (tmp_path / "part.xml").write_text("<mujoco><worldbody/></mujoco>")
    path = tmp_path / "arm.xml"
    path.write_text(text.replace("<worldbody>", f'<include file="{tmp_path / "part.xml"}"/><worldbody>'))
    spec = outside_spec("arm", path)
    assert carried(spec) is None and "digest" not in spec
    assert any("named by where it lies on this machine" in note for note in spec["notes"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK", "its archive is damaged"),
        (archive(), "its archive is not one of Housecat's"),
        (archive(zipfile.ZIP_DEFLATED, a_xml="0" * 10**6), "its archive is not one of Housecat's"),
        (archive(a_xml='<mujoco><include file="/dev/zero"/></mujoco>'), "MuJoCo does not accept|more than"),
        (archive(a_xml="<mujoco"), "MuJoCo does not accept it"),
        (archive(a_xml='<mujoco><option timestep="1e-9"/></mujoco>'), "its timestep is 1e-09 s"),
    ],
)
def test_an_archive_of_a_stranger_is_refused_in_a_few_words(content: bytes, said: str) -> None:
    reason = refusal(content)
    assert reason is not None and "\n" not in reason
    assert any(part in reason for part in said.split("|")), reason


def test_unpacking_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError):
        unpacked(archive(a_xml="<mujoco", **{"..__..__b": "text"}))
    assert not list(tmp_path.iterdir())
