"""A device that is not the CPU and needs no card. Its tensors hold the CPU's numbers, and refuse to meet the CPU's.

What a graphics card would raise is raised here: an operation on tensors of both, a generator of the other, `numpy()`.
It is stricter in one point: an index has to be where it is used, for a card copies it, each time, behind one's back.
Numbers are real, so whatever depends on data runs, and results can be held against those of the CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

NAME = "pretended"
_CROSSING = ("aten::_to_copy", "aten::copy_")  # what may take tensors of both
_WAITING = ("aten::_local_scalar_dense", "aten::is_nonzero", "aten::equal", "aten::nonzero", "aten::_unique2")


class Elsewhere(Tensor):
    """A tensor of the pretended device; its numbers are in `inner`."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "Elsewhere":
        found = Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=f"{NAME}:0",
        )
        found.inner = inner
        return found

    def tolist(self) -> Any:
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {}, None)


class _Pretending(TorchDispatchMode):
    """Counts, in `waits`, how often the host waited for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:  # in inference mode, what is made of other operations arrives whole
                return func.decompose(*args, **(kwargs or {}))
        return _run(func, args, kwargs or {}, self)


def _run(func: Any, args: tuple, kwargs: dict[str, Any], mode: _Pretending | None) -> Any:
    name = func._schema.name
    tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
    here = any(isinstance(each, Elsewhere) for each in tensors)
    to = here
    if kwargs.get("device") is not None:
        to = torch.device(kwargs["device"]).type == NAME
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if here and name not in _CROSSING:
        strangers = [each for each in tensors if not isinstance(each, Elsewhere) and each.ndim]
        if strangers:
            raise RuntimeError(f"{name}: all tensors must be on the same device, found {NAME} and cpu")
    if to and kwargs.get("generator") is not None:
        raise RuntimeError(f"{name}: expected a generator of {NAME}, found one of cpu")
    written = args[0] if args and any(a.alias_info and a.alias_info.is_write for a in func._schema.arguments) else None
    leaves = here and (name in _WAITING or (name in _CROSSING and not (to and written is None)))
    if mode is not None and leaves and not isinstance(written, Elsewhere):
        mode.waits += 1
    plain = tree_map_only(Elsewhere, lambda each: each.inner, (args, kwargs))
    result = func(*plain[0], **plain[1])
    if isinstance(written, Tensor) and isinstance(result, Tensor):
        if torch.Tag.inplace_view in func.tags and isinstance(written, Elsewhere):
            with no_dispatch():  # the shape is the wrapper's too
                func(*args, **kwargs)
        return written
    return tree_map_only(Tensor, Elsewhere, result) if to else result


class _Module:
    """What torch asks of a device's module."""

    @staticmethod
    def get_amp_supported_dtype() -> list[torch.dtype]:
        return [torch.bfloat16]

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def device_count() -> int:
        return 1

    @staticmethod
    def current_device() -> int:
        return 0

    @staticmethod
    def _is_in_bad_fork() -> bool:
        return False

    @staticmethod
    def manual_seed_all(seed: int) -> None:
        pass


if hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Module)
else:
    pytest.skip("this torch knows no devices made in Python", allow_module_level=True)
ELSEWHERE = torch.device(NAME)


@contextmanager
def pretended() -> Iterator[_Pretending]:
    """While it lasts, there is such a device."""
    lifted = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # what is made from a list is made on the CPU, then moved
    try:
        with _Pretending() as mode:
            yield mode
    finally:
        torch._C._set_only_lift_cpu_tensors(lifted)
