"""Vision backbones that others have trained, as frozen encoders: `timm/NAME` and `transformers/NAME`.

Any vision transformer with square patches, such as DINOv2 (arXiv 2304.07193) or V-JEPA 2 (arXiv 2506.09985). The
package and, for the first time, the download of the weights are the user's: `pip install transformers`, or timm. A
checkpoint that builds on one holds its weights, and is loaded without a network.
"""

import inspect
import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from worldmodel.model import PatchEncoder

LIBRARIES = ("timm", "transformers")
METHOD = "pretrained"  # what `checkpoint.description` calls them
CELL = 8  # pixels of a frame's side for each token: a small frame has no more to show, however large it is drawn
PREFIX = 16  # tokens in front of the patches, at most: a class token, registers
PICTURES, VIDEOS = "pixel_values", "pixel_values_videos"  # what transformers calls a backbone's input


class PretrainedError(Exception):
    """A backbone cannot be had or cannot be used; the message is one line that says what to do."""


@dataclass(frozen=True)
class BackboneSettings:
    """A backbone, described so that it can be rebuilt without a network; as JSON."""

    name: str  # "timm/vit_small_patch14_dinov2.lvd142m", "transformers/facebook/dinov2-small"
    config: dict[str, Any]  # of transformers; timm knows it by the name
    mean: list[float]  # of the pixels in [0, 1] that it was trained on, for each colour
    std: list[float]
    frame_size: int  # side of our square frames, pixels


def is_named(encoder: str) -> bool:
    """Whether `method.encoder` names a backbone, not the folder of a training run."""
    return encoder.partition("/")[0] in LIBRARIES


def look_up(name: str, frame_size: int) -> BackboneSettings:
    """All that is needed to build the backbone. Raises PretrainedError where it cannot be found."""
    library, _, model = name.partition("/")
    package = _package(library)
    try:
        if library == "timm":
            known = package.create_model(model, pretrained=False).pretrained_cfg
            return BackboneSettings(name, {}, list(known["mean"]), list(known["std"]), frame_size)
        config = package.AutoConfig.from_pretrained(model)
        config = getattr(config, "vision_config", config)  # of a model of pictures and texts: the eyes
        video = _kind(package, config).main_input_name == VIDEOS
        found = package.utils.cached_file(model, f"{'video_' * video}preprocessor_config.json")
        pixels = json.loads(Path(found).read_text(encoding="utf-8"))
        config = json.loads(config.to_json_string(use_diff=False))
        return BackboneSettings(name, config, pixels["image_mean"], pixels["image_std"], frame_size)
    except Exception as error:  # whatever these packages raise where a name, a file or a network is missing
        raise _unavailable(name, error) from error


def load(settings: BackboneSettings, precision: torch.dtype = torch.float32) -> "Pretrained":
    """The backbone with its weights. Raises PretrainedError where they are not there or it cannot be used."""
    return Pretrained(settings, precision, weights=True)


class Pretrained(PatchEncoder):
    """A frozen backbone on our frames: drawn larger, with the colours that it was trained on.

    `weights`: False: as they are drawn at random, for those that are loaded next.

    Raises PretrainedError: it cannot be had, or has no square patches.
    """

    def __init__(
        self, settings: BackboneSettings, precision: torch.dtype = torch.float32, weights: bool = False
    ) -> None:
        library, _, model = settings.name.partition("/")
        cells = max(1, settings.frame_size // CELL)
        make = _from_timm if library == "timm" else _from_transformers
        try:
            net, patch, context = make(model, settings, cells, weights)
            net.requires_grad_(False).eval()
        except PretrainedError:
            raise
        except Exception as error:  # as above
            raise _unavailable(settings.name, error) from error
        self.side = patch * cells
        with torch.no_grad():
            blank = torch.zeros(1, context, 3, self.side, self.side)
            try:
                found = _features(net, blank)
            except (RuntimeError, ValueError, TypeError) as error:
                reason = str(error).splitlines()[0]
                raise PretrainedError(
                    f"{settings.name} refuses pictures of {self.side} pixels ({reason}): choose another backbone"
                ) from error
        if found.ndim != 3 or not cells**2 <= found.shape[1] <= cells**2 + PREFIX:
            raise PretrainedError(
                f"{settings.name} gives features {tuple(found.shape[1:])} for {cells}x{cells} patches: choose a vision "
                "transformer that keeps a token for every patch"
            )
        super().__init__(context, cells**2, found.shape[2], precision)
        self.net = net
        for name, value in (("mean", settings.mean), ("std", settings.std)):
            self.register_buffer(name, torch.tensor(value).view(3, 1, 1))

    mean: Tensor
    std: Tensor

    def train(self, mode: bool = True) -> "Pretrained":
        """Never leaves evaluation mode."""
        return super().train(False)

    def fit_pixels(self, frames: Tensor) -> None:
        """Takes nothing from the data: see `Encoder`."""

    def drawn(self, frames: Tensor) -> Tensor:
        """Frames uint8 (..., h, w, 3) -> what the backbone reads (..., 3, side, side)."""
        flat = frames.flatten(0, -4).permute(0, 3, 1, 2).float() / 255
        larger = nn.functional.interpolate(flat, size=(self.side, self.side), mode="bilinear", antialias=True)
        return ((larger - self.mean) / self.std).unflatten(0, frames.shape[:-3])

    def tokens(self, frames: Tensor) -> Tensor:
        windows = self.drawn(frames).unfold(1, self.context, 1).movedim(-1, 2)
        with torch.no_grad(), self.autocast():
            found = _features(self.net, windows.flatten(0, 1))
        return found[:, -self.patches :].float().unflatten(0, windows.shape[:2])


def _package(library: str) -> ModuleType:
    try:
        return import_module(library)
    except (ImportError, RuntimeError) as error:  # RuntimeError: its torchvision was built for another torch
        reason = str(error).splitlines()[0]
        raise PretrainedError(
            f"method.encoder={library}/... needs the package {library}, which does not import ({reason}): "
            f"pip install {library}"
        ) from error


def _unavailable(name: str, error: Exception) -> PretrainedError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return PretrainedError(
        f"method.encoder={name} cannot be loaded ({reason}): check the name, and download it once with a network"
    )


def _kind(package: ModuleType, config: Any) -> Any:
    return package.MODEL_MAPPING[type(config)]


def _from_transformers(model: str, settings: BackboneSettings, cells: int, weights: bool) -> tuple[nn.Module, int, int]:
    """Backbone, pixels in a patch's side, frames in a context."""
    package = _package("transformers")
    config = package.CONFIG_MAPPING[settings.config["model_type"]].from_dict(settings.config)
    kind: Any = _kind(package, config)
    patch, context = getattr(config, "patch_size", None), getattr(config, "tubelet_size", 1)
    if not isinstance(patch, int) or kind.main_input_name not in (PICTURES, VIDEOS):
        raise PretrainedError(f"transformers/{model} has no square patches of pictures: choose a vision transformer")
    net = kind.from_pretrained(model, config=config, dtype=torch.float32) if weights else kind(config)
    return net, patch, context


def _from_timm(model: str, settings: BackboneSettings, cells: int, weights: bool) -> tuple[nn.Module, int, int]:
    """The same."""
    package = _package("timm")
    plain = package.create_model(model, pretrained=False)
    patch = getattr(getattr(plain, "patch_embed", None), "patch_size", (0, 1))
    if patch[0] != patch[1]:
        raise PretrainedError(f"timm/{model} has no square patches: choose a vision transformer")
    net = package.create_model(model, pretrained=weights, num_classes=0, img_size=patch[0] * cells)
    return net, patch[0], 1


def _features(net: Any, pictures: Tensor) -> Tensor:
    """Tokens after the last layer: pictures (B, context, 3, side, side) -> (B, prefix + P, width)."""
    if hasattr(net, "forward_features"):  # timm
        return net.forward_features(pictures[:, 0])
    if net.main_input_name == VIDEOS:
        return net(pixel_values_videos=pictures, skip_predictor=True).last_hidden_state
    # Some stretch their positions over another number of patches by themselves, some when they are asked to.
    asked = {"interpolate_pos_encoding": True}
    known = asked if asked.keys() <= inspect.signature(net.forward).parameters.keys() else {}
    return net(pixel_values=pictures[:, 0], **known).last_hidden_state
