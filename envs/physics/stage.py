"""Scenarios simulated and drawn by MuJoCo. All have a model of one structure, so that one renderer draws all of them.

Bodies move in the plane y = 0. Screens and the platform go where they are told to, whatever touches them; what a
scenario lacks lies out of sight.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np

from envs.physics.scenario import BOARD, DT, FRAMES, HALF, Colour, Law, Look, Mover, Scenario
from envs.simulation.cameras import View
from envs.simulation.rendering import Renderer
from envs.simulation.variant import Variant

TOLD = 6  # entries of qpos from here on are told: heights of the screens, depth of the platform
RISING, UP = 3, 7  # frames that a screen takes to rise, and after which it begins to sink
_AWAY = (33.0, 30.0)  # m, across: where bodies stand that a scenario lacks
_STEPS = 20  # of the simulation in a frame
_STIFF = 25_000.0  # 1/s2: a bounce takes eight steps
_LEAVING = 2  # frames that a platform takes to be gone
_DEPTH = 2.3  # m from its place to behind the wall
_PUSH = 4.0  # m/s2 of a push of 1
_MIRROR = np.array([-1, 1, -1, -1, 1, -1, 1, 1, 1])


@dataclass(frozen=True)
class Motion:
    """What the simulator says of T frames."""

    places: np.ndarray  # (T, 9) qpos: across, up and turn of both bodies, then what is told
    speeds: np.ndarray  # (T, 6) of both bodies


def simulate(one: Scenario, frames: int = FRAMES) -> Motion:
    """The scenario from its start on."""
    model = _compiled(document(one))
    data = mujoco.MjData(model)
    data.qpos[[0, 3]], data.qpos[[1, 4]] = _AWAY, 0.3
    for index, mover in enumerate(one.movers):
        data.qpos[3 * index : 3 * index + 2] = mover.place
        spin = mover.velocity[0] / mover.radius if mover.shape == "ball" else 0.0
        data.qvel[3 * index : 3 * index + 3] = *mover.velocity, spin
    places, speeds = np.empty((frames, model.nq)), np.empty((frames, TOLD))
    for frame in range(frames):
        data.qpos[TOLD:] = told(one, frame)
        places[frame], speeds[frame] = data.qpos, data.qvel[:TOLD]
        if frame < len(one.pushes):
            data.qfrc_applied[0] = one.pushes[frame] * _PUSH * one.movers[0].mass
        for step in range(_STEPS):
            data.qpos[TOLD:], data.qvel[TOLD:] = told(one, frame + step / _STEPS), 0.0
            mujoco.mj_step(model, data)
    return Motion(places * _MIRROR, speeds * _MIRROR[:TOLD]) if one.mirror else Motion(places, speeds)


def told(one: Scenario, frame: float) -> tuple[float, float, float]:
    """Heights of the two screens above their places and depth of the platform at a time, counted in frames."""
    height = depth = 0.0
    if one.rises is not None:
        rise, sink = (min(max((frame - at) / RISING, 0.0), 1.0) for at in (one.rises, one.rises + UP))
        height = -(one.screens[0][2] + 0.1) * (1 - rise + sink)
    if one.leaves is not None:
        depth = _DEPTH * min(max((frame - one.leaves) / _LEAVING, 0.0), 1.0)
    return height, 0.0, depth


def draw(one: Scenario, places: np.ndarray, size: int) -> np.ndarray:
    """Pictures of the scenario's things at ``places (T, 9)``: ``uint8 (T, size, size, 3)``.

    Raises envs.simulation.rendering.RenderingError: this machine draws nothing.
    """
    renderer, variant = _painter()
    variant.model = _compiled(document(one))
    frames = np.empty((len(places), size, size, 3), np.uint8)
    for row, frame in zip(places * _MIRROR if one.mirror else places, frames, strict=True):
        renderer.frame(row, size, frame, variant)
    return np.ascontiguousarray(frames[:, :, ::-1]) if one.mirror else frames


def document(one: Scenario) -> str:
    """The MJCF of a scenario."""
    look, law = one.look, one.law
    lost = math.log(max(law.restitution, 1e-3))
    damping = -2 * lost / math.hypot(math.pi, lost) * math.sqrt(_STIFF)
    solid = f'solref="{-_STIFF} {-damping}" solimp="0.99 0.99 0.001" friction="{law.friction} 0 0"'
    solid += f' condim="{3 if law.friction else 1}"'  # friction of 0 in three dimensions makes the solver jump
    movers = [*one.movers, *[Mover("ball", 0.3, look.floor, (0.0, 0.0))] * (2 - len(one.movers))]
    screens = [*one.screens, *[(-40.0, 0.1, 0.1)] * (2 - len(one.screens))]
    anchor = one.rope or (0.0, -5.0)
    length = f'limited="true" range="0 {math.dist(anchor, movers[0].place)}"' if one.rope else ""
    plank, gate = one.plank or (0.0, -5.0, 0.0), one.gate or (0.0, -9.0)
    left, right, top = one.platform or (-0.1, 0.1, -5.0)
    return f"""
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{DT / _STEPS}" gravity="0 0 {-law.gravity}" integrator="implicitfast" cone="elliptic"/>
  <visual>
    <global offwidth="128" offheight="128"/>
    <quality offsamples="0" shadowsize="0"/>
    <headlight ambient="{_words([look.light] * 3)}" diffuse="{_words([1 - look.light] * 3)}" specular="0 0 0"/>
  </visual>
  <default><geom {solid}/></default>
  <worldbody>
    {_view(one).mjcf()}
    {_box((0, 0, -0.1), (60, 12, 0.1), look.floor)}
    {_box((0, 1.6, 0), (12, 0.1, 9), look.wall, _THROUGH)}
    {_box((plank[0], 0, plank[1]), (1.2, 0.35, BOARD), look.things, f'euler="0 {plank[2]} 0"')}
    {_box((gate[0], 0, gate[1] + 1), (0.06, 0.4, 1), look.things)}
    <site name="anchor" pos="{anchor[0]} 0 {anchor[1]}" size="0.03" {_paint(look.things)}/>
    {"".join(_mover(mover, law.drag, index) for index, mover in enumerate(movers))}
    {"".join(_screen(*screen, look.screen) for screen in screens)}
    <body pos="{(left + right) / 2} 0 {top - BOARD}" gravcomp="1"><joint type="slide" axis="0 1 0"/>
      {_box((0, 0, 0), ((right - left) / 2, 0.2, BOARD), look.things, 'mass="10000"')}</body>
  </worldbody>
  <tendon><spatial {length} width="0.04" rgba="{_words(look.things)} {int(one.rope is not None)}"
    solreflimit="{-_STIFF} {-2 * math.sqrt(_STIFF)}"><site site="anchor"/><site site="hung"/></spatial></tendon>
</mujoco>"""


_THROUGH = 'contype="0" conaffinity="0"'


def _mover(one: Mover, drag: float, index: int) -> str:
    shape, sizes = one.geom()
    axes = (f'<joint type="slide" axis="{axis}" damping="{drag * one.mass}"/>' for axis in ("1 0 0", "0 0 1"))
    hung = '<site name="hung" size="0.001" rgba="0 0 0 0"/>' if index == 0 else ""
    return f"""<body>{"".join(axes)}<joint type="hinge" axis="0 1 0"/>{hung}
      <geom type="{shape}" size="{_words(sizes)}" mass="{one.mass}" {_paint(one.colour)}/></body>"""


def _screen(x: float, half_width: float, height: float, colour: Colour) -> str:
    board = _box((0, 0, 0), (half_width, 0.03, height / 2), colour, _THROUGH)
    return f'<body pos="{x} -0.4 {height / 2}"><joint type="slide" axis="0 0 1"/>{board}</body>'


def _box(place: Sequence[float], sizes: Sequence[float], colour: Colour, more: str = "") -> str:
    return f'<geom type="box" pos="{_words(place)}" size="{_words(sizes)}" {_paint(colour)} {more}/>'


def _paint(colour: Colour) -> str:
    return f'rgba="{_words(colour)} 1"'


def _words(numbers: Sequence[float]) -> str:
    return " ".join(f"{number:.4f}" for number in numbers)


def _view(one: Scenario) -> View:
    return View((0.0, 0.0, 1.3), 2 * HALF, 90.0 + one.look.turn, -one.look.tilt, 35.0)


@lru_cache(maxsize=8)
def _compiled(text: str) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(text)


@lru_cache(maxsize=1)
def _painter() -> tuple[Renderer, Variant]:
    """The one renderer of this process, and what tells it which model to draw."""
    grey = (0.5, 0.5, 0.5)
    empty = Scenario((), Law(), Look(grey, grey, grey, grey, 0.5, 0.0, 0.0))
    model = _compiled(document(empty))
    return Renderer(model, supersample=2, plain=True), Variant(model, _view(empty))
