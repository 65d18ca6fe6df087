# SPDX-License-Identifier: MIT
"""What the operators have in common: types, registration, vmap."""
from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator, Optional, Sequence, TypeVar, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ... import _core

Operator = TypeVar("Operator", bound=Callable[..., Any])

TYPES = {torch.float32: _core.Type.float, torch.float64: _core.Type.double, torch.bfloat16: _core.Type.bfloat16}


def _transforming() -> bool:
    """Is this call below one of torch.func's transforms, or in forward mode?"""
    return not torch.compiler.is_compiling() and (
        torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0)


_written_out = False


@contextlib.contextmanager
def written_out() -> Iterator[None]:
    """Within it, operators are torch's own alone: what a graph for other runtimes is traced from."""
    global _written_out
    before, _written_out = _written_out, True
    try:
        yield
    finally:
        _written_out = before


def differentiable(op: Any, setup: Callable[..., None], vjp: Callable[..., Any], vmap: Callable[..., Any],
                   by_torch: Operator) -> Operator:
    """The operator with its kernel for CUDA (`by_torch`, whose arguments it has), its gradient and its rule for vmap.

    torch registers both for plain autograd and for `torch.compile`; `torch.func` takes an autograd.Function alone, and
    forward mode would pass an operator by without a word: there that function stands in the operator's place.
    """
    op.register_kernel("cuda")(by_torch)
    op.register_autograd(vjp, setup_context=setup)
    op.register_vmap(vmap)

    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise NotImplementedError(f"{op._qualname} has no forward mode (jvp): torch registers none for operators; use "
                                  "reverse mode, torch.func.grad or vjp")

    function: Any = type(op._name.capitalize(), (torch.autograd.Function,), {
        "forward": staticmethod(lambda *args: op(*args)), "setup_context": staticmethod(setup),
        "backward": staticmethod(vjp), "vmap": staticmethod(vmap), "jvp": staticmethod(jvp)})

    def run(*args: Any) -> Any:
        if _written_out:
            return by_torch(*args)
        return function.apply(*args) if _transforming() else op(*args)
    return cast(Operator, run)


def computed(x: Tensor) -> Tensor:
    """What the transforms' kernels read: half precision comes as float."""
    return (x if x.dtype in TYPES else x.float()).contiguous()


def moved(value: Tensor, dim: Optional[int], to: int, size: int) -> Tensor:
    """The mapped dimension at place `to`, where a tensor without one is seen so many times."""
    if dim is not None:
        return value.movedim(dim, to)
    return value.unsqueeze(to).expand(*value.shape[:to], size, *value.shape[to:])


def one_by_one(op: Callable[..., Any], info: Any, in_dims: Sequence[Any], args: Sequence[Any]) -> tuple[Any, Any]:
    """vmap as a loop, for what is learned and mapped at once."""
    results = [op(*(a.select(d, i) if isinstance(d, int) else a for a, d in zip(args, in_dims)))
               for i in range(info.batch_size)]
    if isinstance(results[0], Tensor):
        return torch.stack(results), 0
    stacked = tuple(torch.stack(parts) for parts in zip(*results))
    return stacked, (0,) * len(stacked)
