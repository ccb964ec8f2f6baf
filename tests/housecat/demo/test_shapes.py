"""Bodies as meshes: where MuJoCo has them, as large as it has them, closed, with the right side out."""

import mujoco
import numpy as np
import pytest

from housecat.demo.shapes import Solid, moving, shapes_of

pytest.importorskip("trimesh")

MODEL = """<mujoco>
  <asset><material name="red" rgba="1 0 0 0.5"/><mesh name="wedge" vertex="0 0 0  1 0 0  0 1 0  0 0 1"/></asset>
  <worldbody>
    <geom type="plane" size="2 3 1"/>
    <geom type="box" size="1 2 3" group="3"/>
    <body pos="1 2 3"><freejoint/>
      <geom type="GEOM" size="SIZE" material="red" pos="0.5 0 0" euler="0 0 90"/>
    </body>
  </worldbody>
</mujoco>"""


def shape(kind: str, size: str) -> Solid:
    text = MODEL.replace("GEOM", kind).replace('size="SIZE"', f'size="{size}"' if size else 'mesh="wedge"')
    plane, found = shapes_of(mujoco.MjModel.from_xml_string(text))
    assert (
        plane.body == 0 and plane.vertices[:, 2].max() == 0 and np.ptp(plane.vertices[:, :2], axis=0).tolist() == [4, 6]
    )
    return found


def volume(shape: Solid) -> float:
    corners = shape.vertices[shape.faces.astype(int)].astype(np.float64)
    return float(np.einsum("ni,ni->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6)


@pytest.mark.parametrize(
    ("kind", "size", "reach", "holds"),
    [
        ("sphere", "0.5", (0.5, 0.5, 0.5), np.pi / 6),
        ("box", "1 2 3", (2, 1, 3), 48.0),
        ("ellipsoid", "1 2 3", (2, 1, 3), 8 * np.pi),
        ("cylinder", "1 2", (1, 1, 2), 4 * np.pi),
        ("capsule", "1 2", (1, 1, 3), 4 * np.pi + 4 * np.pi / 3),
    ],
)
def test_a_mesh_fills_what_its_geom_fills(kind: str, size: str, reach: tuple[float, ...], holds: float) -> None:
    found = shape(kind, size)
    assert found.body == 1 and found.colour == (255, 0, 0) and found.opacity == pytest.approx(0.5)
    assert np.abs(found.vertices - (0.5, 0, 0)).max(axis=0) == pytest.approx(reach, rel=0.02)
    assert volume(found) == pytest.approx(holds, rel=0.03), "and its faces look outward"


def test_a_mesh_of_the_users_own_lies_where_the_simulator_has_it() -> None:
    found = shape("mesh", "")
    assert volume(found) == pytest.approx(1 / 6, rel=1e-4)
    assert found.vertices.min(axis=0) == pytest.approx([-0.5, 0, 0], abs=1e-5) and found.vertices.max() <= 1.0001


def test_what_is_fixed_to_the_world_does_not_move() -> None:
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><body><geom size='1'/></body>"
        "<body><joint/><geom size='1'/><body><geom size='1'/></body></body></worldbody></mujoco>"
    )
    assert moving(model) == [2, 3]
