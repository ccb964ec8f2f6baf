"""PointMaze: a ball with momentum, pushed along x and y through a maze drawn in characters."""

from pathlib import Path
from typing import Any

import numpy as np

from envs.files import BY_HAND, read_plain
from envs.geometry.geodesics import wall_boxes
from envs.geometry.places import PlaceTask
from envs.quantities import Quantity, part
from envs.simulation.cameras import View
from envs.simulation.mjcf import SUBSTEPS, TIMESTEP, Parts, build_scene
from envs.simulation.scene import Scene
from envs.task import Task

RADIUS = 0.3  # of the ball, m; cells are 1 m wide
FORCE = 5.0  # N along each axis at full action
DAMPING = 2.5  # N s/m; with a mass of 1 kg: top speed 2 m/s, time constant 0.4 s
TOP_SPEED = FORCE / DAMPING  # m/s along an axis
TOLERANCE = 0.25  # m

_WALL_HEIGHT = 0.5  # m
_MOST_CELLS = 100  # each way

LAYOUTS = {
    "umaze": (
        "#####",
        "#   #",
        "### #",
        "#   #",
        "#####",
    ),
    "medium": (
        "########",
        "#  ##  #",
        "#  #   #",
        "##   ###",
        "#  #   #",
        "# #  # #",
        "#   #  #",
        "########",
    ),
    "large": (
        "############",
        "#    #     #",
        "# ## # # # #",
        "#      #   #",
        "# #### ### #",
        "#  # #     #",
        "## # # # ###",
        "#  #   #   #",
        "############",
    ),
    "fourrooms": (
        "#############",
        "#     #     #",
        "#     #     #",
        "#           #",
        "#     #     #",
        "#     #     #",
        "## ####     #",
        "#     ### ###",
        "#     #     #",
        "#     #     #",
        "#           #",
        "#     #     #",
        "#############",
    ),
    "giant": (
        "################",
        "#   #     #    #",
        "# # # ### # ## #",
        "# #   #   #  # #",
        "# ##### #### # #",
        "#   #   #    # #",
        "### # ### ## # #",
        "#   #     #    #",
        "# ##### ### ####",
        "#     # #      #",
        "# ###     # ## #",
        "################",
    ),
}
# Enough for the longest way and detours, too few for random play to stumble on one goal in ten.
MAX_STEPS = {"umaze": 45, "medium": 120, "large": 180, "fourrooms": 200, "giant": 280}


def parse_layout(text: str) -> np.ndarray:
    """Where a maze has walls: bool (rows, columns), from "#" for a wall and a space or "." for free.

    Raises ValueError: the maze is impossible; one line says why and where.
    """
    lines = text.rstrip("\n").split("\n")
    if len(lines) > _MOST_CELLS or len(lines[0]) > _MOST_CELLS:
        raise ValueError(f"the maze is larger than the {_MOST_CELLS} cells each way that it may have")
    for row, line in enumerate(lines, 1):
        for column, character in enumerate(line, 1):
            if character not in "# .":
                raise ValueError(
                    f"maze line {row}, column {column}: {character!r} is neither wall ('#') nor free (space or '.')"
                )
        if len(line) != len(lines[0]):
            raise ValueError(
                f"maze line {row} has {len(line)} characters, line 1 has {len(lines[0])}: make all lines equally long"
            )
    wall = np.array([[character == "#" for character in line] for line in lines], bool).reshape(len(lines), -1)
    _check_border(wall)
    _check_connected(wall)
    return wall


def read_layout(path: Path | str) -> str:
    """The text of a maze file, checked.

    Raises ValueError: the file cannot be read or holds an impossible maze; one line says why.
    """
    try:
        text = read_plain(Path(path), BY_HAND).decode().replace("\r\n", "\n")
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read the maze file {path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        parse_layout(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return text.rstrip("\n")


def maze_spec(name: str, layout: str | None = None, frame_size: int = 64) -> dict[str, Any]:
    """The JSON-able description of a maze: one of `LAYOUTS`, or the user's own ``layout`` under any name."""
    if layout is None:
        layout = "\n".join(LAYOUTS[name])
    return {"family": "pointmaze", "name": name, "layout": layout, "frame_size": frame_size}


def build_maze(spec: dict[str, Any]) -> tuple[Scene, Task]:
    """Scene and task of a maze described as by `maze_spec`; ValueError where it is impossible."""
    wall = parse_layout(spec["layout"])
    layout = "\n".join(spec["layout"].rstrip("\n").split("\n"))
    known = MAX_STEPS.get(spec["name"]) if layout == "\n".join(LAYOUTS.get(spec["name"], ())) else None
    return build_scene(_parts(wall), floor_view(wall), spec["frame_size"]), PointMazeTask(wall, known)


class PointMazeTask(PlaceTask):
    """Bring the ball to within 0.25 m of a place.

    States are x, y (m), then their velocities (m/s). `steps` reckons with the top speed along an axis; pushing
    along both at once is up to 1.4 times faster where the maze is open.
    """

    tolerance = TOLERANCE
    speed = TOP_SPEED * TIMESTEP * SUBSTEPS
    quantities = (
        Quantity("position", "m", "of the ball", part(0, 2), TOLERANCE),
        Quantity("velocity", "m/s", "of the ball", part(2, 4)),
    )

    def __init__(self, wall: np.ndarray, max_steps: int | None = None) -> None:
        super().__init__(wall, RADIUS, max_steps)

    def sample_state(self, rng: np.random.Generator, moving: bool = False) -> np.ndarray:
        """See `Task.sample_state`."""
        place = self.sample_place(rng)
        velocity = np.clip(rng.normal(0.0, TOP_SPEED / 2, 2), -TOP_SPEED, TOP_SPEED) if moving else np.zeros(2)
        return np.concatenate([place, velocity])

    def criterion(self) -> str:
        """See `Task.criterion`."""
        return f"the ball at most {self.tolerance:g} m from its place in the goal"


def floor_view(wall: np.ndarray) -> View:
    """From straight above: the free cells and a quarter of a wall cell all round."""
    rows, columns = np.nonzero(~wall)
    top, bottom = len(wall) - rows.min(), len(wall) - 1 - rows.max()
    left, right = columns.min(), columns.max() + 1
    return View((float(left + right) / 2, float(bottom + top) / 2, 0.0), float(max(right - left, top - bottom)) + 0.5)


def wall_geoms(wall: np.ndarray) -> str:
    """The MJCF of the walls, frictionless boxes of the material "wall"."""
    rows, columns = wall.shape
    # More wall all round: the view is a square, the maze need not be one.
    margin = max(1, abs(rows - columns))
    return "".join(
        f'<geom type="box" material="wall" size="{(x1 - x0) / 2} {(y1 - y0) / 2} {_WALL_HEIGHT / 2}" '
        f'pos="{(x0 + x1) / 2} {(y0 + y1) / 2} {_WALL_HEIGHT / 2}" condim="1"/>\n'
        for x0, y0, x1, y1 in wall_boxes(np.pad(wall, margin, constant_values=True)) - margin
    )


def _parts(wall: np.ndarray) -> Parts:
    rows, columns = wall.shape
    floor = (
        f'<geom type="plane" material="floor" size="{columns} {rows} 1" pos="{columns / 2} {rows / 2} 0" '
        'contype="0" conaffinity="0"/>\n'
    )
    ball = f"""
    <body name="ball" pos="0 0 {RADIUS}">
      <joint name="x" type="slide" axis="1 0 0" damping="{DAMPING}"/>
      <joint name="y" type="slide" axis="0 1 0" damping="{DAMPING}"/>
      <geom name="ball" type="sphere" size="{RADIUS}" mass="1" material="ball" condim="1"/>
    </body>"""
    assets = """
    <material name="floor" rgba="0.93 0.93 0.91 1" specular="0.1"/>
    <material name="wall" rgba="0.27 0.32 0.40 1" specular="0.1"/>
    <material name="ball" rgba="0.95 0.32 0.08 1" specular="0.6" shininess="0.6"/>"""
    actuators = "".join(f'<motor joint="{axis}" gear="{FORCE}" ctrlrange="-1 1" ctrllimited="true"/>' for axis in "xy")
    return Parts(assets, floor + wall_geoms(wall) + ball, actuators)


def _check_border(wall: np.ndarray) -> None:
    rows, columns = wall.shape
    for row, column in zip(*np.nonzero(~wall), strict=True):
        if row in (0, rows - 1) or column in (0, columns - 1):
            raise ValueError(f"maze line {row + 1}, column {column + 1}: the border is open, close it with '#'")


def _check_connected(wall: np.ndarray) -> None:
    cells = {(int(row), int(column)) for row, column in zip(*np.nonzero(~wall), strict=True)}
    if len(cells) < 2:
        raise ValueError(f"the maze has {len(cells)} free cells, a start and a goal need at least 2")
    first = min(cells)
    reached, edge = {first}, [first]
    while edge:
        row, column = edge.pop()
        for cell in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            if cell in cells and cell not in reached:
                reached.add(cell)
                edge.append(cell)
    if reached != cells:
        row, column = min(cells - reached)
        raise ValueError(
            f"maze line {row + 1}, column {column + 1}: no way leads here from line {first[0] + 1}, "
            f"column {first[1] + 1}: connect the free cells"
        )
