# SPDX-License-Identifier: MIT
"""Max-Former and QKFormer, written independently with the names in their authors' checkpoints, on SpikingJelly's
neurons. (For Spikformer see test_model.) `c` is a config's [model]; x is [T, B, C, H, W] throughout."""
import torch
from spikingjelly.activation_based import functional, neuron
from torch import nn


def lif(v_threshold=1.0):
    return neuron.LIFNode(tau=2.0, v_threshold=v_threshold, detach_reset=True, step_mode="m")


class Layers(nn.Module):
    """Maps X_conv with norms X_bn, and neurons X_lif."""

    def add(self, name, fan_in, fan_out, kernel=1, stride=1, bias=False, one_d=False, neurons=True, groups=1,
            weight="_conv"):
        conv = nn.Conv1d(fan_in, fan_out, 1, bias=bias) if one_d else \
            nn.Conv2d(fan_in, fan_out, kernel, stride, kernel // 2, bias=bias, groups=groups)
        setattr(self, name + weight, conv)
        setattr(self, name + "_bn", (nn.BatchNorm1d if one_d else nn.BatchNorm2d)(fan_out))
        if neurons:
            setattr(self, name + "_lif", lif())

    def map(self, name, x, pool=False, weight="_conv"):
        conv, y = getattr(self, name + weight), x.flatten(0, 1)
        y = conv(y.flatten(2)).view_as(y) if isinstance(conv, nn.Conv1d) else conv(y)
        shape = y.shape
        y = getattr(self, name + "_bn")(y.flatten(2) if isinstance(conv, nn.Conv1d) else y).view(shape)
        y = nn.functional.max_pool2d(y, 3, 2, 1) if pool else y
        return y.unflatten(0, x.shape[:2])

    def fire(self, name, x):
        return getattr(self, name + "_lif")(x)

    def fired(self, name, x, pool=False):
        return self.fire(name, self.map(name, x, pool))

    def attend(self, x, heads, scale):
        """q, k (and v) as spikes, and neurons with threshold 0.5."""
        split = [self.fired(n, x).flatten(3).unflatten(2, (heads, -1)) for n in self.parts]  # [T, B, heads, d, N]
        if len(split) == 3:
            q, k, v = split
            y = self.attn_lif(v @ k.transpose(-1, -2) @ q * scale)
        else:
            q, k = split
            y = self.attn_lif(q.sum(3, keepdim=True)) * k
        return y.reshape(x.shape)

    def add_attention(self, D, parts):
        self.parts, self.attn_lif = parts, lif(0.5)
        for name in parts:
            self.add(name, D, D, one_d=True)
        self.add("proj", D, D, bias=True, one_d=True)


# Max-Former: neurons, map, norm.


class Embed(Layers):
    def __init__(self, *args, **kwargs):
        super().__init__()
        self.add("embed", *args, **kwargs)


class MaxStem(Layers):
    def __init__(self, channels, D, events):
        super().__init__()
        self.events = events
        if events:
            self.add("proj", channels, D // 8, 3, neurons=False)
            self.max_embed1, self.max_embed2 = Embed(D // 8, D // 4, 3), Embed(D // 4, D // 2, 3)
            self.max_embed3, self.embed1 = Embed(D // 2, D, 3), Embed(D // 4, D, 1, 4)
        else:
            self.add("proj", channels, D // 2, 3, neurons=False)
            self.embed1, self.embed2 = Embed(D // 2, D, 3), Embed(D // 2, D, 1)

    def forward(self, x):
        z = self.map("proj", x)
        if not self.events:
            return sum(embed.map("embed", embed.fire("embed", z)) for embed in (self.embed1, self.embed2))
        s = self.max_embed1.map("embed", self.max_embed1.fire("embed", z), pool=True)
        s = self.max_embed2.fire("embed", s)
        y = self.max_embed3.fire("embed", self.max_embed2.map("embed", s, pool=True))
        return self.max_embed3.map("embed", y, pool=True) + self.embed1.map("embed", s)


class MaxEmbed(nn.Module):
    def __init__(self, D):
        super().__init__()
        self.max_embed1, self.embed1, self.max_embed2 = Embed(D // 2, D, 3), Embed(D, D, 3), Embed(D // 2, D, 1)

    def forward(self, x):
        s = self.max_embed1.fire("embed", x)
        y = self.embed1.fire("embed", self.max_embed1.map("embed", s, pool=True))
        return self.embed1.map("embed", y) + self.max_embed2.map("embed", s, pool=True)


class MaxMlp(Layers):
    def __init__(self, D, ratio):
        super().__init__()
        self.add("fc1", D, ratio * D, bias=True), self.add("fc2", ratio * D, D, bias=True)

    def forward(self, x):
        y = self.map("fc1", self.fire("fc1", x))
        if y.shape == x.shape:
            x = y = x + y
        return x + self.map("fc2", self.fire("fc2", y))


class Depthwise(Layers):
    def __init__(self, D, kernel, name="conv"):
        super().__init__()
        self.name = name
        self.add(name, D, D, kernel, bias=True, groups=D, weight="")

    def forward(self, x):
        return x + self.map(self.name, self.fire(self.name, x), weight="")


class MaxAttention(Layers):
    def __init__(self, D, heads, scale, parts="qkv"):
        super().__init__()
        self.heads, self.scale, self.x_lif = heads, scale, lif()
        self.add_attention(D, parts)

    def forward(self, x):
        return x + self.map("proj", self.attend(self.x_lif(x), self.heads, self.scale))


class MaxBlock(nn.Module):
    def __init__(self, D, mixer, c, name="conv"):
        super().__init__()
        if mixer.startswith("dwc"):
            self.mixer = Depthwise(D, int(mixer[3:]), "conv5" if mixer == "dwc7" else "conv")
        elif mixer in ("ssa", "qk-token"):
            self.attn = MaxAttention(D, c["heads"][0], c["ssa_scale"], "qkv" if mixer == "ssa" else "qk")
        self.mlp = MaxMlp(D, c["mlp_ratio"])

    def forward(self, x):
        for part in self.children():
            x = part(x)
        return x


# QKFormer: map, norm, neurons.


class QkStem(Layers):
    def __init__(self, channels, D, events):
        super().__init__()
        self.events, first = events, D // 8 if events else D // 2
        self.add("proj", channels, first, 3)
        for i, fan_out in enumerate([D // 4, D // 2, D] if events else [D], 1):
            self.add(f"proj{i}", first, fan_out, 3)
            first = fan_out
        self.add("proj_res", D // 4 if events else D // 2, D, 1, 4 if events else 1)

    def forward(self, x):
        x = self.fired("proj", x)
        if not self.events:
            return self.fired("proj1", x) + self.fired("proj_res", x)
        x = self.fired("proj1", x, pool=True)
        return self.fired("proj3", self.fired("proj2", x, pool=True), pool=True) + self.fired("proj_res", x)


class QkEmbed(Layers):
    def __init__(self, D, events):
        super().__init__()
        self.first = "proj" if events else "proj3"
        self.add(self.first, D // 2, D, 3), self.add("proj4", D, D, 3), self.add("proj_res", D // 2, D, 1, 2)

    def forward(self, x):
        return self.fired("proj4", self.fired(self.first, x), pool=True) + self.fired("proj_res", x)


class QkAttention(Layers):
    def __init__(self, D, heads, scale, parts):
        super().__init__()
        self.heads, self.scale = heads, scale
        self.add_attention(D, parts)

    def forward(self, x):
        return self.fired("proj", self.attend(x, self.heads, self.scale))


class QkMlp(Layers):
    def __init__(self, D, ratio):
        super().__init__()
        self.add("mlp1", D, ratio * D, bias=True), self.add("mlp2", ratio * D, D, bias=True)

    def forward(self, x):
        return self.fired("mlp2", self.fired("mlp1", x))


class QkBlock(nn.Module):
    def __init__(self, D, mixer, c):
        super().__init__()
        if mixer == "ssa":
            self.ssa = QkAttention(D, c["heads"][0], c["ssa_scale"], "qkv")
        else:
            self.tssa = QkAttention(D, c["heads"][0], c["ssa_scale"], "qk")
        self.mlp = QkMlp(D, c["mlp_ratio"])

    def forward(self, x):
        for part in self.children():
            x = x + part(x)
        return x


class Family(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, events, D = c, c["input"] == "events", c["embed_dim"]
        self.stages = len(c["depths"])
        is_max = c["architecture"] == "maxformer"
        for stage, (depth, mixer) in enumerate(zip(c["depths"], c["mixer"]), 1):
            channels = D >> (self.stages - stage)
            stem = (MaxStem if is_max else QkStem)(c["channels"], channels, events)
            embed = stem if stage == 1 else MaxEmbed(channels) if is_max else QkEmbed(channels, events)
            setattr(self, f"patch_embed{stage}", embed)
            setattr(self, f"stage{stage}", nn.ModuleList(
                (MaxBlock if is_max else QkBlock)(channels, mixer, c) for _ in range(depth)))
        if is_max:
            self.head_lif = lif()
        self.head = nn.Linear(D, c["classes"])

    def forward(self, x):
        functional.reset_net(self)
        x = x.transpose(0, 1) if self.c["input"] == "events" else x.expand(self.c["T"], *x.shape)
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"patch_embed{stage}")(x)
            for block in getattr(self, f"stage{stage}"):
                x = block(x)
        x = x.flatten(3).mean(3)
        return self.head((self.head_lif(x) if hasattr(self, "head_lif") else x).mean(0))


def settled(model, x):
    """The model in eval mode, with norms that keep every layer firing."""
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(m.weight, 0.5, 1.5), nn.init.uniform_(m.bias, 0.2, 0.8)
            m.momentum = 1.0
    with torch.no_grad():
        model.train()(x)
    return model.eval()
