# SPDX-License-Identifier: MIT
"""Linear mixers as operators."""
import functools
import math
from typing import Any, Callable, Optional, Sequence

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from ... import _core
from .common import TYPES, computed, differentiable, one_by_one

# A mixer's definition as matrices costs megabytes, its plan kilobytes; programs have a few of them.
@functools.lru_cache(maxsize=256)
def mixer_of(spec: str, T: int, height: int, width: int, dim: int, turned: bool) -> _core.Mix:
    return _core.Mix(spec, T, height, width, dim, turned)


def _mixer_for(x: Tensor, spec: str, height: int, width: int, turned: bool) -> _core.Mix:
    return mixer_of(spec, x.shape[0], height, width, x.shape[2 if turned else 3], turned)


@torch.library.custom_op("spikemix::mix", mutates_args=(), device_types="cpu")
def _mix(x: Tensor, coefficients: Optional[Tensor], spec: str, height: int, width: int, turned: bool,
        adjoint: bool) -> Tensor:
    """y = sum_k c_k M_k x (or M_k' x) of x [T, B, N, D]; of [T, B, D, N] if turned."""
    mixer = _mixer_for(x, spec, height, width, turned)
    inputs = computed(x)
    y = torch.empty_like(inputs)
    c = [] if coefficients is None else coefficients.double().tolist()
    mixer.run(adjoint, c, x.shape[0], x.shape[1], TYPES[inputs.dtype], inputs.data_ptr(), y.data_ptr(),
              torch.get_num_threads())
    return y.to(x.dtype)


@torch.library.custom_op("spikemix::mix_backward", mutates_args=(), device_types="cpu")
def _mix_backward(g: Tensor, x: Tensor, coefficients: Tensor, spec: str, height: int, width: int,
                 turned: bool) -> tuple[Tensor, Tensor]:
    """sum_k c_k M_k' g, and <M_k' g, x> for each k."""
    mixer = _mixer_for(x, spec, height, width, turned)
    inputs = computed(g)
    others = x.to(inputs.dtype).contiguous()
    y = torch.empty_like(inputs)
    sums = mixer.backward(coefficients.double().tolist(), x.shape[0], x.shape[1], TYPES[inputs.dtype],
                          inputs.data_ptr(), others.data_ptr(), y.data_ptr(), torch.get_num_threads())
    return y.to(g.dtype), torch.tensor(sums, dtype=coefficients.dtype)


_Term = tuple[int, float, list[tuple[str, Tensor]]]


@functools.lru_cache(maxsize=64)
def _matrices(spec: str, T: int, height: int, width: int, dim: int, device: torch.device,
              dtype: torch.dtype) -> list[_Term]:
    terms = mixer_of(spec, T, height, width, dim, False).terms()
    with torch.inference_mode(False):
        return [(coefficient, sign, [(axis, torch.tensor(values, dtype=torch.float64).view(n, n).to(device, dtype))
                                     for axis, n, values in axes])
                for coefficient, sign, axes in terms]


def _along(x: Tensor, axis: str, matrix: Tensor) -> Tensor:
    """A along one axis of x [T, B, N, D]."""
    n = matrix.shape[0]
    if axis == "embed":
        return x @ matrix.t()
    if axis == "time":
        return (matrix @ x.reshape(n, -1)).view(x.shape)
    inner = x.shape[3] * (x.shape[2] // n if axis == "height" else 1)
    return (matrix @ x.reshape(-1, n, inner)).view(x.shape)


def _by_matrices(x: Tensor, spec: str, height: int, width: int, turned: bool, adjoint: bool,
                 each: Callable[[int, Tensor], Tensor]) -> Tensor:
    """The sum of what `each` makes of a term's coefficient (or -1) and its map of x."""
    tokens = x.transpose(2, 3) if turned else x
    tokens = tokens.to(torch.float64 if x.dtype == torch.float64 else torch.float32).contiguous()
    total = torch.zeros_like(tokens)
    for coefficient, sign, axes in _matrices(spec, x.shape[0], height, width, tokens.shape[3], x.device, tokens.dtype):
        y = tokens
        for axis, matrix in axes:
            y = _along(y, axis, matrix.t() if adjoint else matrix)
        y = each(coefficient, sign * y)
        total += y
    return (total.transpose(2, 3) if turned else total).to(x.dtype).contiguous()


def mix_by_matrices(x: Tensor, coefficients: Optional[Tensor], spec: str, height: int, width: int, turned: bool,
                    adjoint: bool) -> Tensor:
    """The same as small matrices: how it runs where only matrix products are fast."""
    def weighted(k: int, y: Tensor) -> Tensor:
        return y if coefficients is None or k < 0 else coefficients[k].to(y.dtype) * y
    return _by_matrices(x, spec, height, width, turned, adjoint, weighted)


def mix_backward_by_matrices(g: Tensor, x: Tensor, coefficients: Tensor, spec: str, height: int, width: int,
                             turned: bool) -> tuple[Tensor, Tensor]:
    others = x.transpose(2, 3) if turned else x
    sums = torch.zeros(coefficients.shape, dtype=torch.float64, device=g.device)

    def weighted(k: int, y: Tensor) -> Tensor:
        sums[k] += (y * others).sum(dtype=torch.float64)
        return coefficients[k].to(y.dtype) * y
    return _by_matrices(g, spec, height, width, turned, True, weighted), sums.to(coefficients.dtype)


@_mix.register_fake
def _(x: Tensor, coefficients: Optional[Tensor], spec: str, height: int, width: int, turned: bool,
      adjoint: bool) -> Tensor:
    return x.new_empty(x.shape)


@_mix_backward.register_fake
def _(g: Tensor, x: Tensor, coefficients: Tensor, spec: str, height: int, width: int,
      turned: bool) -> tuple[Tensor, Tensor]:
    return g.new_empty(g.shape), coefficients.new_empty(coefficients.shape)


def _mix_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, coefficients, *rest = inputs
    ctx.rest = rest
    ctx.learns = coefficients is not None
    ctx.save_for_backward(*((x, coefficients) if ctx.learns else ()))


def _mix_vjp(ctx: Any, g: Tensor) -> tuple[Any, ...]:
    spec, height, width, turned, adjoint = ctx.rest
    if not ctx.learns:
        return (mix(g, None, spec, height, width, turned, not adjoint), *[None] * 6)
    if adjoint:  # no forward pass of a module asks for it
        raise RuntimeError("spikemix::mix: the adjoint of a mixer with coefficients has no gradient of its own")
    x, coefficients = ctx.saved_tensors
    return (*mix_backward(g, x, coefficients, spec, height, width, turned), *[None] * 5)


def _mix_backward_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(*inputs[:3])
    ctx.rest = inputs[3:]


def _mix_backward_vjp(ctx: Any, u: Tensor, v: Tensor) -> tuple[Any, ...]:
    # Both results are linear in each argument: a = M_c' g, b = B(g, x) with <u, a> = <M_c u, g>, <v, b> = <M_v x, g>.
    g, x, coefficients = ctx.saved_tensors
    spec, height, width, turned = ctx.rest
    for_g = mix(u, coefficients, spec, height, width, turned, False) + mix(x, v, spec, height, width, turned, False)
    for_x, for_coefficients = mix_backward(g, u, v, spec, height, width, turned)
    return for_g, for_x, for_coefficients, *[None] * 4



def _mix_vmap(info: Any, in_dims: Sequence[Any], x: Tensor, coefficients: Optional[Tensor],
              *rest: Any) -> tuple[Any, Any]:
    if in_dims[1] is not None:
        return one_by_one(mix, info, in_dims, (x, coefficients, *rest))
    samples = x.movedim(in_dims[0], 1)
    return torch.unflatten(mix(samples.flatten(1, 2), coefficients, *rest), 1, samples.shape[1:3]), 1


def _mix_backward_vmap(info: Any, in_dims: Sequence[Any], *args: Any) -> tuple[Any, Any]:
    return one_by_one(mix_backward, info, in_dims, args)


mix = differentiable(_mix, _mix_setup, _mix_vjp, _mix_vmap, mix_by_matrices)
mix_backward = differentiable(_mix_backward, _mix_backward_setup, _mix_backward_vjp, _mix_backward_vmap,
                              mix_backward_by_matrices)


@register_flop_formula(torch.ops.spikemix.mix)
def _mix_flops(x: Sequence[int], coefficients: Optional[Sequence[int]], spec: str, height: int, width: int,
               turned: bool, adjoint: bool, *args: Any, **kwargs: Any) -> int:
    mixer = mixer_of(spec, x[0], height, width, x[2 if turned else 3], turned)
    return round(x[0] * x[1] * mixer.ops)


@register_flop_formula(torch.ops.spikemix.mix_backward)
def _mix_backward_flops(g: Sequence[int], x: Sequence[int], coefficients: Sequence[int], spec: str, height: int,
                        width: int, turned: bool, *args: Any, **kwargs: Any) -> int:
    return _mix_flops(g, coefficients, spec, height, width, turned, True) + 2 * coefficients[0] * math.prod(g)
