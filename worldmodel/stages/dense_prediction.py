"""Dense prediction: what every patch of a frame looks like, told from the frame's keypoints alone.

Where no keypoint is on a thing, its patches cannot be told. Targets are features, not pixels, as where slots have to
tell the features of a pretrained network (DINOSAUR, Seitzer et al. 2023, arXiv 2209.14860); each keypoint paints one
code in a Gaussian about it, as in keypoints that have to draw pictures (Jakab et al. 2018, arXiv 1806.07823). The
teacher here is the network itself before its first update: random features, as in random network distillation (Burda et
al. 2018, arXiv 1810.12894), which cannot collapse and need no other network.
"""

import copy
import math

import torch
from torch import Tensor, nn

from worldmodel.networks.keypoints import KeypointEncoder

_WIDTH = 0.3  # of a Gaussian at first, where the picture is 3.5 wide: one to two patches
_FIRST = 0.1  # size of codes at first
_TOGETHER = 256  # frames that the teacher looks at together
_STILL = 1e-4  # a feature that varies by less says nothing


class DensePrediction(nn.Module):
    """The features of patches (P of them, C each) from the keypoints (K) of the same frame.

    Args:
        encoder: whose features, as they are now, are the teacher's.
        frames: uint8 (B, T, h, w, 3), from which the mean and the spread of the teacher's features are taken.
        generator: of the first codes, on the CPU.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, encoder: KeypointEncoder, frames: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        patches, channels, keypoints = len(encoder.places), encoder.channels, encoder.keypoints
        self.teacher = copy.deepcopy(encoder.features).requires_grad_(False)
        with torch.no_grad():
            some = frames.flatten(0, 1)[:, None].split(_TOGETHER)
            features = torch.cat([self.teacher(encoder.pictures(each)).flatten(2).float() for each in some])
        self.register_buffer("mean", features.mean(dim=0))
        self.register_buffer("scale", features.std(dim=(0, 2)).clamp(min=_STILL)[:, None])
        own = torch.randn(keypoints, channels, generator=generator)
        mixed = torch.randn(keypoints, channels, channels, generator=generator) / channels**0.5
        self.own, self.mixed = nn.Parameter(_FIRST * own), nn.Parameter(_FIRST * mixed)
        self.always = nn.Parameter(torch.zeros(channels, patches))  # what is there whatever the keypoints say
        self.widths = nn.Parameter(torch.full((keypoints, 1), math.log(_WIDTH)))
        self.to(frames.device)

    @torch.no_grad()
    def targets(self, encoder: KeypointEncoder, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3) -> standardised features of the teacher (B * T, C, P), without gradient."""
        return (self.teacher(encoder.pictures(frames)).flatten(2).float() - self.mean) / self.scale

    def told(self, encoder: KeypointEncoder, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3) -> the same as their keypoints tell them (B * T, C, P)."""
        points, looks = encoder.looked(frames)
        with torch.autocast(frames.device.type, enabled=False):
            away = (points[..., :2].unsqueeze(-2) - encoder.places).square().sum(dim=-1)  # (B * T, K, P)
            there = (-away / (2 * self.widths.exp().square())).exp()
            codes = self.own + torch.einsum("bkc,kcd->bkd", looks, self.mixed)
            return self.always + codes.transpose(1, 2) @ there

    def error(self, encoder: KeypointEncoder, frames: Tensor) -> Tensor:
        """Mean squared error in frames uint8 (B, T, h, w, 3), over the targets' mean square: 0 is all, 1 nothing."""
        targets = self.targets(encoder, frames)
        return (self.told(encoder, frames) - targets).square().mean() / targets.square().mean()
