"""Encoder and predictor as programs that run without this package: `torch.export`, and ONNX where that is installed.

Each program is written, loaded again and held against the model on random inputs of two batch sizes. Programs compute
in fp32 on the CPU, and can be moved.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from worldmodel.checkpoint import CheckpointError
from worldmodel.files import write_file
from worldmodel.model import Encoder, LatentWorldModel, PatchEncoder

TOLERANCE = {"pt2": 1e-5, "onnx": 1e-4}  # largest difference, as a share of the largest value: other kernels in ONNX
_BATCHES = (1, 5)


@dataclass(frozen=True)
class Exported:
    """One program on disk, and how it compares with the model."""

    name: str  # "encoder", "tokens" or "predictor"
    file: Path
    inputs: dict[str, list[str | int]]  # shape by name; "batch" is any number
    difference: float  # largest absolute difference from the model
    largest: float  # largest absolute value that the model gave
    tolerance: float  # of their ratio

    @property
    def equal(self) -> bool:
        """Whether the program is the model, to within the tolerance; not if either is not finite."""
        return self.difference <= self.tolerance * self.largest


class _Program(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model


class _Encodes(_Program):
    def forward(self, frames: Tensor) -> Tensor:
        return self.model.latents(frames)[:, -1]


class _Tokens(_Program):
    def forward(self, frames: Tensor) -> Tensor:
        return self.model.tokens(frames)[:, -1]


class _Imagines(_Program):
    def forward(self, z: Tensor, actions: Tensor) -> Tensor:
        return self.model.imagine(z, actions)


@dataclass(frozen=True)
class _Part:
    name: str
    program: nn.Module
    inputs: dict[str, list[str | int]]
    draw: Callable[[int, torch.Generator], tuple[Tensor, ...]]  # inputs of a batch of this size


def export(model: Encoder, frame_size: int, horizon: int, folder: Path, onnx: bool = False) -> list[Exported]:
    """Writes the programs of a model to `folder` and compares each with it.

    `encoder`: frames uint8 (batch, context, h, w, 3) -> (batch, D); of an encoder of patches also `tokens`: the same
    frames -> (batch, P, width); of a world model also `predictor`: z (batch, D), actions (batch, horizon, A) ->
    (batch, horizon, D).

    Args:
        model: in fp32, on the CPU, in evaluation mode.
        horizon: steps that the predictor imagines at a time.
        onnx: also write ONNX files.

    Raises CheckpointError: a program cannot be made, what it computes is not finite, or ONNX is not installed.
    """
    if onnx:
        _needed_for_onnx()
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for part in _parts(model, frame_size, horizon):
        example = part.draw(3, torch.Generator().manual_seed(0))
        batch = torch.export.Dim("batch", min=1, max=65536)
        try:
            program = torch.export.export(
                part.program, example, dynamic_shapes=tuple({0: batch} for _ in example), strict=False
            )
        except Exception as error:  # whatever in a network cannot be traced is told by errors of many kinds
            reason = str(error).strip().split("\n", maxsplit=1)[0]
            raise CheckpointError(
                f"the {part.name} cannot be exported ({reason}): its method is not fit for it"
            ) from error
        made.append(_checked(part, folder / f"{part.name}.pt2", _written_pt2(program, folder / f"{part.name}.pt2")))
        if onnx:
            file = folder / f"{part.name}.onnx"
            made.append(_checked(part, file, _written_onnx(program, file)))
    return made


def _parts(model: Encoder, frame_size: int, horizon: int) -> list[_Part]:
    def frames(batch: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        shape = (batch, model.context, frame_size, frame_size, 3)
        return (torch.randint(256, shape, generator=generator, dtype=torch.uint8),)

    seen: dict[str, list[str | int]] = {"frames": ["batch", model.context, frame_size, frame_size, 3]}
    parts = [_Part("encoder", _Encodes(model), seen, frames)]
    if isinstance(model, PatchEncoder):
        parts.append(_Part("tokens", _Tokens(model), seen, frames))
    if isinstance(model, LatentWorldModel):
        actions = len(model.action_low)

        def chances(batch: int, generator: torch.Generator) -> tuple[Tensor, ...]:
            latents = torch.randn(batch, model.latent, generator=generator)
            return latents, torch.rand(batch, horizon, actions, generator=generator) * 2 - 1

        shapes: dict[str, list[str | int]] = {"z": ["batch", model.latent], "actions": ["batch", horizon, actions]}
        parts.append(_Part("predictor", _Imagines(model), shapes, chances))
    return parts


@torch.no_grad()
def _checked(part: _Part, file: Path, run: Callable[..., Tensor]) -> Exported:
    differences, largest = [], []
    for batch in _BATCHES:
        inputs = part.draw(batch, torch.Generator().manual_seed(batch))
        wanted = part.program(*inputs)
        if not wanted.isfinite().all():
            raise CheckpointError(
                f"the {part.name} of this checkpoint computes what is no finite number: train it again"
            )
        differences.append((run(*inputs) - wanted).abs().max())
        largest.append(wanted.abs().max())
    worst, top = float(torch.stack(differences).max()), float(torch.stack(largest).max())
    return Exported(part.name, file, part.inputs, worst, top, TOLERANCE[file.suffix.removeprefix(".")])


def _written_pt2(program: torch.export.ExportedProgram, file: Path) -> Callable[..., Tensor]:
    written = io.BytesIO()
    torch.export.save(program, written)
    write_file(file, written.getvalue())  # its own writer has words of its own for a full disk
    return torch.export.load(file).module()


def _written_onnx(program: torch.export.ExportedProgram, file: Path) -> Callable[..., Tensor]:
    import onnxruntime

    written = torch.onnx.export(program, dynamo=True, verbose=False)
    assert written is not None  # it is None only for the older exporter
    written.save(file)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def run(*inputs: Tensor) -> Tensor:
        fed = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, fed)[0])

    return run


def _needed_for_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise CheckpointError(
            f"--onnx needs a package that is not installed ({error.name}): pip install 'housecat[onnx]'"
        ) from error
