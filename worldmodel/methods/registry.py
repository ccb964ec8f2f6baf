"""Every method by name: its settings and how it is made. A new one is a file of its own and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from worldmodel.method import Method
from worldmodel.methods import default, hjepa, ijepa, lewm, pixel, pldm, token, vjepa, vjepa2_ac


@dataclass(frozen=True)
class Entry:
    """A method that can be chosen."""

    settings: type  # frozen dataclass: sections of the configuration, and sizes that come from the data
    make: Callable[[Any, torch.dtype], Method]  # settings, precision
    imagines: bool = True  # makes a world model; False: an encoder only
    encoder: str | None = None  # the method whose trained encoder it builds on, frozen


METHODS: dict[str, Entry] = {
    "default": Entry(default.Settings, default.Default),
    "hjepa": Entry(hjepa.Settings, hjepa.HJepa),
    "ijepa": Entry(ijepa.Settings, ijepa.ImageJEPA, imagines=False),
    "lewm": Entry(lewm.Settings, lewm.LeWorldModel),
    "pixel": Entry(pixel.Settings, pixel.Pixel),
    "pldm": Entry(pldm.Settings, pldm.PLDM),
    "token": Entry(token.Settings, token.Token),
    "vjepa": Entry(vjepa.Settings, vjepa.VideoJEPA, imagines=False),
    "vjepa2_ac": Entry(vjepa2_ac.Settings, vjepa2_ac.VJepa2AC, encoder="vjepa"),
}
