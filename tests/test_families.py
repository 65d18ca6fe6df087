# SPDX-License-Identifier: MIT
"""Every stream, stem, mixer with weights and architecture against an independent implementation with SpikingJelly's
neurons and torch.nn.functional, written layer by layer with our model's tensors."""
import json

import numpy
import pytest
import pywt
import scipy.fft
import torch
import torch.nn.functional as F
from spikingjelly.activation_based import neuron, surrogate

from test_model import EVENTS, IMAGE, inputs


class Count(torch.autograd.Function):
    """floor(min(max(v, 0), L) + 1/2), with the gradient of a window."""

    @staticmethod
    def forward(context, v, levels):
        context.save_for_backward((v > 0) & (v < levels))
        return torch.floor(v.clamp(0, levels) + 0.5)

    @staticmethod
    def backward(context, gradient):
        return gradient * context.saved_tensors[0], None


def integer_neurons(x, tau, levels):
    """Spike-driven Transformer V3, with a leak: x [T, ...] -> counts."""
    counts, v = [], torch.zeros_like(x[0])
    for current in x:
        v = (1 - 1 / tau) * v + current
        counts.append(Count.apply(v, levels))
        v = v - counts[-1].detach()
    return torch.stack(counts)


# SWformer's neurons with negative spikes, as in its code: 1 if v >= 1 (up to rounding), -1 if v <= -0.501, and a
# gradient through the reset.
POSITIVE, NEGATIVE = (torch.tensor(v, dtype=torch.float32).item() for v in (0.99999, -0.501))


def signed_neurons(x):
    spikes, v, step = [], torch.zeros_like(x[0]), surrogate.Sigmoid(4.0)
    for current in x:
        v = v + current
        spikes.append(step(v - POSITIVE) - step(NEGATIVE - v))
        v = (1 - spikes[-1].abs()) * v
    return torch.stack(spikes)


def haar(n):
    """The orthonormal transform [n, n], down to one average; in an odd number of values the last one is an average."""
    if n == 1:
        return torch.ones(1, 1, dtype=torch.float64)
    average, detail = torch.zeros((n + 1) // 2, n, dtype=torch.float64), torch.zeros(n // 2, n, dtype=torch.float64)
    for i in range(n // 2):
        average[i, 2 * i] = average[i, 2 * i + 1] = detail[i, 2 * i] = 0.5 ** 0.5
        detail[i, 2 * i + 1] = -0.5 ** 0.5
    if n % 2:
        average[-1, -1] = 1
    return torch.cat([haar((n + 1) // 2) @ average, detail])


LINEAR = ["fft2d", "wt2d", "dwt-c", "identity", "avgpool3"]
GATED = ["gated", "gated:transform=dct", "gated:transform=hartley"]
WEIGHTED = GATED + ["ssa", "random", "qk-token", "qk-channel", "sdsa1", "dwc3", "dwc5", "dwc7", "maxpool3", "fatm"]


class Reference:
    """x [T, B, C, H, W]. `tensors`: our model's, by name; `spikes`: what each layer fired, by its name."""

    def __init__(self, ops, c, tensors):
        self.ops, self.c, self.training, self.momentum, self.spikes = ops, c, True, 0.1, {}
        self.tensors = {n: t.detach().clone().requires_grad_(t.requires_grad) for n, t in tensors.items()}
        self.stream = c.get("stream", "spike")
        self.suffix = "_conv" if c["input"] == "events" else "_linear"

    # The parts of layers.

    def map(self, name, x, stride=1, padding=0, groups=1):
        weight, bias = self.tensors[name + ".weight"], self.tensors.get(name + ".bias")
        weight = weight[(...,) + (None,) * (4 - weight.dim())]
        return F.conv2d(x.flatten(0, 1), weight, bias, stride, padding, 1, groups).unflatten(0, x.shape[:2])

    def conv3(self, name, x):
        return self.map(name, x, padding=1)

    def norm(self, name, x):
        mean, var, weight, bias = (self.tensors[f"{name}.{t}"]
                                   for t in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x.flatten(0, 1), mean, var, weight, bias, self.training, self.momentum, 1e-5).view(x.shape)

    def fire(self, layer, x, v_threshold=1.0):
        if self.c.get("neuron", {}).get("kind") == "relu":
            self.spikes[layer] = x.detach().relu()
            return x.relu()
        integer = (self.c.get("neuron", {}).get("kind") == "integer" and v_threshold == 1
                   and layer.rsplit(".", 1)[-1] not in "qkv")
        lif = (lambda x: integer_neurons(x, 2.0, 4)) if integer else neuron.LIFNode(
            tau=2.0, v_threshold=v_threshold, detach_reset=True, step_mode="m",
                             surrogate_function=surrogate.Sigmoid(4.0))
        spikes = lif(x)
        self.spikes[layer] = spikes.detach()
        return spikes

    def pool(self, x, stride=2):
        return F.max_pool2d(x.flatten(0, 1), 3, stride, 1).unflatten(0, x.shape[:2])

    def merge(self, x, y):
        return x * (1 - y) if self.stream == "iand" else x + y

    def layer(self, name, norm, neurons, x, map):
        """map, norm, neurons; in a membrane stream neurons, map, norm."""
        if self.stream == "membrane":
            return self.norm(norm, map(self.fire(neurons, x)))
        return self.fire(name, self.norm(norm, map(x)))

    # Mixers: a branch beside the stream.

    def attention(self, at, kind, x):
        if self.stream == "membrane":
            front = {"qk-token": "proj_lif", "qk-channel": "proj_lif", "sdsa1": "shortcut_lif"}.get(kind, "x_lif")
            x = self.fire(at + front, x)
        heads, scale = self.c["heads"][0], self.c["ssa_scale"]
        T, B, D, H, W = x.shape
        parts = [self.fire(at + p, self.norm(at + p + "_bn", self.map(at + p + self.suffix, x)))
                 for p in ("qk" if kind.startswith("qk") else "qkv")]
        q, k, *v = (p.reshape(T, B, heads, D // heads, H * W) for p in parts)
        bit = lambda sums: self.fire(at + "attn", sums, 0.5)
        if kind == "qk-token":
            y = k * bit(q.sum(3, keepdim=True))
        elif kind == "qk-channel":
            y = k * bit(q.sum(4, keepdim=True))
        elif kind == "sdsa1":
            y = q * bit((k * v[0]).sum(4, keepdim=True))
        else:
            y = bit(v[0] @ (k.transpose(3, 4) @ q) * scale)
        y = y.reshape(x.shape)
        self.spikes[at + "attn"] = y.detach()
        y = self.norm(at + "proj_bn", self.map(at + "proj" + self.suffix, y))
        return y if self.stream == "membrane" else self.fire(at + "proj", y)

    def transform(self, at, spec, x):
        tokens = x.flatten(3).transpose(2, 3)  # [T, B, N, D]
        y = self.ops.mix(tokens.contiguous(), spec, x.size(3), x.size(4), self.tensors.get(at + "coeff"))
        return y.transpose(2, 3).reshape(x.shape)

    def gated(self, at, spec, x):
        gate, dims = self.tensors[at + "gate"], (3, 4)
        if spec == "gated":
            k = torch.view_as_complex(gate.to(x.dtype)).permute(2, 0, 1)
            spectrum = k * torch.fft.rfft2(x, dim=dims, norm="ortho")
            return torch.fft.irfft2(spectrum, s=x.shape[3:], dim=dims, norm="ortho")
        k = gate.permute(2, 0, 1)
        if spec.endswith("hartley"):
            h = lambda x: (lambda f: f.real - f.imag)(torch.fft.fft2(x, dim=dims, norm="ortho"))
            return h(k * h(x))
        v, w = (torch.from_numpy(scipy.fft.dct(numpy.eye(n), axis=0, norm="ortho")) for n in x.shape[3:])
        return v.T @ (k * (v @ x @ w.T)) @ w

    def fatm(self, at, x):
        s = self.fire(at + "x_neuron", x) if self.stream == "membrane" else x
        H, W, n = haar(s.size(3)), haar(s.size(4)), s.size(2) // 16

        def signed(layer, x):
            self.spikes[at + layer] = (spikes := signed_neurons(x)).detach()
            return spikes

        y = signed("haar_width", s @ W.t())
        y = self.fire(at + "haar", self.norm(at + "haar_forward_bn", H @ y))
        matrices = self.tensors[at + "haar_multiply.weight"].view(16, n, n)
        y = torch.einsum("tbgihw,goi->tbgohw", y.unflatten(2, (16, n)), matrices).flatten(2, 3)
        y = signed("haar_multiply", self.norm(at + "haar_multiply_bn", y))
        y = self.norm(at + "haar_inverse_bn", H.t() @ signed("haar_inverse_width", y @ W))
        for conv, padding in [("conv1", 0), ("conv2", 1)]:
            groups = s.unflatten(2, (16, n)).flatten(1, 2)
            y = y + self.norm(at + conv + "_bn", self.map(at + conv, groups, padding=padding).view(s.shape))
        return y if self.stream == "membrane" else self.fire(at + "lif", y)

    def mixer(self, at, spec, x):
        if spec == "fatm":
            return self.fatm(at, x)
        own = at[:-1]
        if spec in GATED:
            return self.layer(own, at + "bn", at + "lif", x, lambda x: self.gated(at, spec, x))
        if spec in LINEAR:
            return self.layer(own, at + "bn", at + "lif", x, lambda x: self.transform(at, spec, x))
        if spec == "maxpool3":
            return self.layer(own, at + "bn", at + "lif", x, lambda x: self.pool(x, 1))
        if spec.startswith("dwc"):
            depthwise = lambda x: self.map(at + "conv", x, padding=int(spec[3]) // 2, groups=x.size(2))
            return self.layer(at + "conv", at + "conv_bn", at + "conv_neuron", x, depthwise)
        return self.attention(at, spec, x)

    def mlp(self, at, x, part="fc"):
        for i in "12":
            name = at + part + i
            x = self.layer(name, name + "_bn", name + "_lif", x, lambda x: self.map(name + self.suffix, x))
        return x

    def block(self, at, mixer_at, mixer, x, part="fc"):
        if mixer == "maxpool3:residual=false":
            x = self.pool(x, 1)
        elif mixer == "avgpool3:residual=false":
            x = self.transform(mixer_at, "avgpool3", x)
        elif mixer != "identity:branch=false":
            x = self.merge(x, self.mixer(mixer_at, mixer, x))
        return self.merge(x, self.mlp(at + "mlp.", x, part))

    # Architectures.

    def spikformer_convolution(self, number, pools, x, open=False):
        at, first = "patch_embed.proj", self.c.get("pool_before_neuron") and pools
        x = self.norm(f"{at}_bn{number}", self.conv3(f"{at}_conv{number}", x))
        if not first and not open:
            x = self.fire(f"{at}_conv{number}", x)
        for _ in range(pools):
            x = self.pool(x)
        return self.fire(f"{at}_lif{number}", x) if first and not open else x

    def spikformer_stem(self, x):
        c, at = self.c, "patch_embed."
        pools, membrane = c["pool"], self.stream == "membrane"
        if c.get("stem") == "conv1":
            side = 2 ** sum(pools)
            y = self.norm(at + "proj_bn", self.map(at + "proj_conv", x, stride=side))
            y = y + self.tensors[at + "pos_embed"].t().reshape(y.shape[2:])
            return y if membrane else self.fire(at + "pos_embed", y)
        if c.get("stem") == "conv2":
            pools = [(sum(pools) + 1) // 2, sum(pools) // 2]
        for i, n in enumerate(pools):
            last = i == len(pools) - 1
            x = self.spikformer_convolution(i or "", n, x, open=membrane and last)
        bits = self.fire(f"{at}proj_lif{len(pools) - 1 or ''}", x) if membrane else x
        y = self.norm(at + "rpe_bn", self.conv3(at + "rpe_conv", bits))
        return self.merge(x, y if membrane else self.fire(at + "rpe_conv", y))

    def spikformer(self, x):
        x = self.spikformer_stem(x)
        for i in range(self.c["depth"]):
            x = self.block(f"block.{i}.", f"block.{i}.attn.", self.c["mixer"][0], x)
        return x

    def maxformer_embedding(self, at, x, first):
        embed = lambda part, x, **window: self.norm(at + part + ".embed_bn",
                                                    self.map(at + part + ".embed_conv", x, **window))
        fire = lambda part, x: self.fire(at + part + ".embed_lif", x)
        if not first:
            s = fire("max_embed1", x)
            y = self.pool(embed("max_embed1", s, padding=1))
            return embed("embed1", fire("embed1", y), padding=1) + self.pool(embed("max_embed2", s))
        z = self.norm(at + "proj_bn", self.conv3(at + "proj_conv", x))
        if self.c["input"] == "image":
            return embed("embed1", fire("embed1", z), padding=1) + embed("embed2", fire("embed2", z))
        s = fire("max_embed2", self.pool(embed("max_embed1", fire("max_embed1", z), padding=1)))
        b = self.pool(embed("max_embed2", s, padding=1))
        return self.pool(embed("max_embed3", fire("max_embed3", b), padding=1)) + embed("embed1", s, stride=4)

    def maxformer(self, x):
        self.stream, self.suffix = "membrane", "_conv"
        for stage, blocks in enumerate(self.c["depths"]):
            x = self.maxformer_embedding(f"patch_embed{stage + 1}.", x, stage == 0)
            for i in range(blocks):
                at, mixer = f"stage{stage + 1}.{i}.", self.c["mixer"][stage]
                x = self.block(at, at + ("attn." if mixer in ("ssa", "sdsa1") else "mixer."), mixer, x)
        return self.fire("head_lif", x.mean((3, 4), keepdim=True))

    def qkformer_embedding(self, at, x, first):
        fire = lambda part, x: self.fire(at + part, x)
        embed = lambda part, x, **window: self.norm(at + part + "_bn", self.map(at + part + "_conv", x, **window))
        pooled = lambda part, x: fire(part + "_lif", self.pool(embed(part, x, padding=1)))
        events = self.c["input"] == "events"
        if not first:
            start = "proj" if events else "proj3"
            y = pooled("proj4", fire(start + "_conv", embed(start, x, padding=1)))
            return y + fire("proj_res_conv", embed("proj_res", x, stride=2))
        x = fire("proj_conv", embed("proj", x, padding=1))
        if not events:
            return fire("proj1_conv", embed("proj1", x, padding=1)) + fire("proj_res_conv", embed("proj_res", x))
        a = pooled("proj1", x)
        return pooled("proj3", pooled("proj2", a)) + fire("proj_res_conv", embed("proj_res", a, stride=4))

    def qkformer(self, x):
        self.suffix = "_conv"
        for stage, blocks in enumerate(self.c["depths"]):
            x = self.qkformer_embedding(f"patch_embed{stage + 1}.", x, stage == 0)
            for i in range(blocks):
                at, mixer = f"stage{stage + 1}.{i}.", self.c["mixer"][stage]
                x = self.block(at, at + ("tssa." if mixer == "qk-token" else "ssa."), mixer, x, "mlp")
        return x

    def __call__(self, x):
        x = x.transpose(0, 1) if self.c["input"] == "events" else x.expand(self.c["T"], *x.shape)
        x = getattr(self, self.c.get("architecture", "spikformer"))(x)
        return F.linear(x.mean((0, 3, 4)), self.tensors["head.weight"], self.tensors["head.bias"])


def model(ops, c, seed=1):
    """Our model, with norms that keep every layer firing."""
    settings = c.get("neuron", {})
    c = {key: value for key, value in c.items() if key != "neuron"}
    ours = torch.classes.spikemix_test.Model(json.dumps({"model": c, "neuron": settings}), seed)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, t in ours.state().items():
            if (name.rsplit(".", 1)[0].rsplit("_", 1)[-1].startswith("bn")
                    or name.endswith((".bn.weight", ".bn.bias"))):
                if name.endswith(".weight"):
                    t.uniform_(0.5, 1.5)
                if name.endswith(".bias"):
                    t.uniform_(0.2, 0.8)
            if name.endswith(".gate"):
                t.normal_()
    return ours


def compare(ops, c, training=True):
    ours = model(ops, c)
    ours.to_double()
    theirs = Reference(ops, c, ours.state())
    x = inputs(c, 3, torch.float64)
    if not training:
        theirs.momentum = 1.0
        theirs(x)
        ours.load(theirs.tensors, "settled")
    theirs.training, theirs.momentum = training, 0.1
    ours.train(training)
    ours.observe()
    logits, want = ours.forward(x), theirs(x)
    spikes = ours.spikes()
    assert set(spikes) == set(theirs.spikes)
    for layer, s in spikes.items():
        wanted = theirs.spikes[layer].permute(0, 1, 3, 4, 2)
        real = c.get("neuron") == RELU["neuron"]
        assert s.shape == wanted.shape and (torch.allclose(s, wanted) if real else torch.equal(s, wanted)), layer
        assert s.any() or c["stream"] == "iand", layer  # a silent layer would prove nothing
    torch.testing.assert_close(logits, want, rtol=1e-10, atol=1e-10)
    for value in (logits, want):
        F.cross_entropy(value, torch.arange(3)).backward()
    for name, t in ours.state().items():
        other = theirs.tensors[name]
        if t.requires_grad:
            torch.testing.assert_close(t.grad, other.grad, rtol=1e-6, atol=1e-9, msg=lambda m: f"{name}: {m}")
        elif t.is_floating_point():
            torch.testing.assert_close(t, other, rtol=1e-10, atol=1e-10, msg=lambda m: f"{name}: {m}")


STREAMS = ["spike", "membrane", "iand"]
SIZES = {"image": IMAGE | {"depth": 2}, "events": EVENTS | {"depth": 2}}


@pytest.mark.parametrize("pool_first", [False, True])
@pytest.mark.parametrize("stem", ["conv4", "conv2", "conv1"])
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("kind,mixer", [("image", "fft2d"), ("events", "ssa"), ("image", "wt2d"), ("events", "dwt-c")])
def test_streams_and_stems(ops, kind, mixer, stream, stem, pool_first):
    c = SIZES[kind] | {"mixer": [mixer], "stream": stream, "stem": stem, "pool_before_neuron": pool_first}
    if kind == "events" and stem == "conv1":
        c["height"] = 40
    compare(ops, c)


@pytest.mark.parametrize("channels,pool", [([32], [1]), ([7, 32], [1, 1]), ([3, 17, 5, 7, 9, 32], [0, 1, 0, 0, 1, 0])])
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("kind", ["image", "events"])
def test_stems_of_any_convolutions(ops, kind, stream, channels, pool):
    compare(ops, SIZES[kind] | {"mixer": ["wt2d"], "stream": stream, "stem_channels": channels, "pool": pool})


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("kind", ["image", "events"])
@pytest.mark.parametrize("mixer", WEIGHTED + ["identity", "avgpool3"])
def test_mixers_in_every_stream(ops, kind, mixer, stream):
    compare(ops, SIZES[kind] | {"mixer": [mixer], "stream": stream})


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("height,width,dim",
                         [(2, 3, 16), (3, 2, 48), (5, 7, 16), (13, 4, 32), (6, 17, 16), (9, 16, 80)])
def test_signed_wavelets_at_every_grid(ops, height, width, dim, stream):
    sizes = {"height": 4 * height, "width": 4 * width, "embed_dim": dim, "heads": [2], "depth": 1, "T": 5}
    for training in [True, False]:
        compare(ops, IMAGE | sizes | {"mixer": ["fatm"], "stream": stream}, training)


def test_haar_is_pywavelets():
    for n in [1, 2, 4, 8, 16]:
        columns = [numpy.concatenate(pywt.wavedec(unit, "haar", "periodization")) for unit in numpy.eye(n)]
        torch.testing.assert_close(torch.from_numpy(numpy.stack(columns, 1)), haar(n))
    for n in range(1, 18):
        torch.testing.assert_close(haar(n) @ haar(n).t(), torch.eye(n, dtype=torch.float64))


INTEGER = {"neuron": {"kind": "integer", "levels": 4}}
RELU = {"neuron": {"kind": "relu"}, "T": 1}


@pytest.mark.parametrize("kind", ["image", "events"])
@pytest.mark.parametrize("stream", ["spike", "membrane"])
@pytest.mark.parametrize("mixer", ["fft2d", "gated", "ssa", "qk-token", "dwc3", "maxpool3", "fatm"])
def test_integer_neurons(ops, kind, mixer, stream):
    compare(ops, SIZES[kind] | INTEGER | {"mixer": [mixer], "stream": stream})


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stream", ["spike", "membrane"])
@pytest.mark.parametrize("mixer", ["wt2d", "gated", "dwc3", "maxpool3"])
def test_relu_instead_of_neurons(ops, mixer, stream, training):
    compare(ops, SIZES["image"] | RELU | {"mixer": [mixer], "stream": stream}, training)


MAXFORMER = {"architecture": "maxformer", "stream": "auto", "embed_dim": 32, "heads": [2]}
QKFORMER = {"architecture": "qkformer", "stream": "auto", "embed_dim": 32, "heads": [2]}
FAMILIES = {
    "maxformer": IMAGE | MAXFORMER | {"mixer": ["identity:branch=false", "dwc3", "ssa"], "depths": [1, 1, 2]},
    "maxformer-odd": IMAGE | MAXFORMER | {"mixer": ["maxpool3:residual=false", "sdsa1", "avgpool3:residual=false"],
                                          "depths": [2, 1, 1], "height": 13, "width": 11},
    "maxformer-events": EVENTS | MAXFORMER | {"mixer": ["dwc3", "ssa"], "depths": [1, 1]},
    "maxformer-integer": IMAGE | MAXFORMER | INTEGER | {"mixer": ["identity:branch=false", "dwc3", "ssa"],
                                                        "depths": [1, 1, 2]},
    "qkformer": IMAGE | QKFORMER | {"mixer": ["qk-token", "qk-token", "ssa"], "depths": [1, 1, 2]},
    "qkformer-odd": IMAGE | QKFORMER | {"mixer": ["qk-channel", "dwc3", "ssa"], "depths": [1, 2, 1], "height": 13,
                                        "width": 11},
    "qkformer-events": EVENTS | QKFORMER | {"mixer": ["qk-token", "ssa"], "depths": [1, 1]},
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", FAMILIES)
def test_architectures(ops, name, training):
    compare(ops, FAMILIES[name], training)


EVERY = {f"{stream}-{stem}-{mixer}": SIZES["image"] | {"mixer": [mixer], "stream": stream, "stem": stem}
         for stream, stem, mixer in [
             ("spike", "conv2", "dwc3"), ("spike", "conv4", "sdsa1"), ("membrane", "conv4", "fft2d"),
             ("membrane", "conv1", "ssa"), ("membrane", "conv4", "fatm"), ("spike", "conv4", "fatm"),
             ("iand", "conv4", "qk-token"), ("iand", "conv1", "wt2d")]}
EVERY |= {"gated": SIZES["image"] | {"mixer": ["gated"], "stream": "spike"}}
EVERY |= {"integer": SIZES["image"] | INTEGER | {"mixer": ["fft2d"], "stream": "membrane"}}
EVERY |= {name: FAMILIES[name] for name in ["maxformer", "maxformer-events", "qkformer", "qkformer-events"]}


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_recomputing_gives_the_same_bits(ops, name, bf16):
    c = EVERY[name]
    x, results = inputs(c, 4, torch.float32), []
    for recompute in [False, True]:
        ours = model(ops, c)
        ours.set_bf16(bf16), ours.set_recompute(recompute)
        logits = ours.forward(x)
        F.cross_entropy(logits, torch.arange(4)).backward()
        state = ours.state()
        grads = {n + ".grad": t.grad for n, t in state.items() if t.requires_grad}
        results.append({"logits": logits, **state, **grads})
    assert all(torch.equal(t, results[1][n]) for n, t in results[0].items())


@pytest.mark.parametrize("name", EVERY)
def test_fp32_and_bf16_are_near_double(ops, name):
    c, spikes, gradients = EVERY[name], [], []
    x = inputs(c, 8, torch.float64)
    for kind in ["double", "fp32", "bf16"]:
        ours = model(ops, c)
        ours.to_double() if kind == "double" else ours.set_bf16(kind == "bf16")
        ours.observe()
        logits = ours.forward(x if kind == "double" else x.float())
        F.cross_entropy(logits, torch.arange(8) % 7).backward()
        spikes.append(ours.spikes())
        gradients.append(ours.state()["head.weight"].grad.double().flatten())
    for other, share, cosine in [(1, 0.01, 0.999), (2, 0.4, 0.75)]:
        differ = {n: (s != spikes[other][n]).double().mean().item() for n, s in spikes[0].items()}
        assert max(differ.values()) < share, differ
        assert torch.cosine_similarity(gradients[0], gradients[other], dim=0) > cosine


@pytest.mark.parametrize("name", EVERY)
def test_an_image_gives_the_same_alone_and_in_a_batch(ops, name):
    """No neuron sees other images, so the bits are the same. Exact sums do not depend on the order."""
    c = EVERY[name]
    ours = model(ops, c)
    ours.set_sparse_below(0)
    x = (inputs(c, 32, torch.float32) * 16).round() / 16
    for _ in range(3):
        ours.forward(x)  # settles the statistics
    with torch.no_grad():
        for n, t in ours.state().items():
            if t.dim() > 1:
                t.copy_((t * 256).round() / 256)
        ours.train(False)
        ours.observe()
        logits, all_spikes = ours.forward(x), dict(ours.spikes())
        for i in [0, 31]:
            alone = ours.forward(x[i:i + 1])
            for layer, s in ours.spikes().items():
                assert torch.equal(s[:, 0], all_spikes[layer][:, i]), layer
            torch.testing.assert_close(alone[0], logits[i], rtol=1e-5, atol=1e-5)
