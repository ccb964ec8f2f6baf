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
    "default": Entry(default.DefaultSettings, default.Default),
    "hjepa": Entry(hjepa.HJepaSettings, hjepa.HJepa),
    "ijepa": Entry(ijepa.IJepaSettings, ijepa.ImageJEPA, imagines=False),
    "lewm": Entry(lewm.LeWMSettings, lewm.LeWorldModel),
    "pixel": Entry(pixel.PixelSettings, pixel.Pixel),
    "pldm": Entry(pldm.PLDMSettings, pldm.PLDM),
    "token": Entry(token.TokenSettings, token.Token),
    "vjepa": Entry(vjepa.VJepaSettings, vjepa.VideoJEPA, imagines=False),
    "vjepa2_ac": Entry(vjepa2_ac.VJepa2ACSettings, vjepa2_ac.VJepa2AC, encoder="vjepa"),
}
