"""What can be said about somebody else's model, in a YAML file; nothing has to be.

For an MJCF file the file of the same name with the ending .yaml is read if it is there; `world.options=FILE` names
another one, for dm_control and Gymnasium too. All of it:

    camera: overview            # a camera of the model; or where one is to stand:
    camera: {centre: [0, 0, 0.5], extent: 2, azimuth: 90, elevation: -20, perspective: 40}
    people: behind              # the camera of videos and reports, in the same ways; else the same
    control_step: 0.1           # s for which an action is held; else the environment's own, repeated up to 0.04 s
    actuators: {elbow: [-2, 2]} # control ranges, where the model's are missing or too wide
    max_steps: 100              # control steps allowed
    goal:                       # what has to be as it is in the goal state, one of
      site: fingertip           #   a site's place,
      body: torso               #   a body's place,
      joints: [shoulder, elbow] #   some joints; without a goal, all those of the bodies that have actuators
      turn: 0.2                 #   of a site or a body also how it is turned: how near is success, rad
      tolerance: 0.05           # how near is success: m for a place, else sd (standard deviations of random play)
"""

from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from envs.files import BY_HAND, Maybe, Number, Positive, Text, by_name, check, from_yaml, many, read_plain, record
from envs.outside.sources import OutsideError

_CAMERA = Text | record(
    closed=True,
    centre=many(Number, 3, 3),
    extent=Positive,
    azimuth=Number | Maybe,
    elevation=Number | Maybe,
    perspective=Annotated[float, Meta(ge=0, lt=180)] | Maybe,
)
OPTIONS = record(
    closed=True,
    camera=_CAMERA | Maybe,
    people=_CAMERA | Maybe,
    control_step=Annotated[float, Meta(gt=0, le=10)] | Maybe,
    actuators=by_name(many(Number, 2, 2)) | Maybe,
    max_steps=Annotated[int, Meta(ge=1, le=1_000_000)] | Maybe,
    goal=record(
        closed=True,
        site=Text | Maybe,
        body=Text | Maybe,
        joints=many(Text, 1) | Maybe,
        turn=Annotated[float, Meta(gt=0, le=3.14)] | Maybe,
        tolerance=Positive | Maybe,
    )
    | Maybe,
)


def read_options(path: Path | str) -> dict[str, Any]:
    """The options in a file, checked in themselves; whether the model has what they name is seen later.

    Raises OutsideError: the file is missing, is not YAML, or says something that is not an option.
    """
    try:
        found = from_yaml(read_plain(Path(path), BY_HAND).decode())
        found = {} if found is None else check(found, OPTIONS)
        for name, (low, high) in found.get("actuators", {}).items():
            if not low < high:
                raise ValueError(f"actuators.{name} is [{low:g}, {high:g}], expected the lower number first")
        goal = found.get("goal", {})
        if "turn" in goal and not ("tolerance" in goal and {"site", "body"} & goal.keys()):
            raise ValueError("goal.turn goes with a site or a body and a tolerance: name them too")
        if len(named := goal.keys() - {"tolerance", "turn"}) > 1:
            raise ValueError(f"goal names {' and '.join(sorted(named))}, expected one of them")
        return found
    except OSError as error:
        raise OutsideError(f"world.options: cannot read {path} ({error.strerror})") from error
    except ValueError as error:
        raise OutsideError(f"{path}: {error}") from error
