# SPDX-License-Identifier: MIT
"""Networks as NIR graphs, layer by layer."""
from __future__ import annotations

import json
from typing import Any, Optional

import numpy as np
import torch

from .nn import SpikingTransformer, ops


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()


class Writer:
    """Nodes and edges of a network; a value is the sum of what its nodes give."""

    def __init__(self, model: SpikingTransformer) -> None:
        import nir
        self.nir, self.model = nir, model
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []

    def graph(self) -> Any:
        shape = np.array(self.model.input_shape(1)[-3:])
        self.nodes["input"] = self.nir.Input({"input": shape})
        values = {0: ["input"]}
        for layer in self.model._layers.layers:
            made = self.layer(layer, values[layer.reads])
            if layer.merge == "iand":
                raise ValueError(f"to_nir: {layer.name}: NIR has no product of two values, which iand is")
            values[layer.writes] = made + (values[layer.merges] if layer.merges >= 0 else [])
        sizes = self.model._features_size
        size = np.array(sizes[1:])
        pooled = self.add("pool", self.nir.AvgPool2d(size, size, np.array([0, 0])), values[self.model._features])
        flat = self.nir.Flatten({"input": np.array([sizes[0], 1, 1])}, start_dim=0, end_dim=-1)
        head = self.model.head
        affine = self.nir.Affine(_numpy(head.weight), _numpy(head.bias))
        last = self.add("head", affine, self.add("flatten", flat, pooled))
        self.add("output", self.nir.Output({"output": np.array([self.model.classes])}), last)
        return self.nir.NIRGraph(self.nodes, self.edges)

    def add(self, name: str, node: Any, sources: list[str]) -> list[str]:
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]
        return [name]

    def layer(self, layer: Any, sources: list[str]) -> list[str]:
        def refuse(what: str) -> ValueError:
            return ValueError(f"to_nir: {layer.name}: NIR has no {what}")
        if layer.map == "maxpool":
            raise refuse("max-pool; model.pool = [0, 0, 0, 0] has none")
        if layer.map == "attention" or len(layer.parts) > 1:
            raise refuse("product of two values, which attention is")
        if layer.map == "gated":
            raise refuse("transform over tokens")
        if layer.position is not None:
            raise refuse("sum with a value for each token, which a learned position is")
        if layer.groups > 1:
            raise refuse("weights that groups of channels share")
        part = layer.parts[0]
        if layer.map == "token_mean":
            size = np.array([layer.height, layer.width])
            return self.add(layer.name, self.nir.AvgPool2d(size, size, np.array([0, 0])), sources)
        weight = self.weight(layer, part, refuse)
        name = layer.name.replace(".", "_")
        if weight is not None:
            sources = self.add(name, weight, sources)
        if part.neuron is not None:
            sources = self.add(name + "_neurons", self.neurons(layer, part.neuron, refuse), sources)
        return sources

    def weight(self, layer: Any, part: Any, refuse: Any) -> Optional[Any]:
        """The map and the norm behind it, as one convolution; None: there are none."""
        channels = layer.out_channels
        stride, padding, groups = layer.stride, layer.padding, 1
        if layer.map == "convolution":
            kernel = _numpy(part.weight.get())
            groups = channels if layer.depthwise else 1
        else:
            stride, padding = 1, 0
            if layer.map == "linear":
                kernel = _numpy(part.weight.get().flatten(1))[:, :, None, None]
            elif layer.map == "transform":
                kernel = self.matrix(layer, channels, refuse)[:, :, None, None]
            elif part.norm is None:
                return None
            else:
                kernel, groups = np.ones((channels, 1, 1, 1)), channels
        bias = np.zeros(channels) if part.bias is None else _numpy(part.bias.get())
        if part.norm is not None:
            norm = part.norm
            scale = _numpy(norm.weight) / np.sqrt(_numpy(norm.running_var) + norm.eps)
            kernel = kernel * scale[:, None, None, None]
            bias = (bias - _numpy(norm.running_mean)) * scale + _numpy(norm.bias)
        return self.nir.Conv2d((layer.height, layer.width), kernel.astype(np.float32), (stride, stride),
                               (padding, padding), (1, 1), groups, bias.astype(np.float32))

    def matrix(self, layer: Any, channels: int, refuse: Any) -> np.ndarray:
        """Of a transform over the channels alone."""
        total = np.zeros((channels, channels))
        mixer = ops.mixer_of(layer.transform, self.model.T, layer.height, layer.width, channels, False)
        for coefficient, sign, axes in mixer.terms():
            term = np.eye(channels)
            for axis, n, values in axes:
                if axis != "embed":
                    raise refuse(f"transform over {axis}; mixers over embed and identity are convolutions")
                term = np.array(values).reshape(n, n) @ term
            total += sign * (1.0 if coefficient < 0 else float(layer.coefficients.get()[coefficient])) * term
        return total

    def neurons(self, layer: Any, neuron: Any, refuse: Any) -> Any:
        p = json.loads(neuron.constants)
        if p["levels"] > 0 or p["v_negative"] < 0:
            raise refuse("neurons that give counts or signed spikes")
        if not p["hard_reset"]:
            raise refuse("soft reset")
        ones = np.ones((layer.out_channels, layer.out_height, layer.out_width), np.float32)
        # NIR's neurons fire above the threshold, ours from it on.
        threshold = np.nextafter(np.float32(p["v_threshold"]), np.float32(-np.inf)) * ones
        reset = np.float32(p["v_reset"]) * ones
        if p["leak"] == 0:
            return self.nir.IF(ones, threshold, reset)
        k = p["k"] if neuron.w is None else float(neuron.w.detach().sigmoid())
        return self.nir.LIF(ones / np.float32(k), ones, reset, threshold, reset)
