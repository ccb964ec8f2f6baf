"""The MJCF of our own worlds: one physics, and for each camera its own lights and quality."""

import functools
from dataclasses import dataclass

import mujoco

from envs.simulation.cameras import CAMERAS, PEOPLE_SIZE, View
from envs.simulation.scene import Scene

TIMESTEP = 0.01  # seconds, unless a world says otherwise
SUBSTEPS = 10  # simulation steps in a control step, likewise


@dataclass(frozen=True)
class Parts:
    """What sets a world apart in MJCF; cameras, lights and settings are added by `document`."""

    assets: str
    bodies: str
    actuators: str  # their control ranges are what actions in [-1, 1] are stretched to
    others: str = ""  # further sections: <default>, <contact>, <equality>, <tendon>, <sensor>, and <visual>, which is
    # taken where a camera has no setting of its own
    gravity: float = 0.0  # m/s2, downwards
    timestep: float = TIMESTEP  # s
    substeps: int = SUBSTEPS
    options: str = ""  # attributes of <option>, e.g. cone="elliptic"


def build_scene(parts: Parts, view: View, frame_size: int) -> Scene:
    """The scene of these parts; scenes of the same parts share their models, which nobody changes."""
    models = {camera: _compiled(document(parts, view, _VISUALS[camera], _LIGHTS[camera])) for camera in CAMERAS}
    return Scene(models, view, frame_size, parts.substeps)


def document(parts: Parts, view: View, visual: str, light: str) -> str:
    """The whole MJCF of a world: the physics is the same for all cameras, ``visual`` and ``light`` are not.

    Args:
        visual: a ``<visual>`` element; empty for MuJoCo's defaults.
        light: lights, in which {left}, {above} and {high} stand for a place at the upper left of the view.
    """
    x, y, z = view.centre
    side = view.extent
    light = light.format(left=x - 0.5 * side, above=y + 0.6 * side, high=z + 1.7 * side)
    return f"""
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{parts.timestep}" gravity="0 0 {-parts.gravity}" integrator="implicitfast" {parts.options}>
    <!-- a solver started from its last solution would make the next state depend on more than the state -->
    <flag warmstart="disable"/>
  </option>
  <statistic center="{x} {y} {z}" extent="{side}"/>
  <asset>{parts.assets}</asset>
  {parts.others}
  {visual}
  <worldbody>
    {light}
    {view.mjcf()}
    {parts.bodies}
  </worldbody>
  <actuator>{parts.actuators}</actuator>
</mujoco>"""


_VISUALS = {
    "train": """<visual>
    <global offwidth="128" offheight="128"/>
    <quality offsamples="0" shadowsize="0"/>
    <headlight ambient="0.8 0.8 0.8" diffuse="0.2 0.2 0.2" specular="0 0 0"/>
  </visual>""",
    "people": f"""<visual>
    <global offwidth="{PEOPLE_SIZE}" offheight="{PEOPLE_SIZE}"/>
    <quality offsamples="4" shadowsize="1024" numslices="64" numstacks="32"/>
    <map shadowscale="0.45"/>
    <headlight ambient="0.38 0.38 0.42" diffuse="0.12 0.12 0.12" specular="0 0 0"/>
  </visual>""",
}
# A spot from the upper left: shadows of directional lights flicker in stripes on wide floors.
_LIGHTS = {
    "train": "",
    "people": '<light type="spot" pos="{left} {above} {high}" dir="0.5 -0.6 -1.7" cutoff="60" exponent="0" '
    'diffuse="0.6 0.58 0.54" specular="0.3 0.3 0.3" castshadow="true"/>',
}


@functools.lru_cache(maxsize=64)
def _compiled(text: str) -> mujoco.MjModel:
    """The model of an MJCF document; worlds of one kind share it."""
    return mujoco.MjModel.from_xml_string(text)
