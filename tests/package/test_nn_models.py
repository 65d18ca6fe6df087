# SPDX-License-Identifier: MIT
"""spikemix.nn's networks: against the engine, to files and back, in SpikingJelly's Spikformer, trained."""
import copy
import importlib
import json
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", minversion="2.6")
import torch.nn.functional as F  # noqa: E402

import spikemix  # noqa: E402
import spikemix.nn as sn  # noqa: E402
from made import some_events  # noqa: E402
from places import data_at  # noqa: E402
from spikemix import events  # noqa: E402

SMALL = {"channels": 3, "height": 16, "width": 16, "T": 2, "embed_dim": 32, "depth": 2, "heads": 4, "classes": 5}
EVENTS = {**SMALL, "input": "events", "channels": 2}
STAGES = {**SMALL, "embed_dim": 64, "depths": [1, 1, 1], "heads": [4]}
MIXERS = [row["name"] for row in sn.mixers()]
NETWORKS = {
    **{name: (sn.Spikformer, {**SMALL, "mixer": name}, {}) for name in MIXERS},
    **{f"{name}, membrane": (sn.Spikformer, {**SMALL, "mixer": name, "stream": "membrane"}, {}) for name in MIXERS},
    "iand": (sn.Spikformer, {**SMALL, "stream": "iand"}, {}),
    "time": (sn.Spikformer, {**SMALL, "mixer": "fft1d:axes=time,tokens"}, {}),
    "two mixers": (sn.Spikformer, {**SMALL, "mixer": ["ssa", "wt2d:wavelet=db2:levels=1"], "alternate": True}, {}),
    "conv1": (sn.Spikformer, {**SMALL, "stem": "conv1"}, {}),
    "conv2": (sn.Spikformer, {**SMALL, "stem": "conv2", "pool": [1, 1, 1, 0]}, {}),
    "pools in front": (sn.Spikformer, {**SMALL, "pool_before_neuron": True}, {}),
    "events": (sn.Spikformer, {**EVENTS, "mixer": "ssa"}, {}),
    "events, conv1": (sn.Spikformer, {**EVENTS, "stem": "conv1"}, {}),
    "plif": (sn.Spikformer, {**SMALL, "mixer": "ssa"}, {"kind": "plif", "tau": 3.0}),
    "if, soft": (sn.Spikformer, SMALL, {"kind": "if", "reset": "soft", "v_threshold": 0.8}),
    "integer": (sn.Spikformer, {**SMALL, "mixer": "ssa"}, {"kind": "integer", "levels": 3}),
    "maxformer": (sn.MaxFormer, STAGES, {}),
    "maxformer, as published": (sn.MaxFormer, {**STAGES, "mixer": ["identity:branch=false", "dwc3", "ssa"]}, {}),
    "maxformer, pools": (sn.MaxFormer, {**STAGES, "mixer": ["maxpool3", "avgpool3", "ssa"], "mlp_ratio": 1}, {}),
    "maxformer, events": (sn.MaxFormer, {**EVENTS, "height": 32, "width": 32, "embed_dim": 64, "depths": [1, 1],
                                         "mixer": ["dwc3", "ssa"], "heads": [4]}, {}),
    "qkformer": (sn.QKFormer, {**STAGES, "mixer": ["qk-token", "qk-channel", "ssa"]}, {}),
}


def make(name, seed=0):
    """The network, with weights with which it fires, and norms that have seen data."""
    kind, config, neuron = NETWORKS[name]
    torch.manual_seed(seed)
    model = kind(config, neuron=neuron)
    with torch.no_grad():
        for tensor_name, value in model.named_parameters():
            if value.dim() >= 2:
                value.normal_(0, (value.numel() / value.shape[0]) ** -0.5)
            elif "norm" in tensor_name or "bn" in tensor_name:
                value.add_(0.3 * torch.randn(value.shape))
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm1d)]
    for norm in norms:
        norm.momentum = 1.0  # inference then has this batch's statistics
    with torch.no_grad():
        model.train()(pictures(model, 8))
    for norm in norms:
        norm.momentum = 0.1
    return model.eval()


def pictures(model, batch, seed=0):
    config = model.config["model"]
    shape = (config["T"],) if config["input"] == "events" else ()
    shape = (batch, *shape, config["channels"], config["height"], config["width"])
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_the_engine(name, tmp_path):
    """A model made in Python gives the engine's logits, and the same logits after saving and loading."""
    model, x = make(name), None
    x = pictures(model, 3, seed=9)
    with torch.no_grad():
        logits = model(x)
    assert logits.shape == (3, 5) and logits.std() > 0
    model.save_pretrained(tmp_path / "model")
    engine = spikemix.load(tmp_path / "model")
    np.testing.assert_allclose(engine(x.numpy()), logits.numpy(), rtol=1e-3, atol=2e-3)
    again = sn.from_pretrained(tmp_path / "model")
    assert type(again) is type(model) and not again.training
    with torch.no_grad():
        assert torch.equal(again(x), logits)


@pytest.mark.parametrize("name", ["fft2d", "ssa, membrane", "plif", "qkformer", "maxformer", "events", "gated", "fatm"])
def test_learns(name):
    """Every parameter has a gradient, and a step along the gradients reduces the loss."""
    model = make(name).train()
    x, y = pictures(model, 4), torch.tensor([0, 1, 2, 3])
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert not missing
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(12):
        optimizer.zero_grad()
        now = F.cross_entropy(model(x), y)
        now.backward()
        optimizer.step()
    assert now < 0.9 * loss


def test_names_are_the_published_ones():
    names = set(sn.Spikformer(SMALL, mixer="ssa").state_dict())
    for name in ["patch_embed.proj_conv.weight", "patch_embed.proj_bn.running_var", "patch_embed.rpe_conv.weight",
                 "block.0.attn.q_linear.weight", "block.1.attn.proj_bn.weight", "block.0.mlp.fc1_linear.bias",
                 "head.weight", "head.bias"]:
        assert name in names, name


def test_published_size():
    """The published 4-384 with attention and ten classes."""
    assert sum(p.numel() for p in sn.Spikformer(mixer="ssa").parameters()) == 9_324_730


def test_frozen_weights_do_not_learn():
    model = sn.Spikformer(SMALL, mixer="random")
    learned = {name for name, _ in model.named_parameters()}
    assert "block.0.attn.q_linear.weight" not in learned and "block.0.attn.v_linear.weight" in learned
    assert "block.0.attn.q_linear.weight" in model.state_dict()


def test_one_picture_alone():
    for name in ("fft2d", "qkformer", "maxformer", "time"):
        model = make(name)
        x = pictures(model, 5)
        with torch.no_grad():
            torch.testing.assert_close(torch.cat([model(one[None]) for one in x]), model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("config", [{**SMALL, "depth": 1, "mixer": "ssa"}, {**EVENTS, "depth": 1}],
                         ids=["ssa", "fft2d"])
def test_compiles_in_one_piece(config):
    torch.manual_seed(0)
    model = sn.Spikformer(config)
    x = pictures(model, 2)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), copy.deepcopy(model)(x), rtol=1e-4, atol=1e-4)


def test_files(tmp_path):
    model = make("ssa")
    model.card["classes"] = ["a", "b", "c", "d", "e"]
    model.card["mean"], model.card["std"] = [0.5] * 3, [0.25] * 3
    model.save_pretrained(tmp_path / "one.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["one.safetensors"]
    again = sn.Spikformer.from_pretrained(tmp_path / "one.safetensors")
    assert again.card["classes"] == ["a", "b", "c", "d", "e"] and again.config == model.config
    with pytest.raises(ValueError, match="architecture"):
        sn.QKFormer.from_pretrained(tmp_path / "one.safetensors")
    with pytest.raises(ValueError, match="nothing: no such"):
        sn.from_pretrained(tmp_path / "nothing")
    (tmp_path / "broken.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(spikemix.InputError, match="broken.safetensors"):
        sn.from_pretrained(tmp_path / "broken.safetensors")
    model.save_pretrained(tmp_path / "folder")
    assert json.loads((tmp_path / "folder" / "config.json").read_text())["model"]["embed_dim"] == 32


def test_errors():
    with pytest.raises(spikemix.InputError, match="model.embed_dim"):
        sn.Spikformer(embed_dim=-4)
    with pytest.raises(spikemix.InputError, match="model.embeddim"):
        sn.Spikformer(embeddim=32)
    with pytest.raises(ValueError, match="QKFormer is qkformer"):
        sn.QKFormer(architecture="spikformer")
    with pytest.raises(ValueError, match=r"\[B, 3, 16, 16\], found \[2, 3, 8, 8\]"):
        sn.Spikformer(SMALL)(torch.zeros(2, 3, 8, 8))


def test_deepcopy_and_double():
    model = make("fft2d")
    again, x = copy.deepcopy(model), pictures(model, 2)
    with torch.no_grad():
        again.head.weight.zero_()
        assert model.head.weight.abs().sum() > 0
        other = copy.deepcopy(model).double()
        torch.testing.assert_close(other(x.double()).float(), model(x), rtol=1e-2, atol=1e-2)


def test_events_beyond_the_sensor_are_warned_of(tmp_path):
    """As `spikemix predict` says them; the warning names the user's line."""
    make("events").save_pretrained(tmp_path / "model")
    with pytest.raises(spikemix.InputError, match="belongs to the run"):
        (tmp_path / "model" / "metrics.jsonl").touch()
        make("events").save_pretrained(tmp_path / "model")
    model = spikemix.load(tmp_path / "model")
    within, beyond = some_events(400, (16, 16)), some_events(400, (16, 16))
    beyond["x"][7] = 19
    files = [tmp_path / "within.aedat", tmp_path / "beyond.aedat"]
    events.write(files[0], within)
    events.write(files[1], beyond, sensor=(20, 16))
    files[1].write_bytes(files[1].read_bytes().replace(b"spikemix 20x16", b"spikemix 16x16"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.preprocess(files[0])
    for call in (lambda: model.preprocess(files[1]), lambda: model.preprocess([files[0], files[1]])[1],
                 lambda: model.predict(files[1])):
        with pytest.warns(UserWarning, match="beyond.aedat: 1 of its events beyond the sensor left out") as told:
            call()
        assert [warning.filename for warning in told] == [__file__]
    with pytest.warns(UserWarning):
        assert np.array_equal(model.preprocess(files[1]), model.preprocess(within[np.arange(400) != 7]))


@pytest.fixture(scope="module")
def definitions():
    """The published networks, written with SpikingJelly's neurons: tests/test_model.py and tests/published.py."""
    pytest.importorskip("spikingjelly")
    return importlib.import_module("test_model"), importlib.import_module("published")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["fft2d", "ssa", "ssa, events", "maxformer", "qkformer"])
def test_a_training_step_as_published(definitions, name, dtype):
    """Loss, gradients and the norms' running statistics for a batch, with the same weights."""
    spikformer, families = definitions
    kind, c = sn.Spikformer, {**spikformer.IMAGE, "depth": 1}
    if name == "ssa, events":
        c = {**spikformer.EVENTS, "depth": 1}
    if name.endswith("former"):
        kind = {"maxformer": sn.MaxFormer, "qkformer": sn.QKFormer}[name]
        mixers = {"maxformer": ["identity", "dwc3", "ssa"], "qkformer": ["qk-token", "qk-token", "ssa"]}[name]
        c = dict(architecture=name, input="image", height=16, width=16, channels=3, embed_dim=32, depths=[1, 1, 1],
                 mixer=mixers, heads=[4], classes=7, T=2, ssa_scale=1.0, mlp_ratio=4)
    torch.manual_seed(0)
    theirs = families.Family(c) if name.endswith("former") else spikformer.Published(c, name.split(",")[0])
    if name == "maxformer":
        c["mixer"] = ["identity:branch=false", "dwc3", "ssa"]
    config = dict(c) if name.endswith("former") else dict(c, mixer=name.split(",")[0])
    ours = kind(config)
    x = torch.randn(ours.input_shape(6), dtype=dtype)
    families.settled(theirs.to(dtype), x)
    for module in theirs.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 0.1
    state = theirs.state_dict()
    ours.to(dtype).load_state_dict({n: state[n].view(v.shape) for n, v in ours.state_dict().items()})
    y, losses = torch.arange(6) % 7, []
    for model in (ours, theirs):
        losses.append(F.cross_entropy(model.train()(x), y))
        losses[-1].backward()
    rounding = 1e-9 if dtype == torch.float64 else 2e-3
    torch.testing.assert_close(*losses, rtol=rounding, atol=rounding)
    gradients = {n: p.grad for n, p in theirs.named_parameters()}
    for n, parameter in ours.named_parameters():
        want = gradients[n].view(parameter.shape)
        # A spike that flips by rounding changes gradients; in double none flips.
        assert (parameter.grad - want).norm() <= 20 * rounding * want.norm() + 1e-6, n
    state = theirs.state_dict()
    for n, value in ours.state_dict().items():
        torch.testing.assert_close(value, state[n].view(value.shape), rtol=20 * rounding, atol=20 * rounding)


class FourierByTorch(torch.nn.Module):
    """fft2d, norm and neurons with only torch and SpikingJelly."""

    def __init__(self, dim, node):
        super().__init__()
        self.bn, self.lif = torch.nn.BatchNorm1d(dim), node

    def forward(self, x):  # [T, B, D, N]
        y = torch.fft.fft2(x, dim=(2, 3)).real
        return self.lif(self.bn(y.flatten(0, 1)).view(x.shape))


def some_images():
    """[32, 3, 16, 16], and their labels: CIFAR-10's, if they are here."""
    records = np.fromfile(data_at("cifar10-exact-sample", "test_batch.bin"), np.uint8, 32 * 3073).reshape(32, 3073)
    pixels = torch.from_numpy(records[:, 1:].reshape(32, 3, 32, 32).astype(np.float32) / 128 - 1)
    return F.avg_pool2d(pixels, 2), torch.from_numpy(records[:, 0].astype(np.int64))


def test_in_spikingjellys_spikformer():
    """In somebody else's network our mixer learns as its plain definition does, with the same weights and batches."""
    model = pytest.importorskip("spikingjelly.activation_based.model.spikformer")
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    functional = pytest.importorskip("spikingjelly.activation_based.functional")
    torch.manual_seed(0)
    ours = model.Spikformer(T=2, img_size_h=16, img_size_w=16, patch_size=4, embed_dims=32, num_heads=4, depths=1,
                            num_classes=10)
    plain = copy.deepcopy(ours)
    grid = ours.patch_embed.grid_size
    for block in ours.blocks:
        block.attn = sn.Mixer("fft2d", dim=32, grid=grid, layout="TBDN", neuron=sn.LIF(tau=2.0))
    for block in plain.blocks:
        block.attn = FourierByTorch(32, neuron.LIFNode(tau=2.0, detach_reset=True, step_mode="m"))
    images, y = some_images()
    losses = []
    for network in (ours, plain):
        network.train()
        optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
        losses.append([])
        for _ in range(25):
            functional.reset_net(network)
            logits = network(images)
            loss = F.cross_entropy(logits.mean(0) if logits.dim() == 3 else logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    # Rounding differs, and a spike may flip: later steps drift apart, as between two machines.
    np.testing.assert_allclose(losses[0][:3], losses[1][:3], rtol=5e-3)
    assert all(run[-1] < 0.7 * run[0] for run in losses), losses
