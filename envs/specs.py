"""What the description of a world must look like, wherever it comes from: a recording, a checkpoint, pairs."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from envs.files import Count, Maybe, Number, Positive, Text, by_name, check, many, record, shortened
from envs.outside.options import OPTIONS

_SPEC = record(
    family=Annotated[str, Meta(max_length=40)],
    # It names folders, too.
    name=Annotated[str, Meta(max_length=200, pattern=r"^(?!/)(?!(.*/)?\.{1,2}(/|$))[^\x00-\x1f]+$")],
    frame_size=Annotated[int, Meta(ge=16, le=512)],  # pixels
    action_repeat=Annotated[int, Meta(ge=1, le=20)] | Maybe,  # control steps
    factors=dict | Maybe,  # ranges: see `envs.factors`
    layout=Annotated[str, Meta(max_length=20_000)] | Maybe,  # of a maze
    # Of worlds of somebody else's: see `envs.outside.description`.
    path=Text | Maybe,
    options=OPTIONS | Maybe,
    fingerprint=Text | Maybe,
    digest=Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | Maybe,  # of the robot's archive
    measure=record(
        kind=Literal["site", "body", "joints"],
        name=Text | Maybe,
        joints=many(Annotated[int, Meta(ge=0, le=100_000)]) | Maybe,
        spreads=many(Positive) | Maybe,
        lever=Positive | Maybe,
    )
    | Maybe,
    calibration=record(tolerance=Positive, nearest=Positive, speed=Positive) | Maybe,
    notes=many(Text) | Maybe,
    # Of environments in Python and of robots without a simulator: see `envs.units`.
    actions=record(low=many(Number), high=many(Number)) | Maybe,
    dt=Positive | Maybe,
    max_steps=Count | Maybe,
    states=Count | Maybe,
    parts=by_name(Count) | Maybe,  # what the numbers of a state are, in order: how many of each name
)


class WorldError(ValueError):
    """A description from which no world can be built; one line says why."""


def check_spec(spec: Any) -> None:
    """Raises WorldError where ``spec`` is no description of a world."""
    try:
        check(spec, _SPEC)
    except ValueError as error:
        raise WorldError(f"the description of a world does not fit: {error}") from error
    if "parts" in spec and sum(spec["parts"].values()) != spec.get("states"):
        raise WorldError(f"the parts of a state are not its {spec.get('states')} numbers: {shortened(spec['parts'])}")
