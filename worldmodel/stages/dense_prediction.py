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
            some = frames.flatten(0, 1).split(_TOGETHER)
            features = torch.cat([_by_patch(self.teacher(encoder.pictures(each))) for each in some])
        self.register_buffer("mean", features.mean(dim=0))
        self.register_buffer("scale", features.std(dim=(0, 1)).clamp(min=_STILL))
        own = torch.randn(keypoints, channels, generator=generator)
        mixed = torch.randn(keypoints, channels, channels, generator=generator) / channels**0.5
        self.own, self.mixed = nn.Parameter(_FIRST * own), nn.Parameter(_FIRST * mixed)
        self.always = nn.Parameter(torch.zeros(patches, channels))  # what is there whatever the keypoints say
        self.widths = nn.Parameter(torch.full((keypoints, 1), math.log(_WIDTH)))
        self.to(frames.device)

    def targets(self, pictures: Tensor) -> Tensor:
        """Pictures (K', 3, h, w) -> standardised features of the teacher (K', P, C), without gradient."""
        with torch.no_grad():
            return (_by_patch(self.teacher(pictures)) - self.mean) / self.scale

    def told(self, encoder: KeypointEncoder, pictures: Tensor) -> Tensor:
        """Pictures (K', 3, h, w) -> the same as their keypoints tell them (K', P, C)."""
        features = encoder.features(pictures)
        points, weights = encoder.located(features)
        looks = encoder.seen_at(weights, features)
        with torch.autocast(pictures.device.type, enabled=False):
            codes = self.own + torch.einsum("bkc,kcd->bkd", looks, self.mixed)
            painted = gaussians(points[..., :2], encoder.places, self.widths.exp())
            return self.always + painted.transpose(1, 2) @ codes

    def error(self, encoder: KeypointEncoder, frames: Tensor) -> Tensor:
        """Mean squared error in frames uint8 (B, T, h, w, 3), over the targets' mean square: 0 is all, 1 nothing."""
        pictures = encoder.pictures(frames.flatten(0, 1))
        targets = self.targets(pictures)
        return nn.functional.mse_loss(self.told(encoder, pictures), targets) / targets.square().mean()


def gaussians(points: Tensor, places: Tensor, widths: Tensor) -> Tensor:
    """exp(-d^2 / (2 width^2)) of the distances from points (B, K, 2) of widths (K, 1) to places (P, 2): (B, K, P).

    d^2 by its terms, in one matrix product: the differences themselves would be twice as many numbers as the result.
    """
    narrow = widths.pow(-2).expand(len(points), -1, -1)
    near = torch.cat([points * narrow, -narrow / 2, points.square().sum(-1, keepdim=True) * narrow / -2], dim=-1)
    far = torch.cat([places, places.square().sum(-1, keepdim=True), torch.ones_like(places[:, :1])], dim=-1)
    return (near @ far.T).exp()


def _by_patch(features: Tensor) -> Tensor:
    """Maps (K', C, rows, columns) -> (K', P, C) float32."""
    return features.flatten(2).transpose(1, 2).float()
