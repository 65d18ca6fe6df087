# SPDX-License-Identifier: MIT
"""The peer of the benchmarks: a Spikformer as a user of plain PyTorch writes it, with a choice of token mixer.

The layers of the published 4-384 under their published tensor names, so that a model.safetensors of spikemix loads as
it is. Written to be fast where that takes only a line: attention multiplies k' v first, which is less work than
(q k') v at these sizes, and neurons keep their state in a local variable.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F


class Spike(torch.autograd.Function):
    """1 where the potential reaches the threshold; the gradient is a sigmoid's of sharpness 4."""

    @staticmethod
    def forward(context, above):
        context.save_for_backward(above)
        return (above >= 0).to(above)

    @staticmethod
    def backward(context, gradient):
        g = torch.sigmoid(4 * context.saved_tensors[0])
        return gradient * (4 * g * (1 - g))


class Neurons(nn.Module):
    """Leaky integrate-and-fire, tau = 2, hard reset to 0; x [T, ...]."""

    def __init__(self, threshold=1.0):
        super().__init__()
        self.threshold = threshold

    def forward(self, x):
        spikes, v = [], torch.zeros_like(x[0])
        for current in x.unbind(0):
            v = torch.lerp(v, current, 0.5)
            fired = Spike.apply(v - self.threshold) if self.training else (v >= self.threshold).to(v)
            v = v * (1 - fired.detach())
            spikes.append(fired)
        return torch.stack(spikes)


def per_token(norm, x):
    """Batch norm over the channels of [T, B, N, C]."""
    return norm(x.flatten(0, 2)).view(x.shape)


class Dense(nn.Module):
    """Linear, batch norm, neurons under the names X_linear, X_bn, X_lif of their owner."""

    @staticmethod
    def add(owner, name, fan_in, fan_out):
        owner.add_module(f"{name}_linear", nn.Linear(fan_in, fan_out))
        owner.add_module(f"{name}_bn", nn.BatchNorm1d(fan_out))
        owner.add_module(f"{name}_lif", Neurons())

    @staticmethod
    def run(owner, name, x):
        linear, norm, neurons = (getattr(owner, f"{name}_{part}") for part in ("linear", "bn", "lif"))
        return neurons(per_token(norm, linear(x)))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        for name in ("q", "k", "v", "proj"):
            Dense.add(self, name, dim, dim)
        self.attn_lif = Neurons(0.5)

    def forward(self, x):
        T, B, N, D = x.shape
        q, k, v = (Dense.run(self, name, x).view(T, B, N, self.heads, -1).transpose(2, 3) for name in "qkv")
        y = q @ (k.transpose(-1, -2) @ v) * 0.125 if D // self.heads < N else q @ k.transpose(-1, -2) * 0.125 @ v
        return Dense.run(self, "proj", self.attn_lif(y.transpose(2, 3).reshape(T, B, N, D)))


def haar_matrix(n):
    """Orthonormal, coarsest rows first."""
    rows = torch.ones(1, 1)
    while len(rows) < n:
        details = torch.kron(torch.eye(len(rows)), torch.tensor([[1.0, -1.0]]))
        rows = torch.cat([torch.kron(rows, torch.tensor([[1.0, 1.0]])), details]) / math.sqrt(2)
    return rows


class Transform(nn.Module):
    """A linear transform without learned weights, batch norm, neurons."""

    def __init__(self, kind, dim, tokens):
        super().__init__()
        self.kind, self.bn, self.lif = kind, nn.BatchNorm1d(dim), Neurons()
        if kind == "haar":
            self.register_buffer("matrix", haar_matrix(tokens), persistent=False)

    def forward(self, x):
        if self.kind == "fft1d":
            y = torch.fft.fft(x, dim=2).real
        elif self.kind == "fft2d":
            y = torch.fft.fft2(x, dim=(2, 3)).real
        else:
            y = self.matrix.to(x.dtype) @ x
        return self.lif(per_token(self.bn, y.contiguous()))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        Dense.add(self, "fc1", dim, hidden)
        Dense.add(self, "fc2", hidden, dim)

    def forward(self, x):
        return Dense.run(self, "fc2", Dense.run(self, "fc1", x))


class Block(nn.Module):
    def __init__(self, mixer, dim, heads, tokens):
        super().__init__()
        self.attn = Attention(dim, heads) if mixer == "ssa" else Transform(mixer, dim, tokens)
        self.mlp = Mlp(dim, 4 * dim)

    def forward(self, x):
        x = x + self.attn(x)
        return x + self.mlp(x)


class Stem(nn.Module):
    def __init__(self, dim, channels, pools):
        super().__init__()
        self.pools = pools
        widths = [channels, dim // 8, dim // 4, dim // 2, dim]
        for i in range(4):
            self.add("proj", i or "", widths[i], widths[i + 1])
        self.add("rpe", "", dim, dim)

    def add(self, name, number, fan_in, fan_out):
        self.add_module(f"{name}_conv{number}", nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False))
        self.add_module(f"{name}_bn{number}", nn.BatchNorm2d(fan_out))
        self.add_module(f"{name}_lif{number}", Neurons())

    def layer(self, name, number, x):
        convolution, norm, neurons = (getattr(self, f"{name}_{part}{number}") for part in ("conv", "bn", "lif"))
        y = norm(convolution(x.flatten(0, 1)))
        return neurons(y.view(*x.shape[:2], *y.shape[1:]))

    def forward(self, x):
        for i, pool in enumerate(self.pools):
            x = self.layer("proj", i or "", x)
            if pool:
                y = F.max_pool2d(x.flatten(0, 1), 3, 2, 1)
                x = y.view(*x.shape[:2], *y.shape[1:])
        x = x + self.layer("rpe", "", x)
        return x.flatten(3).transpose(2, 3)  # [T, B, N, D]


class Spikformer(nn.Module):
    """x [B, C, H, W], or [B, T, C, H, W] of events -> logits [B, classes].

    @param mixer  ssa, fft1d, fft2d or haar (over the tokens)
    """

    def __init__(self, mixer="ssa", d=384, depth=4, heads=12, T=4, size=32, cin=3, classes=10, pools=(0, 0, 1, 1)):
        super().__init__()
        self.T = T
        self.patch_embed = Stem(d, cin, pools)
        self.block = nn.ModuleList(Block(mixer, d, heads, (size >> sum(pools)) ** 2) for _ in range(depth))
        self.head = nn.Linear(d, classes)

    def forward(self, x):
        x = x.expand(self.T, *x.shape) if x.dim() == 4 else x.transpose(0, 1)
        x = self.patch_embed(x)
        for block in self.block:
            x = block(x)
        return self.head(x.mean((0, 2)))


def load_weights(model, file):
    """@param file  model.safetensors of spikemix"""
    from safetensors.torch import load_file

    model.load_state_dict(load_file(file))
