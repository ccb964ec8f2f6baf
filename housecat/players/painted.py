"""Places that are painted in a picture of a world's camera: how deep in them something is, wherever the camera sees it.

What is painted is fully red, 255, 0, 0; in a picture of black and white alone it is white.
"""

from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn

from envs.goals.forms import picture
from envs.goals.record import GoalError
from envs.simulation.cameras import View
from housecat.errors import UsageError
from planners.intrinsic import Depth

_SHADE = 5  # of 255, by which what is fully red, black or white may be off


def painted(file: Path, setting: str) -> np.ndarray:
    """Which pixels of the square picture in a file are painted, (n, n) bool. Raises UsageError: it shows no such."""
    try:
        seen = picture(file).astype(int)
    except GoalError as error:
        raise UsageError(f"{setting}: {str(error).replace('the goal picture', 'the picture')}") from error
    if seen.shape[0] != seen.shape[1]:
        raise UsageError(f"{setting}: {file} is {seen.shape[1]} x {seen.shape[0]} pixels, cameras see a square")
    white, black = (np.abs(seen - shade).max(axis=-1) <= _SHADE for shade in (255, 0))
    found = white if (white | black).all() else np.abs(seen - (255, 0, 0)).max(axis=-1) <= _SHADE
    if not found.any() or found.all():
        much = "everything" if found.all() else "nothing"
        raise UsageError(f"{setting}: in {file} {much} is painted: paint what is to be avoided fully red, 255, 0, 0")
    return found


def depth_in(mask: np.ndarray, view: View, margin: float = 0.0) -> Depth:
    """How deep places (..., 2) or (..., 3), m, are in what is painted, of its deepest: (...), 0 or less outside.

    Args:
        mask: (n, n) bool, of a picture that `view` sees. Out of the picture nothing is painted.
        margin: m at the centre of the view, by which what is painted is widened.
    """
    inside, outside = (np.maximum(distance_transform_edt(each) - 0.5, 0.0) for each in (mask, ~mask))
    wider = margin / view.extent * len(mask)
    field = torch.from_numpy((inside - outside + wider) / (inside.max() + wider)).float()[None, None]

    def depth(values: Tensor) -> Tensor:
        seen = in_view(values, view)
        flat = seen.reshape(1, 1, -1, 2).to(field)
        found = nn.functional.grid_sample(field.to(flat.device), flat, padding_mode="border", align_corners=False)
        return torch.where((seen.abs() <= 1).all(dim=-1), found.reshape(seen.shape[:-1]), 0.0)

    return depth


def in_view(places: Tensor, view: View) -> Tensor:
    """Where places (..., 2 or 3) are in the picture, right and down from -1 to 1: as `View.pixels`, with a gradient."""
    right, up, into = (places.new_tensor(axis[: places.shape[-1]]) for axis in view.axes())
    offset = places - places.new_tensor(view.centre[: places.shape[-1]])
    across = torch.stack([offset @ right, -(offset @ up)], dim=-1) / view.extent
    if view.perspective:
        across = across / (1.0 + offset @ into / view.distance)[..., None]
    return 2 * across
