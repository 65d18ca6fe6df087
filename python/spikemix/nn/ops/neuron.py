# SPDX-License-Identifier: MIT
"""Spiking neurons as operators."""
import functools
import json
import math
from typing import Any, Optional, Sequence, TypedDict

import torch
from torch import Tensor

from ... import _core
from .common import TYPES, differentiable, moved, one_by_one


class _Constants(TypedDict):
    """As `_core.neuron_json` writes them."""

    k: float
    leak: float
    v_threshold: float
    v_negative: float
    v_reset: float
    hard_reset: bool
    detach_reset: bool
    surrogate: str
    alpha: float
    levels: int


@functools.lru_cache(maxsize=64)
def _constants(text: str) -> tuple[_core.Neuron, _Constants]:
    return _core.neuron(text), json.loads(text)


def _rows(shape: Sequence[int]) -> tuple[int, int]:
    """[M, C] of one time step: rows wide enough for the kernel, and many enough to share out."""
    C, M = 1, math.prod(shape)
    for size in reversed(shape):
        if C >= 256:
            break
        C *= size
    return (M // C if C > 0 else 0), C


def _by_kernels(x: Tensor) -> bool:
    return x.dtype in (torch.float32, torch.bfloat16)


@torch.library.custom_op("spikemix::neuron", mutates_args=(), device_types="cpu")
def _neuron(x: Tensor, w: Optional[Tensor], constants: str, T: int) -> Tensor:
    """Spikes of x [T, ...]; with T > 0 each of T steps reads the same x. 1 / tau = sigmoid(w), if there is a w."""
    if not _by_kernels(x):
        return neuron_by_torch(x, w, constants, T)
    steps, step = (T, x.shape) if T > 0 else (x.shape[0], x.shape[1:])
    x = x.contiguous()
    s = x.new_empty((steps, *step))
    M, C = _rows(step)
    k = None if w is None else float(w.detach().sigmoid())
    _core.neuron_forward(_constants(constants)[0], k, steps, M, C, T > 0, TYPES[x.dtype], x.data_ptr(), s.data_ptr(),
                         torch.get_num_threads())
    return s


@torch.library.custom_op("spikemix::neuron_backward", mutates_args=(), device_types="cpu")
def _neuron_backward(ds: Tensor, x: Tensor, w: Optional[Tensor], constants: str, T: int) -> tuple[Tensor, Tensor]:
    """The gradients of x and w (of shape [0], if there is none), given that of the spikes."""
    if not _by_kernels(x):
        return neuron_backward_by_torch(ds, x, w, constants, T)
    steps, step = (T, x.shape) if T > 0 else (x.shape[0], x.shape[1:])
    x, ds = x.contiguous(), ds.to(x.dtype).contiguous()
    dz = torch.empty_like(x)
    M, C = _rows(step)
    k = None if w is None else float(w.detach().sigmoid())
    dk = _core.neuron_backward(_constants(constants)[0], k, steps, M, C, T > 0, TYPES[x.dtype], x.data_ptr(),
                               ds.data_ptr(), dz.data_ptr(), torch.get_num_threads())
    dw = x.new_empty(0) if w is None or k is None else torch.full_like(w, dk * k * (1 - k))
    return dz, dw


def _fire(p: _Constants, h: Tensor) -> Tensor:
    if p["levels"] > 0:
        return torch.floor(h.clamp(0, p["levels"]) + 0.5)
    fired = (h >= p["v_threshold"]).to(h.dtype)
    return fired - (h <= p["v_negative"]).to(h.dtype) if p["v_negative"] < 0 else fired


def _reset(p: _Constants, h: Tensor, s: Tensor) -> Tensor:
    if p["levels"] > 0:
        return h - s
    return torch.where(s != 0, p["v_reset"], h) if p["hard_reset"] else h - p["v_threshold"] * s


def _surrogate(p: _Constants, u: Tensor) -> Tensor:
    alpha = p["alpha"]
    if p["surrogate"] == "sigmoid":
        g = torch.sigmoid(alpha * u)
        return alpha * g * (1 - g)
    if p["surrogate"] == "arctan":
        return alpha / 2 / (1 + (math.pi / 2 * alpha * u) ** 2)
    if p["surrogate"] == "triangle":
        return alpha * (1 - alpha * u.abs()).clamp(min=0)
    return ((u > 0) & (u < p["levels"])).to(u.dtype)


def _potentials(p: _Constants, x: Tensor, k: Any, T: int) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Before each step, charged, and spikes."""
    steps = x.expand(T, *x.shape) if T > 0 else x
    v, before, charged, spikes = torch.full_like(steps[0], p["v_reset"]), [], [], []
    for z in steps:
        h = v + k * (z - p["leak"] * (v - p["v_reset"]))
        s = _fire(p, h)
        before.append(v)
        charged.append(h)
        spikes.append(s)
        v = _reset(p, h, s)
    return before, charged, spikes


def _k(p: _Constants, w: Optional[Tensor], x: Tensor) -> Any:
    return p["k"] if w is None else w.sigmoid().to(x.dtype)


def neuron_by_torch(x: Tensor, w: Optional[Tensor], constants: str, T: int) -> Tensor:
    """The definition, by torch's own operators: doubles, half precision and CUDA."""
    p, z = _constants(constants)[1], x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return torch.stack(_potentials(p, z, _k(p, w, z), T)[2]).to(x.dtype)


def neuron_backward_by_torch(ds: Tensor, x: Tensor, w: Optional[Tensor], constants: str,
                             T: int) -> tuple[Tensor, Tensor]:
    p, z = _constants(constants)[1], x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    k = _k(p, w, z)
    before, charged, spikes = _potentials(p, z, k, T)
    dv, dk = torch.zeros_like(charged[0]), torch.zeros((), dtype=torch.float64, device=x.device)
    dz: list[Tensor] = []
    for t in range(len(charged) - 1, -1, -1):
        h, s = charged[t], spikes[t]
        dspike = ds[t].to(h.dtype)
        if not p["detach_reset"]:
            dv_ds = -s * h if p["v_negative"] < 0 else p["v_reset"] - h if p["hard_reset"] else -p["v_threshold"]
            dspike = dspike + dv * dv_ds
        gradient = _surrogate(p, h - p["v_threshold"])
        if p["v_negative"] < 0:
            gradient = gradient + _surrogate(p, h - p["v_negative"])
        kept = dv * (1 - s.abs()) if p["hard_reset"] and p["levels"] == 0 else dv
        dh = dspike * gradient + kept
        dz.append(k * dh)
        drive = (z if T > 0 else z[t]) - p["leak"] * (before[t] - p["v_reset"])
        dk = dk + (dh * drive).sum(dtype=torch.float64)
        dv = dh * (1 - k * p["leak"])
    dx = torch.stack(dz[::-1])
    dw = x.new_empty(0) if w is None else (dk * k * (1 - k)).to(w.dtype).reshape(w.shape)
    return (dx.sum(0) if T > 0 else dx).to(x.dtype), dw


@_neuron.register_fake
def _(x: Tensor, w: Optional[Tensor], constants: str, T: int) -> Tensor:
    return x.new_empty((T, *x.shape) if T > 0 else x.shape)


@_neuron_backward.register_fake
def _(ds: Tensor, x: Tensor, w: Optional[Tensor], constants: str, T: int) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape), x.new_empty(0) if w is None else w.new_empty(w.shape)


def _neuron_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, w, ctx.constants, ctx.T = inputs
    ctx.learns = w is not None
    ctx.save_for_backward(*((x, w) if ctx.learns else (x,)))


def _neuron_vjp(ctx: Any, ds: Tensor) -> tuple[Any, ...]:
    x, w = ctx.saved_tensors if ctx.learns else (*ctx.saved_tensors, None)
    dx, dw = neuron_backward(ds, x, w, ctx.constants, ctx.T)
    return dx, dw if ctx.learns else None, None, None


def _no_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    pass


def _no_second_derivative(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
    raise RuntimeError("spikemix::neuron has no second derivative: a spike's gradient is a surrogate, and that of the "
                       "surrogate means nothing; differentiate once")


def _neuron_vmap(info: Any, in_dims: Sequence[Any], x: Tensor, w: Optional[Tensor], constants: str,
                 T: int) -> tuple[Any, Any]:
    if in_dims[1] is not None:
        return one_by_one(neuron, info, in_dims, (x, w, constants, T))
    return neuron(x.movedim(in_dims[0], 0 if T > 0 else 1), w, constants, T), 1


def _neuron_backward_vmap(info: Any, in_dims: Sequence[Any], ds: Tensor, x: Tensor, w: Optional[Tensor],
                          constants: str, T: int) -> tuple[Any, Any]:
    if w is not None:
        return one_by_one(neuron_backward, info, in_dims, (ds, x, w, constants, T))
    to = 0 if T > 0 else 1
    dx, _ = neuron_backward(moved(ds, in_dims[0], 1, info.batch_size), moved(x, in_dims[1], to, info.batch_size),
                            None, constants, T)
    return (dx, x.new_empty(info.batch_size, 0)), (to, 0)


neuron = differentiable(_neuron, _neuron_setup, _neuron_vjp, _neuron_vmap, neuron_by_torch)
neuron_backward = differentiable(_neuron_backward, _no_setup, _no_second_derivative, _neuron_backward_vmap,
                                 neuron_backward_by_torch)
