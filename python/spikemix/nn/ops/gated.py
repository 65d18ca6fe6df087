# SPDX-License-Identifier: MIT
"""Gates between a transform and its inverse, as operators."""
import functools
import math
from typing import Any, Sequence

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from ... import _core
from .common import TYPES, differentiable, one_by_one

@functools.lru_cache(maxsize=64)
def gate_of(spec: str, height: int, width: int, dim: int) -> _core.Gate:
    return _core.gate(spec, height, width, dim)


def _gate_type(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


@torch.library.custom_op("spikemix::gated", mutates_args=(), device_types="cpu")
def _gated(x: Tensor, gate: Tensor, spec: str, height: int, width: int) -> Tensor:
    """T^-1 (gate * T x) of x [S, N, D]: T a transform over the token grid of each channel by itself."""
    kernel, dtype = gate_of(spec, height, width, x.shape[2]), _gate_type(x)
    inputs, k = x.to(dtype).contiguous(), gate.to(dtype).contiguous()
    y = torch.empty_like(inputs)
    kernel.run(x.shape[0], TYPES[dtype], k.data_ptr(), inputs.data_ptr(), y.data_ptr(), torch.get_num_threads())
    return y.to(x.dtype)


@torch.library.custom_op("spikemix::gated_backward", mutates_args=(), device_types="cpu")
def _gated_backward(g: Tensor, x: Tensor, gate: Tensor, spec: str, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The gradients of x and of the gate, given that of y."""
    kernel, dtype = gate_of(spec, height, width, x.shape[2]), _gate_type(g)
    inputs, for_y, k = (value.to(dtype).contiguous() for value in (x, g, gate))
    for_x, for_gate = torch.empty_like(for_y), torch.empty_like(k)
    kernel.backward(x.shape[0], TYPES[dtype], k.data_ptr(), inputs.data_ptr(), for_y.data_ptr(), for_x.data_ptr(),
                    for_gate.data_ptr(), torch.get_num_threads())
    return for_x.to(g.dtype), for_gate.to(gate.dtype)


@functools.lru_cache(maxsize=64)
def _gate_matrices(spec: str, height: int, width: int, dim: int, device: torch.device,
                   dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    vertical, horizontal = gate_of(spec, height, width, dim).matrices()
    with torch.inference_mode(False):
        v, h = (torch.tensor(m, dtype=torch.float64).view(math.isqrt(len(m)), -1).to(device, dtype)
                for m in (vertical, horizontal))
    return v, h


def _cas(x: Tensor) -> Tensor:
    f: Tensor = torch.fft.fft2(x, dim=(1, 2), norm="ortho")
    return f.real - f.imag


def gated_by_torch(x: Tensor, gate: Tensor, spec: str, height: int, width: int) -> Tensor:
    """The same by torch's own operators, which differentiate it."""
    kind, dtype = gate_of(spec, height, width, x.shape[2]).kind, _gate_type(x)
    vertical, horizontal = _gate_matrices(spec, height, width, x.shape[2], x.device, dtype)
    grid = torch.unflatten(x.to(dtype), 1, (vertical.shape[0], horizontal.shape[0]))
    k = gate.to(dtype)
    y: Tensor
    if kind == 2:
        f = torch.fft.rfft2(grid, dim=(1, 2), norm="ortho") * torch.view_as_complex(k.contiguous())
        y = torch.fft.irfft2(f, grid.shape[1:3], dim=(1, 2), norm="ortho")
    elif kind == 1:
        y = _cas(k * _cas(grid))
    else:
        f = k * torch.einsum("uh,vw,bhwd->buvd", vertical, horizontal, grid)
        y = torch.einsum("uh,vw,buvd->bhwd", vertical, horizontal, f)
    return y.flatten(1, 2).to(x.dtype).contiguous()


def gated_backward_by_torch(g: Tensor, x: Tensor, gate: Tensor, spec: str, height: int,
                            width: int) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        x, gate = x.detach().requires_grad_(), gate.detach().requires_grad_()
        y = gated_by_torch(x, gate, spec, height, width)
        for_x, for_gate = torch.autograd.grad(y, (x, gate), g.to(y.dtype))
    return for_x.to(g.dtype).contiguous(), for_gate.contiguous()


@_gated.register_fake
def _(x: Tensor, gate: Tensor, spec: str, height: int, width: int) -> Tensor:
    return x.new_empty(x.shape)


@_gated_backward.register_fake
def _(g: Tensor, x: Tensor, gate: Tensor, spec: str, height: int, width: int) -> tuple[Tensor, Tensor]:
    return g.new_empty(g.shape), gate.new_empty(gate.shape)


def _gated_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(*(value for value in inputs if isinstance(value, Tensor)))
    ctx.rest = tuple(value for value in inputs if not isinstance(value, Tensor))


def _gated_vjp(ctx: Any, g: Tensor) -> tuple[Any, ...]:
    return (*gated_backward(g, *ctx.saved_tensors, *ctx.rest), None, None, None)


def _gated_backward_vjp(ctx: Any, u: Tensor, v: Tensor) -> tuple[Any, ...]:
    # As of mix_backward.
    g, x, gate = ctx.saved_tensors
    for_g = gated(u, gate, *ctx.rest) + gated(x, v, *ctx.rest)
    return (for_g, *gated_backward(g, u, v, *ctx.rest), None, None, None)


def _gated_vmap(info: Any, in_dims: Sequence[Any], x: Tensor, gate: Tensor, *rest: Any) -> tuple[Any, Any]:
    if in_dims[1] is not None:
        return one_by_one(gated, info, in_dims, (x, gate, *rest))
    samples = x.movedim(in_dims[0], 0)
    return torch.unflatten(gated(samples.flatten(0, 1), gate, *rest), 0, samples.shape[:2]), 0


def _gated_backward_vmap(info: Any, in_dims: Sequence[Any], *args: Any) -> tuple[Any, Any]:
    return one_by_one(gated_backward, info, in_dims, args)


gated = differentiable(_gated, _gated_setup, _gated_vjp, _gated_vmap, gated_by_torch)
gated_backward = differentiable(_gated_backward, _gated_setup, _gated_backward_vjp, _gated_backward_vmap,
                                gated_backward_by_torch)


@register_flop_formula(torch.ops.spikemix.gated)
def _gated_flops(x: Sequence[int], gate: Sequence[int], spec: str, height: int, width: int, *args: Any,
                 **kwargs: Any) -> int:
    return round(x[0] * gate_of(spec, height, width, x[2]).ops)


@register_flop_formula(torch.ops.spikemix.gated_backward)
def _gated_backward_flops(g: Sequence[int], x: Sequence[int], gate: Sequence[int], spec: str, height: int, width: int,
                          *args: Any, **kwargs: Any) -> int:
    return 2 * _gated_flops(x, gate, spec, height, width)
