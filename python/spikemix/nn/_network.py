# SPDX-License-Identifier: MIT
"""Plans as torch modules: the layers that the C++ half describes (spikemix/plan/plan.h), one by one.

Every architecture, residual stream and mixer follows from that description.
"""
from __future__ import annotations

import json
import math
from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import ops
from .neurons import Neuron

_Plan = dict[str, Any]


def _owner(root: nn.Module, path: str) -> tuple[nn.Module, str]:
    """The module that holds "block.0.attn.q_linear.weight", made where there is none, and the name in it."""
    *modules, name = path.split(".")
    for part in modules:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    return root, name


class _Slot:
    """A tensor by its name: looked up where it lies in each call, for it may be replaced."""

    def __init__(self, root: nn.Module, path: str, value: Tensor, learned: bool = True) -> None:
        self.owner, self.name = _owner(root, path)
        if learned:
            self.owner.register_parameter(self.name, nn.Parameter(value))
        else:
            self.owner.register_buffer(self.name, value)

    def get(self) -> Tensor:
        value: Tensor = getattr(self.owner, self.name)
        return value


def _normal(shape: list[int]) -> Tensor:
    return torch.empty(shape).normal_(0, 0.02).clamp_(-2, 2)


def _uniform(shape: list[int], weight_shape: list[int]) -> Tensor:
    bound = 1 / math.sqrt(math.prod(weight_shape[1:]))
    return torch.empty(shape).uniform_(-bound, bound)


class _Part:
    """One of a layer's maps with its norm and neurons."""

    def __init__(self, root: nn.Module, layer: _Plan, part: _Plan, channels: int) -> None:
        shape = layer["weight_shape"]
        self.weight: Optional[_Slot] = None
        self.bias: Optional[_Slot] = None
        if shape:
            weight = _normal(shape) if len(shape) == 2 else _uniform(shape, shape)
            self.weight = _Slot(root, part["weight"], weight, learned=not part["frozen"])
        if part["bias"]:
            bias = torch.zeros(shape[0]) if len(shape) == 2 else _uniform([shape[0]], shape)
            self.bias = _Slot(root, part["bias"], bias)
        self.norm: Optional[nn.BatchNorm1d] = None
        if part["norm"]:
            self.norm = nn.BatchNorm1d(channels)
            owner, name = _owner(root, part["norm"])
            owner.add_module(name, self.norm)
        self.neuron: Optional[Neuron] = None
        if layer["neurons"]:
            self.neuron = Neuron.of_constants(json.dumps(layer["neurons"]), layer["learns_tau"])
            owner, name = _owner(root, part["neuron"])
            if name in owner._modules:  # neurons of a layer that has tensors below theirs
                raise RuntimeError(f"{part['neuron']} names two modules")
            owner.add_module(name, self.neuron)


def _batch_norm(norm: nn.BatchNorm1d, x: Tensor, T: int, turned: bool) -> Tensor:
    """Of channels last, or of [..., D, N] if turned. T > 0: x stands for so many equal time steps."""
    if not norm.training or T <= 1:
        z: Tensor = norm(x.flatten(0, -3) if turned else x.reshape(-1, x.shape[-1]))
        return z.view(x.shape)
    # The variance that is kept for inference is that of T copies; what normalises here is the same for any.
    rows = x.reshape(-1, x.shape[-1])
    y = F.batch_norm(rows, None, None, norm.weight, norm.bias, True, 0.0, norm.eps)
    with torch.no_grad():
        n = rows.shape[0] * T
        variance, mean = torch.var_mean(rows.float(), 0, correction=0)
        assert norm.num_batches_tracked is not None and norm.running_mean is not None and norm.running_var is not None
        norm.num_batches_tracked.add_(1)
        momentum = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
        norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), momentum)
        norm.running_var.lerp_((variance * (n / (n - 1))).to(norm.running_var.dtype), momentum)
    return y.view(x.shape)


def _images(x: Tensor) -> Tensor:
    """[..., H, W, C] -> [images, C, H, W], without a copy."""
    return x.reshape(-1, *x.shape[-3:]).permute(0, 3, 1, 2)


def _as_before(y: Tensor, lead: torch.Size) -> Tensor:
    return y.permute(0, 2, 3, 1).reshape(*lead, y.shape[2], y.shape[3], y.shape[1])


class _Layer:
    """map -> batch norm -> neurons, merged with another value or not."""

    def __init__(self, root: nn.Module, plan: _Plan, layer: _Plan) -> None:
        self.map, self.name = layer["map"], layer["name"]
        self.reads, self.merges, self.writes = layer["reads"], layer["merges"], layer["writes"]
        self.merge = layer["merge"]
        into, out = plan["values"][self.reads], plan["values"][self.writes]
        self.still_T = plan["T"] if into["still"] else 0
        self.height, self.width = into["height"], into["width"]
        self.out_channels, self.out_height, self.out_width = out["channels"], out["height"], out["width"]
        self.stride, self.padding, self.kernel = layer["stride"], layer["padding"], layer["kernel"]
        self.depthwise, self.groups = layer["depthwise"], layer["groups"]
        self.shares_weight, self.transform = layer["shares_weight"], layer["transform"]
        self.attention, self.heads, self.scale = layer["attention"], layer["heads"], layer["scale"]
        self.coefficients: Optional[_Slot] = None
        self.gate: Optional[_Slot] = None
        self.position: Optional[_Slot] = None
        if layer["coefficients"]:
            K = layer["coefficient_count"]
            self.coefficients = _Slot(root, layer["coefficients"], torch.full((K,), 1 / K))
        if layer["gate"]:
            self.gate = _Slot(root, layer["gate"], _normal(layer["gate_shape"]))
        self.parts = [_Part(root, layer, part, out["channels"]) for part in layer["parts"]]
        if layer["position"]:
            self.position = _Slot(root, layer["position"], _normal([out["height"] * out["width"], out["channels"]]))
        # Runs over [T, B, D, N] as well: elementwise, or a transform.
        self.any_layout = self.map in ("none", "transform") and self.position is None and len(self.parts) == 1

    def run(self, x: Any, merged: Optional[Tensor], turned: bool) -> Any:
        if self.map == "attention":
            y: Any = self._attention(x)
        elif len(self.parts) > 1:
            y = tuple(self._fired(part, self._map(part, x), turned) for part in self.parts)
        else:
            y = self._fired(self.parts[0], self._map(self.parts[0], x), turned, x)
        if merged is None:
            return y
        return merged + y if self.merge == "add" else merged * (1 - y)

    def _fired(self, part: _Part, y: Tensor, turned: bool, x: Optional[Tensor] = None) -> Tensor:
        if part.norm is not None:
            y = _batch_norm(part.norm, y, self.still_T, turned)
        if self.position is not None:
            y = y + self.position.get().view(y.shape[-3:])
        return part.neuron(y, self.still_T) if part.neuron is not None else y

    def _map(self, part: _Part, x: Tensor) -> Tensor:
        if self.map == "convolution":
            return self._convolution(part, x)
        if self.map == "linear":
            return self._linear(part, x)
        if self.map == "transform":
            return self._mix(x)
        if self.map == "gated":
            tokens = x.reshape(-1, self.height * self.width, x.shape[-1])
            assert self.gate is not None
            return ops.gated(tokens, self.gate.get(), self.transform, self.height, self.width).view(x.shape)
        if self.map == "maxpool":
            return _as_before(F.max_pool2d(_images(x), self.kernel, self.stride, self.padding), x.shape[:-3])
        if self.map == "token_mean":
            return x.mean((-3, -2), keepdim=True)
        return x

    def _mix(self, x: Tensor) -> Tensor:
        turned = x.dim() == 4 and not self.still_T
        tokens = x if turned else (x.unsqueeze(0) if self.still_T else x).flatten(2, 3)
        c = None if self.coefficients is None else self.coefficients.get()
        return ops.mix(tokens, c, self.transform, self.height, self.width, turned, False).view(x.shape)

    def _convolution(self, part: _Part, x: Tensor) -> Tensor:
        assert part.weight is not None
        weight, bias = part.weight.get(), None if part.bias is None else part.bias.get()
        if self.shares_weight:  # every group of channels is an image of its own
            grouped = torch.unflatten(x, -1, (self.groups, -1)).movedim(-2, -4)
            y = F.conv2d(_images(grouped), weight, bias, padding=self.padding)
            return _as_before(y, grouped.shape[:-3]).movedim(-4, -2).flatten(-2)
        groups = weight.shape[0] if self.depthwise else 1
        return _as_before(F.conv2d(_images(x), weight, bias, self.stride, self.padding, groups=groups), x.shape[:-3])

    def _linear(self, part: _Part, x: Tensor) -> Tensor:
        assert part.weight is not None
        weight, bias = part.weight.get(), None if part.bias is None else part.bias.get()
        if self.groups == 1:
            return F.linear(x, weight.flatten(1), bias)
        matrices = weight.view(self.groups, -1, weight.shape[1])
        return torch.einsum("...gi,goi->...go", torch.unflatten(x, -1, (self.groups, -1)), matrices).flatten(-2)

    def _attention(self, parts: tuple[Tensor, ...]) -> Tensor:
        fire = self.parts[0].neuron
        assert fire is not None
        shape = parts[0].shape
        tokens = [part.flatten(2, 3) for part in parts]  # [T, B, N, D]
        if self.attention == "ssa":
            q, k, v = (torch.unflatten(part, -1, (self.heads, -1)).transpose(2, 3) for part in tokens)
            y = q @ (k.transpose(-1, -2) @ v) if q.shape[-1] < q.shape[-2] else (q @ k.transpose(-1, -2)) @ v
            y = fire((y * self.scale).transpose(2, 3).flatten(-2))
        elif self.attention == "qk-token":
            q, k = (torch.unflatten(part, -1, (self.heads, -1)) for part in tokens)
            y = (k * fire(q.sum(-1)).unsqueeze(-1)).flatten(-2)
        elif self.attention == "qk-channel":
            y = tokens[1] * fire(tokens[0].sum(-2, keepdim=True))
        else:
            y = tokens[0] * fire((tokens[1] * tokens[2]).sum(-2, keepdim=True))
        return y.view(shape)


class Layers:
    """Layers of a plan, whose tensors lie in a module under their published names."""

    def __init__(self, root: nn.Module, plan: _Plan, layers: list[_Plan], keeps: Optional[int] = None) -> None:
        self.layers = [_Layer(root, plan, layer) for layer in layers]
        self.any_layout = all(layer.any_layout for layer in self.layers)
        self.result = self.layers[-1].writes if keeps is None else keeps
        # For each layer the values that it is the last to read: memory goes back as soon as it can.
        self.last_reads: list[list[int]] = []
        seen = {self.result}
        for layer in reversed(self.layers):
            self.last_reads.insert(0, [v for v in {layer.reads, layer.merges} if v >= 0 and v not in seen])
            seen.update((layer.reads, layer.merges))

    def run(self, values: dict[int, Any], turned: bool = False) -> Any:
        """The result. `values` holds what the layers read from outside."""
        for layer, done in zip(self.layers, self.last_reads):
            merged = values[layer.merges] if layer.merges >= 0 else None
            values[layer.writes] = layer.run(values[layer.reads], merged, turned)
            for value in done:
                del values[value]
        return values[self.result]
