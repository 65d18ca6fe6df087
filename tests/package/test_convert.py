# SPDX-License-Identifier: MIT
"""Other projects' state dicts as our networks, and our networks as ONNX."""
import importlib.util

import numpy as np
import pytest

torch = pytest.importorskip("torch", minversion="2.6")

import spikemix  # noqa: E402
import spikemix.nn as sn  # noqa: E402

SMALL = {"channels": 3, "height": 16, "width": 16, "T": 4, "embed_dim": 32, "depth": 1, "heads": 4, "classes": 5}


def lively(model):
    """Gives weights with which neurons fire, and norms that have seen data."""
    torch.manual_seed(0)
    with torch.no_grad():
        for value in model.parameters():
            if value.dim() >= 2:
                value.normal_(0, (value.numel() / value.shape[0]) ** -0.5)
    return model


@pytest.mark.parametrize("wrapped", [False, True])
def test_published_names(wrapped):
    model = lively(sn.Spikformer(SMALL, mixer="ssa"))
    x = torch.randn(4, 3, 16, 16)
    with torch.no_grad():
        model.train()(x)
        logits = model.eval()(x)
    state = model.state_dict()
    if wrapped:
        state = {"epoch": 3, "state_dict": {"module." + name: value for name, value in state.items()}}
    found = spikemix.convert(state, {"model.heads": 4, "model.height": 16, "model.width": 16})
    assert isinstance(found, sn.Spikformer) and found.config["model"]["embed_dim"] == 32
    with torch.no_grad():
        torch.testing.assert_close(found(x), logits)


def test_spikingjellys_spikformer():
    module = pytest.importorskip("spikingjelly.activation_based.model.spikformer")
    functional = pytest.importorskip("spikingjelly.activation_based.functional")
    theirs = lively(module.Spikformer(T=4, img_size_h=32, img_size_w=32, patch_size=4, embed_dims=48, num_heads=4,
                                      depths=1, num_classes=5))
    x = torch.randn(4, 3, 32, 32)

    def logits():
        functional.reset_net(theirs)
        y = theirs(x)
        return y.mean(0) if y.dim() == 3 else y
    with torch.no_grad():
        theirs.train()
        logits()
        theirs.eval()
        want = logits()
        found = spikemix.convert(theirs.state_dict(), {"model.heads": 4})
        torch.testing.assert_close(found(x), want, rtol=1e-3, atol=1e-3)


def test_refusals():
    with pytest.raises(spikemix.InputError, match="weights.pth"):
        spikemix.convert({"fc.weight": torch.zeros(3, 3)})
    with pytest.raises(spikemix.InputError, match="nothing.pth"):
        spikemix.convert("nothing.pth")
    model = sn.Spikformer(SMALL, mixer="ssa")
    with pytest.raises(spikemix.InputError, match="embed_dimm"):
        spikemix.convert(model.state_dict(), {"model.embed_dimm": 3})
    with pytest.raises(ValueError, match="training mode"):
        spikemix.to_onnx(model, "unused.onnx")
    with pytest.raises(ValueError, match="block.0.attn, gated:transform=fft2d"):
        spikemix.to_onnx(sn.Spikformer(SMALL, mixer="gated").eval(), "unused.onnx")


def logits_of(graph, x, T):
    """Runs a NIR graph step by step, by the equations of its nodes: dt = 1."""
    nir = pytest.importorskip("nir")
    state, steps = {}, []
    for _ in range(T):
        values = {"input": x}
        while "output" not in values:
            for name, node in graph.nodes.items():
                sources = [a for a, b in graph.edges if b == name]
                if name in values or not sources or any(a not in values for a in sources):
                    continue
                z = sum(values[a] for a in sources)
                if isinstance(node, nir.Conv2d):
                    stride, padding, dilation = (tuple(map(int, v)) for v in (node.stride, node.padding, node.dilation))
                    z = torch.nn.functional.conv2d(z, torch.as_tensor(node.weight), torch.as_tensor(node.bias), stride,
                                                   padding, dilation, int(node.groups))
                elif isinstance(node, (nir.LIF, nir.IF)):
                    v = state.get(name, torch.as_tensor(node.v_reset).expand(z.shape))
                    lif = isinstance(node, nir.LIF)
                    v = v + (torch.as_tensor(node.v_leak) - v + z) / torch.as_tensor(node.tau) if lif else v + z
                    z = (v > torch.as_tensor(node.v_threshold)).float()
                    state[name] = torch.where(z > 0, torch.as_tensor(node.v_reset), v)
                elif isinstance(node, nir.AvgPool2d):
                    z = z.mean((2, 3), keepdim=True)
                elif isinstance(node, nir.Flatten):
                    z = z.flatten(1)
                elif isinstance(node, nir.Affine):
                    z = z @ torch.as_tensor(node.weight).float().T + torch.as_tensor(node.bias).float()
                values[name] = z
        steps.append(values["output"])
    return torch.stack(steps).mean(0)


@pytest.mark.parametrize("settings, neuron", [
    ({"mixer": "identity"}, {}), ({"mixer": "fft1d:axes=embed"}, {"kind": "plif", "tau": 1.7}),
    ({"mixer": "dwt-c:axes=embed", "stream": "membrane"}, {"kind": "if"})])
def test_nir(settings, neuron, tmp_path):
    nir = pytest.importorskip("nir")
    model = lively(sn.Spikformer({**SMALL, "height": 8, "width": 8, "pool": [0, 0, 0, 0], **settings}, neuron=neuron))
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 8, 8))
        spikemix.to_nir(model.eval(), tmp_path / "model.nir")
        x = torch.randn(3, 3, 8, 8)
        got = logits_of(nir.read(tmp_path / "model.nir"), x, model.T)
        torch.testing.assert_close(got, model(x), rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("config, text", [
    ({}, "patch_embed.proj_conv2.pool0: NIR has no max-pool"),
    ({"pool": [0, 0, 0, 0], "mixer": "ssa"}, "block.0.attn.qkv: NIR has no product"),
    ({"pool": [0, 0, 0, 0], "mixer": "fft2d"}, "block.0.attn: NIR has no transform over tokens"),
    ({"pool": [0, 0, 0, 0], "stream": "iand"}, "patch_embed.rpe_conv: NIR has no product of two values"),
    ({"stem": "conv1"}, "position"),
])
def test_networks_that_nir_cannot_hold(config, text):
    pytest.importorskip("nir")
    with pytest.raises(ValueError, match=text):
        spikemix.to_nir(sn.Spikformer({**SMALL, **config}).eval())


@pytest.mark.skipif(importlib.util.find_spec("onnxscript") is None, reason="onnxscript is not installed")
def test_onnx(tmp_path):
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    mixers = ["dwc3", "fft2d", "ssa"]
    model = lively(sn.MaxFormer({**SMALL, "T": 2, "embed_dim": 64, "depths": [1, 1, 1], "mixer": mixers}))
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 16, 16))
    file = tmp_path / "model.onnx"
    spikemix.to_onnx(model.eval(), file)
    assert {node.domain for node in onnx.load(file).graph.node} == {""}  # standard operators
    session = runtime.InferenceSession(file)
    for batch in (1, 5):
        x = torch.randn(batch, 3, 16, 16)
        (logits,) = session.run(None, {"input": x.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(logits, model(x).numpy(), rtol=1e-3, atol=2e-3)
