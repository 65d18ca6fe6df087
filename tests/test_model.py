# SPDX-License-Identifier: MIT
"""Spikformer against an independent implementation of the published model: SpikingJelly's neurons under PyTorch."""
import json

import pytest
import torch
from spikingjelly.activation_based import functional, neuron, surrogate
from torch import nn

CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"))

SMALL = dict(height=12, width=16, channels=3, embed_dim=32, depth=2, heads=[4], classes=7, T=4, pool=[0, 0, 1, 1])
IMAGE = dict(SMALL, input="image", ssa_scale=1.0)  # with few tokens, the published 0.125 would leave attention silent
EVENTS = dict(SMALL, input="events", channels=2, T=3, height=33, width=32, pool=[1, 1, 1, 0], heads=[2], ssa_scale=0.5)


def lif(v_threshold=1.0):
    return neuron.LIFNode(tau=2.0, v_threshold=v_threshold, detach_reset=True, step_mode="m",
                          surrogate_function=surrogate.Sigmoid(4.0))


class Stem(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.pool, D = c["pool"], c["embed_dim"]
        widths = [c["channels"], *c.get("stem_channels", [D // 8, D // 4, D // 2, D])]
        self.parts = [("proj", str(i or ""), *widths[i:i + 2]) for i in range(len(self.pool))] + [("rpe", "", D, D)]
        for name, i, fan_in, fan_out in self.parts:
            setattr(self, f"{name}_conv{i}", nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False))
            setattr(self, f"{name}_bn{i}", nn.BatchNorm2d(fan_out))
            setattr(self, f"{name}_lif{i}", lif())

    def layer(self, name, i, x):  # [T, B, C, H, W]
        y = getattr(self, f"{name}_bn{i}")(getattr(self, f"{name}_conv{i}")(x.flatten(0, 1)))
        return getattr(self, f"{name}_lif{i}")(y.unflatten(0, x.shape[:2]))

    def forward(self, x):
        for (name, i, *_), pool in zip(self.parts, self.pool):
            x = self.layer(name, i, x)
            if pool:
                x = nn.functional.max_pool2d(x.flatten(0, 1), 3, 2, 1).unflatten(0, x.shape[:2])
        x = self.layer("rpe", "", x) + x
        return x.flatten(-2).transpose(-1, -2)  # [T, B, N, D]


class Layers(nn.Module):
    """Linear (or Conv1d of size 1) + BN + LIF, as X_linear (X_conv), X_bn, X_lif; x [T, B, N, D]."""

    def add(self, name, fan_in, fan_out, events, bias):
        linear = nn.Conv1d(fan_in, fan_out, 1, bias=bias) if events else nn.Linear(fan_in, fan_out, bias=bias)
        self.suffix = "_conv" if events else "_linear"
        setattr(self, name + self.suffix, linear)
        setattr(self, name + "_bn", nn.BatchNorm1d(fan_out))
        setattr(self, name + "_lif", lif())

    def run(self, name, x):
        linear, y = getattr(self, name + self.suffix), x.flatten(0, 1)
        y = linear(y.transpose(1, 2)) if isinstance(linear, nn.Conv1d) else linear(y).transpose(1, 2)
        y = getattr(self, name + "_bn")(y).transpose(1, 2)
        return getattr(self, name + "_lif")(y.unflatten(0, x.shape[:2]))


class Attention(Layers):
    def __init__(self, c):
        super().__init__()
        self.heads, self.scale, events, D = c["heads"][0], c["ssa_scale"], c["input"] == "events", c["embed_dim"]
        for name in "qkv":
            self.add(name, D, D, events, bias=not events)
        self.add("proj", D, D, events, bias=True)
        self.attn_lif = lif(0.5)

    def forward(self, x):
        T, B, N, D = x.shape
        q, k, v = (self.run(n, x).reshape(T, B, N, self.heads, -1).transpose(2, 3) for n in "qkv")
        y = (q @ k.transpose(-1, -2)) * self.scale @ v
        return self.run("proj", self.attn_lif(y.transpose(2, 3).reshape(T, B, N, D)))


class Transform(nn.Module):
    """LIF(BN(Re(FFT over tokens and embedding)))"""

    def __init__(self, c):
        super().__init__()
        self.bn, self.lif = nn.BatchNorm1d(c["embed_dim"]), lif()

    def forward(self, x):
        y = torch.fft.fft2(x, dim=(2, 3)).real
        return self.lif(self.bn(y.flatten(0, 1).transpose(1, 2)).transpose(1, 2).unflatten(0, x.shape[:2]))


class Mlp(Layers):
    def __init__(self, c):
        super().__init__()
        D, events = c["embed_dim"], c["input"] == "events"
        self.add("fc1", D, 4 * D, events, bias=True)
        self.add("fc2", 4 * D, D, events, bias=True)

    def forward(self, x):
        return self.run("fc2", self.run("fc1", x))


class Block(nn.Module):
    def __init__(self, c, mixer):
        super().__init__()
        D = c["embed_dim"]
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)  # published, and never used
        self.attn = Attention(c) if mixer == "ssa" else Transform(c)
        self.mlp = Mlp(c)

    def forward(self, x):
        x = x + self.attn(x)
        return x + self.mlp(x)


class Published(nn.Module):
    def __init__(self, c, mixer):
        super().__init__()
        self.c = c
        self.patch_embed = Stem(c)
        self.block = nn.ModuleList(Block(c, mixer) for _ in range(c["depth"]))
        self.head = nn.Linear(c["embed_dim"], c["classes"])

    def forward(self, x):
        functional.reset_net(self)
        x = x.transpose(0, 1) if self.c["input"] == "events" else x.expand(self.c["T"], *x.shape)
        x = self.patch_embed(x)
        for block in self.block:
            x = block(x)
        return self.head(x.mean(2).mean(0))


def build(ops, c, mixer, seed=1, **neuron_settings):
    config = {"model": dict(c, mixer=[mixer] if isinstance(mixer, str) else mixer), "neuron": neuron_settings}
    return torch.classes.spikemix_test.Model(json.dumps(config), seed)


def published(c, mixer):
    """The published model with norms that keep every layer firing."""
    torch.manual_seed(0)
    theirs = Published(c, mixer)
    for m in theirs.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(m.weight, 0.5, 1.5), nn.init.uniform_(m.bias, 0.2, 0.8)
            m.momentum = 1.0
    theirs(inputs(c, 5, torch.float32))  # settles the running statistics
    for m in theirs.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.momentum = 0.1
    return theirs


def both(ops, c, mixer, dtype, device="cpu"):
    """Our model and the published one with the same weights."""
    theirs = published(c, mixer).to(dtype).to(device)
    ours = build(ops, c, mixer)
    if dtype == torch.float64:
        ours.to_double()
    ours.to_device(device)
    skipped = ours.load(theirs.state_dict(), "published.pth")
    assert sorted(skipped) == sorted(n for n in theirs.state_dict() if "norm" in n)
    return ours, theirs


def inputs(c, B, dtype, device="cpu"):
    torch.manual_seed(1)
    frames = [c["T"]] if c["input"] == "events" else []
    return torch.randn(B, *frames, c["channels"], c["height"], c["width"], dtype=torch.float64).to(dtype).to(device)


def record(theirs):
    spikes = {}
    for name, m in theirs.named_modules():
        if isinstance(m, neuron.LIFNode):
            m.register_forward_hook(lambda _, __, out, name=name: spikes.__setitem__(name, out.detach()))
    return spikes


def their_name(layer):
    if "_conv" in layer:
        return layer.replace("_conv", "_lif")
    return layer + (".lif" if layer.endswith(".attn") and layer.count(".") == 2 else "_lif")


def differing(ours, theirs):
    """Share of differing spikes, layer by layer."""
    result = {}
    for layer, spikes in ours.spikes().items():
        want = theirs[their_name(layer)]
        spikes = spikes.permute(0, 1, 4, 2, 3) if "patch_embed" in layer else spikes.flatten(2, 3)
        assert spikes.shape == want.shape, layer
        assert 0.005 < want.double().mean() < 0.995, layer  # a silent layer would prove nothing
        result[layer] = (spikes != want).double().mean().item()
    return result


WIDE = dict(IMAGE, stem_channels=[6, 12, 9, 20, 32], pool=[0, 1, 0, 0, 1])
CASES = [(IMAGE, "ssa"), (IMAGE, "fft2d"), (WIDE, "fft2d"), (EVENTS, "ssa"), (EVENTS, "fft2d")]


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("c,mixer", CASES)
@pytest.mark.parametrize("training", [True, False])
def test_equals_the_published_model_in_double(ops, c, mixer, training, device):
    ours, theirs = both(ops, c, mixer, torch.float64, device)
    ours.train(training), theirs.train(training)
    ours.observe()
    spikes = record(theirs)
    x, y = inputs(c, 5, torch.float64, device), torch.arange(5, device=device) % c["classes"]
    logits, want = ours.forward(x), theirs(x)
    assert len(ours.spikes()) == 1 + len(c["pool"]) + c["depth"] * (7 if mixer == "ssa" else 3)
    assert not any(differing(ours, spikes).values())
    torch.testing.assert_close(logits, want, rtol=1e-10, atol=1e-10)

    nn.functional.cross_entropy(logits, y).backward()
    nn.functional.cross_entropy(want, y).backward()
    state, parameters = ours.state(), dict(theirs.named_parameters())
    learned = {n: p for n, p in state.items() if p.requires_grad}
    assert set(learned) == {n for n in parameters if "norm" not in n}
    for name, p in learned.items():
        # Surrogates and the first layer's sums: the constants of a neuron are fp32 in both.
        torch.testing.assert_close(p.grad, parameters[name].grad, rtol=1e-6, atol=1e-9, msg=lambda m: f"{name}: {m}")
    for name, b in theirs.named_buffers():
        if name in state:
            torch.testing.assert_close(state[name], b, rtol=1e-10, atol=1e-10, msg=lambda m: f"{name}: {m}")


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("c,mixer", CASES)
def test_equals_the_published_model_in_fp32(ops, c, mixer, device):
    ours, theirs = both(ops, c, mixer, torch.float32, device)
    ours.train(False), theirs.eval()
    ours.observe()
    spikes = record(theirs)
    x = inputs(c, 5, torch.float32, device)
    with torch.no_grad():
        logits, want = ours.forward(x), theirs(x)
    # A potential that rounds to the other side of the threshold flips a spike, which affects later ones.
    assert max(differing(ours, spikes).values()) < 2e-3
    torch.testing.assert_close(logits, want, rtol=1e-2, atol=1e-2)


def test_published_4_384(ops):
    c = dict(input="image", channels=3, height=32, width=32, classes=10, embed_dim=384, depth=4, heads=[12], T=4,
             pool=[0, 0, 1, 1], ssa_scale=0.125)
    ours, theirs = both(ops, c, "ssa", torch.float32)
    ours.set_sparse_below(0)  # torch's own products: another order of sums flips spikes, and four blocks spread that
    assert ours.learned_values() == 9_324_730
    ours.train(False), theirs.eval()
    ours.observe()
    spikes = record(theirs)
    x = inputs(c, 1, torch.float32)
    with torch.no_grad():
        logits, want = ours.forward(x), theirs(x)
    assert max(differing(ours, spikes).values()) < 2e-3
    torch.testing.assert_close(logits, want, rtol=1e-2, atol=1e-2)


def test_published_2_256_for_events(ops):
    model = build(ops, dict(input="events", channels=2, height=128, width=128, embed_dim=256, depth=2, heads=[16],
                            pool=[1, 1, 1, 1], classes=10, T=16), "ssa")
    assert model.learned_values() == 2_566_666
    assert model.state()["block.1.attn.q_conv.weight"].shape == (256, 256, 1)
    assert "block.1.attn.q_conv.bias" not in model.state()


@pytest.mark.parametrize("mixer", ["ssa", "fft2d"])
def test_bf16_is_near_fp32(ops, mixer):
    """bf16 rounds products to 8 bits and flips some spikes; its gradients still point the same way."""
    model = build(ops, IMAGE, mixer)
    x, y = inputs(IMAGE, 16, torch.float32), torch.arange(16) % 7
    gradients = []
    for bf16 in [False, True]:
        model.set_bf16(bf16)
        logits = model.forward(x)
        assert logits.dtype == torch.float32
        for p in model.state().values():
            p.grad = None
        nn.functional.cross_entropy(logits, y).backward()
        gradients.append({n: p.grad.clone() for n, p in model.state().items() if p.requires_grad})
    a, b = (g["head.weight"].flatten() for g in gradients)
    assert torch.cosine_similarity(a, b, dim=0) > 0.9
    assert all(g.isfinite().all() and g.dtype == torch.float32 for g in gradients[1].values())


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("c,mixer", [*CASES, (IMAGE, "fwt-c")])
def test_recomputed_blocks_give_the_same_bits(ops, c, mixer, bf16):
    """train.recompute: logits, every gradient and the running statistics."""
    x, y = inputs(c, 4, torch.float32), torch.arange(4) % c["classes"]
    results = []
    for recompute in [False, True]:
        model = build(ops, c, mixer, kind="plif")
        model.set_bf16(bf16), model.set_recompute(recompute)
        model.observe()
        logits = model.forward(x)
        nn.functional.cross_entropy(logits, y).backward()
        state = model.state()
        assert state["block.1.mlp.fc1_bn.num_batches_tracked"].item() == 1
        assert model.spikes()["block.1.mlp.fc1"].any()
        gradients = {n + ".grad": p.grad for n, p in state.items() if p.requires_grad}
        results.append({"logits": logits, **state, **gradients})
    assert all(torch.equal(tensor, results[1][name]) for name, tensor in results[0].items())


@pytest.mark.parametrize("mixer", ["ssa", "wt2d"])
def test_training_with_one_time_step_is_that_of_a_model_with_one(ops, mixer):
    """train.one_step_epochs sets the steps in training; in evaluation they stay the model's."""
    x, y = inputs(IMAGE, 4, torch.float32), torch.arange(4) % IMAGE["classes"]
    trained, evaluated = [], []
    for T, steps in [(1, 1), (4, 1), (4, 4)]:
        # with untrained statistics, a higher one leaves it silent
        model = build(ops, IMAGE | {"T": T}, mixer, v_threshold=0.05)
        model.set_training_steps(steps)
        model.train(False)
        evaluated.append(model.forward(x))
        model.train(True)
        nn.functional.cross_entropy(model.forward(x), y).backward()
        trained.append({n: p.grad for n, p in model.state().items() if p.requires_grad})
    assert all(torch.equal(gradient, trained[1][name]) for name, gradient in trained[0].items())
    assert not torch.equal(trained[1]["head.weight"], trained[2]["head.weight"])
    assert torch.equal(evaluated[1], evaluated[2]) and not torch.equal(evaluated[0], evaluated[1])


def test_learned_tau_and_coefficients_have_gradients(ops):
    for mixer in ["ssa", "fwt-c"]:
        model = build(ops, IMAGE, mixer, kind="plif", tau=1.5)
        state = model.state()
        assert torch.sigmoid(state["patch_embed.proj_lif.w"]).item() == pytest.approx(1 / 1.5)
        model.forward(inputs(IMAGE, 4, torch.float32)).square().sum().backward()
        names = [n for n, p in state.items() if p.requires_grad]
        assert sum("lif" in n for n in names) == 5 + 2 * (7 if mixer == "ssa" else 3)
        silent = [n for n in names if not state[n].grad.any() and "bias" not in n]
        assert not silent
    coeff = state["block.0.attn.coeff"]
    assert torch.allclose(coeff, torch.full_like(coeff, 1 / len(coeff)))


def test_initial_weights_depend_only_on_seed_and_name(ops):
    a, b, c = (build(ops, IMAGE, mixer, seed).state() for mixer, seed in [("ssa", 1), ("fft2d", 1), ("ssa", 2)])
    shared = [n for n in a if n in b]
    assert "block.1.mlp.fc1_linear.weight" in shared and all(torch.equal(a[n], b[n]) for n in shared)
    assert not torch.equal(a["head.weight"], c["head.weight"])
    gate = build(ops, IMAGE, "gated", 1).state()["block.0.attn.gate"]
    assert gate.std().item() == pytest.approx(0.02, rel=0.2) and abs(gate.mean().item()) < 4e-3
    linear, conv = a["block.1.mlp.fc1_linear.weight"], a["patch_embed.proj_conv3.weight"]
    assert linear.std().item() == pytest.approx(0.02, rel=0.05) and abs(linear.mean().item()) < 2e-3
    assert not a["block.1.mlp.fc1_linear.bias"].any()
    bound = (16 * 9) ** -0.5
    assert 0.95 * bound < conv.abs().max() <= bound and conv.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)


def test_loading_lists_every_problem_at_once(ops):
    model = build(ops, IMAGE, "ssa")
    state = {n: t.clone() for n, t in model.state().items()}
    before = state["head.weight"].clone()
    state["head.weight"] = state["head.weight"] + 1
    state["block.0.attn.q_bn.weight"] = torch.zeros(48)
    state["block.0.attn.q_linaer.weight"] = state.pop("block.0.attn.q_linear.weight")
    state["block.1.norm1.weight"] = torch.ones(32)
    with pytest.raises(RuntimeError) as error:
        model.load(state, "model.safetensors")
    text = str(error.value).splitlines()[0]
    assert text.startswith("model.safetensors: ")
    assert "tensor 'block.0.attn.q_bn.weight' is [48], expected [32]" in text
    assert "tensor 'block.0.attn.q_linaer.weight' is unknown (nearest: 'block.0.attn.q_linear.weight')" in text
    assert "tensor 'block.0.attn.q_linear.weight' is missing" in text
    assert "norm1" not in text
    assert torch.equal(model.state()["head.weight"], before)


@pytest.mark.parametrize("change,message", [
    (dict(embed_dim=36), "model.embed_dim = 36: expected a multiple of 8"),
    (dict(heads=[5]), "model.heads = 5: expected a divisor of the embedding dim 32"),
    (dict(pool=[1]), "model.pool has 1 value, expected 4, one for each convolution of the stem"),
    (dict(stem_channels=[8, 32]), "model.pool has 4 values, expected 2, one for each convolution of the stem"),
    (dict(stem_channels=[8, 24], pool=[0, 1]), "the last of model.stem_channels = 24: expected model.embed_dim = 32"),
    (dict(T=0), "model.T = 0: expected 1 to 256"),
])
def test_sizes_that_do_not_fit_name_the_key(ops, change, message):
    with pytest.raises(RuntimeError) as error:
        build(ops, dict(IMAGE, **change), "ssa")
    assert message in str(error.value)


def test_input_of_another_shape_is_refused(ops):
    model = build(ops, IMAGE, "ssa")
    error = r"takes input of shape \[B, 3, 12, 16\] \(batch first\), found \[2, 3, 16, 16\]"
    with pytest.raises(RuntimeError, match=error):
        model.forward(torch.zeros(2, 3, 16, 16))
