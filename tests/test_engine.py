# SPDX-License-Identifier: MIT
"""The engine against LibTorch: trained weights, pictures, every mixer, neuron and precision."""
import json
import tarfile

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from PIL import Image

from places import data_at
from tiny import run

MIXERS = ["ssa", "fft1d", "fft2d", "wt1d", "wt2d:wavelet=db2:levels=2", "dwt-c", "fwt-c", "hartley", "dct", "hadamard",
          "identity", "fft2d:axes=time", "wt2d:axes=height,width", "gated", "gated:transform=wt2d:wavelet=db2"]


# Binary neurons over two steps, and learning rates for them.
SPIKES = ["model.T=2", "model.stream=spike", "model.mlp_ratio=4", "neuron.kind=lif", "neuron.v_threshold=0.5",
          "train.optimizer=adamw", "train.lr=3e-3", "train.whiten=false", "train.identity_start=false"]


@pytest.fixture(scope="module")
def trained(spikemix, tmp_path_factory):
    """trained(name, *overrides): a model file from a short training."""
    folder = tmp_path_factory.mktemp("engine")

    def train(name, *overrides):
        out = folder / name
        if not out.exists():
            result = run(spikemix, "train", "cifar10-small", "--data", data_at("cifar10-jpeg"), "--out", out,
                         "model.embed_dim=64", "model.heads=4", "train.batch=32", "train.epochs=1", "train.threads=1",
                         "train.precision=fp32", "data.train_images=640", "data.test_images=20",
                         *SPIKES, *overrides)
            assert result.returncode == 0, result.stderr
        return out / "last" / "model.safetensors"

    return train


def load(file):
    """The same model under LibTorch, in evaluation mode."""
    with safetensors.safe_open(file, "pt") as tensors:
        config = json.loads(tensors.metadata()["spikemix"])
        state = {name: tensors.get_tensor(name) for name in tensors.keys()}
    model = torch.classes.spikemix_test.Model(json.dumps(config), 0)
    model.load(state, str(file))
    model.train(False)
    return model, config


@pytest.fixture(scope="module")
def images():
    """Test images of every class, normalised as in cifar10-small."""
    with tarfile.open(data_at("cifar10-jpeg", "test.tar.xz")) as tar:
        members = sorted((m for m in tar.getmembers() if m.isfile()), key=lambda m: m.name)
        members = members[::len(members) // 25][:24]
        pictures = [Image.open(tar.extractfile(m)).convert("RGB") for m in members]
        pixels = np.stack([np.asarray(picture, np.float32) / 255 for picture in pictures])
    mean, std = np.float32([0.4914, 0.4822, 0.4465]), np.float32([0.2470, 0.2435, 0.2616])
    return torch.from_numpy(((pixels - mean) / std).transpose(0, 3, 1, 2).copy())


def torch_spikes(model, image):
    model.observe()
    with torch.no_grad():
        model.forward(image[None])
    # [T, 1, ..., C] -> [T, rows, C]
    return {name: s.flatten(1, -2).to(torch.int16) for name, s in model.spikes().items()}


def check_layer_by_layer(file, images, allowed=1e-5, model=None, threads=1):
    """Each layer reads LibTorch's spikes, so that only its own error shows."""
    if model is None:
        model, _ = load(file)
    engine = torch.classes.spikemix_test.Engine(str(file), "fp32", threads, False)
    flips = count = fired = 0
    for image in images:
        expected = torch_spikes(model, image)
        engine.observe(expected)
        engine.infer(image[None])
        actual = engine.spikes()
        assert set(actual.keys()) == set(expected)
        for name, spikes in expected.items():
            flips += (actual[name] != spikes).sum().item()
            count += spikes.numel()
            fired += spikes.abs().sum().item()
    assert fired > 0.01 * count, "a model that does not fire shows nothing"
    assert flips <= allowed * count, f"{flips} of {count} spikes differ"


@pytest.mark.parametrize("mixer", MIXERS)
def test_spikes_equal_libtorchs_layer_by_layer(ops, trained, images, mixer):
    check_layer_by_layer(trained(mixer.replace(":", "-").replace(",", "-"), f"model.mixer={mixer}"), images)


@pytest.mark.parametrize("overrides", [
    ["neuron.kind=if", "neuron.v_threshold=1"], ["neuron.kind=plif"], ["neuron.reset=soft"],
    ["neuron.tau=1.5", "neuron.v_reset=-0.25", "neuron.v_threshold=0.25"], ["model.T=1"],
    ["model.embed_dim=72", "model.heads=4"], ["model.pool=1,0,1,0", "model.mixer=fft2d,ssa"],
    ["model.mlp_ratio=3", "model.alternate=true"],
    ["model.embed_dim=192", "model.depth=1", "model.mixer=ssa", "model.heads=2"]], ids=" ".join)
def test_every_kind_of_network(ops, trained, images, overrides):
    check_layer_by_layer(trained("-".join(overrides).replace(",", "-"), *overrides), images[:8])


def settled(config, inputs, file):
    """An untrained model and its file: the numbers need no meaning to agree."""
    model = torch.classes.spikemix_test.Model(json.dumps(config), 3)
    model.train(True)
    for _ in range(30):
        with torch.no_grad():
            model.forward(inputs)  # settles the running statistics
    model.train(False)
    card = {"version": 1, "name": "settled", "mean": [], "std": [], "classes": [], "training": None, **config}
    safetensors.torch.save_file({k: v.detach().clone() for k, v in model.state().items()}, str(file),
                                {"format": "pt", "spikemix": json.dumps(card)})
    return model, file


FAMILIES = [
    {"stream": "membrane", "mixer": ["ssa", "wt2d"]}, {"stream": "iand", "mixer": ["fft2d", "qk-token"]},
    {"stream": "membrane", "mixer": ["sdsa1", "dwc3"], "stem": "conv2"},
    {"stream": "spike", "mixer": ["qk-channel", "maxpool3"], "stem": "conv1"},
    {"stream": "membrane", "mixer": ["gated", "gated:transform=hartley"]},
    {"stream": "membrane", "mixer": ["avgpool3", "random"], "pool_before_neuron": True},
    {"stream": "membrane", "mixer": ["wt2d"], "stem_channels": [9, 24, 7, 40, 64], "pool": [0, 1, 0, 1, 1]},
    {"stream": "membrane", "mixer": ["fatm", "identity"]}, {"stream": "spike", "mixer": ["fatm", "ssa"]},
    {"architecture": "maxformer", "mixer": ["dwc5", "ssa"]}, {"architecture": "qkformer", "mixer": ["qk-token", "ssa"]}]


@pytest.mark.parametrize("events", [False, True], ids=["image", "events"])
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_every_family(ops, tmp_path, family, events):
    model = {"T": 3, "height": 32, "width": 32, "channels": 3, "embed_dim": 64, "depth": 2, "heads": [4], "classes": 5,
             **family}
    if events:
        model |= {"input": "events", "channels": 2}
    elif "architecture" in family:  # three stages
        model["mixer"] = ["identity" if family["architecture"] == "maxformer" else "qk-token"] + family["mixer"]
    config = {"model": model, "neuron": {"v_threshold": 0.5}}
    torch.manual_seed(1)
    inputs = torch.poisson(torch.full((6, 3, 2, 32, 32), 0.5)) if events else torch.randn(6, 3, 32, 32)
    torchs, file = settled(config, inputs, tmp_path / "family.safetensors")
    check_layer_by_layer(file, inputs[:3], allowed=1e-4, model=torchs, threads=2)


def test_event_frames(ops, trained, spikemix, tmp_path):
    config = {"model": {"input": "events", "channels": 2, "height": 32, "width": 32, "T": 3, "embed_dim": 64,
                        "depth": 2, "heads": [4], "mixer": ["ssa", "wt1d"], "pool": [1, 1, 0, 1], "ssa_scale": 0.25,
                        "classes": 5},
              "neuron": {"v_threshold": 0.5}}
    frames = torch.poisson(torch.full((6, 3, 2, 32, 32), 0.5))
    model, file = settled(config, frames, tmp_path / "events.safetensors")
    engine = torch.classes.spikemix_test.Engine(str(file), "fp32", 1, False)
    for frame in frames:
        expected = torch_spikes(model, frame)
        engine.observe(expected)
        engine.infer(frame[None])
        for name, spikes in expected.items():
            assert (engine.spikes()[name] != spikes).sum() <= 1e-4 * spikes.numel(), name
    Image.new("RGB", (32, 32)).save(tmp_path / "picture.png")
    refused = run(spikemix, "predict", "--model", file, tmp_path / "picture.png")
    assert refused.returncode == 2 and "picture.png, byte 0" in refused.stderr
    streaming = torch.classes.spikemix_test.Engine(str(file), "fp32", 2, True)
    whole = torch.classes.spikemix_test.Engine(str(file), "fp32", 2, False)
    for frame in frames:
        streaming.reset()
        for t in range(3):
            logits = streaming.step(frame[t])
        assert torch.equal(logits, whole.infer(frame[None])[0])


@pytest.mark.parametrize("mixer", ["fft2d", "ssa", "gated"])
@pytest.mark.parametrize("precision", ["fp32", "int16", "int8"])
def test_same_bits_for_any_batch_threads_and_steps(ops, trained, images, mixer, precision):
    file = str(trained(mixer, f"model.mixer={mixer}"))
    one = torch.classes.spikemix_test.Engine(file, precision, 1, False)
    expected = torch.cat([one.infer(image[None]) for image in images])
    assert torch.equal(one.infer(images), expected)
    for threads in [2, 3]:
        engine = torch.classes.spikemix_test.Engine(file, precision, threads, False)
        for batch in [1, 2, 5]:
            assert torch.equal(torch.cat([engine.infer(part) for part in images.split(batch)]), expected)
    streaming = torch.classes.spikemix_test.Engine(file, precision, 2, True)
    for image, logits in zip(images, expected):
        streaming.reset()
        assert torch.equal([streaming.step(image) for _ in range(2)][-1], logits)


@pytest.mark.parametrize("mixer", ["fft2d", "ssa", "gated"])
def test_integer_weights_stay_near(ops, trained, images, mixer):
    file = str(trained(mixer, f"model.mixer={mixer}"))
    exact = torch.classes.spikemix_test.Engine(file, "fp32", 1, False).infer(images)
    spread = exact.std().item()
    for precision, largest in [("int16", 0.1), ("int8", 0.5)]:
        logits = torch.classes.spikemix_test.Engine(file, precision, 1, False).infer(images)
        assert (logits - exact).abs().mean().item() < largest * spread, precision
