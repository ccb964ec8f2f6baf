"""Keypoints: where things are in a context of camera frames, and from that one latent vector a time step."""

import torch
from torch import Tensor, nn

from worldmodel.networks.components import principal
from worldmodel.networks.encoders import ContextEncoder

MOTION_GAIN = 5.0  # a body crosses a tenth of the picture in a few frames: brings motion near the scale of places
PLACE_GAIN = 2.0  # keypoints are means, and seldom go to the edges: brings them to the scale of the other dimensions
SPREAD_GAIN = 4.0  # a body is a fraction of the picture: brings second moments near the scale of places
FIXED = ("places", "components")
_SHAPE = 5  # numbers of a keypoint: x, y; and the second moments xx, xy, yy about them
_HIDDEN = 512
_SETTLED = 32  # clips looked at together
_CACHED = 64  # frames whose features, some megabytes, a processor's cache holds
_STILL = 1e-8  # least variance of a component: what varies by less is not blown up further
_FAINT = 1e-3  # a map that varies by less says nothing


class KeypointEncoder(ContextEncoder):
    """Looks for a few things in fine patches of every frame, says where they are, and infers the rest from that.

    Each of K maps weighs the patches of a frame by a softmax; the mean of their places under these weights is a
    keypoint (spatial softmax: Levine et al. 2016, arXiv 1504.00702; feature points: Finn et al. 2016, arXiv
    1509.06113). A map is standardised over the frame first, so that from the first update on it prefers some places to
    others: maps that begin even all see the same, the middle, and learn late what to look for. How the weights spread
    about the keypoint tells which way a long body lies.

    The last dimensions of the latent, `fixed`, are what the keypoints of its newest frame say as they are. No gradient
    passes them: what has to be spread out and decorrelated is bent until a place can no longer be read from it. The
    others are inferred from the keypoints of all its frames and their motion, and through them it is learnt what to
    look for.

    Given are 2 K places; or K components. Several keypoints are on the same thing, and how it is turned is hardly in
    their places, but in what is seen there: in the features of the patches, averaged with the weights of the keypoint.
    `finalise` takes the principal components of these, places and second moments, each of variance 1.

    Args:
        size, context, latent: see `ContextEncoder`.
        patch: side of a patch in pixels.
        width: channels of a patch's features.
        keypoints: K.
        kind: of what is fixed, one of FIXED.
    """

    places: Tensor
    centre: Tensor
    basis: Tensor

    def __init__(
        self, size: int, context: int, latent: int, patch: int, width: int, keypoints: int, kind: str = "places"
    ) -> None:
        super().__init__(size, context, latent, fixed=2 * keypoints if kind == "places" else keypoints)
        if size % patch:
            raise ValueError(f"keypoint encoder: frame size {size} must be a multiple of patch {patch}")
        if latent <= self.fixed:
            raise ValueError(
                f"keypoint encoder: latent {latent} must be above the {self.fixed} numbers that {keypoints} keypoints "
                f"give it as {kind}"
            )
        self.keypoints, self.channels, self.looks = keypoints, width, 0 if kind == "places" else width
        narrow = max(
            min(width, 8), width // 2
        )  # between two wide layers half the channels say as much, in half the time
        self.features = nn.Sequential(
            nn.Conv2d(3, width, patch, stride=patch),
            nn.GELU(),
            nn.Conv2d(width, narrow, kernel_size=3, padding=1),
            nn.GELU(),
            nn.Conv2d(narrow, width, kernel_size=3, padding=1),
            nn.GELU(),
        )
        self.maps = nn.Conv2d(width, keypoints, kernel_size=1)
        self.sharpness = nn.Parameter(torch.ones(keypoints, 1))  # log of the factor before the softmax
        axis = torch.linspace(-1, 1, size // patch) * 3**0.5  # of variance 1
        rows, columns = torch.meshgrid(axis, axis, indexing="ij")
        self.register_buffer("places", torch.stack([columns.flatten(), rows.flatten()], dim=1))
        said = _SHAPE + self.looks
        places = torch.eye(said * keypoints).view(keypoints, said, -1)[:, :2].flatten(0, 1)
        self.register_buffer("centre", torch.zeros(said * keypoints))
        self.register_buffer("basis", PLACE_GAIN * places[: self.fixed].T)  # ((5 + looks) K, fixed)
        features, inferred = _SHAPE * keypoints * context, latent - self.fixed
        self.straight = nn.Linear(features, inferred)
        self.bent = nn.Sequential(
            nn.Linear(features, _HIDDEN),
            nn.GELU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.GELU(),
            nn.Linear(_HIDDEN, inferred),
        )

    def points(self, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3) -> keypoints (B, T, K, 5 + looks) float32.

        x and y, of which the picture spans -1.7 to 1.7, `SPREAD_GAIN` times the second moments xx, xy, yy of the
        weights about them, and the features that are seen there (`looks` of them).
        """
        some = frames.flatten(0, 1)
        # An exported program takes any number of frames, so it must not be cut for one.
        parts = [some] if torch.compiler.is_compiling() else some.split(together(some))
        return torch.cat([self._said(each) for each in parts]).unflatten(0, frames.shape[:2])

    def _said(self, frames: Tensor) -> Tensor:
        """Frames uint8 (K', h, w, 3) -> keypoints (K', K, 5 + looks); no gradient passes what is seen there."""
        features = self.features(self.pictures(frames))
        points, weights = self.located(features)
        return torch.cat([points, self.seen_at(weights, features.detach()).detach()], dim=-1) if self.looks else points

    def pictures(self, frames: Tensor) -> Tensor:
        """Frames uint8 (K', h, w, 3) -> what the features are of, standardised (K', 3, h, w) float32."""
        return self.pixels.still(frames).permute(0, 3, 1, 2)

    def located(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (K', width, rows, columns) of frames -> keypoints (K', K, 5), weights of the patches (K', K, P)."""
        maps = self.maps(features).flatten(2)
        with torch.autocast(features.device.type, enabled=False):  # differences between frames are small
            sharpness = self.sharpness.flatten().exp()
            maps = nn.functional.group_norm(maps.float().contiguous(), self.keypoints, sharpness, eps=_FAINT**2)
            weights = maps.softmax(dim=-1)
            means, squares = (weights @ torch.cat([self.places, _squares(self.places)], dim=1)).split([2, 3], dim=-1)
            return torch.cat([means, SPREAD_GAIN * (squares - _squares(means))], dim=-1), weights

    def seen_at(self, weights: Tensor, features: Tensor) -> Tensor:
        """The features (K', width, rows, columns) under weights (K', K, P): what is seen there (K', K, width)."""
        with torch.autocast(features.device.type, enabled=False):
            return weights @ features.float().flatten(2).transpose(1, 2)

    @torch.no_grad()
    def finalise(self, frames: Tensor) -> None:
        """Takes the principal components of the keypoints in frames uint8 (B, T, h, w, 3); see the class."""
        points = torch.cat([self.points(some) for some in frames.split(_SETTLED)]).flatten(2).flatten(0, 1)
        directions, variances = principal(points, self.fixed)
        self.centre.copy_(points.mean(dim=0))
        self.basis.copy_(directions / variances.clamp(min=_STILL).sqrt())

    def forward(self, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3) -> latents (B, T - context + 1, D)."""
        return self.summarise(self.points(frames))

    def still(self, frames: Tensor) -> Tensor:
        """See `ContextEncoder`; each frame is looked at once."""
        return self._at_rest(self.points(frames[:, None]))

    def recording(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """See `worldmodel.model.Encoder`; each frame is looked at once for both."""
        points = self.points(frames[None])
        return self.summarise(points)[0], self._at_rest(points[0, self.context - 1 :, None])

    def _at_rest(self, points: Tensor) -> Tensor:
        """Keypoints (K', 1, K, 5 + looks) of frames -> latents (K', D) of what stays where it is."""
        return self.summarise(points.expand(-1, self.context, -1, -1))[:, 0]

    def fixed_of(self, points: Tensor) -> Tensor:
        """Keypoints (B, T, K, 5 + looks) -> what the latent holds of them (B, T, fixed), without gradient."""
        with torch.autocast(points.device.type, enabled=False):
            return (points.detach().flatten(2).float() - self.centre) @ self.basis

    def summarise(self, points: Tensor) -> Tensor:
        """Keypoints (B, T, K, 5 + looks) -> latents (B, T - context + 1, D)."""
        back = self.context - 1
        fixed, points = self.fixed_of(points[:, back:]), points[..., :_SHAPE].flatten(2)
        windows, motion = points.shape[1] - back, MOTION_GAIN * (points[:, 1:] - points[:, :-1])
        features = torch.cat([points[:, back:], *(motion[:, k : k + windows] for k in range(back))], dim=-1)
        with torch.autocast(points.device.type, enabled=False):
            straight = self.straight(features)
        return torch.cat([straight + self.bent(features), fixed], dim=-1)


def together(frames: Tensor) -> int:
    """How many frames (K', ...) go through at once: on the CPU so few that its cache holds their features."""
    return _CACHED if frames.device.type == "cpu" else max(1, len(frames))


def _squares(places: Tensor) -> Tensor:
    """x, y (..., 2) -> xx, xy, yy (..., 3)."""
    x, y = places.unbind(-1)
    return torch.stack([x * x, x * y, y * y], dim=-1)
