# SPDX-License-Identifier: MIT
"""The dense twin of a recipe for its peers: ReLU where spikes were, as a user of plain PyTorch would deploy it.

Batch norms are folded into the weights, so that no runtime has to find them; wavelets are products with their
matrices, with the norm that follows folded in, too.
"""
import torch
from torch import nn
from torch.nn import functional as F


def haar(n, levels=None):
    """[n, n], orthonormal, coarsest rows first, as in `wt2d`: as many levels as 2 divides n, all for an odd n; in an
    odd length the last value is passed on unchanged."""
    if levels is None:
        levels = (n & -n).bit_length() - 1 if n % 2 == 0 else (n - 1).bit_length()
    if levels == 0:
        return torch.eye(n, dtype=torch.float64)
    average, detail = (torch.zeros(rows, n, dtype=torch.float64) for rows in ((n + 1) // 2, n // 2))
    for i in range(n // 2):
        average[i, 2 * i] = average[i, 2 * i + 1] = detail[i, 2 * i] = 0.5**0.5
        detail[i, 2 * i + 1] = -(0.5**0.5)
    if n % 2:
        average[-1, -1] = 1
    return torch.cat([haar((n + 1) // 2, levels - 1) @ average, detail])


class Twin(nn.Module):
    """x [B, C, H, W] -> logits [B, classes]. For spikformers with the stem conv4 and the mixers wt2d and identity."""

    def __init__(self, card, tensors):
        """@param tensors  from model.safetensors, by name"""
        super().__init__()
        model = card["model"]
        mixers = model["mixer"] if isinstance(model["mixer"], list) else [model["mixer"]]
        fits = {"architecture": "spikformer", "stem": "conv4", "wavelet": "haar", "levels": 0, "axes": "",
                "pool_before_neuron": False, "alternate": False, "input": "image"}
        wrong = {key: model[key] for key, value in fits.items() if model[key] != value}
        if wrong or not set(mixers) <= {"wt2d", "identity"} or model["stream"] not in ("auto", "spike", "membrane"):
            raise SystemExit(f"torch_twin.py: no twin of {wrong or mixers}: write its layers there first")
        self.tensors = {name: tensor.double() for name, tensor in tensors.items()}
        self.membrane, self.pools = model["stream"] == "membrane", model["pool"]
        prefix = "patch_embed."
        self.stem = nn.ModuleList(self.convolution(f"{prefix}proj_conv{i or ''}", f"{prefix}proj_bn{i or ''}")
                                  for i in range(len(self.pools)))
        self.position = self.convolution(f"{prefix}rpe_conv", f"{prefix}rpe_bn")
        tokens = (model["height"] >> sum(self.pools)) * (model["width"] >> sum(self.pools))
        self.blocks = nn.ModuleList()
        for i in range(model["depth"]):
            block, mixer = nn.Module(), mixers[i if len(mixers) > 1 else 0]
            scale, shift = self.norm(f"block.{i}.attn.bn")
            block.mixes = mixer == "wt2d"
            if block.mixes:
                block.register_buffer("along", haar(tokens).float())
                block.register_buffer("across", (haar(model["embed_dim"]) * scale.view(-1, 1)).float())
            block.register_buffer("scale", scale.float())
            block.register_buffer("shift", shift.float())
            block.fc1 = self.linear(f"block.{i}.mlp.fc1_linear", f"block.{i}.mlp.fc1_bn")
            block.fc2 = self.linear(f"block.{i}.mlp.fc2_linear", f"block.{i}.mlp.fc2_bn")
            self.blocks.append(block)
        self.head = nn.Linear(model["embed_dim"], model["classes"])
        self.head.weight.data, self.head.bias.data = tensors["head.weight"].float(), tensors["head.bias"].float()
        del self.tensors

    def norm(self, name):
        weight, bias, mean, variance = (self.tensors[f"{name}.{part}"]
                                        for part in ("weight", "bias", "running_mean", "running_var"))
        scale = weight / (variance + 1e-5).sqrt()
        return scale, bias - mean * scale

    def fold(self, layer, name, norm):
        weight, (scale, shift) = self.tensors[name + ".weight"], self.norm(norm)
        bias = self.tensors.get(name + ".bias", torch.zeros_like(scale))
        layer.weight.data = (weight * scale.view(-1, *[1] * (weight.dim() - 1))).float()
        layer.bias.data = (bias * scale + shift).float()
        return layer

    def convolution(self, name, norm):
        outputs, inputs = self.tensors[name + ".weight"].shape[:2]
        return self.fold(nn.Conv2d(inputs, outputs, 3, padding=1), name, norm)

    def linear(self, name, norm):
        outputs, inputs = self.tensors[name + ".weight"].shape[:2]
        return self.fold(nn.Linear(inputs, outputs), name, norm)

    def branch(self, x, layers):
        """ReLU before each layer in a membrane stream, otherwise after it."""
        y = x
        for layer in layers:
            y = layer(y.relu()) if self.membrane else layer(y).relu()
        return x + y

    @staticmethod
    def mix(block, x):
        if not block.mixes:
            return x * block.scale + block.shift
        # As fully connected layers along tokens and channels: OpenVINO does not compile an int8 product with the
        # weights on the left.
        y = F.linear(x.transpose(1, 2), block.along).transpose(1, 2)
        return F.linear(y, block.across, block.shift)

    def forward(self, x):
        for i, (convolution, pool) in enumerate(zip(self.stem, self.pools)):
            x = convolution(x)
            if i + 1 < len(self.stem) or not self.membrane:
                x = x.relu()
            if pool:
                x = F.max_pool2d(x, 3, 2, 1)
        x = self.branch(x, [self.position]).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = self.branch(x, [lambda y, block=block: self.mix(block, y)])
            x = self.branch(x, [block.fc1, block.fc2])
        return self.head(x.mean(1))
