"""The bodies of a MuJoCo model as meshes, for whoever draws in three dimensions."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from trimesh import creation

_DEFAULT = (0.5, 0.5, 0.5, 1.0)  # of a geom that is given no colour of its own
_SHOWN = 2  # geoms of higher groups are not for the eye
_PLANE = 0.005  # m, how thick a plane is drawn, below its surface
_KINDS = mujoco.mjtGeom


@dataclass(frozen=True)
class Solid:
    """A geom of one body."""

    body: int
    vertices: np.ndarray  # (V, 3) float32, m, in the frame of the body
    faces: np.ndarray  # (F, 3) uint32, counterclockwise as seen from outside
    colour: tuple[int, int, int]  # 0 to 255
    opacity: float  # from 0 to 1
    flat: bool  # its faces are to be told apart by their shading


def shapes_of(model: mujoco.MjModel) -> list[Solid]:
    """What people see of the bodies of a model; height fields are left out."""
    found = []
    for geom in range(model.ngeom):
        rgba, material = model.geom_rgba[geom], model.geom_matid[geom]
        if material >= 0 and np.allclose(rgba, _DEFAULT):
            rgba = model.mat_rgba[material]
        mesh = None if model.geom_group[geom] > _SHOWN or rgba[3] <= 0 else _mesh(model, geom)
        if mesh is None:
            continue
        turn = np.empty(9)
        mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
        vertices = (np.asarray(mesh[0]) @ turn.reshape(3, 3).T + model.geom_pos[geom]).astype(np.float32)
        red, green, blue = (round(255 * float(one)) for one in rgba[:3])
        round_ones = _KINDS.mjGEOM_SPHERE, _KINDS.mjGEOM_ELLIPSOID, _KINDS.mjGEOM_CAPSULE
        flat, faces = model.geom_type[geom] not in map(int, round_ones), np.asarray(mesh[1], np.uint32)
        found.append(Solid(int(model.geom_bodyid[geom]), vertices, faces, (red, green, blue), float(rgba[3]), flat))
    return found


def moving(model: mujoco.MjModel) -> list[int]:
    """The bodies that are not fixed to the world."""
    return [body for body in range(model.nbody) if model.body_weldid[body] != 0]


def _mesh(model: mujoco.MjModel, geom: int) -> tuple[Any, Any] | None:
    """Vertices and faces in the frame of a geom."""
    kind, size = int(model.geom_type[geom]), np.array(model.geom_size[geom])
    if kind == _KINDS.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        first, face = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
        vertices = model.mesh_vert[first : first + model.mesh_vertnum[mesh]]
        return vertices, model.mesh_face[face : face + model.mesh_facenum[mesh]]
    if kind == _KINDS.mjGEOM_PLANE:  # endless where its size is 0
        wide = np.where(size[:2] > 0, size[:2], 2 * model.stat.extent)
        found = creation.box([*(2 * wide), _PLANE])
        return found.vertices - (0, 0, _PLANE / 2), found.faces
    if kind == _KINDS.mjGEOM_BOX:
        found = creation.box(2 * size)
    elif kind in (_KINDS.mjGEOM_SPHERE, _KINDS.mjGEOM_ELLIPSOID):
        found = creation.icosphere(3)
        return found.vertices * (size if kind == _KINDS.mjGEOM_ELLIPSOID else size[0]), found.faces
    elif kind == _KINDS.mjGEOM_CAPSULE:
        found = creation.capsule(2 * size[1], size[0])
    elif kind == _KINDS.mjGEOM_CYLINDER:
        found = creation.cylinder(size[0], 2 * size[1])
    else:
        return None
    return found.vertices, found.faces
