"""What every layer of an encoder makes of a clip, caught on its way through the network."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from worldmodel.networks.encoders import Block

SIDE = 8  # maps of a convolution are averaged down to SIDE x SIDE places: finer ones say little more and cost much


def caught(network: nn.Module, run: Callable[[], Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """What `run` returns, and meanwhile what went through the transformer blocks and convolutions of the network.

    Returns:
        the result of `run`; then by name ("block 1", "convolution 2"), in the order of use, features (R, P, width) of
        the places of each picture or context. R is what the network made of the batch; a layer used several times has
        the rows of all its uses.
    """
    seen: dict[nn.Module, list[Tensor]] = {}

    def keep(module: nn.Module, _: tuple, output: Tensor) -> None:
        seen.setdefault(module, []).append(_places(output.detach()).float())

    hooks = [
        module.register_forward_hook(keep)
        for module in network.modules()
        if isinstance(module, Block) or (isinstance(module, nn.Conv2d) and module.out_channels > 1)
    ]
    try:
        result = run()
    finally:
        for hook in hooks:
            hook.remove()
    found: dict[str, Tensor] = {}
    for module, outputs in seen.items():
        kind = "block" if isinstance(module, Block) else "convolution"
        number = 1 + sum(name.startswith(kind) for name in found)
        found[f"{kind} {number}"] = torch.cat(outputs)
    return result, found


def by_time(layers: dict[str, Tensor], batch: int, steps: int, frames: int) -> dict[str, Tensor]:
    """Rows of layers (R, P, width) -> (B, T', P, width): one for each of the `steps` latents of a clip.

    A layer that looks at single pictures has a row for each of the `frames`; of these, the newest of each context is
    taken. Left out are layers whose rows belong to neither.
    """
    found = {}
    for name, rows in layers.items():
        for length in (frames, steps):
            if len(rows) == batch * length:
                found[name] = rows.unflatten(0, (batch, length))[:, length - steps :]
    return found


def _places(output: Tensor) -> Tensor:
    if output.ndim == 3:
        return output
    side = min(SIDE, output.shape[-1])
    return nn.functional.adaptive_avg_pool2d(output, side).flatten(2).transpose(1, 2)
