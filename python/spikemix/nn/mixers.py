# SPDX-License-Identifier: MIT
"""Token mixers: the bare linear maps, and branches with norm and neurons."""
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, Optional, Sequence

import torch
from torch import Tensor, nn

from .. import _core
from . import ops
from ._network import Layers
from .neurons import LIF, Neuron

Layout = Literal["TBND", "TBDN", "TBDHW"]
_LAYOUTS = ("TBND", "TBDN", "TBDHW")


def mixers() -> list[dict[str, Any]]:
    """The token mixers by name: whether each is a linear map, its options, its cost for a time step, a summary."""
    return _core.mixers()


def _spec(name: str, options: dict[str, Any]) -> str:
    """ "wt2d:wavelet=db2:axes=tokens,embed": what the program calls a mixer with its options."""
    for key, value in options.items():
        if value is None:
            continue
        if isinstance(value, (list, tuple)):
            value = ",".join(map(str, value))
        name += f":{key}={str(value).lower() if isinstance(value, bool) else value}"
    return name


class _Tokens(nn.Module):
    """What both kinds of mixer know of the tensors that they take."""

    if TYPE_CHECKING:  # torch has modules return anything
        def __call__(self, x: Tensor) -> Tensor: ...

    def __init__(self, name: str, dim: int, grid: Sequence[int], T: Optional[int], layout: str) -> None:
        super().__init__()
        if layout not in _LAYOUTS:
            raise ValueError(f"layout '{layout}': expected one of {', '.join(_LAYOUTS)}")
        if len(grid) != 2:
            raise ValueError(f"grid {tuple(grid)}: expected (height, width) in tokens")
        self.name, self.dim, self.layout, self.T = name, int(dim), layout, T
        self.height, self.width = int(grid[0]), int(grid[1])

    @property
    def turned(self) -> bool:
        """Whether channels stand before tokens in the layout: [T, B, D, N] or [T, B, D, height, width]."""
        return self.layout != "TBND"

    def _expected(self) -> str:
        sizes = {"TBND": f"{self.height * self.width}, {self.dim}", "TBDN": f"{self.dim}, {self.height * self.width}",
                 "TBDHW": f"{self.dim}, {self.height}, {self.width}"}
        return f"[{self.T or 'T'}, B, {sizes[self.layout]}]"

    def _tokens(self, x: Tensor) -> Tensor:
        """x as [T, B, N, D] or [T, B, D, N]."""
        N, D = self.height * self.width, self.dim
        fits = {"TBND": (N, D), "TBDN": (D, N), "TBDHW": (D, self.height, self.width)}[self.layout]
        if x.dim() != 2 + len(fits) or tuple(x.shape[2:]) != fits or (self.T and x.shape[0] != self.T):
            raise ValueError(f"{self.name}: x is {list(x.shape)}, expected {self._expected()} ({self.layout})")
        if not x.is_floating_point():
            raise ValueError(f"{self.name}: x is {x.dtype}, expected floating point")
        return x.flatten(3) if self.layout == "TBDHW" else x

    def extra_repr(self) -> str:
        return f"'{self.name}', dim={self.dim}, grid=({self.height}, {self.width}), layout='{self.layout}'"


class Transform(_Tokens):
    """A linear token mixer alone: a fixed transform, or a learned sum of some.

    Its backward pass is the transform's adjoint, and differentiable again. On the CPU it runs on the project's kernels
    in float, double and bfloat16; on CUDA as products with small matrices.

    Args:
        name: "fft1d", "fft2d", "wt1d", "wt2d", "hartley", "dct", "hadamard", "dwt-c", "fwt-c", "avgpool3" or
            "identity" (`mixers()` lists them), with or without options as the program writes them,
            "wt2d:wavelet=db2:levels=3".
        dim: embedding dimensions D.
        grid: (height, width) of the tokens, row by row; N = height x width.
        T: time steps; needed if "time" is one of the axes.
        layout: of the tensors: "TBND" [T, B, N, D], "TBDN" [T, B, D, N] or "TBDHW" [T, B, D, height, width].
        wavelet: of "wt1d" and "wt2d": "haar", "db2", "db4", ...; None: Haar.
        levels: of wavelets; None: as many as the size allows.
        axes: that the transform runs along, as "tokens,embed" or "height,width"; None: the mixer's own.
        inverse: the inverse transform.
        bases: of "dwt-c" and "fwt-c": what is summed up.

    `coeff` are the learned coefficients [K] of "dwt-c" and "fwt-c", 1/K each at first, else None.
    """

    def __init__(self, name: str, *, dim: int, grid: Sequence[int], T: Optional[int] = None, layout: Layout = "TBND",
                 wavelet: Optional[str] = None, levels: Optional[int] = None, axes: Optional[str] = None,
                 inverse: Optional[bool] = None, bases: Optional[Sequence[str]] = None) -> None:
        super().__init__(name, dim, grid, T, layout)
        options = {"wavelet": wavelet, "levels": levels, "axes": axes, "inverse": inverse, "bases": bases}
        self.spec = _spec(name, options)
        mixer = _core.Mix(self.spec, T or 1, self.height, self.width, self.dim, False)
        if mixer.mixes_time and T is None:
            raise ValueError(f"{name}: it mixes over time, expected T=, the number of steps")
        self.T = T if mixer.mixes_time else None
        K = mixer.coefficients
        self.coeff = nn.Parameter(torch.full((K,), 1 / K)) if K > 0 else None

    def forward(self, x: Tensor) -> Tensor:
        """The transform of x, [T, B, N, D] or as `layout` says; of the same shape and type."""
        y = ops.mix(self._tokens(x), self.coeff, self.spec, self.height, self.width, self.turned, False)
        return y.view(x.shape)


class Mixer(_Tokens):
    """A token mixer with batch norm and neurons: what stands in the place of a block's attention.

    Every mixer of the program (`mixers()`), attention ("ssa", "qk-token", ...) among them. It is the branch beside the
    residual stream: a block adds its result to x.

    Args:
        name: a mixer, with or without options as the program writes them.
        dim: embedding dimensions D.
        grid: (height, width) of the tokens, row by row.
        T: time steps; needed if "time" is one of the axes.
        layout: of the tensors, as for `Transform`.
        neuron: `LIF()`, `IF()`, `PLIF()` or `Integer()`: a pattern for all neurons of the branch, which keep
            thresholds that are their own (attention's 0.5). None: `LIF()`.
        stream: "spike": map, norm, neurons (Spikformer); "membrane": neurons, map, norm (Max-Former).
        heads: of "ssa", "random" and "qk-token".
        scale: on the attention product of "ssa".
        wavelet: of "wt1d" and "wt2d", as for `Transform`.
        levels: of wavelets, as for `Transform`.
        axes: of transforms, as for `Transform`.
        inverse: the inverse transform.
        bases: of "dwt-c" and "fwt-c", as for `Transform`.
        transform: of "gated": what the gates multiply.

    Names in its state dict are the block's: `bn.*`, `coeff`, `gate`, `q_linear.weight`, ...
    """

    def __init__(self, name: str, *, dim: int, grid: Sequence[int], T: Optional[int] = None, layout: Layout = "TBND",
                 neuron: Optional[Neuron] = None, stream: Literal["spike", "membrane"] = "spike",
                 heads: Optional[int] = None, scale: float = 0.125, wavelet: Optional[str] = None,
                 levels: Optional[int] = None, axes: Optional[str] = None, inverse: Optional[bool] = None,
                 bases: Optional[Sequence[str]] = None, transform: Optional[str] = None) -> None:
        super().__init__(name, dim, grid, T, layout)
        if stream not in ("spike", "membrane"):
            raise ValueError(f"stream '{stream}': expected spike or membrane")
        neuron = LIF() if neuron is None else neuron
        if not isinstance(neuron, Neuron) or not neuron.config:
            raise TypeError(f"neuron is {type(neuron).__name__}, expected spikemix.nn.LIF(), IF(), PLIF() or Integer()")
        options = {"wavelet": wavelet, "levels": levels, "axes": axes, "inverse": inverse, "bases": bases,
                   "transform": transform, "heads": heads}
        request = {"mixer": _spec(name, options), "T": T or 1, "height": self.height, "width": self.width,
                   "dim": self.dim, "stream": stream, "neuron": neuron.config, "model": {"ssa_scale": scale}}
        plan = json.loads(_core.mixer_plan(json.dumps(request)))
        mixes_time = any(layer["mixes_time"] for layer in plan["layers"])
        if mixes_time and T is None:
            raise ValueError(f"{name}: it mixes over time, expected T=, the number of steps")
        self.T = T if mixes_time else None
        # Neurons stand in front of the plan's layers where what they read are spikes; they are not the branch's.
        self._reads = 0 if stream == "membrane" else 1
        self._layers = Layers(self, plan, plan["layers"][self._reads:])

    def forward(self, x: Tensor) -> Tensor:
        """The branch's result for x, [T, B, N, D] or as `layout` says; of the same shape."""
        tokens = self._tokens(x)
        y: Tensor
        if self.turned and self._layers.any_layout:
            y = self._layers.run({self._reads: tokens}, turned=True)
            return y.view(x.shape)
        if self.turned:
            tokens = tokens.transpose(2, 3)
        y = self._layers.run({self._reads: torch.unflatten(tokens, 2, (self.height, self.width))}).flatten(2, 3)
        return (y.transpose(2, 3) if self.turned else y).reshape(x.shape)
