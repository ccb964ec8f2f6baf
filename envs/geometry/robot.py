"""The arm of the worlds `arm` and `cube`: seven joints on a table, a hand with two fingers; where its parts are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Joint:
    """One hinge; with all angles at 0 the arm stands straight up."""

    name: str
    axis: str  # "z" along the arm, "y" across it
    offset: float  # m along the arm from the joint before
    low: float  # rad
    high: float  # rad


JOINTS = (
    Joint("turn", "z", 0.10, -1.5, 1.5),
    Joint("shoulder", "y", 0.20, -0.5, 1.5),
    Joint("upper_roll", "z", 0.12, -1.3, 1.3),
    Joint("elbow", "y", 0.24, 0.1, 2.1),
    Joint("lower_roll", "z", 0.12, -1.5, 1.5),
    Joint("wrist", "y", 0.24, -0.4, 1.6),
    Joint("hand_roll", "z", 0.07, -1.5, 1.5),
)
PALM = 0.06  # m from the last joint to the middle of the palm
GRIP = 0.15  # m from the last joint to the place between the fingers where things are held
SHOULDER_HEIGHT = JOINTS[0].offset + JOINTS[1].offset  # m above the table
LINK = JOINTS[2].offset + JOINTS[3].offset  # m from shoulder to elbow, and from elbow to wrist
OPENING = 0.065  # m, how far each finger goes from the middle

_FACING = math.pi  # rad: with the turn at 0 the arm reaches towards -x, where the cameras stand
_RADIUS = 0.06  # m, of a link
_FINGER = (0.012, 0.025, 0.05)  # m, half sides


@dataclass(frozen=True)
class Places:
    """Where an arm's parts are."""

    joints: np.ndarray  # (..., 7, 3) m
    axes: np.ndarray  # (..., 3, 3): the hand's axes as columns; fingers open along the second, the third points away

    def along(self, metres: float) -> np.ndarray:
        """The point ``(..., 3)`` that many ``metres`` from the last joint in the direction of the hand."""
        return self.joints[..., -1, :] + metres * self.axes[..., :, 2]


def places(angles: np.ndarray) -> Places:
    """Where everything is with the joints at ``angles (..., 7)``, rad."""
    angles = np.asarray(angles, np.float64)
    cosine, sine = np.cos(angles)[..., None], np.sin(angles)[..., None]
    point = np.zeros((*angles.shape[:-1], 3))
    x = np.broadcast_to((math.cos(_FACING), math.sin(_FACING), 0.0), point.shape)
    y = np.broadcast_to((-math.sin(_FACING), math.cos(_FACING), 0.0), point.shape)
    z = np.broadcast_to((0.0, 0.0, 1.0), point.shape)
    joints = []
    for index, joint in enumerate(JOINTS):
        c, s = cosine[..., index, :], sine[..., index, :]
        point = point + joint.offset * z
        joints.append(point)
        if joint.axis == "z":
            x, y = c * x + s * y, c * y - s * x
        else:
            z, x = c * z + s * x, c * x - s * z
    return Places(np.stack(joints, axis=-2), np.stack([x, y, z], axis=-1))


def pointing_down(place: np.ndarray, yaw: float) -> np.ndarray:
    """The angles ``(7,)`` at which the hand points down and holds things at ``place (3,)``, m, turned by ``yaw``, rad.

    Raises ValueError: the place is out of reach.
    """
    x, y, height = place
    turn = math.atan2(y, x) - _FACING
    turn = (turn + math.pi) % (2 * math.pi) - math.pi
    across, up = math.hypot(x, y), height + GRIP + JOINTS[6].offset - SHOULDER_HEIGHT
    stretch = math.hypot(across, up) / (2 * LINK)
    if stretch > 1.0:
        raise ValueError(f"{np.round(place, 3)} is farther from the shoulder than the arm is long")
    elbow = 2 * math.acos(stretch)
    shoulder = math.atan2(across, up) - elbow / 2
    return np.array([turn, shoulder, 0.0, elbow, 0.0, math.pi - shoulder - elbow, turn - yaw])


ORANGE = "0.95 0.42 0.08 1"
VIOLET = "0.47 0.22 0.62 1"


def assets(hand: str) -> str:
    """Materials; ``hand`` is the colour of wrist, palm and fingers."""
    return f"""
    <material name="floor" rgba="0.50 0.53 0.57 1" specular="0.0"/>
    <material name="table" rgba="0.93 0.93 0.91 1" specular="0.1"/>
    <material name="dark" rgba="0.20 0.22 0.27 1" specular="0.3"/>
    <material name="hand" rgba="{hand}" specular="0.3" emission="0.15"/>
    <material name="upper" rgba="0.13 0.36 0.75 1" specular="0.4"/>
    <material name="lower" rgba="0.10 0.62 0.60 1" specular="0.4"/>
    <material name="orange" rgba="{ORANGE}" specular="0.3" emission="0.15"/>"""


# A sphere of 64 by 32 faces is a waste in a frame of 64 pixels: half of the time of drawing.
COARSE = '<visual><quality numslices="16" numstacks="8"/></visual>'


def table(half_side: float, x: float) -> str:
    """A square table whose top is at the height 0, and the floor under it."""
    return f"""
    <geom type="plane" material="floor" size="20 20 1" pos="0 0 -0.6" contype="0" conaffinity="0"/>
    <geom name="table" type="box" material="table" size="{half_side} {half_side} 0.03" pos="{x} 0 -0.03"
      friction="0.4"/>"""


def arm_bodies(joints: Sequence[Joint], fingers: bool, joint_attributes: str) -> str:
    """The MJCF of the arm.

    Links touch what has contype 1 (table, base, objects) and not each other: the limits of the joints see to that.

    Args:
        joints: those of `JOINTS` that move, maybe with other limits; the others are stiff at 0.
        fingers: whether these slide; otherwise they stand half open.
        joint_attributes: of every hinge, e.g. damping.
    """
    inner, hinges = _hand(fingers), {}
    for joint in joints:
        axis = "0 0 1" if joint.axis == "z" else "0 1 0"
        limits = f'range="{joint.low} {joint.high}"'
        hinges[joint.name] = f'<joint name="{joint.name}" axis="{axis}" {limits} {joint_attributes}/>'
    for joint in reversed(JOINTS):
        hinge = hinges.get(joint.name, "")
        inner = f"""
      <body name="{joint.name}" pos="0 0 {joint.offset}" gravcomp="1">{hinge}{_LOOKS[joint.name]}{inner}</body>"""
    return f"""
    <body name="base" euler="0 0 {_FACING}">
      <geom type="cylinder" material="dark" size="0.13 0.03" pos="0 0 0.03"/>
      <geom type="cylinder" material="dark" size="0.09 0.05" pos="0 0 0.08"/>{inner}
    </body>"""


_BARE = 'contype="0" conaffinity="0" mass="0"'
_SOLID = 'contype="0" conaffinity="1" density="100"'
_HALF = LINK / 2
_SLIDE = 'damping="10" armature="0.1"'

_LOOKS = {  # the geoms of each body, in the frame of its joint
    "turn": f"""
      <geom type="cylinder" material="upper" size="0.08 0.07" pos="0 0 0.07" contype="0" conaffinity="0"/>
      <geom type="capsule" material="dark" size="0.075" fromto="0 -0.06 0.2 0 0.06 0.2" {_BARE}/>""",
    "shoulder": f"""
      <geom type="capsule" material="upper" size="{_RADIUS}" fromto="0 0 0 0 0 {_HALF}" {_SOLID}/>
      <geom type="cylinder" material="dark" size="{_RADIUS + 0.006} 0.012" pos="0 0 0.12" {_BARE}/>""",
    "upper_roll": f"""
      <geom type="capsule" material="upper" size="{_RADIUS}" fromto="0 0 0 0 0 0.24" {_SOLID}/>
      <geom type="capsule" material="dark" size="0.065" fromto="0 -0.04 0.24 0 0.04 0.24" {_BARE}/>""",
    "elbow": f"""
      <geom type="capsule" material="lower" size="{_RADIUS}" fromto="0 0 0 0 0 {_HALF}" {_SOLID}/>
      <geom type="cylinder" material="dark" size="{_RADIUS + 0.004} 0.012" pos="0 0 0.12" {_BARE}/>""",
    "lower_roll": f"""
      <geom type="capsule" material="lower" size="{_RADIUS - 0.005}" fromto="0 0 0 0 0 0.24" {_SOLID}/>
      <geom type="capsule" material="hand" size="0.058" fromto="0 -0.035 0.24 0 0.035 0.24" {_BARE}/>""",
    "wrist": f"""
      <geom type="cylinder" material="hand" size="0.045 0.035" pos="0 0 0.035" {_SOLID}/>""",
    "hand_roll": "",
}


def _hand(sliding: bool) -> str:
    """Palm and fingers, in the frame of the last joint."""
    thick, wide, long = _FINGER
    fingers = ""
    for name, side in (("left", 1), ("right", -1)):
        inside = 0.0 if sliding else OPENING / 2
        slide = f'<joint name="{name}" type="slide" axis="0 {side} 0" range="0 {OPENING}" {_SLIDE}/>' if sliding else ""
        fingers += f"""
        <body name="{name}_finger" pos="0 {side * (inside + thick)} {GRIP - 0.03}" gravcomp="1">{slide}
          <geom name="{name}_finger" type="box" material="hand" size="{wide} {thick} {long}" friction="1.5" {_SOLID}/>
        </body>"""
    return f"""
        <geom name="palm" type="box" material="hand" size="0.04 0.095 0.035" pos="0 0 {PALM - 0.02}" {_SOLID}/>
        <site name="grip" group="4" pos="0 0 {GRIP}"/>{fingers}"""
